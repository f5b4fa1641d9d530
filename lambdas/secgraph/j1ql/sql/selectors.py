"""Selectors with their WITH → SQL tests on one entity (j1ql.md section 4).

A class or type becomes the numbers of the sorts that carry it, so that DuckDB compares integers.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from secgraph.graph.relations import Catalogue, Sort
from secgraph.j1ql.nodes import Comparison, EntityPattern, Literal, Op, Path, Selector
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.fulltext import found_by_text
from secgraph.j1ql.sql.predicates import Filters
from secgraph.j1ql.sql.typed import all_of, any_of
from secgraph.j1ql.walk import paths

ALIASES = {"aws_inspectorv2_finding": ("aws_inspector_finding", "inspectorVersion", 2.0)}
"""Type → the type it is stored as, and the property and number that tell it apart (data-model.md c.3)."""

DELETED = "_deleted"

Sorts = frozenset[int]
"""Numbers of the sorts that an entity may have."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What an entity must be to match a pattern: of one of these sorts, and pass these tests too."""

    sorts: Sorts
    tests: list[str]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Writes the tests for the entity at a table alias. `filters` must resolve bare paths to that alias;
    `members` names the table with the `id`s of a smart class, None if the server has no such class."""

    compilation: Compilation
    alias: str
    filters: Filters
    members: Callable[[Selector], str | None]

    def matched(self, pattern: EntityPattern) -> Matched:
        """Give what an entity must be: of a selected sort, and besides visible, selected, and WITH."""
        sorts = sorts_of(self.compilation.catalogue, pattern.selector)
        tests = []
        if sorts & self.compilation.catalogue.deleted and not self._sees_deleted(pattern):
            tests.append(f"NOT {self.alias}.deleted")
        tests += self._selector(pattern.selector, sorts)
        if pattern.filter is not None:
            tests.append(self.filters.test(pattern.filter))
        return Matched(sorts, tests)

    def _sees_deleted(self, pattern: EntityPattern) -> bool:
        """Tell whether it was asked for: by the option for the whole query, or by a WITH that names it."""
        asked = any(path.property == DELETED for path in paths(pattern.filter))
        return asked or self.compilation.include_deleted

    def _selector(self, selector: Selector, sorts: Sorts) -> list[str]:
        """Give what the sort does not tell."""
        if selector.text is not None:
            return [found_by_text(self.compilation, self.alias, selector)]
        tests = [self._smart(selector)] if selector.smart is not None else []
        if ALIASES.keys() & selector.names and "*" not in selector.names:
            tests += self._aliases(selector.names, sorts)
        return tests

    def _smart(self, selector: Selector) -> str:
        name = selector.smart or ""
        tests = [self._equals("tags", name), self._equals(f"tag.{name}", True)]
        members = self.members(selector)
        if members is not None:
            tests.append(f"{self.alias}.id IN (SELECT id FROM {members})")
        return any_of([test for test in tests if test != "FALSE"])

    def _equals(self, name: str, value: str | float | bool) -> str:
        return self.filters.test(Comparison(Path(None, name), Op.EQ, Literal(value)))

    def _aliases(self, names: Iterable[str], sorts: Sorts) -> list[str]:
        """Tell an alias apart from the other entities of the type that it is stored as."""
        catalogue = self.compilation.catalogue
        surely = _called(catalogue, names)
        if surely == sorts:
            return []
        tests = [sort_test(f"{self.alias}.sort", surely)] if surely else []
        for alias in sorted(set(names) & ALIASES.keys()):
            stored, name, value = ALIASES[alias]
            same = sort_test(f"{self.alias}.sort", _called(catalogue, [stored]))
            tests.append(all_of([same, self._equals(name, value)]))
        return [any_of(tests)]


def is_tested(pattern: EntityPattern) -> bool:
    """Tell whether a pattern asks for more than a sort."""
    selector = pattern.selector
    return pattern.filter is not None or selector.text is not None or selector.smart is not None


def sorts_of(catalogue: Catalogue, selector: Selector) -> Sorts:
    """List the sorts that a selected entity may have."""
    if selector.text is not None or not selector.names or "*" in selector.names:
        return frozenset(sort.number for sort in catalogue.sorts)
    stored = [ALIASES[name][0] for name in selector.names if name in ALIASES]
    return _called(catalogue, [*selector.names, *stored])


def _called(catalogue: Catalogue, names: Iterable[str]) -> Sorts:
    return frozenset(sort.number for sort in catalogue.sorts if any(matches(name, sort) for name in names))


def sort_tests(catalogue: Catalogue, alias: str, sorts: Sorts) -> list[str]:
    """Write the test that an entity has one of these sorts; none if there are no others."""
    return [] if len(sorts) == len(catalogue.sorts) > 0 else [sort_test(f"{alias}.sort", sorts)]


def sort_test(column: str, numbers: Iterable[int]) -> str:
    """Write the test that a column holds one of these numbers."""
    listed = sorted(numbers)
    if not listed:
        return "FALSE"
    if len(listed) == 1:
        return f"{column} = {listed[0]}"
    return f"{column} IN ({', '.join(map(str, listed))})"


def matches(name: str, sort: Sort) -> bool:
    """Tell whether a class (capital first letter) or type is that of a sort; names are exact."""
    return name in sort.classes if name[:1].isupper() else name == sort.type

"""Selectors with their WITH → SQL tests on one entity (j1ql.md section 4).

A class or type becomes the numbers of the sorts that carry it, so that DuckDB compares integers.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from secgraph.errors import QueryError
from secgraph.graph.relations import Sort
from secgraph.graph.search import words
from secgraph.j1ql.nodes import Comparison, EntityPattern, Literal, Op, Path, Selector
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.predicates import Filters
from secgraph.j1ql.sql.typed import all_of, any_of
from secgraph.j1ql.walk import paths

ALIASES = {"aws_inspectorv2_finding": ("aws_inspector_finding", "inspectorVersion", 2.0)}
"""Type → the type it is stored as, and the property and number that tell it apart (data-model.md c.3)."""

DELETED = "_deleted"
MAX_WORDS = 200
"""Most words of a search text: the time to plan them grows with the square."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """Writes the tests for the entity at a table alias. `filters` must resolve bare paths to that alias;
    `members` names the table with the `id`s of a smart class, None if the server has no such class."""

    compilation: Compilation
    alias: str
    filters: Filters
    members: Callable[[Selector], str | None]

    def tests(self, pattern: EntityPattern) -> list[str]:
        """Give the tests that an entity must pass: visible, selected, and WITH."""
        tests = [] if self._sees_deleted(pattern) else [f"NOT {self.alias}.deleted"]
        tests += self._selector(pattern.selector)
        if pattern.filter is not None:
            tests.append(self.filters.test(pattern.filter))
        return tests

    def _sees_deleted(self, pattern: EntityPattern) -> bool:
        """Tell whether it was asked for: by the option for the whole query, or by a WITH that names it."""
        asked = any(path.property == DELETED for path in paths(pattern.filter))
        return asked or self.compilation.include_deleted

    def _selector(self, selector: Selector) -> list[str]:
        if selector.text is not None:
            return [self._full_text(selector)]
        tests = [self._smart(selector)] if selector.smart is not None else []
        if selector.names and "*" not in selector.names:
            tests.append(self._names(selector.names))
        return tests

    def _full_text(self, selector: Selector) -> str:
        sought = words(selector.text or "")
        if not sought:
            raise QueryError(
                "SYNTAX", "The search text is empty.", selector.at, expected="a text with a word in it"
            )
        if len(sought) > MAX_WORDS:
            message = f"A search text takes {MAX_WORDS} words at most."
            raise QueryError("LIMITS", message, selector.at, expected="fewer words")
        found = all_of([f"contains(text, {self.compilation.bind(word)})" for word in sought])
        return f"{self.alias}.id IN (SELECT id FROM entity_document WHERE {found})"

    def _smart(self, selector: Selector) -> str:
        name = selector.smart or ""
        tests = [self._equals("tags", name), self._equals(f"tag.{name}", True)]
        members = self.members(selector)
        if members is not None:
            tests.append(f"{self.alias}.id IN (SELECT id FROM {members})")
        return any_of([test for test in tests if test != "FALSE"])

    def _equals(self, name: str, value: str | float | bool) -> str:
        return self.filters.test(Comparison(Path(None, name), Op.EQ, Literal(value)))

    def _names(self, names: Iterable[str]) -> str:
        sorts = self.compilation.catalogue.sorts
        numbers = [sort.number for sort in sorts if any(matches(name, sort) for name in names)]
        tests = [self._sorts(numbers)] if numbers else []
        for alias in sorted(set(names) & ALIASES.keys()):
            stored, name, value = ALIASES[alias]
            same = [sort.number for sort in sorts if sort.type == stored]
            version = self._equals(name, value)
            if same and version != "FALSE":
                tests.append(all_of([self._sorts(same), version]))
        return any_of(tests)

    def _sorts(self, numbers: list[int]) -> str:
        if len(numbers) == len(self.compilation.catalogue.sorts):
            return "TRUE"
        if len(numbers) == 1:
            return f"{self.alias}.sort = {numbers[0]}"
        return f"{self.alias}.sort IN ({', '.join(map(str, numbers))})"


def matches(name: str, sort: Sort) -> bool:
    """Tell whether a class (capital first letter) or type is that of a sort; names are exact."""
    return name in sort.classes if name[:1].isupper() else name == sort.type

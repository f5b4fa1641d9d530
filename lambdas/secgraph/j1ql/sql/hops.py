"""Hops: a step and the sorts of entities at its ends → the relationships that it may take, as SQL.

The catalogue tells which verbs lead from which sorts to which. So a direction that nothing can go is left
out, as are the relationships of other sorts, and where the sort is all that is asked of the entity at the
far end, nobody need look it up.
"""

# ruff: noqa: S608 (names are ours, values are bound)
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from secgraph.graph.relations import Catalogue, Link
from secgraph.j1ql.nodes import Direction, Hop
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.selectors import Sorts, sort_test


@dataclass(frozen=True, slots=True)
class Ways:
    """The links that a hop may follow: from the entity that it starts at, or towards that."""

    leaving: frozenset[Link]
    entering: frozenset[Link]

    @property
    def links(self) -> frozenset[Link]:
        """Give the links of both directions."""
        return self.leaving | self.entering

    @property
    def ends(self) -> Sorts:
        """Give the sorts that the hop may lead to."""
        return frozenset(it.target for it in self.leaving) | frozenset(it.source for it in self.entering)


def ways_of(catalogue: Catalogue, hop: Hop, near: Sorts, far: Sorts) -> Ways:
    """Tell what a hop may follow from entities of the sorts `near` to such of the sorts `far`."""
    wanted = {verb.upper() for verb in hop.verbs}
    links = [it for it in catalogue.links if not wanted or it.verb.upper() in wanted]
    leaving = entering = frozenset[Link]()
    if hop.direction is not Direction.IN:
        leaving = frozenset(it for it in links if it.source in near and it.target in far)
    if hop.direction is not Direction.OUT:
        entering = frozenset(it for it in links if it.target in near and it.source in far)
    return Ways(leaving, entering)


def adjacency(compilation: Compilation, ways: Ways) -> str:
    """Write the relationships that a hop may take, as a table with the ids `near` and `far`; both name
    entities that are there. One that may be taken either way stands twice, once for either end; a loop
    stands once."""
    compilation.links |= ways.links
    visible = [] if compilation.include_deleted else ["NOT deleted"]
    selects = []
    if ways.leaving:
        selects.append(_ends("src", "dst", [*visible, *link_tests(compilation, ways.leaving)]))
    if ways.entering:
        tests = [*visible, *link_tests(compilation, ways.entering)]
        if any(it.source == it.target for it in ways.leaving & ways.entering):
            tests.append("src <> dst")
        selects.append(_ends("dst", "src", tests))
    return f"({' UNION ALL '.join(selects or [_ends('src', 'dst', ['FALSE'])])})"


def _ends(near: str, far: str, tests: Iterable[str]) -> str:
    return f"SELECT *, {near} AS near, {far} AS far FROM relationship WHERE {' AND '.join(tests) or 'TRUE'}"


# ── tests ─────────────────────────────────────────────────────────────────────────────────────────────

_SOURCE, _TARGET, _VERB = 1, 2, 4
_TESTED: Final = range(8)
"""What may be tested, the cheapest first: the verb is a text, and takes longer than all else of a scan."""


def link_tests(compilation: Compilation, links: frozenset[Link]) -> list[str]:
    """Write tests that a relationship passes if it is one of these links, and whose ends are there; no
    other link of the catalogue passes, provided that these are all of it between their verbs and sorts."""
    sources = {it.source for it in links}
    targets = {it.target for it in links}
    verbs = {it.verb for it in links}
    strangers = {
        (it.source in sources) * _SOURCE + (it.target in targets) * _TARGET + (it.verb in verbs) * _VERB
        for it in compilation.catalogue.links - links
    }
    tested = next(it for it in _TESTED if not any(passed & it == it for passed in strangers))
    tests = [
        sort_test("src_sort", sources) if tested & _SOURCE else "src_sort IS NOT NULL",
        sort_test("dst_sort", targets) if tested & _TARGET else "dst_sort IS NOT NULL",
    ]
    if tested & _VERB:
        tests.append(f"class IN ({', '.join(compilation.bind(verb) for verb in sorted(verbs))})")
    return tests

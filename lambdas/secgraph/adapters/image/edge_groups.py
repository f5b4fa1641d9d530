"""Relationships laid over those of a base → the groups of the next one. In: tables, groups. Out: groups.

Where none came, went, or leads to another sort of entity now, a group stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from secgraph.adapters.image.parts import columns_of
from secgraph.adapters.image.selects import EDGE
from secgraph.adapters.image.workshop import Workshop
from secgraph.adapters.relations.shapes import empty, listed
from secgraph.graph.relations import Catalogue, Link, column, quoted
from secgraph.image.base import EdgeGroup
from secgraph.image.layout import GroupPlan, Tally, groups

_ORDER: Final = "class, src_sort, dst_sort, src, dst"
_UNSEEN: Final = "src_sort IS NULL OR dst_sort IS NULL"


@dataclass(slots=True)
class Edges:
    """The groups of a base; which verbs there are, how many relationships each link has, and which columns
    those of a verb fill, as far as that is known without reading what stays."""

    groups: list[EdgeGroup] = field(default_factory=list)
    verbs: set[str] = field(default_factory=set)
    sizes: Counter[Link] = field(default_factory=Counter)
    borne: dict[str, set[str]] = field(default_factory=dict)


def write_relationships(shop: Workshop, known: Catalogue) -> Edges:
    """Write the groups that change. `known` is what base and deltas hold together."""
    tallies = _tallies(shop)
    edges = Edges(verbs={verb for verb, _ in tallies})
    for _, tally in tallies:
        if tally.now is not None and not tally.is_hidden:
            edges.sizes[tally.now] += tally.rows
    first = 0
    for plan in groups([tally for _, tally in tallies], shop.groups):
        if plan.kept is None:
            group = _written(shop, len(edges.groups), first, plan, edges)
        else:
            group = replace(shop.groups[plan.kept], first=first)
            _take_over(group, known, edges)
        edges.groups.append(group)
        first += group.rows
    return edges


def _tallies(shop: Workshop) -> list[tuple[str, Tally]]:
    """Count the relationships of each group by what became of them, and what is new; with their verbs."""
    counted = shop.rows(
        "SELECT part, class, was_src, was_dst, src_sort, dst_sort, is_hidden, count(*) "  # noqa: S608
        f"FROM ({_laid(shop, range(len(shop.groups)), ())}) GROUP BY ALL "
        "UNION ALL SELECT NULL, class, NULL, NULL, src_sort, dst_sort, false, count(*) "
        "FROM delta_relationship GROUP BY ALL"
    )
    return [
        (
            verb,
            Tally(group, _link(verb, *was), _link(verb, *now), hidden, hidden or was != now or is_new, rows),
        )
        for group, verb, *ends, hidden, rows in counted
        for was, now, is_new in [(ends[:2], ends[2:], group is None)]
    ]


def _link(verb: str, source: int | None, target: int | None) -> Link | None:
    return None if source is None or target is None else Link(verb, source, target)


def _laid(shop: Workshop, numbers: Sequence[int] | range, names: Sequence[str]) -> str:
    """Give a SELECT of the base's relationships of these groups: where each was, where it is now, and whether
    its item says something else now."""
    shown = listed(["id", "owner", *[name for name in EDGE if name != "outgoing"], *map(quoted, names)])
    selects = [
        f"SELECT {number} AS part, {shown} FROM ({shop.selects.relationships([shop.groups[number]], names)})"  # noqa: S608
        for number in numbers
    ]
    if not selects:
        selects = [f"SELECT NULL::INTEGER AS part, {shown} FROM ({shop.selects.relationships([], names)})"]  # noqa: S608
    return (
        "SELECT e.* REPLACE (CASE WHEN s.id IS NULL THEN e.src_sort ELSE s.sort END AS src_sort, "  # noqa: S608
        "CASE WHEN d.id IS NULL THEN e.dst_sort ELSE d.sort END AS dst_sort), "
        "e.src_sort AS was_src, e.dst_sort AS was_dst, i.id IS NOT NULL AS is_hidden "
        f"FROM ({' UNION ALL '.join(selects)}) AS e LEFT JOIN moved AS s ON s.id = e.src "
        "LEFT JOIN moved AS d ON d.id = e.dst LEFT JOIN delta_item AS i ON i.id = e.owner"
    )


def _written(shop: Workshop, number: int, first: int, plan: GroupPlan, edges: Edges) -> EdgeGroup:
    """Write one group, and note what its relationships have."""
    _gather(shop, plan)
    names = [name for name in shop.columns("edge") if name not in EDGE]
    borne = shop.filled("edge", "class", names)
    for verb, filled in borne.items():
        edges.borne.setdefault(verb, set()).update(filled)
    held = listed([*EDGE, *map(quoted, sorted({name for filled in borne.values() for name in filled}))])
    file = shop.write(f"SELECT {held} FROM edge ORDER BY {_ORDER}", f"relationships-{number}.parquet")  # noqa: S608
    shop.rows("DROP TABLE edge")
    return EdgeGroup(plan.links, first, file.rows, file)


def _gather(shop: Workshop, plan: GroupPlan) -> None:
    """Put the relationships of a group into the table `edge`."""
    laid = set(shop.columns("delta_relationship"))
    before = {name for number in plan.sources for name in columns_of(shop.groups[number].file)}
    names = sorted((laid | before) - EDGE.keys() - {"id", "owner"})
    fixed = [name if name != "outgoing" else "owner = src AS outgoing" for name in EDGE]
    new = listed([*fixed, *[quoted(name) if name in laid else empty(name) for name in names]])
    old = listed([*fixed, *map(quoted, names)])
    shop.rows("CREATE OR REPLACE TEMP TABLE planned (class VARCHAR, src_sort INTEGER, dst_sort INTEGER)")
    for link in plan.links or ():
        shop.rows("INSERT INTO planned VALUES ($1, $2, $3)", [link.verb, link.source, link.target])
    these = (
        f"WHERE {_UNSEEN}" if plan.links is None else "SEMI JOIN planned USING (class, src_sort, dst_sort)"
    )
    shop.rows(
        "CREATE OR REPLACE TEMP TABLE edge AS SELECT * FROM ("  # noqa: S608 (names are quoted)
        f"SELECT {old} FROM ({_laid(shop, sorted(plan.sources), names)}) WHERE NOT is_hidden "
        f"UNION ALL SELECT {new} FROM delta_relationship) {these}"
    )


def _take_over(group: EdgeGroup, known: Catalogue, edges: Edges) -> None:
    """Note what the relationships of a group that stays may have."""
    columns = columns_of(group.file)
    verbs = None if group.links is None else {link.verb for link in group.links}
    for (name, kind), bearers in known.relationship_verbs.items():
        place = column(name, kind)
        if place in columns:
            for verb in bearers if verbs is None else bearers & verbs:
                edges.borne.setdefault(verb, set()).add(place)

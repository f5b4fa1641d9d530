"""How a base is divided into files, and which of them a compaction rewrites. Pure. In: counts. Out: plans.

    Piece… ─settled→ Piece… ─cuts→ where a large one is divided         Tally… ─groups→ GroupPlan…

Parts are ranges of ids, so that what is new or has changed finds its part, and the others stay. They are so
large that a graph is a few dozen files, and so small that one is rewritten in a second or two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from secgraph.graph.relations import Link
from secgraph.image.base import EdgeGroup

PART: Final = 131_072
"""Entities of a part. It is divided when it has grown beyond twice as many."""
SMALL: Final = PART // 2
"""Neighbours that have no more together become one part."""
SORT_OF_ITS_OWN: Final = PART // 4
"""A sort with so many entities shares its parts with no other."""
LINK_OF_ITS_OWN: Final = 50_000
"""A link with more relationships has a file of its own, and keeps it until it has half as many."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Ids from `first` up to `end`: how many entities are there now, by the sort in their id; from which
    parts of the base before they come (by number), and whether something came or went since."""

    first: int
    end: int
    rows: Mapping[int, int]
    sources: tuple[int, ...]
    is_changed: bool

    @property
    def total(self) -> int:
        """Count its entities."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class Cut:
    """A new part begins with the entity that has `place` others of its sort before it in the piece."""

    sort: int
    place: int


def settled(pieces: Sequence[Piece]) -> list[Piece]:
    """Join neighbours that are small, if one of them is rewritten anyway; empty ones vanish."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and _join(joined[-1], piece):
            joined[-1] = _joined(joined[-1], piece)
        else:
            joined.append(piece)
    return [piece for piece in joined if piece.total]


def cuts(rows: Mapping[int, int]) -> list[Cut]:
    """Tell where to divide a piece with so many entities by sort: nowhere unless it is too large."""
    if sum(rows.values()) <= 2 * PART:
        return []
    found: list[Cut] = []
    shared = 0  # entities in the part that is open; one of a sort of its own is full
    for sort in sorted(rows):
        count = rows[sort]
        if shared and (count >= SORT_OF_ITS_OWN or shared + count > PART):
            found.append(Cut(sort, 0))
            shared = 0
        shared += count
        if count >= SORT_OF_ITS_OWN:
            size = -(-count // -(-count // PART))
            found += [Cut(sort, place) for place in range(size, count, size)]
            shared = PART
    return found


def _join(one: Piece, other: Piece) -> bool:
    if not one.total or not other.total:
        return True
    return (one.is_changed or other.is_changed) and one.total + other.total <= SMALL


def _joined(one: Piece, other: Piece) -> Piece:
    filled = [piece for piece in (one, other) if piece.total]
    return Piece(
        one.first,
        other.end,
        Counter(one.rows) + Counter(other.rows),
        tuple([source for piece in filled for source in piece.sources]),
        len(filled) == 2 or any(piece.is_changed for piece in filled),
    )


# ── relationships ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Tally:
    """So many relationships of a group of the base before (None: of what is new) that had the link `was` and
    have the link `now`, None if an end is not there. `is_hidden`: they are no more; `is_changed`: what their
    rows say has changed, or they are new."""

    group: int | None
    was: Link | None
    now: Link | None
    is_hidden: bool
    is_changed: bool
    rows: int


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """A group of the next base: these links, from these groups of the base before and what is new. `kept`
    names the group that it is already."""

    links: frozenset[Link] | None
    sources: frozenset[int]
    kept: int | None


def groups(tallies: Sequence[Tally], before: Sequence[EdgeGroup]) -> list[GroupPlan]:
    """Divide relationships into groups, and tell which of them are as before."""
    totals: Counter[Link | None] = Counter()
    changed: set[Link | None] = set()
    for it in tallies:
        if not it.is_hidden:
            totals[it.now] += it.rows
        if it.is_changed:
            changed |= {it.now} if it.group is None else {it.was, it.now}
    alone = {next(iter(group.links)) for group in before if group.links and len(group.links) == 1}
    large = {
        link
        for link, rows in totals.items()
        if link and rows > (LINK_OF_ITS_OWN // 2 if link in alone else LINK_OF_ITS_OWN)
    }
    others = frozenset({link for link in totals if link and link not in large})
    planned: list[frozenset[Link] | None] = [frozenset({link}) for link in sorted(large)]
    planned += [others] if others else []
    planned += [None] if None in totals else []
    return [_group(links, tallies, before, changed) for links in planned]


def _group(
    links: frozenset[Link] | None,
    tallies: Iterable[Tally],
    before: Sequence[EdgeGroup],
    changed: set[Link | None],
) -> GroupPlan:
    members: frozenset[Link | None] = frozenset({None}) if links is None else frozenset(links)
    sources = {it.group for it in tallies if it.group is not None and not it.is_hidden and it.now in members}
    kept = None
    if members.isdisjoint(changed):
        kept = next((number for number, group in enumerate(before) if group.links == links), None)
    return GroupPlan(links, frozenset(sources), kept)

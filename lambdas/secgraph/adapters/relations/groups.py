"""Where relationships of a base lie, and which links they have now. In: a base, moves. Out: values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import product

from secgraph.graph.relations import Link
from secgraph.image.base import UNSEEN, Base

Move = tuple[int, int]
"""The sort that an entity has in the base (UNSEEN: none is shown), and the one it has now."""


def groups_of(base: Base, links: Collection[Link] | None, moves: Collection[Move]) -> set[int]:
    """Find the groups that may hold relationships with these links now (None: all), by their place: a
    relationship lies where its ends were when the base was made."""
    listed = base.relationships
    if links is None:
        return set(range(len(listed)))
    before = _by_first((now, was) for was, now in moves)
    wanted = {each for link in links for each in _moved(link, before)}
    unseen = any(UNSEEN in (link.source, link.target) for link in wanted)
    return {
        place
        for place, group in enumerate(listed)
        if (unseen if group.links is None else not wanted.isdisjoint(group.links))
    }


def links_of(base: Base, groups: Collection[int]) -> frozenset[Link] | None:
    """Give links that name these groups; None if they are all."""
    listed = base.relationships
    if len(groups) == len(listed):
        return None
    unseen = frozenset({Link("", UNSEEN, UNSEEN)})
    held = [listed[place].links for place in groups]
    return frozenset(link for links in held for link in (unseen if links is None else links))


def links_after(base: Base, moves: Collection[Move]) -> set[Link]:
    """Give the links that relationships of the base may have, since their ends have moved."""
    after = _by_first(moves)
    return {
        each
        for link in base.catalogue.links
        if link.source in after or link.target in after
        for each in _moved(link, after)
    }


def _moved(link: Link, to: Mapping[int, set[int]]) -> set[Link]:
    sources, targets = ({end, *to.get(end, ())} for end in (link.source, link.target))
    return {Link(link.verb, source, target) for source, target in product(sources, targets)}


def _by_first(pairs: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for first, second in pairs:
        found.setdefault(first, set()).add(second)
    return found

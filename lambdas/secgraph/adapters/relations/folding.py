"""Rows in their order → the newest of each item, every id given on the way. Plain Python, no SQL.

Whoever folds the same rows over the same base gives the same ids, however the rows were split: a row that is
newer than what came before it gives ids, also where a later one takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from secgraph.image.base import SORT_SHIFT, UNSEEN
from secgraph.image.rows import ItemRow, ShownEntity, Version


@dataclass(slots=True)
class Numbers:
    """The next free ordinal of each sort, and the next free id of a relationship."""

    ordinals: dict[int, int]
    relationship: int

    def copy(self) -> Numbers:
        """Give numbers that can go another way."""
        return Numbers(dict(self.ordinals), self.relationship)

    def id_of(self, sort: int) -> int:
        """Give an id of its own to a thing that was of this sort at first sight."""
        ordinal = self.ordinals.get(sort, 0)
        self.ordinals[sort] = ordinal + 1
        return sort << SORT_SHIFT | ordinal

    def relationships(self, count: int) -> int:
        """Give so many ids in a row to relationships: the first of them."""
        first = self.relationship
        self.relationship += count
        return first


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of the things in a chunk: ids by hash, and versions of items. `fresh` are the ids that the
    base does not know, `laid` those of items that something was laid over already."""

    ids: Mapping[int, int]
    versions: Mapping[int, Version]
    fresh: frozenset[int]
    laid: frozenset[int]


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest row of an item: its id, the sort of its entity (None: it shows none), and the id of the
    first of its relationships."""

    row: ItemRow
    id: int
    sort: int | None
    first: int


@dataclass(frozen=True, slots=True)
class Folded:
    """`newest` is by id; `ids` has all that were named, `given` those of them that are new, by hash; `hashes`
    is by text `_id`."""

    newest: dict[int, Newest] = field(default_factory=dict)
    ids: dict[int, int] = field(default_factory=dict)
    given: dict[int, int] = field(default_factory=dict)
    hashes: Mapping[str, int] = field(default_factory=dict)

    def id_of(self, text: str) -> int:
        """Give the id of a thing by its `_id`."""
        return self.ids[self.hashes[text]]


def fold(
    rows: Sequence[ItemRow],
    hashes: Mapping[str, int],
    held: Held,
    sort_of: Callable[[ShownEntity], int],
    numbers: Numbers,
) -> Folded:
    """Fold rows. `hashes` has every `_id` that they name; `numbers` are used up."""
    folded = Folded({}, dict(held.ids), {}, hashes)
    versions = dict(held.versions)

    def id_of(hash_: int, sort: int) -> int:
        known = folded.ids.get(hash_)
        if known is None:
            known = folded.ids[hash_] = folded.given[hash_] = numbers.id_of(sort)
        return known

    for row in rows:
        hash_ = hashes[row.id]
        version = versions.get(hash_)
        if version is not None and not row.version.is_newer(version):
            continue
        versions[hash_] = row.version
        sort = None if row.entity is None else sort_of(row.entity)
        id_ = id_of(hash_, UNSEEN if sort is None else sort)
        for edge in row.edges:
            id_of(hashes[edge.other], UNSEEN)
        folded.newest[id_] = Newest(row, id_, sort, numbers.relationships(len(row.edges)))
    return folded

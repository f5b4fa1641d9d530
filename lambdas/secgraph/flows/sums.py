"""What a graph shows, in numbers. In: entities and relationships. Out: 64-bit sums by type and by thing.

The order does not matter: each record has a hash, and hashes are summed up. A million entities and three
million relationships take some 300 MB.
"""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from secgraph.graph.model import Properties
from secgraph.image.columns import finite, sound
from secgraph.image.rows import key_hash

Record = Mapping[str, Any]
_WRAP: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Sum:
    """How many there are, and the sum of their hashes in 64 bits."""

    count: int = 0
    hash: int = 0

    def and_one(self, digest: int) -> Sum:
        """Add one."""
        return Sum(self.count + 1, (self.hash + digest) & _WRAP)


@dataclass(frozen=True, slots=True)
class Side:
    """Sums by `_type`."""

    entities: Mapping[str, Sum]
    relationships: Mapping[str, Sum]


def canonical(record: Record) -> str:
    """Write a record as the same text whatever the order of its properties."""
    return sound(json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


def edge_record(source_id: str, target_id: str, properties: Properties) -> Record:
    """Give all that is told of a relationship."""
    return {**finite(properties), "from": source_id, "to": target_id}


class Sums:
    """Of one graph: sums by type, and for each thing (by the hash of its `_id`) the hash of its record and
    the sum of the relationships that lead from it."""

    def __init__(self) -> None:
        self._entities: defaultdict[str, Sum] = defaultdict(Sum)
        self._relationships: defaultdict[str, Sum] = defaultdict(Sum)
        self._records: dict[int, int] = {}
        self._edges: dict[int, int] = {}

    def add_entity(self, record: Record) -> None:
        """Add one."""
        digest, type_ = digest_of(record), str(record["_type"])
        self._entities[type_] = self._entities[type_].and_one(digest)
        self._records[key_hash(str(record["_id"]))] = digest

    def add_edge(self, source: int, type_: str, digest: int) -> None:
        """Add a relationship by its hash; `source` is that of the `_id` it leads from."""
        self._relationships[type_] = self._relationships[type_].and_one(digest)
        self._edges[source] = (self._edges.get(source, 0) + digest) & _WRAP

    def keys(self) -> Set[int]:
        """Give the hashes of all things."""
        return self._records.keys() | self._edges.keys()

    def of(self, key: int) -> tuple[int | None, int]:
        """Give what there is of one thing: two equal ones are the same in both graphs."""
        return self._records.get(key), self._edges.get(key, 0)

    def shows(self, key: int) -> bool:
        """Tell whether a thing is visible."""
        return key in self._records

    def side(self) -> Side:
        """Give the sums by type."""
        return Side(dict(self._entities), dict(self._relationships))


def digest_of(record: Record) -> int:
    """Give 64 bits of a record."""
    return int.from_bytes(blake2b(canonical(record).encode("utf-8"), digest_size=8).digest(), "big")


@dataclass(slots=True)
class Stated:
    """Relationships of which nobody knows yet whether both ends are there: a row of numbers for each."""

    _sources: array[int] = field(default_factory=lambda: array("Q"))
    _targets: array[int] = field(default_factory=lambda: array("Q"))
    _digests: array[int] = field(default_factory=lambda: array("Q"))
    _types: array[int] = field(default_factory=lambda: array("L"))
    _names: dict[str, int] = field(default_factory=dict)

    def add(self, source_id: str, target_id: str, properties: Properties) -> None:
        """Add one."""
        self._sources.append(key_hash(source_id))
        self._targets.append(key_hash(target_id))
        self._digests.append(digest_of(edge_record(source_id, target_id, properties)))
        self._types.append(self._names.setdefault(str(properties.get("_type")), len(self._names)))

    def visible(self, sums: Sums) -> Iterator[tuple[int, str, int]]:
        """Give those whose ends are there: the hash of the source, `_type`, hash."""
        names = list(self._names)
        rows = zip(self._sources, self._targets, self._digests, self._types, strict=True)
        for source, target, digest, type_ in rows:
            if sums.shows(source) and sums.shows(target):
                yield source, names[type_], digest

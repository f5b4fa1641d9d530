"""The simplest image there can be, to hold the real one and its flows against: rows in files, read in Python.

MemoryStore    an ObjectStore whose n-th call can die, before or after it took effect, or let others go first
RowsBuilder    bases whose parts are files of rows
shown          what a reader of the image sees
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from secgraph.errors import ObjectDamaged, ObjectMissing
from secgraph.flows.next_base import read_base
from secgraph.flows.published import body_of, held
from secgraph.flows.verify import Between
from secgraph.graph.documents import entity_of
from secgraph.graph.relations import Catalogue
from secgraph.image.base import Base, DocumentsFile, EntityPart, RowsFile
from secgraph.image.deltas import newest, pack, unpack
from secgraph.image.manifest import Stand
from secgraph.image.names import base_folder
from secgraph.image.ports import ObjectStore, Pointer
from secgraph.image.rows import ItemRow, key_hash

PARTS = 3


class Crash(BaseException):
    """The process died. No code under test may catch it."""


@dataclass
class MemoryStore:
    """`at` maps the number of a call, from 0, to what happens before it. `dies_after` lets the call that dies
    take effect."""

    objects: dict[str, bytes] = field(default_factory=dict)
    body: bytes | None = None
    calls: int = 0
    at: dict[int, Callable[[], None]] = field(default_factory=dict)
    dies_at: int | None = None
    dies_after: bool = False

    def _call(self, effect: Callable[[], None] = lambda: None) -> None:
        number, self.calls = self.calls, self.calls + 1
        if number in self.at:
            self.at.pop(number)()
        if number != self.dies_at:
            return effect()
        self.dies_at = None
        if self.dies_after:
            effect()
        raise Crash

    def get(self, name: str) -> bytes:
        self._call()
        if name not in self.objects:
            raise ObjectMissing(f"{name}: is not there")
        return self.objects[name]

    def get_ranges(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        whole = self.get(name)
        if any(offset + length > len(whole) for offset, length in ranges):
            raise ObjectDamaged(f"{name}: ends at {len(whole)}")
        return [whole[offset : offset + length] for offset, length in ranges]

    def put(self, name: str, body: bytes) -> None:
        def effect() -> None:
            assert self.objects.get(name, body) == body or name.endswith(".json"), f"{name} was written twice"
            self.objects[name] = body

        self._call(effect)

    def put_file(self, name: str, path: str) -> None:
        self.put(name, Path(path).read_bytes())

    def delete(self, names: Sequence[str]) -> None:
        def effect() -> None:
            for name in names:
                self.objects.pop(name, None)

        self._call(effect)

    def names(self, prefix: str) -> list[str]:
        self._call()
        return sorted(name for name in self.objects if name.startswith(prefix))

    def sizes(self, prefix: str) -> dict[str, int]:
        self._call()
        return {name: len(body) for name, body in self.objects.items() if name.startswith(prefix)}

    def pointer(self) -> Pointer | None:
        self._call()
        return None if self.body is None else Pointer(self.body, _tag(self.body))

    def pointer_unless(self, tag: str) -> Pointer | None:
        pointer = self.pointer()
        return None if pointer is None or pointer.tag == tag else pointer

    def swap(self, body: bytes, held: str | None) -> str | None:
        swapped: list[str] = []

        def effect() -> None:
            if (None if self.body is None else _tag(self.body)) == held:
                self.body = body
                swapped.append(_tag(body))

        self._call(effect)
        return swapped[0] if swapped else None


def _tag(body: bytes) -> str:
    return f"{zlib.crc32(body)}-{len(body)}"


class RowsBuilder:
    """Bases in PARTS parts, each a file of rows; a part without a newer row keeps its file, unread if it has
    none at all."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def build(
        self,
        base: Base | None,
        deltas: Iterable[Sequence[ItemRow]],
        *,
        generation: int,
        now: int,
        token: str,
    ) -> Base:
        folder = base_folder(generation, token)
        rows = [row for some in deltas for row in some]
        parts = [
            self._part(base.entities[place] if base else None, folder, place, _of_part(rows, place))
            for place in range(PARTS)
        ]
        nodes = self._written(f"{folder}nodes", [])
        return Base(generation, now, Catalogue(), {}, nodes, tuple(parts), ())

    def _part(self, old: EntityPart | None, folder: str, place: int, rows: Sequence[ItemRow]) -> EntityPart:
        if old and not rows:
            return old
        known = rows_of(self._store, old) if old else []
        laid = newest([*known, *rows])
        if old and laid == known:
            return old
        file = self._written(f"{folder}{place}", laid)
        documents = DocumentsFile(file.name, file.size, 0, 0)
        return EntityPart(place, place + 1, len(laid), frozenset(), file, documents, file)

    def _written(self, name: str, rows: Sequence[ItemRow]) -> RowsFile:
        body = pack(rows)
        self._store.put(name, body)
        return RowsFile(name, len(body), len(rows), 0, zlib.crc32(body), ())


def _of_part(rows: Iterable[ItemRow], place: int) -> list[ItemRow]:
    return [row for row in rows if key_hash(row.id) % PARTS == place]


def rows_of(store: ObjectStore, part: EntityPart) -> list[ItemRow]:
    """Read a part. Raises ObjectMissing or ObjectDamaged."""
    body = store.get(part.columns.name)
    if zlib.crc32(body) != part.columns.footer_crc:
        raise ObjectDamaged(f"{part.columns.name}: is not what was written")
    return unpack(body, part.columns.name)


@dataclass(frozen=True)
class Seen:
    """What a reader sees: the newest row of each item."""

    rows: Mapping[str, ItemRow]

    def entities(self) -> Iterable[Sequence[str]]:
        return [[row.entity.body for row in self.rows.values() if row.entity]]

    def relationships(self) -> Iterable[Sequence[Between]]:
        ends = {}
        for row in self.rows.values():
            if row.entity:
                metadata, _ = entity_of(json.loads(row.entity.body))
                ends[row.id] = (row.id, str(metadata["_key"]), str(metadata["_type"]))
        for row in self.rows.values():
            for edge in row.edges:
                if row.id in ends and edge.other in ends:
                    source, target = (row.id, edge.other) if edge.outgoing else (edge.other, row.id)
                    yield [Between(*ends[source], *ends[target], edge.verb, edge.stated)]


def shown(store: ObjectStore) -> Seen:
    """Read the image; the stand before it if an object of its base is not as it was written."""
    manifest = held(store).manifest
    try:
        return _read(store, manifest.stand)
    except (ObjectMissing, ObjectDamaged):
        if manifest.previous is None:
            raise
        return _read(
            store, Stand(manifest.previous.base, (*manifest.previous.deltas, *manifest.stand.deltas))
        )


def _read(store: ObjectStore, stand: Stand) -> Seen:
    base = read_base(store, stand.base) if stand.base else None
    rows = [row for part in (base.entities if base else ()) for row in rows_of(store, part)]
    for delta in stand.deltas:
        rows += unpack(body_of(store, delta), delta.file.name)
    return Seen({row.id: row for row in newest(rows)})

"""Documents of a base by id. In: the files of its parts. Out: texts, and indexes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from secgraph.adapters.image.cached import LocalFiles, Stretch, Wanted
from secgraph.adapters.image.documents import Blocks, DocumentIndex
from secgraph.errors import ObjectDamaged
from secgraph.image.base import DocumentsFile, EntityPart

Read = Callable[[Sequence[Wanted]], list[list[bytes]]]
_Sought = tuple[DocumentsFile, DocumentIndex, Blocks]


class StoredDocuments:
    """Reads documents; the indexes of files that were read once stay in memory."""

    def __init__(self, files: LocalFiles) -> None:
        self._files = files
        self._indexes: dict[str, DocumentIndex] = {}

    def read(self, parts: Sequence[EntityPart], ids: Iterable[int]) -> dict[int, str]:
        """Give the documents of these entities; who is in none of the parts is left out."""
        ordered = sorted(set(ids))
        within = [
            (part.documents, ordered[bisect_left(ordered, part.first) : bisect_left(ordered, part.end)])
            for part in parts
        ]
        within = [(file, members) for file, members in within if members]
        indexes = self.indexes_of([file for file, _ in within])
        sought = [
            (file, index, index.blocks_of(members))
            for (file, members), index in zip(within, indexes, strict=True)
        ]
        found: dict[int, str] = {}
        missing = _unpack(sought, self._files.read, found)
        damaged = _unpack(missing, self._files.fetch, found)
        for file, _, blocks in damaged:
            raise ObjectDamaged(f"{file.name} is damaged: the documents at {min(blocks)[0]}")
        return found

    def indexes_of(self, files: Sequence[DocumentsFile]) -> list[DocumentIndex]:
        """Give the indexes of files, side by side."""
        new = [
            Wanted(file.name, file.size, [Stretch(file.index, file.size - file.index, file.index_crc)])
            for file in files
            if file.name not in self._indexes
        ]
        self._files.ensure(new)
        for it, body in zip(new, chain.from_iterable(self._files.read(new)), strict=True):
            self._indexes[it.name] = DocumentIndex(body, it.name)
        return [self._indexes[file.name] for file in files]

    def packed(self, file: DocumentsFile, places: Sequence[tuple[int, int]]) -> list[bytes]:
        """Give blocks as they lie in a file, by offset and size; nothing has checked them."""
        (bodies,) = self._files.fetch([Wanted(file.name, file.size, [Stretch(*at) for at in places])])
        return bodies


def _unpack(sought: Sequence[_Sought], read: Read, found: dict[int, str]) -> list[_Sought]:
    """Add documents to what was found. Gives the blocks that are not whole, or not there."""
    bodies = read([Wanted(it.name, it.size, [Stretch(*at) for at in blocks]) for it, _, blocks in sought])
    missing: list[_Sought] = []
    for (file, index, blocks), packed in zip(sought, bodies, strict=True):
        rest: Blocks = {}
        for (at, members), body in zip(blocks.items(), packed, strict=True):
            try:
                lines = index.unpack(body, at[0])
            except ObjectDamaged:
                rest[at] = members
            else:
                found.update((id_, lines[line]) for id_, line in members)
        if rest:
            missing.append((file, index, rest))
    return missing

"""The documents of a new part: those of the parts it comes from, and those laid over. Out: a file.

A block goes over byte for byte if all its documents stay and none comes between them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from secgraph.adapters.image.documents import Block, DocumentIndex, DocumentsWriter
from secgraph.adapters.image.workshop import Workshop
from secgraph.image.base import DOCUMENTS_A_BLOCK, DocumentsFile, EntityPart

_AT_ONCE: Final = 2_048
"""New documents, or blocks, that are held at a time."""


@dataclass(frozen=True, slots=True)
class _Range:
    """Ids of a part, and those of them that the base's documents do not count for any more."""

    first: int
    end: int
    hidden: frozenset[int]

    def keeps(self, block: Block) -> bool:
        """Tell whether all of a block stays, and is worth a block."""
        return (
            self.first <= block.ids[0]
            and block.ids[-1] < self.end
            and 2 * len(block.ids) > DOCUMENTS_A_BLOCK
            and self.hidden.isdisjoint(block.ids)
        )


def merge_documents(
    shop: Workshop, label: str, first: int, end: int, sources: Sequence[EntityPart]
) -> DocumentsFile:
    """Write the documents with ids from `first` up to `end`. Raises ObjectDamaged for a block that is not
    whole, also for one that would only go over."""
    found = shop.rows("SELECT id FROM delta_item WHERE id >= $1 AND id < $2", [first, end])
    range_ = _Range(first, end, frozenset(id_ for (id_,) in found))
    arriving = _Arriving(shop, first, end)
    path = shop.folder / label
    with DocumentsWriter(path, shop.pool) as writer:
        for index, block, packed in _blocks(shop, range_, sources):
            for id_, text in arriving.before(block.ids[0]):
                writer.add(id_, text)
            if index.is_newest and range_.keeps(block) and not arriving.has_before(block.ids[-1]):
                writer.copy(block.ids, packed)
            else:
                _merge(writer, range_, block, index.unpack(packed, block.offset), arriving)
        for id_, text in arriving.before(end):
            writer.add(id_, text)
        file = writer.finish(shop.prefix + label)
    shop.put(path)
    return file


def _merge(
    writer: DocumentsWriter, range_: _Range, block: Block, texts: Sequence[str], arriving: _Arriving
) -> None:
    for id_, text in zip(block.ids, texts, strict=True):
        if range_.first <= id_ < range_.end and id_ not in range_.hidden:
            for other, laid in arriving.before(id_):
                writer.add(other, laid)
            writer.add(id_, text)


def _blocks(
    shop: Workshop, range_: _Range, sources: Sequence[EntityPart]
) -> Iterator[tuple[DocumentIndex, Block, bytes]]:
    """Read the blocks that have documents of these ids. Each is unpacked: what is damaged goes no further."""
    files = [part.documents for part in sources]
    for file, index in zip(files, shop.documents.indexes_of(files), strict=True):
        blocks = [it for it in index.blocks() if it.ids[0] < range_.end and it.ids[-1] >= range_.first]
        for start in range(0, len(blocks), _AT_ONCE):
            some = blocks[start : start + _AT_ONCE]
            bodies = shop.documents.packed(file, [(it.offset, it.size) for it in some])
            for block, packed in zip(some, bodies, strict=True):
                index.plain(packed, block.offset)
                yield index, block, packed


class _Arriving:
    """Documents that were laid over, handed out in the order of their ids."""

    def __init__(self, shop: Workshop, first: int, end: int) -> None:
        self._shop = shop
        self._first = first
        self._end = end
        self._held: deque[tuple[int, str]] = deque()
        self._read()

    def has_before(self, id_: int) -> bool:
        """Tell whether one with a smaller id waits."""
        return bool(self._held) and self._held[0][0] < id_

    def before(self, id_: int) -> Iterator[tuple[int, str]]:
        """Hand out those with smaller ids."""
        while self.has_before(id_):
            yield self._held.popleft()
            if not self._held:
                self._read()

    def _read(self) -> None:
        self._held.extend(
            self._shop.rows(
                "SELECT id, body FROM delta_document WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3",
                [self._first, self._end, _AT_ONCE],
            )
        )
        if self._held:
            self._first = self._held[-1][0] + 1

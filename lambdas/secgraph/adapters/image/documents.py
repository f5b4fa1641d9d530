"""The documents of a part of the base, packed. In: ids and texts, in the order of ids. Out: a file; texts.

    block…  index   a block: up to DOCUMENTS_A_BLOCK texts, one a line, as zlib packs them (with an Adler-32)
                    the index: a head, then, packed, the runs of ids and each block's count and size

So a few documents from anywhere are read by as many short stretches, and a block that holds none of what
changed goes into the next base as it is.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import Final

from secgraph.adapters.image.dictionary import NEWEST, OF_VERSION
from secgraph.errors import ObjectDamaged, StoreError
from secgraph.image.base import DOCUMENTS_A_BLOCK, DocumentsFile

_HEAD: Final = struct.Struct("<BII")
"""The dictionary that the blocks are packed with, how many runs, how many blocks."""
_LEVEL: Final = 9
"""Of zlib: a fiftieth smaller than its default, for a fiftieth of the time that a base takes."""
_AT_ONCE: Final = 512
"""Blocks that are packed side by side before they are written."""


Blocks = dict[tuple[int, int], list[tuple[int, int]]]
"""Offset and size of a block → ids of documents in it, and their lines."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where a block lies, and the ids of its documents in their order."""

    ids: Sequence[int]
    offset: int
    size: int


class DocumentIndex:
    """Where each document lies. Made from the bytes of a file's index."""

    def __init__(self, body: bytes, name: str) -> None:
        """Raises StoreError for a file of a later version."""
        self.name = name
        dictionary, runs, blocks = _HEAD.unpack_from(body)
        if dictionary not in OF_VERSION:
            raise StoreError(
                f"{name} is packed with dictionary {dictionary}; this version of secgraph knows them up to "
                f"{NEWEST}: upgrade secgraph before reading this image"
            )
        self.is_newest = dictionary == NEWEST
        self._dictionary = OF_VERSION[dictionary]
        numbers = zlib.decompress(body[_HEAD.size :])
        self._firsts, numbers = _cut("Q", runs, numbers)
        lengths, numbers = _cut("I", runs, numbers)
        counts, numbers = _cut("I", blocks, numbers)
        sizes, _ = _cut("I", blocks, numbers)
        self._starts = [0, *accumulate(lengths)]
        self._before = [0, *accumulate(counts)]
        self._offsets = [0, *accumulate(sizes)]

    def blocks(self) -> Iterator[Block]:
        """List all blocks in the order of their ids."""
        ids = self._ids()
        for number, offset in enumerate(self._offsets[:-1]):
            count = self._before[number + 1] - self._before[number]
            yield Block(list(islice(ids, count)), offset, self._offsets[number + 1] - offset)

    def blocks_of(self, ids: Iterable[int]) -> Blocks:
        """Find documents; unknown ids are left out."""
        found: Blocks = {}
        for id_ in ids:
            place = self._place(id_)
            if place is None:
                continue
            number = bisect_right(self._before, place) - 1
            offset = self._offsets[number]
            at = offset, self._offsets[number + 1] - offset
            found.setdefault(at, []).append((id_, place - self._before[number]))
        return found

    def unpack(self, packed: bytes, offset: int) -> list[str]:
        """Give the texts of the block that lies at this offset. Raises ObjectDamaged."""
        return self.plain(packed, offset).decode("utf-8").split("\n")

    def plain(self, packed: bytes, offset: int) -> bytes:
        """Give the same in one piece: to find out whether a block is whole. Raises ObjectDamaged."""
        unpacking = zlib.decompressobj(zdict=self._dictionary)
        try:
            plain = unpacking.decompress(packed)
        except zlib.error as error:
            raise ObjectDamaged(f"{self.name} is damaged: the documents at {offset}: {error}") from None
        if not unpacking.eof:
            raise ObjectDamaged(f"{self.name} is damaged: the documents at {offset} are cut off")
        return plain

    def _place(self, id_: int) -> int | None:
        run = bisect_right(self._firsts, id_) - 1
        if run < 0:
            return None
        place = self._starts[run] + id_ - self._firsts[run]
        return place if place < self._starts[run + 1] else None

    def _ids(self) -> Iterator[int]:
        for run, first in enumerate(self._firsts):
            yield from range(first, first + self._starts[run + 1] - self._starts[run])


class DocumentsWriter:
    """Writes a file, block after block, in the order of ids. Use it as a context."""

    def __init__(self, path: Path, executor: Executor) -> None:
        self._file = path.open("wb")
        self._executor = executor
        self._size = 0
        self._firsts = array("Q")
        self._lengths = array("I")
        self._next = -1
        self._counts = array("I")
        self._sizes = array("I")
        self._ids: list[int] = []
        self._texts: list[str] = []
        self._waiting: list[tuple[Sequence[int], list[str] | bytes]] = []

    def __enter__(self) -> DocumentsWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, id_: int, text: str) -> None:
        """Add a document; those added one after the other share blocks."""
        self._ids.append(id_)
        self._texts.append(text)
        if len(self._ids) == DOCUMENTS_A_BLOCK:
            self._end_block()

    def copy(self, ids: Sequence[int], packed: bytes) -> None:
        """Add a whole block as it is."""
        self._end_block()
        self._waiting.append((ids, packed))

    def finish(self, name: str) -> DocumentsFile:
        """Write the index. Describes the file as it will be stored under `name`."""
        self._end_block()
        self._flush()
        numbers = b"".join(map(_bytes, (self._firsts, self._lengths, self._counts, self._sizes)))
        index = _HEAD.pack(NEWEST, len(self._firsts), len(self._counts)) + zlib.compress(numbers, 9)
        self._file.write(index)
        self._file.flush()
        return DocumentsFile(name, self._size + len(index), self._size, zlib.crc32(index))

    def _end_block(self) -> None:
        if self._ids:
            self._waiting.append((self._ids, self._texts))
            self._ids, self._texts = [], []
        if len(self._waiting) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        packed = self._executor.map(_packed, [body for _, body in waiting if not isinstance(body, bytes)])
        for ids, body in waiting:
            self._write(ids, body if isinstance(body, bytes) else next(packed))

    def _write(self, ids: Sequence[int], packed: bytes) -> None:
        self._file.write(packed)
        self._size += len(packed)
        self._counts.append(len(ids))
        self._sizes.append(len(packed))
        if ids[0] == self._next and ids[-1] - ids[0] == len(ids) - 1:
            self._lengths[-1] += len(ids)
        else:
            for id_ in ids:
                if id_ != self._next:
                    self._firsts.append(id_)
                    self._lengths.append(0)
                self._lengths[-1] += 1
                self._next = id_ + 1
        self._next = ids[-1] + 1


def _packed(texts: Sequence[str]) -> bytes:
    packing = zlib.compressobj(_LEVEL, zdict=OF_VERSION[NEWEST])
    return packing.compress("\n".join(texts).encode("utf-8")) + packing.flush()


def _cut(code: str, count: int, body: bytes) -> tuple[array[int], bytes]:
    numbers: array[int] = array(code)
    size = count * numbers.itemsize
    numbers.frombytes(body[:size])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers, body[size:]


def _bytes(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()

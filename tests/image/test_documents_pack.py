"""Documents in blocks."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from secgraph.adapters.image.dictionary import OF_VERSION
from secgraph.adapters.image.documents import DocumentIndex, DocumentsWriter
from secgraph.errors import ObjectDamaged, StoreError
from secgraph.image.base import DOCUMENTS_A_BLOCK, DocumentsFile

TEXTS = {id_ << 30: f'[{{"_key":"thing {id_}"}},{{"nämé":"{"x" * id_}"}}]' for id_ in range(1, 30)} | {
    5: "[{},{}]",
    6: "",
}


def packed(path: Path, texts: Mapping[int, str]) -> tuple[bytes, DocumentsFile]:
    with ThreadPoolExecutor(2) as pool, DocumentsWriter(path, pool) as writer:
        for id_ in sorted(texts):
            writer.add(id_, texts[id_])
        file = writer.finish("documents-0.bin")
    return path.read_bytes(), file


def test_documents_are_found_by_id_and_those_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    body, file = packed(tmp_path / "d", TEXTS)
    assert (file.size, file.index_crc) == (len(body), zlib.crc32(body[file.index :]))
    index = DocumentIndex(body[file.index :], file.name)
    places = index.blocks_of([*TEXTS, 4, 7, 1 << 60])
    found = {
        id_: index.unpack(body[at : at + size], at)[line]
        for (at, size), members in places.items()
        for id_, line in members
    }
    assert found == TEXTS
    assert [id_ for block in index.blocks() for id_ in block.ids] == sorted(TEXTS)
    assert {len(block.ids) for block in list(index.blocks())[:-1]} == {DOCUMENTS_A_BLOCK}
    assert sum(block.size for block in index.blocks()) == file.index


def test_a_file_may_be_empty(tmp_path: Path) -> None:
    body, file = packed(tmp_path / "d", {})
    assert DocumentIndex(body[file.index :], file.name).blocks_of([0, 1]) == {}


def test_no_flipped_bit_and_no_lost_end_of_a_block_goes_unnoticed(tmp_path: Path) -> None:
    body, file = packed(tmp_path / "d", {1: TEXTS[5], 2: TEXTS[1 << 30]})
    index = DocumentIndex(body[file.index :], file.name)
    for place in range(file.index):
        damaged = bytearray(body[: file.index])
        damaged[place] ^= 1 << place % 8
        for packed_block in (bytes(damaged), body[:place], b"\0" * file.index):
            with pytest.raises(ObjectDamaged, match=r"documents-0\.bin"):
                index.unpack(packed_block, 0)


def test_a_later_dictionary_is_refused(tmp_path: Path) -> None:
    body, file = packed(tmp_path / "d", TEXTS)
    later = bytes([max(OF_VERSION) + 1]) + body[file.index + 1 :]
    with pytest.raises(StoreError, match="upgrade secgraph"):
        DocumentIndex(later, file.name)


def test_a_dictionary_stays_what_it_is() -> None:
    """Blocks are packed with it that no other reads: a better one is another version."""
    digests = {version: sha256(body).hexdigest()[:16] for version, body in OF_VERSION.items()}
    assert digests == {1: "d6b1efe40ad40ec4"}

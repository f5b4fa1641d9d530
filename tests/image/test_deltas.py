"""Delta files: rows and back, one file after the other, the newest of each item."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secgraph.errors import ObjectDamaged, StoreError
from secgraph.image.deltas import newest, pack, unpack
from secgraph.image.rows import APART_MS, ItemRow, ShownEdge, ShownEntity, Version

texts = st.text(max_size=8)
entities = st.builds(
    ShownEntity, texts, st.lists(texts, max_size=2).map(tuple), st.booleans(), texts, texts, texts
)
edges = st.builds(ShownEdge, texts, texts, st.booleans(), st.booleans(), st.none() | texts, texts)
versions = st.builds(Version, st.integers(1, 9), st.integers(0, 2**42), st.booleans())
item_rows = st.builds(ItemRow, texts, versions, st.none() | entities, st.lists(edges, max_size=2).map(tuple))


@pytest.mark.thorough
@settings(max_examples=25)
@given(st.lists(item_rows, max_size=4), st.lists(item_rows, max_size=4))
def test_rows_come_back_and_files_follow_each_other(one: list[ItemRow], other: list[ItemRow]) -> None:
    assert unpack(pack(one), "a") == one
    assert unpack(pack(one) + pack(other), "ab") == [*one, *other]
    assert pack(one) == pack(one)


def test_texts_of_any_kind_come_back() -> None:
    hostile = '\u2028\x85\r\n\t\0\ud800{"format":9}\''
    row = ItemRow(hostile, Version(1, 2), ShownEntity(hostile, (hostile,), True, *[hostile] * 3), ())
    assert unpack(pack([row]), "a") == [row]


def test_a_later_format_is_refused_with_the_remedy() -> None:
    later = pack([]) + gzip.compress(b'{"format":2}\nwhatever\n')
    with pytest.raises(StoreError, match=r"deltas/x: is in format 2.*upgrade secgraph") as raised:
        unpack(later, "deltas/x")
    assert not isinstance(raised.value, ObjectDamaged)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no gzip",
        gzip.compress(b"", mtime=0),
        pack([])[:-4],
        *(gzip.compress(text, mtime=0) for text in (b"[1]\n", b"{}\n", b"nonsense\n", b"\xff\n", b"[]\n")),
    ],
)
def test_what_is_no_delta_is_damaged(body: bytes) -> None:
    with pytest.raises(ObjectDamaged, match="deltas/x"):
        unpack(body, "deltas/x")


def row(id_: str, rev: int, at: int = 0, *, gone: bool = False) -> ItemRow:
    return ItemRow(id_, Version(rev, at, gone), None, ())


def test_the_newest_stands_where_the_item_first_stood() -> None:
    first, second, again = row("a", 2), row("a", 2, gone=True), row("a", 1, APART_MS + 1)
    other = row("b", 1)
    assert newest([first, other, row("a", 1)]) == [first, other]
    assert newest([first, other, second]) == [second, other]
    assert newest([again, second, other, first]) == [again, other]

"""The manifest: JSON and back, and the figures by which deltas are folded and compaction is due."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secgraph.errors import ObjectDamaged, StoreError
from secgraph.image.manifest import (
    EMPTY,
    OPEN_AT_MOST,
    Delta,
    FileRef,
    Manifest,
    Rebuild,
    Retired,
    Stand,
    dump,
    folded,
    load,
    opened,
)
from secgraph.image.names import base_folder, delta_name, rebuild_folder, rebuild_of, stamped, written_on
from secgraph.image.plan import DUE_AGE_MS, DUE_BYTES, DUE_ROWS, is_due, to_fold

NOW = 1_700_000_000_000


def delta(name: str, size: int = 100, rows: int = 1, until: int = NOW) -> Delta:
    return Delta(FileRef(name, size, "0" * 64), rows, until)


FULL = Manifest(
    version=7,
    published_on=NOW,
    stand=Stand(FileRef("bases/2/base.json.gz", 9, "ab"), (delta("c"), delta("d"))),
    previous=Stand(None, (delta("a"), delta("b"))),
    retired=(Retired("x", NOW - 1),),
    until=NOW - 5,
    generation=2,
    rows=1_000_000,
    based_on=NOW - 9,
    rebuild=Rebuild("r", 8, NOW - 3, "arn:two"),
    stream="arn:one",
)


@pytest.mark.parametrize("manifest", [EMPTY, FULL])
def test_a_manifest_comes_back_as_it_was(manifest: Manifest) -> None:
    assert load(dump(manifest)) == manifest


def test_a_manifest_that_knew_no_streams_is_read() -> None:
    told = json.loads(dump(FULL))
    del told["stream"]
    told["rebuild"].pop()
    assert load(json.dumps(told).encode()) == replace(FULL, stream="", rebuild=Rebuild("r", 8, NOW - 3))


def test_a_later_format_is_refused_with_the_remedy() -> None:
    later = json.dumps({**json.loads(dump(FULL)), "format": 2}).encode()
    with pytest.raises(StoreError, match="upgrade secgraph") as raised:
        load(later)
    assert not isinstance(raised.value, ObjectDamaged)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"{}", b"\xff", dump(FULL)[:-9] + b"}", b'{"format":1}']
)
def test_what_is_no_manifest_is_damaged(body: bytes) -> None:
    with pytest.raises(ObjectDamaged, match="secgraph image rebuild"):
        load(body)


def test_a_file_is_what_was_written() -> None:
    file = FileRef.of("deltas/a", b"body")
    assert file.checked(b"body") == b"body"
    with pytest.raises(ObjectDamaged, match="deltas/a"):
        file.checked(b"bodx")


def test_names_tell_when_they_were_given() -> None:
    token = stamped(NOW, "t")
    names = [delta_name(NOW, "t"), f"{base_folder(12, token)}nodes", f"{rebuild_folder(token)}0000.json"]
    assert [written_on(name) for name in names] == [NOW, NOW, NOW]
    assert [written_on(name) for name in ("deltas/other", "bases/x", "manifest.json")] == [None, None, None]
    assert [rebuild_of(name) for name in names] == ["", "", token]


# ── folding ───────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=30)
@given(st.lists(st.integers(60, 2_000_000), min_size=1, max_size=400))
@example([2**place for place in range(63, 0, -1)] + [1, 1])
@example([1] * 300 + [1_000_000] + [1] * 64)
@example([1_000_000, 1] * 200)
def test_folding_keeps_few_open_and_writes_no_byte_often(sizes: list[int]) -> None:
    manifest, written, most = EMPTY, dict.fromkeys(range(len(sizes)), 0), 0
    inside: dict[str, list[int]] = {}
    for place, size in enumerate(sizes):
        last = to_fold(manifest.stand.deltas, size)
        name = str(place)
        inside[name] = [one for it in last for one in inside[it.file.name]] + [place]
        for one in inside[name]:
            written[one] += 1
        after = folded(manifest, last, delta(name, size + sum(it.file.size for it in last)), NOW)
        if last:
            most = max(most, len(after.stand.deltas))
        manifest = after
        assert len(manifest.stand.deltas) <= OPEN_AT_MOST
    assert most <= 42
    assert [one for it in manifest.stand.deltas for one in inside[it.file.name]] == list(range(len(sizes)))
    total = sum(sizes)
    for place, times in written.items():
        assert times <= 2 + max(0, (total // sizes[place]).bit_length())


def test_only_the_last_ones_can_be_folded_and_never_too_many_opened() -> None:
    manifest = EMPTY
    for place in range(OPEN_AT_MOST):
        manifest = opened(manifest, delta(str(place)), NOW)
    with pytest.raises(ValueError, match="would be open"):
        opened(manifest, delta("one more"), NOW)
    with pytest.raises(ValueError, match="not the last"):
        folded(manifest, manifest.stand.deltas[:2], delta("x"), NOW)
    after = folded(manifest, manifest.stand.deltas[-2:], delta("x"), NOW + 1)
    assert (after.version, len(after.stand.deltas)) == (OPEN_AT_MOST + 1, OPEN_AT_MOST - 1)
    assert after.retired == (Retired("62", NOW + 1), Retired("63", NOW + 1))


# ── when it is due ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rows", "delta_", "later", "due"),
    [
        (0, delta("a", rows=DUE_ROWS - 1), 0, False),
        (0, delta("a", rows=DUE_ROWS), 0, True),
        (1_000_000, delta("a", rows=9_999), 0, False),
        (1_000_000, delta("a", rows=10_000), 0, True),
        (1_000_000, delta("a", size=DUE_BYTES), 0, True),
        (1_000_000, delta("a"), DUE_AGE_MS - 1, False),
        (1_000_000, delta("a"), DUE_AGE_MS, True),
        (1_000_000, None, DUE_AGE_MS, False),
    ],
)
def test_compaction_is_due_by_rows_bytes_or_age(
    rows: int,
    delta_: Delta | None,
    later: int,
    due: bool,
) -> None:
    manifest = replace(EMPTY, rows=rows, based_on=NOW, stand=Stand(None, (delta_,) if delta_ else ()))
    assert is_due(manifest, NOW + later) is due

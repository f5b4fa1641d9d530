"""Row sets: exact up to what they keep, honest beyond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secgraph.alerts import rowset
from secgraph.alerts.rowset import RowSet

HASHES = st.frozensets(st.integers(0, 2**64 - 1), max_size=40)


@given(HASHES, HASHES)
def test_new_and_gone_are_set_differences(before: frozenset[int], after: frozenset[int]):
    earlier, later = RowSet.of(before, len(before)), RowSet.of(after, len(after))
    assert later.joined(earlier) == after - before
    assert later.new(earlier) == len(after - before)
    assert later.gone(earlier) == len(before - after)


@given(HASHES)
def test_the_text_gives_the_set_back(hashes: frozenset[int]):
    held = RowSet.of(hashes, len(hashes))
    assert RowSet.read(held.text(), held.window, held.total) == held


@given(HASHES, HASHES, st.integers(1, 20))
def test_beyond_what_is_kept_nothing_old_is_called_new(
    before: frozenset[int], after: frozenset[int], kept: int
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rowset, "KEPT", kept)
        earlier, later = RowSet.of(before, len(before)), RowSet.of(after, len(after))
    assert later.joined(earlier) <= after - before
    assert RowSet.of(before, len(before)).new(earlier) == 0
    assert later.new(earlier) >= len(after) - len(before)


def test_ten_thousand_rows_take_107_kb_and_more_take_no_more():
    held = RowSet.of(range(2**40, 2**40 + 50_000), 50_000)
    assert len(held.text()) == 106_668
    assert held.total == 50_000
    assert held.window == 2**40 + 10_000


def test_a_new_row_beyond_the_window_is_seen_by_the_total():
    earlier = RowSet.of(range(20_000), 20_000)
    later = RowSet.of(range(20_001), 20_001)
    assert later.joined(earlier) == frozenset()
    assert later.new(earlier) == 1


def test_a_new_row_below_the_window_is_seen_although_the_total_stands_still():
    earlier = RowSet.of(range(10, 20_010), 20_000)
    later = RowSet.of([*range(10, 20_009), 5], 20_000)
    assert later.joined(earlier) == {5}
    assert later.new(earlier) == 1


def test_an_arbitrary_part_of_the_rows_is_judged_by_the_total_alone():
    earlier = RowSet.of([1, 2], 100, whole=False)
    assert RowSet.of([3, 4], 100, whole=False).new(earlier) == 0
    assert RowSet.of([3, 4], 103, whole=False).new(earlier) == 3


def test_cut_off_text_is_refused():
    with pytest.raises(ValueError, match="cut off"):
        RowSet.read("AAAA", 2**64, 1)

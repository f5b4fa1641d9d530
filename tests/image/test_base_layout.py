"""How a base is divided into files, and which of them are rewritten."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from secgraph.graph.relations import Link
from secgraph.image.base import EdgeGroup, RowsFile
from secgraph.image.layout import (
    LINK_OF_ITS_OWN,
    PART,
    SMALL,
    SORT_OF_ITS_OWN,
    Cut,
    GroupPlan,
    Piece,
    Tally,
    cuts,
    groups,
    settled,
)

A, B = Link("HAS", 1, 2), Link("USES", 1, 3)
FILE = RowsFile("", 0, 0, 0, 0, ())


def piece(first: int, end: int, rows: int, source: int, *, changed: bool = False) -> Piece:
    return Piece(first, end, {0: rows} if rows else {}, (source,), changed)


@pytest.mark.parametrize(
    ("pieces", "ranges"),
    [
        ([piece(0, 5, 10, 0), piece(5, 9, 10, 1)], [(0, 5, (0,), False), (5, 9, (1,), False)]),
        ([piece(0, 5, 10, 0), piece(5, 9, 10, 1, changed=True)], [(0, 9, (0, 1), True)]),
        (
            [piece(0, 5, SMALL, 0), piece(5, 9, 10, 1, changed=True)],
            [(0, 5, (0,), False), (5, 9, (1,), True)],
        ),
        ([piece(0, 5, 0, 0, changed=True), piece(5, 9, PART, 1)], [(0, 9, (1,), False)]),
        ([piece(0, 5, PART, 0), piece(5, 9, 0, 1, changed=True)], [(0, 9, (0,), False)]),
        ([piece(0, 9, 0, 0, changed=True)], []),
    ],
)
def test_small_neighbours_join_if_one_is_rewritten_anyway(
    pieces: Sequence[Piece], ranges: Sequence[tuple[int, int, tuple[int, ...], bool]]
) -> None:
    assert [(it.first, it.end, it.sources, it.is_changed) for it in settled(pieces)] == ranges


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({1: PART, 2: PART}, []),
        ({1: 2 * PART + 1}, [Cut(1, 87_382), Cut(1, 174_764)]),
        ({0: 10, 1: 2 * PART, 2: 10, 3: 10}, [Cut(1, 0), Cut(1, PART), Cut(2, 0)]),
        ({0: SORT_OF_ITS_OWN, 1: 2 * PART}, [Cut(1, 0), Cut(1, PART)]),
        (dict.fromkeys(range(10), SORT_OF_ITS_OWN - 1), [Cut(4, 0), Cut(8, 0)]),
    ],
)
def test_a_part_that_has_grown_is_divided_at_sorts_and_evenly_within_large_ones(
    rows: dict[int, int], expected: Sequence[Cut]
) -> None:
    assert cuts(rows) == expected


def group(*links: Link) -> EdgeGroup:
    return EdgeGroup(frozenset(links) or None, 0, 0, FILE)


def same(group: int, link: Link | None, rows: int = 1) -> Tally:
    return Tally(group, link, link, is_hidden=False, is_changed=False, rows=rows)


def new(link: Link | None, rows: int = 1) -> Tally:
    return Tally(None, None, link, is_hidden=False, is_changed=True, rows=rows)


def plan(*links: Link, sources: Sequence[int] = (), kept: int | None = None) -> GroupPlan:
    return GroupPlan(frozenset(links) or None, frozenset(sources), kept)


@pytest.mark.parametrize(
    ("tallies", "before", "planned"),
    [
        ([], [], []),
        ([new(A), new(B), new(None)], [], [plan(A, B), plan()]),
        ([new(A, LINK_OF_ITS_OWN + 1), new(B)], [], [plan(A), plan(B)]),
        (
            [same(0, A), same(0, B), same(1, None)],
            [group(A, B), group()],
            [plan(A, B, sources=[0], kept=0), plan(sources=[1], kept=1)],
        ),
        ([same(0, A), new(B)], [group(A)], [plan(A, B, sources=[0])]),
        (
            [same(0, A, LINK_OF_ITS_OWN // 2 + 1), new(B)],
            [group(A)],
            [plan(A, sources=[0], kept=0), plan(B)],
        ),
        (
            [same(0, None), Tally(0, None, A, is_hidden=False, is_changed=True, rows=1)],
            [group()],
            [plan(A, sources=[0]), plan(sources=[0])],
        ),
        ([Tally(0, A, A, is_hidden=True, is_changed=True, rows=1)], [group(A)], []),
    ],
)
def test_groups_stay_where_no_relationship_came_went_or_moved(
    tallies: Sequence[Tally], before: Sequence[EdgeGroup], planned: Sequence[GroupPlan]
) -> None:
    assert groups(tallies, before) == planned

"""The life of an alert: a line is a course of evaluations and what people should hear of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secgraph.alerts.lifecycle import (
    HISTORY_KEPT,
    ROWS_KEPT,
    AlertState,
    Evaluation,
    Kind,
    Transition,
    advance,
    fail,
    failed,
)
from secgraph.rules.rows import Row
from secgraph.rules.rule import Level


def found(*rows: int, level: Level = Level.HIGH, holds: bool | None = None, **facts: Any) -> Evaluation:
    made = tuple(Row(number, {"displayName": f"row {number}", **facts}) for number in rows)
    return Evaluation("r", bool(rows) if holds is None else holds, level, len(rows), made)


def course(*evaluations: Evaluation) -> tuple[AlertState, list[Transition | None]]:
    state: AlertState | None = None
    heard = []
    for number, evaluation in enumerate(evaluations):
        state, transition = advance(state, evaluation, 1000 + number)
        heard.append(transition)
    assert state is not None
    return state, heard


LOW, HIGH, CRITICAL = Level.LOW, Level.HIGH, Level.CRITICAL


@pytest.mark.parametrize(
    ("evaluations", "kinds"),
    [
        ([found()], [None]),
        ([found(1)], ["opened"]),
        ([found(1), found(1)], ["opened", None]),
        ([found(1), found(1, 2)], ["opened", "new rows"]),
        ([found(1, 2), found(1)], ["opened", None]),
        ([found(1, 2), found(1), found(1, 2)], ["opened", None, "new rows"]),
        ([found(1), found(2)], ["opened", "new rows"]),
        ([found(1), found()], ["opened", "resolved"]),
        ([found(1), found(), found()], ["opened", "resolved", None]),
        ([found(1), found(), found(1)], ["opened", "resolved", "opened"]),
        ([found(1, level=LOW), found(1, level=HIGH)], ["opened", "level raised"]),
        ([found(1, level=LOW), found(1, 2, level=CRITICAL)], ["opened", "level raised"]),
        ([found(1, level=HIGH), found(1, level=LOW)], ["opened", None]),
        ([found(1, level=HIGH), found(1, level=LOW), found(1, level=HIGH)], ["opened", None, "level raised"]),
        ([found(holds=True)], ["opened"]),
        ([found(1, holds=False), found(1)], [None, "opened"]),
        ([found(1), found(1, holds=False)], ["opened", "resolved"]),
        ([found(1, count=1), found(1, count=2)], ["opened", None]),
    ],
)
def test_people_hear_of_transitions_and_of_nothing_else(
    evaluations: list[Evaluation], kinds: list[str | None]
):
    state, heard = course(*evaluations)
    assert [None if each is None else each.kind.value for each in heard] == kinds
    assert state.seq == sum(each is not None for each in heard)


def test_new_rows_tell_only_of_the_new_ones():
    _, heard = course(found(1, 2), found(1, 2, 3, 4))
    told = heard[1]
    assert told is not None
    assert (told.total, told.new, [row.title for row in told.rows]) == (4, 2, ["row 3", "row 4"])
    assert told.opened_on == 1000


def test_resolving_tells_what_is_no_longer_there():
    state, heard = course(found(1, 2), found())
    told = heard[1]
    assert told is not None
    assert (told.kind, told.total, told.opened_on, told.on) == (Kind.RESOLVED, 2, 1000, 1001)
    assert [row.title for row in told.rows] == ["row 1", "row 2"]
    assert (state.active, state.resolved_on, state.rows, state.total) == (False, 1001, (), 0)


def test_the_state_says_which_rows_are_new_and_which_went():
    state, _ = course(found(1, 2), found(2, 3))
    assert (state.new_count, state.gone_count) == (1, 1)
    assert [row.title for row in state.gone] == ["row 1"]
    assert [(row.title, row.since) for row in state.rows] == [("row 3", 1001), ("row 2", 1000)]


def test_the_worst_rows_are_kept_and_the_new_ones_before_them():
    rows = tuple(Row(number, {"numericSeverity": number % 10}) for number in range(200))
    state, told = advance(None, Evaluation("r", True, HIGH, 200, rows), 5)
    assert told is not None
    assert (told.total, len(state.rows)) == (200, ROWS_KEPT)
    assert {row.score for row in state.rows[:20]} == {9.0}
    mild = Row(999, {"numericSeverity": 1})
    state, told = advance(state, Evaluation("r", True, HIGH, 201, (*rows, mild)), 6)
    assert told is not None
    assert [row.hash for row in told.rows] == [999]
    assert state.rows[0].hash == 999


def test_a_part_of_the_rows_opens_and_resolves_and_is_judged_by_the_total():
    def part(total: int, *rows: int) -> Evaluation:
        made = tuple(Row(number, {}) for number in rows)
        return Evaluation("r", total > 0, HIGH, total, made, whole=False)

    _, heard = course(part(900, 1, 2), part(900, 3, 4), part(903, 1, 2), part(0))
    assert [None if each is None else each.kind.value for each in heard] == [
        "opened",
        None,
        "new rows",
        "resolved",
    ]
    assert heard[2] is not None
    assert heard[2].new == 3


def test_a_failure_leaves_the_alert_as_it_is_and_is_told_once():
    state, _ = course(found(1))
    state = fail(state, "r", "bad\nquery", 2000)
    assert (state.active, state.total, state.evaluated_on) == (True, 1, 1000)
    assert state.failure is not None
    assert (state.failure.error, state.failure.since) == ("bad query", 2000)
    state, told = failed(state, 2000)
    assert told is not None
    assert (told.kind, told.error) == (Kind.FAILED, "bad query")
    state = fail(state, "r", "still bad", 3000)
    state, told = failed(state, 3000)
    assert told is None
    assert state.failure is not None
    assert state.failure.since == 2000
    state, told = advance(state, found(1), 4000)
    assert (told, state.failure, state.active) == (None, None, True)


def test_a_rule_may_fail_before_it_ever_ran():
    state = fail(None, "r", "no", 1)
    assert (state.active, state.evaluated_on) == (False, None)
    state, told = advance(state, found(1), 2)
    assert told is not None
    assert told.kind is Kind.OPENED


def test_the_history_is_bounded_and_joins_equal_evaluations():
    state, _ = course(*[found(1)] * 5, found(), found())
    assert [(each.on, each.until, each.times, each.active) for each in state.history] == [
        (1000, 1000, 1, True),
        (1001, 1004, 4, True),
        (1005, 1005, 1, False),
        (1006, 1006, 1, False),
    ]
    state, _ = course(*[found(*([1] * (number % 2))) for number in range(300)])
    assert len(state.history) == HISTORY_KEPT
    assert state.history[-1].on == 1299


ROWS = st.frozensets(st.integers(0, 6))


@given(st.lists(ROWS, max_size=12))
def test_told_rows_add_up_to_the_truth(courses: list[frozenset[int]]):
    """Whoever follows the messages knows when the alert is open, and was told of every row in it."""
    state: AlertState | None = None
    believed: set[int] = set()
    open_ = False
    for now, rows in enumerate(courses):
        previous = state
        state, told = advance(state, found(*sorted(rows)), now)
        if told is not None:
            open_ = told.kind is not Kind.RESOLVED
            believed = believed | {row.hash for row in told.rows} if open_ else set()
        assert open_ == bool(rows) == state.active
        assert rows <= believed
        if previous is not None and previous.active and rows and rows <= set(previous.seen.hashes):
            assert told is None

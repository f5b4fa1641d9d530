"""The life of an alert: a line is a course of evaluations and what people should hear of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secgraph.alerts.groups import FURTHER, GROUPS_KEPT, By
from secgraph.alerts.lifecycle import (
    HISTORY_KEPT,
    ROWS_KEPT,
    Happened,
    advance,
    fail,
    failed,
    retired,
)
from secgraph.alerts.notification import Event, Notification
from secgraph.alerts.state import AlertState, Evaluation
from secgraph.alerts.telling import tell
from secgraph.rules.rows import Row
from secgraph.rules.rule import Level


def found(*rows: int, level: Level = Level.LOW, holds: bool | None = None, **facts: Any) -> Evaluation:
    made = tuple(Row(number, {"displayName": f"row {number}", **facts}) for number in rows)
    return Evaluation("r", bool(rows) if holds is None else holds, level, len(rows), made)


def course(*evaluations: Evaluation) -> tuple[AlertState, list[tuple[Notification, ...]]]:
    """Give the last state, and what was told after each evaluation."""
    state: AlertState | None = None
    heard = []
    for number, evaluation in enumerate(evaluations):
        state, happened = advance(state, evaluation, 1000 + number)
        state, told = tell(state, happened, None)
        heard.append(told)
    assert state is not None
    return state, heard


def events(heard: list[tuple[Notification, ...]]) -> list[str]:
    return [", ".join(each.event.value for each in told) for told in heard]


LOW, HIGH, CRITICAL = Level.LOW, Level.HIGH, Level.CRITICAL


@pytest.mark.parametrize(
    ("evaluations", "kinds"),
    [
        ([found()], [""]),
        ([found(1)], ["opened"]),
        ([found(1), found(1)], ["opened", ""]),
        ([found(1), found(1, 2)], ["opened", "new rows"]),
        ([found(1, 2), found(1)], ["opened", ""]),
        ([found(1, 2), found(1), found(1, 2)], ["opened", "", "new rows"]),
        ([found(1), found(2)], ["opened", "new rows"]),
        ([found(1), found()], ["opened", "resolved"]),
        ([found(1), found(), found()], ["opened", "resolved", ""]),
        ([found(1), found(), found(1)], ["opened", "resolved", "opened"]),
        ([found(1, level=LOW), found(1, level=HIGH)], ["opened", "level raised"]),
        ([found(1, level=LOW), found(1, 2, level=CRITICAL)], ["opened", "level raised"]),
        ([found(1, level=HIGH), found(1, level=LOW)], ["opened", ""]),
        ([found(1, level=HIGH), found(1, level=LOW), found(1, level=HIGH)], ["opened", "", "level raised"]),
        ([found(holds=True)], ["opened"]),
        ([found(1, holds=False), found(1)], ["", "opened"]),
        ([found(1), found(1, holds=False)], ["opened", "resolved"]),
        ([found(1, count=1), found(1, count=2)], ["opened", ""]),
    ],
)
def test_people_hear_of_transitions_and_of_nothing_else(evaluations: list[Evaluation], kinds: list[str]):
    state, heard = course(*evaluations)
    assert events(heard) == kinds
    assert state.seq == sum(map(len, heard))
    assert [each.id for told in heard for each in told] == [f"r#{n + 1}" for n in range(state.seq)]


def test_new_rows_tell_only_of_the_new_ones():
    _, heard = course(found(1, 2), found(1, 2, 3, 4))
    (told,) = heard[1]
    assert (told.total, told.counted, [row.title for row in told.rows]) == (4, 2, ["row 3", "row 4"])
    assert (told.opened_on, told.thread, told.group) == (1000, "r", "")


def test_resolving_tells_what_is_no_longer_there():
    state, heard = course(found(1, 2), found())
    (told,) = heard[1]
    assert (told.event, told.total, told.opened_on, told.on) == (Event.RESOLVED, 2, 1000, 1001)
    assert [row.title for row in told.rows] == ["row 1", "row 2"]
    assert (state.active, state.resolved_on, state.rows, state.total) == (False, 1001, (), 0)


def test_the_state_says_which_rows_are_new_and_which_went():
    state, _ = course(found(1, 2), found(2, 3))
    assert (state.new_count, state.gone_count) == (1, 1)
    assert [row.title for row in state.gone] == ["row 1"]
    assert [(row.title, row.since) for row in state.rows] == [("row 3", 1001), ("row 2", 1000)]


def test_the_worst_rows_are_kept_and_the_new_ones_before_them():
    rows = tuple(Row(number, {"numericSeverity": number % 10}) for number in range(200))
    mild = Row(999, {"numericSeverity": 1})
    evaluations = [
        Evaluation("r", True, LOW, 200, rows),
        Evaluation("r", True, LOW, 201, (*rows, mild)),
    ]
    state, heard = course(evaluations[0])
    assert (heard[0][0].total, len(state.rows)) == (200, ROWS_KEPT)
    assert {row.score for row in state.rows[:20]} == {9.0}
    state, heard = course(*evaluations)
    assert [row.hash for row in heard[1][0].rows] == [999]
    assert state.rows[0].hash == 999


@pytest.mark.parametrize("level", [LOW, CRITICAL])
def test_a_part_of_the_rows_is_one_group_and_is_judged_by_the_total(level: Level):
    def part(total: int, *rows: int) -> Evaluation:
        made = tuple(Row(number, {}) for number in rows)
        return Evaluation("r", total > 0, level, total, made, whole=False)

    _, heard = course(part(900, 1, 2), part(900, 3, 4), part(903, 1, 2), part(0))
    assert events(heard) == ["opened", "", "new rows", "resolved"]
    assert heard[2][0].counted == 3


def test_a_failure_leaves_the_alert_as_it_is_and_is_told_once():
    state, _ = course(found(1))
    state = fail(state, "r", "bad\nquery", 2000)
    assert (state.active, state.total, state.evaluated_on, state.tried_on) == (True, 1, 1000, 2000)
    assert state.failure is not None
    assert (state.failure.error, state.failure.since) == ("bad query", 2000)
    state, (told,) = failed(state, 2000)
    assert (told.event, told.note) == (Event.FAILED, "bad query")
    state = fail(state, "r", "still bad", 3000)
    state, happened = failed(state, 3000)
    assert happened == ()
    assert state.failure is not None
    assert state.failure.since == 2000
    state, happened = advance(state, found(1), 4000)
    assert (happened, state.failure, state.active) == ((), None, True)


def test_a_rule_may_fail_before_it_ever_ran():
    state = fail(None, "r", "no", 1)
    assert (state.active, state.evaluated_on) == (False, None)
    _, (told,) = advance(state, found(1), 2)
    assert told.event is Event.OPENED


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────


def on(*rows: str, level: Level = HIGH) -> Evaluation:
    """Give rows like `i-1/mining`: a finding of that type on that instance."""
    made = []
    for number, row in enumerate(rows):
        target, _, kind = row.partition("/")
        facts = {
            "_class": ["Finding"],
            "_type": "aws_guardduty_finding",
            "type": kind,
            "targets": [target],
            "accountId": "111122223333",
            "displayName": row,
            "numericSeverity": number,
        }
        made.append(Row(int.from_bytes(row.encode()), facts, f"arn:{row}", row))
    return Evaluation("r", bool(rows), level, len(rows), tuple(made))


def said(heard: list[tuple[Notification, ...]]) -> list[list[str]]:
    return [sorted(f"{each.group} {each.event.value} {each.counted}" for each in told) for told in heard]


@pytest.mark.parametrize(
    ("level", "evaluations", "told"),
    [
        (HIGH, [["a/x", "a/y", "b/x"]], [["a opened 2", "b opened 1"]]),
        (HIGH, [["a/x"], ["a/x", "a/y"]], [["a opened 1"], ["a new rows 1"]]),
        (HIGH, [["a/x"], ["a/x", "b/y"]], [["a opened 1"], ["b opened 1"]]),
        (HIGH, [["a/x", "b/y"], ["a/x"]], [["a opened 1", "b opened 1"], ["b resolved 1"]]),
        (HIGH, [["a/x"], ["b/x"]], [["a opened 1"], ["a resolved 1", "b opened 1"]]),
        (HIGH, [["a/x"], [], ["a/x"]], [["a opened 1"], ["a resolved 1"], ["a opened 1"]]),
        (Level.MEDIUM, [["a/x"], ["a/x", "a/y"]], [["a · x opened 1"], ["a · y opened 1"]]),
        (LOW, [["a/x"], ["a/x", "b/y"], []], [[" opened 1"], [" new rows 1"], [" resolved 2"]]),
        (Level.INFO, [["a/x", "b/x"]], [[" opened 2"]]),
    ],
)
def test_groups_open_change_and_resolve_each_for_itself(
    level: Level, evaluations: list[list[str]], told: list[list[str]]
):
    _, heard = course(*[on(*rows, level=level) for rows in evaluations])
    assert said(heard) == told


def test_a_row_that_is_about_another_thing_now_joins_its_group():
    state, _ = course(on("a/x"))
    (row,) = on("a/x").rows
    moved = replace(row, facts={**row.facts, "targets": ["b"]})
    state, happened = advance(state, Evaluation("r", True, HIGH, 1, (moved,)), 2000)
    assert [(each.group, each.event, each.joined_on) for each in happened] == [
        ("b", Event.OPENED, 2000),
        ("a", Event.RESOLVED, 1000),
    ]
    assert state.joined_on == 2000


def test_each_group_has_a_thread_of_its_own():
    _, heard = course(on("a/x", "b/x"), on("a/x", "a/y", "b/x"), on("b/x"))
    threads = {(each.group, each.thread) for told in heard for each in told}
    assert len(threads) == 2
    assert all(thread.startswith("r/") for _, thread in threads)


@pytest.mark.parametrize(("groups", "messages"), [(5, 5), (6, 1), (300, 1)])
def test_more_than_five_groups_at_once_are_one_message(groups: int, messages: int):
    names = [f"i{number}/x" for number in range(groups)]
    state, heard = course(on(*names), on())
    for told in heard:
        assert len(told) == messages
        assert sum(each.groups for each in told) == groups
    (one, *_) = heard[0]
    assert state.groups.total == 0
    if messages == 1:
        assert (one.group, one.thread, one.counted, len(one.rows)) == ("", "r", groups, 5)
        assert [row.score for row in one.rows] == [groups - 1.0 - n for n in range(5)]


def test_a_raised_level_is_told_by_the_groups_that_there_were_and_then_makes_others():
    lower, higher = on("a/x", "a/y", level=Level.MEDIUM), on("a/x", "a/y", "b/x", level=HIGH)
    state, heard = course(lower, higher, on("a/x", "b/x"), on("b/x"))
    assert said(heard) == [
        ["a · x opened 1", "a · y opened 1"],
        ["a · x level raised 1", "a · y level raised 1", "b · x opened 1"],
        [],
        ["a resolved 1"],
    ]
    assert state.by is By.ENTITY
    (kept,) = state.kept
    assert (kept.label, kept.joined_on) == ("b", 1001)


def test_a_group_that_is_not_kept_by_name_resolves_all_the_same():
    names = [f"i{number}/x" for number in range(GROUPS_KEPT + 50)]
    state, _ = course(on(*names))
    kept = {each.label for each in state.kept}
    assert len(kept) == GROUPS_KEPT
    forgotten = next(name for name in names if name.partition("/")[0] not in kept)
    _, heard = course(on(*names), on(*(name for name in names if name != forgotten)))
    (told,) = heard[1]
    assert (told.event, told.group, told.rows) == (Event.RESOLVED, FURTHER, ())


def test_what_people_decided_about_is_kept_by_name():
    names = [f"i{number}/x" for number in range(GROUPS_KEPT + 50)]
    wanted = advance(None, on(names[0]), 1)[0].kept[0]
    plain, _ = advance(None, on(*names), 1)
    asked, _ = advance(None, on(*names), 1, keep=[wanted.key])
    assert wanted.label not in {each.label for each in plain.kept}
    assert wanted.label in {each.label for each in asked.kept}


def test_a_retired_alert_is_told_whole():
    state, _ = course(on("a/x", "b/x"))
    state, happened = retired(state, "The rule is disabled.", 2000)
    _, (told,) = tell(state, happened, None)
    assert (told.event, told.groups, told.counted, told.note) == (
        Event.RETIRED,
        2,
        2,
        "The rule is disabled.",
    )
    assert retired(state, "again", 3000)[1] == ()


def test_a_rule_that_only_has_effects_becomes_an_alert_and_ceases_to_be_one():
    def only(*rows: int, listed: bool) -> Evaluation:
        return replace(found(*rows), listed=listed)

    def heard(*evaluations: Evaluation) -> list[list[tuple[str, bool]]]:
        state: AlertState | None = None
        all_: list[Happened] = []
        for number, evaluation in enumerate(evaluations):
            state, happened = advance(state, evaluation, number)
            all_.append(happened)
        return [[(each.event.value, each.listed) for each in happened] for happened in all_]

    assert heard(
        only(1, listed=False), only(1, listed=True), only(1, 2, listed=False), only(listed=False)
    ) == [
        [("opened", False)],
        [("opened", True)],
        [("resolved", True), ("new rows", False)],
        [("resolved", False)],
    ]


# ── history ───────────────────────────────────────────────────────────────────────────────────────────


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


ROWS = st.frozensets(st.integers(0, 4))


@given(st.lists(ROWS, max_size=12))
def test_told_rows_add_up_to_the_truth(courses: list[frozenset[int]]):
    """Whoever follows the messages knows when the alert is open, and was told of every row in it."""
    state: AlertState | None = None
    believed: set[int] = set()
    open_ = False
    for now, rows in enumerate(courses):
        previous = state
        state, happened = advance(state, found(*sorted(rows)), now)
        state, told = tell(state, happened, None)
        for each in told:
            open_ = each.event is not Event.RESOLVED
            believed = believed | {row.hash for row in each.rows} if open_ else set()
        assert open_ == bool(rows) == state.active
        assert rows <= believed
        if previous is not None and previous.active and rows and rows <= set(previous.seen.hashes):
            assert not told

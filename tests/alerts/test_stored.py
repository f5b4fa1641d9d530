"""The stored form: what was written comes back, and the largest alert fits into a DynamoDB item."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from secgraph.alerts.digest import digest
from secgraph.alerts.groups import By
from secgraph.alerts.lifecycle import GONE_KEPT, HISTORY_KEPT, ROWS_KEPT, advance, fail
from secgraph.alerts.notification import Event
from secgraph.alerts.outbox import dump_record, load_record, records
from secgraph.alerts.quiet import Deployment
from secgraph.alerts.state import AlertState, Evaluation, Output
from secgraph.alerts.stored import Alert, dump_alert, dump_deployment, load_alert, load_deployment
from secgraph.alerts.telling import tell
from secgraph.errors import StoreError
from secgraph.rules.effects import Effect
from secgraph.rules.rows import Row
from secgraph.rules.rule import Level

FIRST = Path(__file__).parent / "version_1"
"""Texts that version 1 wrote."""
NOON = 1_777_636_800_000
QUARTER = 900_000


def alert() -> Alert:
    rows = tuple(
        Row(2**63 + number, {"displayName": f"row {number}", "numericSeverity": 5}) for number in range(3)
    )
    state: AlertState | None = None
    for now, count in enumerate((3, 2, 2, 0, 1)):
        outputs: dict[str, Output] = {"queries.query0.total": count, "alertLevel": "HIGH"}
        evaluation = Evaluation(
            "r", count > 0, Level.HIGH, count, rows[:count], outputs=outputs, errors=("no queue",)
        )
        state, _ = advance(state, evaluation, now)
    return Alert(replace(fail(state, "r", "no", 9), untold=True, acted=("operations[0].actions[1]",)))


def test_an_alert_comes_back_as_it_was():
    assert load_alert(dump_alert(alert())) == alert()


def test_an_alert_of_before_failures_of_actions_were_kept_has_none():
    state = replace(alert().state, action_failure=None)
    text = dump_alert(Alert(state)).replace('"actionFailure":null,', "")
    assert "actionFailure" not in text
    assert load_alert(text).state == state


def test_a_deployment_comes_back_as_it_was():
    for deployment in (
        Deployment(),
        Deployment(told_on=7, covered={"r": 3}),
        Deployment(tried=True, busy_until=5),
    ):
        assert load_deployment(dump_deployment(deployment)) == deployment


def test_a_text_of_another_version_is_left_alone():
    text = dump_alert(alert()).replace('"version":2', '"version":3')
    with pytest.raises(StoreError, match="has version 3; this secgraph reads version 2"):
        load_alert(text)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"version":1}', '{"version":2,"state":{}}', '{"version":1,"state":{}}']
)
def test_a_broken_text_is_an_error_with_a_remedy(text: str):
    with pytest.raises(StoreError, match="restore it as it was"):
        load_alert(text)


@pytest.mark.thorough
def test_the_largest_alert_fits_into_a_dynamodb_item():
    wide = "\U0001f525" * 600
    facts = {
        "displayName": wide,
        "_type": wide,
        "targets": [wide] * 5,
        "accountId": wide,
        "tag.AccountName": wide,
        "region": wide,
        "severity": wide,
        "numericSeverity": 9.123456789012345,
        "owner": wide,
        "recommendation": wide,
        "webLink": "https://" + "x" * 190,
    }
    rows = tuple(Row(number * 2**45, facts, f"{wide}{number}", wide) for number in range(10_000))
    name = "\U0001f525" * 255
    state: AlertState | None = None
    for now in range(HISTORY_KEPT + 1):
        outputs: dict[str, Output] = {"x" * 290: "y" * 300, "n": now}
        shown = rows[now : 6 + now]
        found = Evaluation(name, True, Level.HIGH, 6, shown, outputs=outputs, errors=(wide,))
        state, _ = advance(state, found, now)
        state = fail(state, name, wide, now)
    apart = tuple(replace(row, facts={**facts, "targets": [f"{n} {wide}"]}) for n, row in enumerate(rows))
    state, _ = advance(state, Evaluation(name, True, Level.HIGH, 10_000, apart), 60)
    assert len(state.history) == HISTORY_KEPT
    assert (len(state.seen.hashes), len(state.groups.hashes), len(state.kept)) == (10_000, 10_000, 100)
    state = replace(
        state,
        rows=tuple(digest(row, 0) for row in rows[:ROWS_KEPT]),
        gone=tuple(digest(row, 0) for row in rows[:GONE_KEPT]),
        acted=("x" * 120,) * 100,
    )
    assert len(dump_alert(Alert(state)).encode()) < 400_000


def test_a_record_comes_back_as_it_was():
    state, happened = advance(None, Evaluation("r", True, Level.HIGH, 1, (Row(7, {"name": "x"}),)), 5)
    _, told = tell(state, happened, None)
    effect = Effect(
        "webhook", {"$sealed": ["https://x/", {"param": "P"}]}, {"body": [1, None]}, "operations[0]"
    )
    made, left_out = records(told, ["topic", "slack"], [effect, effect], of="r#1", now=5)
    assert left_out == 0
    assert [each.id for each in made] == [
        "r#1#topic",
        "r#1#slack",
        "r#1#action:webhook/operations[0]",
        "r#1#action:webhook/operations[0]'",
    ]
    for record in made:
        claimed = record.claimed("run-1", 6)
        assert load_record(dump_record(claimed)) == claimed
        assert load_record(dump_record(claimed.refused("no\n!", 7))).error == "no !"


def test_what_is_too_large_or_too_much_for_one_write_is_counted():
    large = Effect("sqs", "q", "x" * 400_000, "operations[0]")
    small = Effect("sqs", "q", "x", "operations[1]")
    made, left_out = records([], [], [large, *[small] * 100], of="r#1", now=5)
    assert (len(made), left_out) == (90, 11)


def test_a_record_of_before_claims_were_counted_has_none():
    effect = Effect("sqs", "q", "x", "operations[0]")
    (made,), _ = records([], [], [effect], of="r#1", now=5)
    text = dump_record(made).replace('"unanswered":0,', "")
    assert "unanswered" not in text
    assert load_record(text) == made


# ── version 1 ─────────────────────────────────────────────────────────────────────────────────────────


def first(name: str) -> str:
    return (FIRST / f"{name}.json").read_text("utf-8")


def test_the_messages_of_a_first_version_are_read_as_records():
    alert = load_alert(first("active"))
    assert [(each.id, each.channel, each.made_on) for each in alert.waiting] == [
        ("mining#1#topic", "topic", NOON),
        ("mining#2#topic", "topic", NOON + QUARTER),
    ]
    refused, claimed = alert.waiting
    assert (refused.attempts, refused.error, refused.free(NOON)) == (1, "the topic is down", True)
    assert (claimed.claimed_by, claimed.free(NOON + QUARTER)) == ("run-1", False)
    told = claimed.thing.notification
    assert told is not None
    assert (told.id, told.event, told.level, told.total) == ("mining#2", Event.NEW_ROWS, Level.HIGH, 3)
    assert {row.title for row in told.rows} == {"i-0 mines", "i-1 mines", "i-2 mines"}


def test_an_alert_of_a_first_version_goes_on_as_one_group_and_then_as_many():
    state = load_alert(first("active")).state
    assert (state.by, state.groups.total, state.joined_on) == (By.RULE, 1, NOON + QUARTER)
    rows = tuple(Row(each.hash, {}, f"i-{each.hash}") for each in state.rows)
    state, happened = advance(state, Evaluation("mining", True, Level.HIGH, 3, rows), NOON + 2 * QUARTER)
    assert happened == ()
    assert (state.by, state.groups.total) == (By.ENTITY, 3)
    state, happened = advance(state, Evaluation("mining", True, Level.HIGH, 2, rows[:2]), NOON + 3 * QUARTER)
    assert [each.event for each in happened] == [Event.RESOLVED]


def test_what_a_first_version_resolved_is_told_so():
    alert = load_alert(first("resolved"))
    (waiting,) = alert.waiting
    told = waiting.thing.notification
    assert told is not None
    assert (told.event, told.total, len(told.rows), waiting.claimed_by) == (Event.RESOLVED, 3, 3, "")
    assert alert.state.failure is not None
    assert load_alert(dump_alert(alert)) == replace(alert, waiting=())


def test_a_summary_that_a_first_version_was_sending_is_made_anew_when_it_is_done():
    deployment = load_deployment(first("deployment"))
    assert deployment.quiet
    assert (deployment.tried, deployment.busy_until) == (True, NOON + 660_000)
    assert deployment.covered == {"mining": 1}

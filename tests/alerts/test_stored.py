"""The stored form: what was written comes back, and the largest alert fits into a DynamoDB item."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secgraph.alerts.digest import digest
from secgraph.alerts.lifecycle import (
    GONE_KEPT,
    HISTORY_KEPT,
    ROWS_KEPT,
    AlertState,
    Evaluation,
    Output,
    advance,
    fail,
)
from secgraph.alerts.message import BODY
from secgraph.alerts.outbox import PENDING_KEPT, Pending, queue
from secgraph.alerts.ports import Message
from secgraph.alerts.quiet import Deployment
from secgraph.alerts.rowset import RowSet
from secgraph.alerts.stored import Alert, dump_alert, dump_deployment, load_alert, load_deployment
from secgraph.errors import StoreError
from secgraph.rules.rows import Row
from secgraph.rules.rule import Level

MESSAGE = Message("r#1", "[HIGH] r opened", "body\nwith lines", {"severity": "HIGH", "rule": "r"})


def alert() -> Alert:
    rows = tuple(
        Row(2**63 + number, {"displayName": f"row {number}", "numericSeverity": 5}) for number in range(3)
    )
    state: AlertState | None = None
    for now, count in enumerate((3, 2, 2, 0, 1)):
        outputs: dict[str, Output] = {"queries.query0.total": count, "alertLevel": "HIGH"}
        evaluation = Evaluation("r", count > 0, Level.HIGH, count, rows[:count], outputs=outputs)
        state, _ = advance(state, evaluation, now)
    return Alert(replace(fail(state, "r", "no", 9), untold=True), queue((), MESSAGE, "run-1", 9), dropped=2)


def test_an_alert_comes_back_as_it_was():
    assert load_alert(dump_alert(alert())) == alert()


def test_a_deployment_comes_back_as_it_was():
    for deployment in (
        Deployment(),
        Deployment(told_on=7, covered={"r": 3}),
        Deployment(pending=Pending(MESSAGE, 5, attempts=2, error="no")),
    ):
        assert load_deployment(dump_deployment(deployment)) == deployment


def test_a_text_of_another_version_is_left_alone():
    text = dump_alert(alert()).replace('"version":1', '"version":2')
    with pytest.raises(StoreError, match="has version 2; this secgraph reads version 1"):
        load_alert(text)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version":1}', '{"version":1,"state":{}}'])
def test_a_broken_text_is_an_error_with_a_remedy(text: str):
    with pytest.raises(StoreError, match="delete it, and the alert opens anew"):
        load_alert(text)


def test_the_largest_alert_fits_into_a_dynamodb_item():
    wide = "\U0001f525" * 5000
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
    rows = tuple(Row(number * 2**45, facts) for number in range(12_000))
    name = "\U0001f525" * 255
    state: AlertState | None = None
    for now in range(60):
        shown = rows if now == 58 else rows[1000 + now : 1100 + now]
        outputs: dict[str, Output] = {"x" * 290: "y" * 300, "n": now}
        state, _ = advance(
            state, Evaluation(name, True, Level.HIGH, 30_000 + now, shown, outputs=outputs), now
        )
        state = fail(state, name, wide, now)
    assert state is not None
    assert len(state.history) == HISTORY_KEPT
    state = replace(
        state,
        seen=RowSet.of((row.hash for row in rows), 30_000),
        rows=tuple(digest(row, 0) for row in rows[:ROWS_KEPT]),
        gone=tuple(digest(row, 0) for row in rows[:GONE_KEPT]),
    )
    big = Message(f"{name}#1", "x" * 99, wide[:BODY], {"rule": name})
    pending: tuple[Pending, ...] = ()
    for _ in range(PENDING_KEPT + 1):
        pending = queue(pending, big, "run", 1)
    assert len(dump_alert(Alert(state, pending)).encode()) < 400_000

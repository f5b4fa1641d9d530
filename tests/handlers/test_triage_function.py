"""The function that people decide by, on the alerts that evaluation left in the table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secgraph.alerts.decisions import decision_id
from secgraph.alerts.outbox import UNDELIVERED, Record, dump_record
from secgraph.alerts.ports import Outgoing
from secgraph.alerts.rowset import RowSet
from secgraph.alerts.state import AlertState
from secgraph.alerts.stored import Alert, alert_id, dump_alert
from secgraph.handlers import triage
from secgraph.handlers.ingest import handler as ingest
from secgraph.handlers.triage import handler
from secgraph.rules.effects import Effect
from tests.handlers.upkeep import evaluated as evaluate

DISMISS = {"action": "dismiss", "rule": "open", "reason": "a test host", "author": "ann"}


@pytest.fixture
def alert(deployment):
    """An alert that is open."""
    state = AlertState("open", active=True, opened_on=1, joined_on=1, seen=RowSet.of([7], 1))
    deployment.store(alert_id("open"), dump_alert(Alert(state)))


def test_what_evaluation_found_is_dismissed_and_taken_back(deployment, sample, batch, context):
    ingest(batch(sample("01"), sample("02")), context)
    evaluate({}, context)
    listed = handler({"action": "list"}, context)["alerts"]
    rule = listed[0]["rule"]
    assert listed[0]["status"] == "ACTIVE"
    shown = handler({**DISMISS, "rule": rule, "until": "2999-01-01"}, context)
    assert (shown["rule"], shown["status"]) == (rule, "DISMISSED")
    (made,) = shown["dismissals"]
    assert (made["author"], made["request"], made["until"]) == ("ann", "request-1", "2999-01-01")
    assert handler({"action": "show", "rule": rule}, context) == shown
    shown = handler({"action": "withdraw", "rule": rule, "author": "bob", "reason": None}, context)
    assert shown["status"] == "ACTIVE"
    assert shown["dismissals"][0]["withdrawn"]["author"] == "bob"
    json.dumps([listed, shown])


def test_what_was_given_up_is_listed_and_sent_again(deployment, context):
    record = Record(
        "q", "topic", Outgoing("q#1#topic", effect=Effect("sqs", "t", "x", "p")), 1, 1, error="no"
    )
    deployment.store(f"{UNDELIVERED}q#1#topic", dump_record(record))
    (listed,) = handler({"action": "undelivered"}, context)["undelivered"]
    assert (listed["rule"], listed["error"], listed["givenUp"]) == ("q", "no", True)
    nobody = handler({"action": "resend", "rule": "nobody"}, context)["error"]["message"]
    assert nobody == "nothing of the kind was given up; there is q (topic)"
    assert handler({"action": "resend"}, context) == {"sent": ["q#1#topic"]}
    assert handler({"action": "undelivered"}, context) == {"undelivered": []}


WRONG: list[tuple[Any, str]] = [
    ([], 'the event is no object; send {"action": "list"}'),
    ({}, "action: expected one of list, show, dismiss, withdraw, undelivered, resend"),
    ({"action": ["list"]}, "action: expected one of list, show, dismiss, withdraw, undelivered, resend"),
    ({"action": "list", "rule": "open"}, "rule: list has no such field; it has no others"),
    ({"action": "show"}, "rule: is missing; show needs the name of a rule"),
    ({"action": "show", "rule": "oben"}, "rule: there is no alert of a rule oben; did you mean open?"),
    ({**DISMISS, "reason": None}, "reason: is missing; dismiss needs why nobody needs to hear of it"),
    ({**DISMISS, "author": " "}, "author: expected a text, who decides this"),
    ({**DISMISS, "author": {"name": "ann"}}, "author: expected a text, who decides this"),
    (
        {**DISMISS, "request": "q"},
        "request: dismiss has no such field; it may have rule, reason, author, ",
    ),
    ({**DISMISS, "until": 1_795_000_000_000}, "until: expected a text, a moment such as 2026-12-31"),
    ({**DISMISS, "until": "2026-02-30"}, "until: The date 2026-02-30 does not exist."),
    ({**DISMISS, "until": "1999-01-01"}, "until: 1999-01-01 is past"),
    ({**DISMISS, "group": "web"}, "group: the alert has no groups"),
    (
        {"action": "withdraw", "rule": "open", "author": "ann"},
        "rule: nothing of the alert of open is dismissed",
    ),
]


def test_bad_input_is_an_answer_that_names_the_field_and_changes_nothing(deployment, alert, context):
    for event, message in WRONG:
        error = handler(event, context)["error"]
        assert error["code"] == "INPUT"
        assert error["message"].startswith(message), event
    key = {"id": {"S": decision_id("open")}}
    assert "Item" not in deployment.dynamodb.get_item(TableName="alerts", Key=key)


def test_an_alert_that_cannot_be_read_is_an_error_in_the_answer(deployment, context):
    deployment.store(alert_id("open"), "{")
    error = handler({"action": "show", "rule": "open"}, context)["error"]
    assert error["code"] == "STORE"
    assert "cannot be read" in error["message"]
    assert handler({"action": "list"}, context)["problems"]


def test_of_more_alerts_than_an_answer_may_hold_the_last_are_counted(deployment, alert, context, monkeypatch):
    monkeypatch.setattr(triage, "ANSWER_BYTES", 10)
    assert handler({"action": "list"}, context) == {"alerts": [], "leftOut": 1}

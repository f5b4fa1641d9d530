"""What a reconcile observed, laid over what events said; and what an event says of its sender and source."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secgraph import contract
from secgraph.errors import EventError
from secgraph.flows.ingest import Delivery, read
from secgraph.graph import merge
from secgraph.graph.model import GraphChange
from secgraph.ingest.heard import EVERY_MS
from secgraph.ingest.normalise import Ignored
from secgraph.sources.observed import ABSENT, finding_state
from secgraph.sources.scope import Scope

NOW = 1_795_000_000_000


def changes(event: Any, administrators: Any = None) -> tuple[GraphChange, ...]:
    body = event if isinstance(event, str) else json.dumps(event)
    found = read(Delivery("x", body, NOW), test_source=False, administrators=administrators)
    assert not isinstance(found, Ignored)
    return found


def shown(*given: GraphChange) -> dict[str, Any]:
    """Give what is seen of the first thing after these changes."""
    about = [change for change in given if change.thing == given[0].thing]
    seen = merge.entity(merge.apply(None, about, now=NOW, settings={}).item)
    return {} if seen is None else dict(seen.properties)


def moved(event: dict[str, Any], days: int) -> dict[str, Any]:
    """Give a later state of a sample, of Inspector as of GuardDuty."""
    text = json.dumps(event).replace("Nov 20 ", f"Nov {20 + days} ").replace("-11-20T", f"-11-{20 + days}T")
    later: dict[str, Any] = json.loads(text)
    return later


def state(finding: dict[str, Any], observed_on: int, *, is_open: bool, reason: str = "") -> GraphChange:
    source = "guardduty" if finding["_type"] == "aws_guardduty_finding" else "inspector2"
    scope = Scope(source, finding["accountId"], finding["region"])
    told = finding_state(finding["arn"], scope, is_open=is_open, observed_on=observed_on, reason=reason)
    return changes(told.body)[0]


@pytest.mark.parametrize("name", ["01", "02"])
def test_what_the_source_does_not_know_is_closed_with_the_reason_until_it_is_seen_again(sample, name):
    event = changes(sample(name))
    finding = shown(*event)
    absent = state(finding, finding["updatedOn"] + 1, is_open=False, reason=ABSENT)
    for given in ((*event, absent), (absent, *event)):
        closed = shown(*given)
        assert (closed["open"], closed["active"], closed["status"]) == (False, False, "closed")
        assert (closed["closedReason"], closed["closedOn"]) == (ABSENT, finding["updatedOn"] + 1)
    again = shown(*event, absent, *changes(moved(sample(name), 5)))
    assert again["open"]
    assert not {"closedReason", "closedOn", "stateObservedOn"}.intersection(again)


@pytest.mark.parametrize("name", ["01", "02"])
def test_of_two_states_at_one_clock_the_open_one_is_shown(sample, name):
    event = changes(sample(name))
    finding = shown(*event)
    said = [state(finding, finding["updatedOn"] + 1, is_open=is_open) for is_open in (True, False)]
    assert shown(*event, *said)["open"]
    assert shown(*event, *reversed(said))["open"]


def test_an_older_state_changes_nothing(sample):
    event = changes(sample("01"))
    finding = shown(*event)
    assert shown(*event, state(finding, finding["updatedOn"] - 1, is_open=False)) == finding


GOOD = {
    "source": "guardduty",
    "accountId": "111122223333",
    "region": "eu-west-1",
    "observedOn": NOW,
}
ARN = "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f"


@pytest.mark.parametrize(
    ("kind", "detail", "says"),
    [
        (contract.FINDING_STATE, {"source": "aws"}, "detail.source: 'aws' is none of guardduty, inspector2"),
        (
            contract.FINDING_STATE,
            {"arn": "arn:aws:s3:::b", "open": True},
            "detail.arn: 'arn:aws:s3:::b' is not",
        ),
        (contract.FINDING_STATE, {"arn": ARN}, "detail.open: is missing: expected true or false"),
        (contract.FINDING_STATE, {"arn": ARN, "open": "yes"}, "detail.open"),
        (
            contract.FINDING_STATE,
            {"arn": ARN, "open": True, "observedOn": None},
            "detail.observedOn: is missing",
        ),
        (contract.SOURCE_STATE, {"state": "odd"}, "detail.state: 'odd' is none of on, off, unreachable"),
        (
            contract.SOURCE_STATE,
            {"state": "on", "accountId": "12"},
            "detail.accountId: '12' is no account id",
        ),
        (contract.SOURCE_STATE, {"state": "on", "repaired": "many"}, "detail.repaired"),
    ],
)
def test_a_mistake_names_its_field(kind, detail, says):
    event = {"source": contract.OWN_SOURCE, "detail-type": kind, "detail": {**GOOD, **detail}}
    with pytest.raises(EventError) as caught:
        changes(event)
    assert str(caught.value).startswith(says)


# ── who speaks, and when ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["01", "02"])
def test_an_event_tells_that_its_source_was_heard_of_in_steps(sample, name):
    event = sample(name)
    event["time"] = "2026-11-20T08:19:59Z"
    (told,) = [each for each in changes(event) if each.observation.block == "secgraph/events"]
    floor = told.observation.properties["lastEventOn"]
    assert isinstance(floor, int)
    assert floor % EVERY_MS == 0
    event["time"] = "2026-11-20T08:15:00Z"
    (same,) = [each for each in changes(event) if each.observation.block == "secgraph/events"]
    assert same == told


def test_what_came_by_no_event_tells_nothing_of_events(sample):
    bare = sample("01")["detail"]
    assert not any(each.observation.block == "secgraph/events" for each in changes(bare))


@pytest.mark.parametrize("name", ["01", "02"])
def test_an_account_speaks_for_itself_and_an_administrator_for_others(sample, name):
    event = sample(name)
    own = event["detail"].get("accountId") or event["detail"]["awsAccountId"]
    for sender, administrators, believed in (
        (own, set(), True),
        ("999988887777", {"999988887777"}, True),
        ("999988887777", None, True),
        ("999988887777", {"111100001111"}, False),
        ("999988887777", set(), False),
    ):
        event["account"] = sender
        if believed:
            assert changes(event, administrators)
            continue
        with pytest.raises(EventError, match=f"^account: the event is of account {sender} and speaks of"):
            changes(event, administrators)


@pytest.mark.parametrize(("name", "member"), [("01", "accountId"), ("02", "awsAccountId")])
def test_an_account_cannot_say_it_is_its_own_finding_under_another_ones_arn(sample, name, member):
    event = sample(name)
    event["account"] = event["detail"][member] = "999988887777"
    assert changes(event, {"999988887777"})
    with pytest.raises(EventError, match=r"^account: the event is of account 999988887777 and speaks of"):
        changes(event, set())


def test_an_open_finding_has_no_reason_why_it_is_closed(sample):
    finding = shown(*changes(sample("01")))
    told = state(finding, finding["updatedOn"] + 1, is_open=True, reason=ABSENT).observation.properties
    assert (told["open"], "closedReason" in told) == (True, False)
    assert told["status"] != "closed"


def coverage(sender: str, resource: str) -> dict[str, Any]:
    return {
        "source": contract.INSPECTOR_SOURCE,
        "detail-type": contract.INSPECTOR_COVERAGE,
        "account": sender,
        "region": "eu-west-1",
        "time": "2026-11-20T08:19:59Z",
        "resources": ["arn:aws:ec2:eu-west-1:999988887777:instance/i-0a1b2c3d4e5f60718", resource],
        "detail": {
            "scanStatus": {"reason": "RESOURCE_TERMINATED", "statusCodeValue": "INACTIVE"},
            "scanType": "PACKAGE",
        },
    }


def test_an_account_cannot_end_any_of_the_resources_of_another_one():
    event = coverage("999988887777", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f60719")
    assert changes(event, {"999988887777"})
    with pytest.raises(EventError, match=r"^account: .* speaks of what is of account 111122223333"):
        changes(event, set())


def test_coverage_tells_that_its_source_was_heard_of():
    event = coverage("999988887777", "arn:aws:ec2:eu-west-1:999988887777:instance/i-0a1b2c3d4e5f60719")
    (told,) = [each for each in changes(event, set()) if each.observation.block == "secgraph/events"]
    assert told.thing.key == "secgraph_source:inspector2:999988887777:eu-west-1"
    assert told.observation.properties["lastEventOn"] == told.observation.time == 1_795_162_500_000


@pytest.mark.parametrize("name", ["01", "02"])
def test_the_account_is_known_by_its_findings_and_not_by_what_is_said_of_its_sources(sample, name):
    told = [each for each in changes(sample(name)) if each.thing.type == "aws_account"]
    finding = "aws_guardduty_finding" if name == "01" else "aws_inspector_finding"
    for given in (told, told[::-1]):
        assert shown(*given)["discoveredBy"] == finding
        assert shown(*given)["_source"] == "integration-managed"

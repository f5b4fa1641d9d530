"""Calls to GuardDuty's API as CloudTrail reports them → what is said to locators, or why it is nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secgraph.errors import EventError
from secgraph.graph.model import GraphChange
from secgraph.ingest.event import parse
from secgraph.ingest.normalise import Ignored, normalise


def read(**detail: object) -> tuple[GraphChange, ...] | Ignored:
    """What becomes of a call with these fields in place of the usual ones; None takes one out."""
    usual: dict[str, Any] = {
        "eventSource": "guardduty.amazonaws.com",
        "eventName": "ArchiveFindings",
        "eventTime": "2026-11-20T09:00:00Z",
        "awsRegion": "eu-west-1",
        "requestParameters": {"detectorId": "d1", "findingIds": ["f1", "f2"]},
    }
    event = {
        "source": "aws.guardduty",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": usual | detail,
    }
    return normalise(parse(json.dumps(event)), received_on=7)


@pytest.mark.parametrize(
    ("name", "state", "rank"),
    [
        (
            "ArchiveFindings",
            {
                "archived": True,
                "open": False,
                "active": False,
                "status": "archived",
                "closedOn": 1795165200000,
            },
            0,
        ),
        ("UnarchiveFindings", {"archived": False, "open": True, "active": True, "status": "open"}, 1),
    ],
)
def test_a_call_says_the_state_of_each_finding_that_it_names(name, state, rank):
    changes = read(eventName=name)
    assert not isinstance(changes, Ignored)
    assert [change.thing.key for change in changes] == [
        "guardduty-finding-id:eu-west-1:f1",
        "guardduty-finding-id:eu-west-1:f2",
    ]
    assert {(change.thing.type, change.received_on) for change in changes} == {("locator", 7)}
    for observation in (change.observation for change in changes):
        assert observation.properties == state | {"stateObservedOn": 1795165200000}
        assert (observation.block, observation.time) == ("guardduty/state", 1795165200999)
        assert (observation.rank, observation.edges) == (rank, ())


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"eventName": "CreateSampleFindings"}, "the API call CreateSampleFindings archives no finding"),
        ({"eventName": "DeleteDetector", "requestParameters": None}, "DeleteDetector archives no finding"),
        ({"eventSource": "securityhub.amazonaws.com"}, "the API call ArchiveFindings archives no finding"),
        ({"errorCode": "AccessDenied"}, "ArchiveFindings was refused (AccessDenied) and changed nothing"),
        ({"requestParameters": {"findingIds": []}}, "the API call ArchiveFindings names no finding"),
        ({"requestParameters": None}, "the API call ArchiveFindings names no finding"),
    ],
)
def test_what_archives_nothing_is_ignored_by_name(detail, said):
    ignored = read(**detail)
    assert isinstance(ignored, Ignored)
    assert said in ignored.reason


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"eventName": None}, "detail.eventName: is missing"),
        ({"eventSource": ""}, "detail.eventSource: is missing"),
        ({"eventTime": None}, "detail.eventTime: is missing: it orders"),
        ({"eventTime": "soon"}, "detail.eventTime: 'soon' is no moment"),
        ({"awsRegion": None}, "detail.awsRegion: is missing"),
        ({"awsRegion": "a|b"}, "detail.awsRegion: 'a|b' holds a '|'"),
        ({"requestParameters": {"findingIds": "f1"}}, "detail.requestParameters.findingIds: expected a list"),
        (
            {"requestParameters": {"findingIds": [{}]}},
            "detail.requestParameters.findingIds[0]: expected a text",
        ),
        ({"requestParameters": {"findingIds": ["a|b"]}}, "detail.requestParameters.findingIds: 'a|b' holds"),
        ({"requestParameters": [1]}, "detail.requestParameters: expected an object"),
    ],
)
def test_what_cannot_be_understood_names_its_field(detail, said):
    with pytest.raises(EventError) as error:
        read(**detail)
    assert said in str(error.value)


def test_the_copies_of_administrator_and_member_are_one_finding_under_one_id(see, load):
    member, administrator = load("guardduty/instance_brute_force"), load("guardduty/instance_brute_force")
    administrator |= {"account": "999988887777"}
    both = see(member, administrator)
    locators = {change.thing.key for change in both.changes if change.thing.type == "locator"}
    assert locators == {"guardduty-finding-id:eu-west-1:1c7d0f6e2b9a4d53"}
    assert both.entities == see(member).entities

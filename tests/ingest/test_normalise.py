"""Which events become changes, which are ignored by name, which are refused; and the test source."""

from __future__ import annotations

import json

import pytest

from secgraph.contract import TEST_SOURCE
from secgraph.errors import EventError
from secgraph.graph.merge import content_hash
from secgraph.ingest.event import parse
from secgraph.ingest.normalise import Ignored, normalise


def outcome(source, detail_type):
    event = {"source": source, "detail-type": detail_type, "detail": {"any": "thing"}}
    return normalise(parse(json.dumps(event)), received_on=1)


@pytest.mark.parametrize(
    ("source", "detail_type"),
    [
        ("aws.guardduty", "GuardDuty Runtime Protection Unhealthy"),
        ("aws.guardduty", "GuardDuty Malware Protection Object Scan Result"),
        ("aws.inspector2", "Inspector2 AutoEnable"),
        ("aws.inspector2", "Inspector2 OnDemand Scan Complete"),
        ("inspector2.ami.ondemand", "Inspector2 OnDemand Scan Complete"),
    ],
)
def test_ignored_by_name(source, detail_type):
    ignored = outcome(source, detail_type)
    assert isinstance(ignored, Ignored)
    assert detail_type in ignored.reason


@pytest.mark.parametrize(
    ("source", "detail_type", "said"),
    [
        ("aws.guardduty", "GuardDuty Novelty", "detail-type: 'GuardDuty Novelty' is no detail type"),
        ("aws.inspector2", "GuardDuty Finding", "it reads 'Inspector2 Coverage' and 'Inspector2 Finding'"),
        ("aws.macie", "Macie Finding", "source: secgraph reads no events of 'aws.macie'"),
        ("aws.inspector", "Inspector Finding", "Inspector Classic ended"),
        ("aws.inspector", "Inspector Scan", "Inspector Classic ended"),
        ("aws.securityhub", "Security Hub Findings - Imported", "later release"),
        (TEST_SOURCE, "Macie Finding", "detail-type: 'Macie Finding' is no detail type"),
        (TEST_SOURCE, "GuardDuty Finding", "source: events of secgraph.test are switched off"),
    ],
)
def test_refused(source, detail_type, said):
    with pytest.raises(EventError) as error:
        outcome(source, detail_type)
    assert said in str(error.value)


NAMES = (
    "guardduty/instance_brute_force",
    "guardduty/user",
    "guardduty/bucket_upload",
    "inspector/package_instance",
    "inspector/network_instance",
)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_change_is_the_finding(see, name):
    assert see(name).changes[0].thing.type in ("aws_guardduty_finding", "aws_inspector_finding")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_twice(see, name):
    said = [(c.thing.id, c.observation.block, content_hash(c.observation)) for c in see(name).changes]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("name", NAMES)
def test_a_test_event_is_the_same_graph_apart(see, load, name):
    real = see(name)
    apart = see(load(name) | {"source": TEST_SOURCE}, test_source=True)
    assert {key.removeprefix("secgraph.test:") for key in apart.keys} == real.keys
    assert not apart.keys & real.keys
    assert {tuple(end.removeprefix("secgraph.test:") for end in edge) for edge in apart.edges} == real.edges
    for entity in apart.entities.values():
        assert (entity["sample"], entity["_source"], entity["_scope"]) == (True, "sample-data", TEST_SOURCE)


def test_a_test_event_carries_tags_and_severity(see, load):
    apart = see(load("inspector/package_instance") | {"source": TEST_SOURCE}, test_source=True)
    instance = next(entity for entity in apart.entities.values() if entity["_type"] == "aws_instance")
    assert instance["tag.Production"] is True
    assert apart.finding["numericSeverity"] == 9.8


def test_letting_test_events_in_leaves_real_ones_alone(see):
    name = "guardduty/instance_brute_force"
    assert see(name, test_source=True).changes == see(name).changes


def test_two_sources_meet_in_one_instance(see):
    names = ("guardduty/instance_brute_force", "inspector/package_instance")
    for order in (names, names[::-1]):
        seen = see(*order, *order)
        key = "arn:aws:ec2:eu-west-1:210987654321:instance/i-0a1b2c3d4e5f60718"
        assert {
            end for start, verb, end in seen.edges if start == key and verb == "HAS" and "finding/" in end
        } == {
            "arn:aws:inspector2:eu-west-1:210987654321:finding/a1",
            "arn:aws:guardduty:eu-west-1:210987654321:detector/6ab6e6ee780ed494f3b7ca56acdc74df"
            "/finding/1c7d0f6e2b9a4d53",
        }
        instance = seen.entities[key]
        assert instance["hostname"] == "ip-10-4-0-12.eu-west-1.compute.internal"
        assert (instance["state"], instance["keyName"], instance["name"]) == ("running", "ops", "web-1")

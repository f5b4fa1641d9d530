"""The hub's bus and the stack of a spoke: the same events, and nobody may send or read more than that."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.completeness import DETECTOR_ACTIONS, SOURCE_ACTIONS  # before the CDK: it points it at its Node

# isort: split
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from infra.hub import Hub
from infra.hub_settings import HubSettings, SpokeSettings
from infra.kept_queue import kept_queue
from infra.spoke import SpokeStack
from secgraph import contract

Resources = dict[str, dict[str, Any]]
BUS = "arn:aws:events:eu-west-1:111122223333:event-bus/secgraph"
HUB_ROLE = "arn:aws:iam::111122223333:role/secgraph-Reconcile"


@pytest.fixture(scope="module")
def spoke(new_app: Callable[..., App]) -> Resources:
    """A spoke whose findings the hub may read."""
    stack = SpokeStack(new_app(), "secgraph-spoke", settings=SpokeSettings(BUS, HUB_ROLE, "spoke-4711"))
    return Template.from_stack(stack).to_json()["Resources"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def hub(new_app: Callable[..., App]) -> Resources:
    """The bus of a hub that an organisation may send to, and the queues behind it."""
    return hub_of(new_app(), HubSettings(organization="o-exampleorg1"))


def hub_of(app: App, settings: HubSettings, *tests: str) -> Resources:
    stack = Stack(app, "hub")
    queue, dead = kept_queue(stack, "Queue"), kept_queue(stack, "DeadLetters")
    Hub(stack, "Hub", settings=settings, tests=tests, queue=queue, dead_letters=dead)
    return Template.from_stack(stack).to_json()["Resources"]  # type: ignore[no-any-return]


def of_type(resources: Resources, kind: str) -> list[dict[str, Any]]:
    return [body["Properties"] for body in resources.values() if body["Type"] == kind]


def patterns(resources: Resources, *, on_own_bus: bool) -> list[str]:
    """The patterns of rules by events, on the default bus or on another one."""
    rules = of_type(resources, "AWS::Events::Rule")
    return sorted(
        json.dumps(rule["EventPattern"], sort_keys=True)
        for rule in rules
        if "EventPattern" in rule and ("EventBusName" in rule) == on_own_bus
    )


def test_a_spoke_forwards_what_the_hub_takes_up_on_both_of_its_buses(
    resources: Resources, hub: Resources, spoke: Resources
) -> None:
    forwarded = patterns(spoke, on_own_bus=False)
    assert len(forwarded) == len(set(forwarded)) == 6
    # The default bus of the hub has one rule more, which looks at the stack's own deployments.
    assert set(forwarded) <= set(patterns(resources, on_own_bus=False))
    assert forwarded == patterns(hub, on_own_bus=True)


def test_the_rules_of_the_bus_lead_to_the_queue_and_else_to_the_dead_letters(hub: Resources) -> None:
    rules = [rule for rule in of_type(hub, "AWS::Events::Rule") if "EventBusName" in rule]
    for rule in rules:
        assert hub[rule["EventBusName"]["Ref"]]["Type"] == "AWS::Events::EventBus"
        assert "account" not in rule["EventPattern"], "it would let no other account's events through"
        (target,) = rule["Targets"]
        assert target["Arn"]["Fn::GetAtt"][0].startswith("Queue")
        assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith("DeadLetters")


def test_an_organisation_may_send_what_the_rules_take_up_and_nothing_else(hub: Resources) -> None:
    (bus,) = of_type(hub, "AWS::Events::EventBus")
    assert bus["Name"] == {"Ref": "AWS::StackName"}
    (policy,) = of_type(hub, "AWS::Events::EventBusPolicy")
    rules = [json.loads(pattern) for pattern in patterns(hub, on_own_bus=True)]
    statement = policy["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Allow", "*")
    assert statement["Action"] == "events:PutEvents"
    assert hub[statement["Resource"]["Fn::GetAtt"][0]]["Type"] == "AWS::Events::EventBus"
    conditions = statement["Condition"]
    assert conditions.pop("StringEquals") == {"aws:PrincipalOrgID": "o-exampleorg1"}
    limited = conditions.pop("ForAllValues:StringEquals")
    assert set(limited["events:source"]) == {source for rule in rules for source in rule["source"]}
    assert set(limited["events:detail-type"]) == {kind for rule in rules for kind in rule["detail-type"]}
    assert conditions == {"Null": {"events:source": "false", "events:detail-type": "false"}}


def test_single_accounts_are_named_instead_of_an_organisation(new_app: Callable[..., App]) -> None:
    settings = HubSettings(spokes=("222222222222", "333333333333"))
    resources = hub_of(new_app(), settings, contract.TEST_SOURCE)
    (policy,) = of_type(resources, "AWS::Events::EventBusPolicy")
    statement = policy["Statement"]
    named = [json.dumps(each) for each in statement["Principal"]["AWS"]]
    assert [":iam::222222222222:root" in named[0], ":iam::333333333333:root" in named[1]] == [True, True]
    assert "StringEquals" not in statement["Condition"]
    assert contract.TEST_SOURCE in statement["Condition"]["ForAllValues:StringEquals"]["events:source"]


def test_without_either_nobody_may_send(resources: Resources) -> None:
    assert of_type(resources, "AWS::Events::EventBus") == []
    assert of_type(resources, "AWS::Events::EventBusPolicy") == []


def test_a_spoke_sends_by_a_role_that_may_do_nothing_else(spoke: Resources) -> None:
    (sender,) = [name for name in spoke if name.startswith("Sender") and "Policy" not in name]
    (policy,) = [body for name, body in spoke.items() if name.startswith("SenderDefaultPolicy")]
    assert policy["Properties"]["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": BUS}
    ]
    trust = spoke[sender]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "events.amazonaws.com"}]
    for rule in of_type(spoke, "AWS::Events::Rule"):
        (target,) = rule["Targets"]
        assert (target["Arn"], target["RoleArn"]["Fn::GetAtt"][0]) == (BUS, sender)


def test_what_a_spoke_cannot_send_is_tried_for_a_day_kept_for_14_and_told(spoke: Resources) -> None:
    (queue,) = [name for name, body in spoke.items() if body["Type"] == "AWS::SQS::Queue"]
    assert spoke[queue]["Properties"] == {"MessageRetentionPeriod": 14 * 86400, "SqsManagedSseEnabled": True}
    for rule in of_type(spoke, "AWS::Events::Rule"):
        (target,) = rule["Targets"]
        assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] == queue
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    (access,) = of_type(spoke, "AWS::SQS::QueuePolicy")
    statements = access["PolicyDocument"]["Statement"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [each.get("Condition") for each in statements]
    senders = [each for each in statements if each["Effect"] == "Allow"]
    assert len(senders) == 6
    assert all("aws:SourceArn" in each["Condition"]["ArnEquals"] for each in senders)
    (alarm,) = of_type(spoke, "AWS::CloudWatch::Alarm")
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": [queue, "QueueName"]}


def test_the_hub_reads_a_spoke_by_one_role_with_the_actions_it_has_at_home(spoke: Resources) -> None:
    (reader,) = [name for name in spoke if name.startswith("Reader") and "Policy" not in name]
    (trust,) = spoke[reader]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRole"
    assert "111122223333:root" in json.dumps(trust["Principal"])
    assert trust["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": HUB_ROLE},
        "StringEquals": {"sts:ExternalId": "spoke-4711"},
    }
    (policy,) = [body for name, body in spoke.items() if name.startswith("ReaderDefaultPolicy")]
    granted = [each["Action"] for each in policy["Properties"]["PolicyDocument"]["Statement"]]
    assert granted == [*DETECTOR_ACTIONS, list(SOURCE_ACTIONS)]


def test_a_spoke_that_the_hub_does_not_read_has_no_such_role(new_app: Callable[..., App]) -> None:
    stack = SpokeStack(new_app(), "secgraph-spoke", settings=SpokeSettings(BUS, test_source=True))
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::IAM::Role", 1)
    template.resource_count_is("AWS::Lambda::Function", 0)
    sources = [
        rule["EventPattern"]["source"]
        for rule in of_type(template.to_json()["Resources"], "AWS::Events::Rule")
    ]
    assert all(contract.TEST_SOURCE in each for each in sources)

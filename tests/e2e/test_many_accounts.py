"""A spoke in another account and region, deployed as the documents say; what reaches the hub from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra.patterns import PATTERNS
from tests.e2e.deployment import Deployment, deploy_spoke
from tests.e2e.emulator import ACCOUNT, OUTSIDER, SPOKE_ACCOUNT, SPOKE_REGION
from tests.e2e.variants import Event, about, of_account

# One of the two deployments is enough: who may forward is decided in both alike, by launch_emulator.py.
pytestmark = [pytest.mark.e2e, pytest.mark.parametrize("deployment", ["open"], indirect=True)]

Sample = Callable[[str], Event]
STRANGER = "999988887777"


@pytest.fixture(scope="session")
def spoke(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The outputs of a spoke of the deployment."""
    folder = tmp_path_factory.mktemp("spoke")
    return deploy_spoke(deployment.emulator, deployment.outputs["EventBus"], folder)


def put(deployment: Deployment, account: str, event: Event) -> None:
    """Hand an event to the default bus of an account in the spoke's region, as AWS's services do there."""
    deployment.put(event, bus=deployment.emulator.client("events", account, region=SPOKE_REGION))


def findings(deployment: Deployment, instance: str) -> list[Any]:
    deployment.settle()
    asked = f"FIND Finding AS f THAT RELATES TO aws_instance WITH id = '{instance}' AS i"
    return deployment.ask(f"{asked} RETURN f._type AS type, i.accountId AS account")


def test_a_finding_in_the_spoke_is_answered_in_the_hub(
    deployment: Deployment, spoke: Mapping[str, str], sample: Sample
) -> None:
    instance = "i-0e2e00000000000a1"
    assert SPOKE_ACCOUNT in spoke["DeadLetters"], "its queue is its own"
    for start in ("01", "02"):
        put(deployment, SPOKE_ACCOUNT, of_account(SPOKE_ACCOUNT, about(instance, sample(start))))
    assert sorted(row["type"] for row in findings(deployment, instance)) == [
        "aws_guardduty_finding",
        "aws_inspector_finding",
    ]
    assert {row["account"] for row in findings(deployment, instance)} == {SPOKE_ACCOUNT}


@pytest.mark.usefixtures("spoke")
def test_a_spoke_is_not_believed_of_another_account(deployment: Deployment, sample: Sample) -> None:
    forged = of_account(STRANGER, about("i-0e2e00000000000a2", sample("02")))
    forged["detail"]["title"] = "e2e-forged"
    put(deployment, SPOKE_ACCOUNT, forged)
    kept = deployment.quarantined("e2e-forged")
    assert STRANGER in kept["reason"]
    assert SPOKE_ACCOUNT in kept["reason"]
    assert findings(deployment, "i-0e2e00000000000a2") == []


@pytest.mark.usefixtures("spoke")
def test_an_account_outside_of_the_organisation_is_not_let_in(deployment: Deployment, sample: Sample) -> None:
    forwarded = like_a_spoke(deployment, OUTSIDER)
    assert forwarded == len(PATTERNS)
    outside, inside = "i-0e2e00000000000a3", "i-0e2e00000000000a4"
    put(deployment, OUTSIDER, of_account(OUTSIDER, about(outside, sample("01"))))
    put(deployment, SPOKE_ACCOUNT, of_account(SPOKE_ACCOUNT, about(inside, sample("01"))))
    assert len(findings(deployment, inside)) == 1, "what was put later is there"
    assert findings(deployment, outside) == []


@pytest.mark.usefixtures("spoke")
def test_another_region_of_the_hubs_own_account_forwards_too(deployment: Deployment, sample: Sample) -> None:
    instance = "i-0e2e00000000000a5"
    like_a_spoke(deployment, ACCOUNT)
    put(deployment, ACCOUNT, of_account(ACCOUNT, about(instance, sample("01"))))
    assert [row["account"] for row in findings(deployment, instance)] == [ACCOUNT]


def like_a_spoke(deployment: Deployment, account: str) -> int:
    """Make the rules and the sender of the spoke in another account, and tell how many rules."""
    bus = deployment.outputs["EventBus"]
    emulator = deployment.emulator
    iam = emulator.client("iam", account)
    role = iam.create_role(RoleName="sender", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName="sender", PolicyName="send", PolicyDocument=policy)
    theirs, ours = (emulator.client("events", each, region=SPOKE_REGION) for each in (account, SPOKE_ACCOUNT))
    rules = ours.list_rules()["Rules"]
    for rule in rules:
        theirs.put_rule(Name=rule["Name"], EventPattern=rule["EventPattern"])
        theirs.put_targets(Rule=rule["Name"], Targets=[{"Id": "hub", "Arn": bus, "RoleArn": role}])
    return len(rules)


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "events.amazonaws.com"}}
    ],
}

"""What a team does with a deployment, on a deployed stack; each test speaks of instances of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.asking import example_events
from secgraph import contract
from secgraph.flows import repair
from tests.e2e.deployment import WAIT_SECONDS, Deployment
from tests.e2e.variants import Event, about, call, later

pytestmark = pytest.mark.e2e

Sample = Callable[[str], Event]
EXAMPLES = example_events()
MEETING = EXAMPLES["guardduty-on-vulnerable-instances"]
AT_RISK = EXAMPLES["production-at-risk"]


def vertices(answer: Mapping[str, Any], instance: str) -> list[str]:
    """The types of the answer's entities that speak of an instance."""
    assert "error" not in answer, answer
    found = answer["data"]["vertices"] if answer["type"] == "tree" else answer["data"]
    return sorted(each["entity"]["_type"][0] for each in found if instance in json.dumps(each))


@pytest.mark.parametrize(("instance", "first"), [("i-0e2e0000000000001", 0), ("i-0e2e0000000000002", 1)])
def test_findings_meet_and_part_in_either_order(
    deployment: Deployment, sample: Sample, instance: str, first: int
) -> None:
    events = [about(instance, sample("01")), about(instance, sample("02"))]
    guardduty, inspector = events

    def meeting() -> list[str]:
        return vertices(deployment.invoke("QueryFunction", MEETING), instance)

    def at_risk() -> list[str]:
        return vertices(deployment.invoke("QueryFunction", AT_RISK), instance)

    for event in (events[first], events[1 - first]) * 2:
        deployment.put(event)
        deployment.settle()
    assert meeting() == ["aws_guardduty_finding", "aws_inspector_finding", "aws_instance"]
    assert at_risk() == ["aws_instance"]

    deployment.put(later(inspector, status="CLOSED"))
    deployment.settle()
    assert (meeting(), at_risk()) == ([], [])

    deployment.put(inspector)
    deployment.settle()
    assert (meeting(), at_risk()) == ([], []), "an older state that comes late changes nothing"

    deployment.put(later(guardduty, severity=8))
    deployment.settle()
    assert (meeting(), at_risk()) == ([], ["aws_instance"])


def test_a_finding_closes_and_opens_with_its_source(deployment: Deployment, sample: Sample) -> None:
    instance = "i-0e2e0000000000004"
    guardduty, inspector = about(instance, sample("01")), about(instance, sample("02"))

    def on_host(verb: str) -> list[str]:
        asked = f"FIND aws_instance WITH id = '{instance}' THAT {verb} Finding AS f"
        rows = deployment.ask(f"{asked} RETURN f._type AS type, f.open AS open")
        return sorted(f"{row['type']} {row['open']}" for row in rows)

    def after(*events: Event) -> tuple[list[str], list[str]]:
        for event in events:
            deployment.put(event)
            deployment.settle()
        return on_host("HAS"), on_host("HAD")

    assert after(guardduty, inspector) == (["aws_guardduty_finding True", "aws_inspector_finding True"], [])
    assert after(later(inspector, status="CLOSED"), inspector) == (
        ["aws_guardduty_finding True"],
        ["aws_inspector_finding False"],
    )
    archived = call("ArchiveFindings", "2026-11-20T09:00:00Z", guardduty)
    closed = ["aws_guardduty_finding False", "aws_inspector_finding False"]
    assert after(archived) == ([], closed)
    assert after(guardduty, call("ListFindings", "2026-11-20T09:30:00Z", guardduty)) == ([], closed)
    assert after(call("UnarchiveFindings", "2026-11-20T10:00:00Z", guardduty), archived) == (
        ["aws_guardduty_finding True"],
        ["aws_inspector_finding False"],
    )


def reader_of_every_bucket(deployment: Deployment) -> Any:
    """An S3 client of a user who may read all that no bucket's policy refuses."""
    iam = deployment.emulator.client("iam")
    iam.create_user(UserName="reader")
    allow = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    return deployment.emulator.client("s3", made["AccessKeyId"], made["SecretAccessKey"])


def quarantined(deployment: Deployment, event: Event, title: str) -> Event:
    """Hand over an event under a title of its own, and give it as it then stands in quarantine."""
    event["detail"]["title"] = title
    deployment.put(event)
    return deployment.quarantined(title)


def test_an_event_that_cannot_be_understood_is_kept_with_its_reason(
    deployment: Deployment, sample: Sample
) -> None:
    event = sample("08")
    found = quarantined(deployment, event, "e2e-poison")
    assert "detail.arn" in found["reason"]
    assert json.loads(found["body"])["detail"] == event["detail"]
    metric = {"name": contract.METRIC_QUARANTINED, "dimensions": contract.METRICS_DIMENSIONS}
    assert metric in counted(deployment.logs("IngestFunction")), "the alarm watches what is really written"


@pytest.mark.parametrize("deployment", ["enforced"], indirect=True)
def test_what_is_refused_is_archived_and_replayed_with_its_first_receipt(
    deployment: Deployment, sample: Sample
) -> None:
    first = quarantined(deployment, sample("08"), "e2e-replay")
    s3 = reader_of_every_bucket(deployment)
    place = {"Bucket": deployment.outputs["Bucket"]}
    raw = s3.list_objects_v2(**place, Prefix=contract.RAW_PREFIX)["Contents"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(**place, Key=raw[0]["Key"])
    assert "1 sent" in deployment.secgraph("quarantine", "replay", first["id"])
    assert deployment.kept("e2e-replay") is None, "gone before it can be back"
    again = deployment.wait_for(
        "the event in quarantine again",
        lambda: deployment.kept("e2e-replay"),
        repair.HIDDEN_SECONDS + WAIT_SECONDS,
    )
    assert again == first


def counted(log: str) -> list[Event]:
    """The metrics in a function's log, each with the dimensions that CloudWatch files it under."""
    found = []
    for line in log.splitlines():
        if line.startswith("{") and '"_aws"' in line:
            record = json.loads(line)
            for group in record["_aws"]["CloudWatchMetrics"]:
                assert group["Namespace"] == contract.METRICS_NAMESPACE
                for names in group["Dimensions"]:
                    dimensions = {name: record[name] for name in names}
                    found += [{"name": each["Name"], "dimensions": dimensions} for each in group["Metrics"]]
    return found


def test_the_test_source_cannot_touch_a_real_finding(deployment: Deployment, sample: Sample) -> None:
    instance = "i-0e2e0000000000003"
    real = about(instance, sample("02"))
    closed = later(real, status="CLOSED") | {"source": contract.TEST_SOURCE}
    deployment.put(real)
    deployment.settle()
    deployment.put(closed)
    deployment.settle()
    assert vertices(deployment.invoke("QueryFunction", AT_RISK), instance) == ["aws_instance"]
    marked = deployment.ask("Find aws_inspector_finding with sample = true")
    assert [each for each in marked if real["detail"]["findingArn"] in json.dumps(each)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_event_answers_or_explains(deployment: Deployment, name: str) -> None:
    answer = deployment.invoke("QueryFunction", EXAMPLES[name])
    if name.startswith("error-"):
        assert answer["error"]["code"] in {"NAME", "SYNTAX"}
        assert answer["error"]["caret"]
    else:
        assert "error" not in answer, answer
        assert ("text" in answer) == (EXAMPLES[name].get("format", "json") != "json")

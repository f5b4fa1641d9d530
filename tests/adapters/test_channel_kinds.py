"""The ways out of a deployment: which there are, and that each leads where it was told to."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from secgraph.adapters.channels.kinds import Places, channels_of, secret_of
from secgraph.adapters.secrets import Secrets
from secgraph.alerts.ports import Outgoing
from secgraph.alerts.reach import Reach
from secgraph.errors import ChannelError
from secgraph.j1ql.server.parameters import Parameters, Secret
from secgraph.rules.effects import Effect

ACTIONS = {"action:sns", "action:sqs", "action:slack", "action:webhook"}
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-AbCdEf"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:t"


def made(aws: None, places: Places, reach: Reach) -> Any:
    def client(service: str, region: str) -> Any:
        return boto3.client(service, region_name=region or None)  # type: ignore[call-overload]

    secrets = Secrets(boto3.client("secretsmanager"))
    return channels_of(places, clients=client, secrets=secrets, parameters={}, reach=reach)


@pytest.mark.parametrize(
    ("places", "kinds"),
    [
        (Places(TOPIC), {"topic"}),
        (Places(TOPIC, chat=TOPIC), {"topic", "chat"}),
        (Places(TOPIC, slack_secret=SECRET), {"topic", "slack"}),
        (Places(TOPIC, webhook="https://a.example.com/", webhook_secret=SECRET), {"topic", "webhook"}),
    ],
)
def test_there_is_a_channel_for_each_place_and_one_for_each_kind_of_action(aws, places, kinds):
    assert made(aws, places, Reach()).keys() == kinds | ACTIONS


@pytest.mark.parametrize("kind", ["sns", "sqs", "slack", "webhook"])
def test_no_action_leads_where_the_deployment_does_not_reach(aws, kind):
    targets = {"sns": TOPIC, "sqs": "https://sqs.eu-west-1.amazonaws.com/123456789012/q"}
    effect = Effect(kind, targets.get(kind, "https://a.example.com/"), {}, "operations[0].actions[0]")
    channel = made(aws, Places(TOPIC), Reach())[f"action:{kind}"]
    with pytest.raises(ChannelError, match="reach") as caught:
        channel.send(Outgoing("r#1#x", effect=effect))
    assert not caught.value.final  # the next deployment may list it


def test_an_action_publishes_in_the_region_of_its_topic(aws):
    there = boto3.client("sns", region_name="us-east-1").create_topic(Name="far")["TopicArn"]
    queue = boto3.client("sqs", region_name="us-east-1")
    url = queue.create_queue(QueueName="q")["QueueUrl"]
    boto3.client("sns", region_name="us-east-1").subscribe(
        TopicArn=there, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:q"
    )
    effect = Effect("sns", there, {"a": 1}, "operations[0].actions[0]")
    channel = made(aws, Places(TOPIC), Reach(topics=frozenset({there})))["action:sns"]
    channel.send(Outgoing("r#1#x", effect=effect))
    assert len(queue.receive_message(QueueUrl=url)["Messages"]) == 1


def test_a_secret_parameter_is_text_and_what_is_missing_may_come():
    parameters: Parameters = {"Token": Secret("hunter2"), "Plain": "p", "List": Secret(["hunter2"])}
    assert (secret_of(parameters, "Token"), secret_of(parameters, "Plain")) == ("hunter2", "p")
    for name, final in (("Absent", False), ("List", True)):
        with pytest.raises(ChannelError) as caught:
            secret_of(parameters, name)
        assert caught.value.final is final
        assert "hunter2" not in str(caught.value)

"""SNS and SQS: what a subscriber sees, what its filter policy may ask, and what each refuses."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from secgraph.adapters.channels.sns import ChatChannel, SNSAction, TopicChannel
from secgraph.adapters.channels.sqs import SQSAction, region_of
from secgraph.alerts.channels import text
from secgraph.alerts.channels.chat import custom_notification
from secgraph.alerts.channels.structure import structure
from secgraph.alerts.ports import Channel, Outgoing
from secgraph.alerts.reach import Reach
from secgraph.errors import ChannelError
from secgraph.rules.effects import Effect
from tests.channels.told import OPENED, TOLD

REGION = "eu-west-1"


@pytest.fixture
def subscribed(aws: None) -> tuple[Any, str, Any]:
    """A topic, its client, and a function that reads what a queue with a filter policy received."""
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]

    def received(**policy: Any) -> Any:
        queue = sqs.create_queue(QueueName=f"q{len(sqs.list_queues().get('QueueUrls', []))}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes = {"FilterPolicy": json.dumps(policy)} if policy else {}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        return lambda: [
            json.loads(each["Body"])
            for each in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        ]

    return sns, topic, received


def test_the_topic_gets_text_for_people_and_a_structure_for_programs(
    subscribed: tuple[Any, str, Any],
) -> None:
    sns, topic, received = subscribed
    everything = received()
    TopicChannel(sns, topic).send(Outgoing("x#topic", notification=OPENED))
    (message,) = everything()
    assert (message["Subject"], message["Message"]) == (text.subject(OPENED), text.body(OPENED))
    attributes = message["MessageAttributes"]
    assert json.loads(attributes["notification"]["Value"]) == structure(OPENED)
    assert len(attributes) <= 10, "a queue that takes messages raw loses those with more"


@pytest.mark.parametrize(
    ("policy", "passes"),
    [
        ({"severity": ["HIGH", "CRITICAL"]}, True),
        ({"severity": ["LOW"]}, False),
        ({"transition": ["opened", "new_rows"]}, True),
        ({"accounts": ["111122223333"]}, True),
        ({"accounts": ["444455556666"]}, False),
        ({"regions": ["eu-west-1"], "$or": [{"accounts": ["1"]}, {"complete": ["true"]}]}, True),
        ({"rule": ["mining-on-production"], "complete": ["true"]}, True),
    ],
)
def test_a_filter_policy_may_ask(subscribed: tuple[Any, str, Any], policy: Any, passes: bool) -> None:
    sns, topic, received = subscribed
    filtered = received(**policy)
    TopicChannel(sns, topic).send(Outgoing("x#topic", notification=OPENED))
    assert len(filtered()) == passes


def test_every_notification_goes_to_both_topics(subscribed: tuple[Any, str, Any]) -> None:
    sns, topic, received = subscribed
    everything = received()
    for notification in TOLD.values():
        ChatChannel(sns, topic).send(Outgoing("x#chat", notification=notification))
        (message,) = everything()
        assert json.loads(message["Message"]) == custom_notification(notification)
        TopicChannel(sns, topic).send(Outgoing("x#topic", notification=notification))
        assert len(everything()) == 1


def effect(kind: str, target: str, payload: Any) -> Outgoing:
    return Outgoing("mining ö#3#action", effect=Effect(kind, target, payload, "operations[0].actions[1]"))


def test_an_action_publishes_its_data_in_the_region_of_the_topic(subscribed: tuple[Any, str, Any]) -> None:
    sns, topic, received = subscribed
    everything = received()
    regions = []

    def client(region: str) -> Any:
        regions.append(region)
        return sns

    channel = SNSAction(client, Reach(topics=frozenset({topic})))
    channel.send(effect("sns", topic, {"rows": [1, "ü"]}))
    (message,) = everything()
    assert json.loads(message["Message"]) == {"data": {"rows": [1, "ü"]}}
    assert message["MessageAttributes"]["id"]["Value"] == "mining ö#3#action"
    assert regions == [REGION]
    with pytest.raises(ChannelError, match="is not one that this deployment reaches"):
        channel.send(effect("sns", f"{topic}2", {}))
    assert regions == [REGION]


def test_a_fifo_queue_takes_an_action_once(aws: None) -> None:
    sqs = boto3.client("sqs")
    plain = sqs.create_queue(QueueName="plain")["QueueUrl"]
    fifo = sqs.create_queue(QueueName="once.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    channel = SQSAction(lambda region: sqs, Reach(queues=frozenset({plain, fifo})))
    found = {}
    for queue in (plain, fifo):
        for _ in range(2):
            channel.send(effect("sqs", queue, ["ü\uffff"]))
        found[queue] = sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )["Messages"]
    assert (len(found[plain]), len(found[fifo])) == (2, 1)
    for message in (*found[plain], *found[fifo]):
        assert json.loads(message["Body"]) == {"data": ["ü\uffff"]}
        assert "\uffff" not in message["Body"]
        assert message["MessageAttributes"]["id"]["StringValue"] == "mining ö#3#action"


@pytest.mark.parametrize(
    ("code", "final"),
    [("InvalidParameter", True), ("Throttling", False), ("NotFound", False), ("AuthorizationError", False)],
)
def test_what_sns_answers(code: str, final: bool) -> None:
    sns = boto3.client("sns", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    topic = "arn:aws:sns:eu-west-1:111122223333:security"
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish", code)
        with pytest.raises(ChannelError, match=topic) as caught:
            SNSAction(lambda _: sns, Reach(topics=frozenset({topic}))).send(effect("sns", topic, 1))
    assert caught.value.final is final


@pytest.mark.parametrize(
    ("code", "final"),
    [
        ("InvalidMessageContents", True),
        ("AWS.SimpleQueueService.NonExistentQueue", False),
        ("RequestThrottled", False),
    ],
)
def test_what_sqs_answers(code: str, final: bool) -> None:
    sqs = boto3.client("sqs", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    queue = "https://sqs.eu-west-1.amazonaws.com/111122223333/tickets"
    with Stubber(sqs) as stubber:
        stubber.add_client_error("send_message", code)
        with pytest.raises(ChannelError, match=queue) as caught:
            SQSAction(lambda _: sqs, Reach(queues=frozenset({queue}))).send(effect("sqs", queue, 1))
    assert caught.value.final is final


def test_what_is_too_large_is_refused_for_good() -> None:
    topic, queue = "arn:aws:sns:eu-west-1:111122223333:x", "https://sqs.eu-west-1.amazonaws.com/1/x"
    reach = Reach(topics=frozenset({topic}), queues=frozenset({queue}))
    never: Any = None
    channels: list[tuple[Channel, Outgoing]] = [
        (SNSAction(lambda _: never, reach), effect("sns", topic, "ü" * 131_072)),
        (SQSAction(lambda _: never, reach), effect("sqs", queue, "ü" * 131_072)),
    ]
    for channel, outgoing in channels:
        with pytest.raises(ChannelError, match="let the action send less") as caught:
            channel.send(outgoing)
        assert caught.value.final


@pytest.mark.parametrize(
    ("queue", "region"),
    [
        ("https://sqs.us-east-1.amazonaws.com/111122223333/x", "us-east-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/x", "cn-north-1"),
        ("http://localhost:4566/000000000000/x", ""),
        ("https://queue.amazonaws.com/111122223333/x", ""),
    ],
)
def test_the_region_of_a_queue(queue: str, region: str) -> None:
    assert region_of(queue) == region

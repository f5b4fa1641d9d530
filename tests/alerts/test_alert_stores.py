"""Every store that keeps alerts: the same suite runs on each. And the SNS topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import duckdb
import pytest
from botocore.config import Config

from secgraph.adapters.dynamodb_alerts import DynamoDBAlerts
from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.adapters.sns import SNSNotifier
from secgraph.alerts.ports import AlertStore, Message, Stored
from secgraph.contract import ALERT_TABLE_KEY
from secgraph.errors import ChannelError, StoreUnavailable
from tests.dynamodb_local.tables import PLACES, table

TABLE = "alerts"


@pytest.fixture(params=PLACES)
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    with table(request, TABLE, ALERT_TABLE_KEY) as client:
        yield client


@pytest.fixture(params=[*PLACES, "local file"])
def store(request: pytest.FixtureRequest) -> Iterator[AlertStore]:
    if request.param == "local file":
        with duckdb.connect(":memory:") as connection:
            yield LocalAlerts(connection)
        return
    with table(request, TABLE, ALERT_TABLE_KEY) as client:
        yield DynamoDBAlerts(client, TABLE)


def test_an_empty_store_has_nothing(store: AlertStore):
    assert store.read_all() == {}
    assert store.read("alert/r") is None


def test_what_was_put_is_read(store: AlertStore):
    items = [Stored("alert/ü \n'x'", 1, '{"a":"日本"}'), Stored("deployment", 1, "{}")]
    assert [store.put(item) for item in items] == [True, True]
    assert store.read("alert/ü \n'x'") == items[0]
    assert store.read_all() == {item.id: item for item in items}


def test_only_the_next_rev_is_written(store: AlertStore):
    assert store.put(Stored("a", 1, "one"))
    assert not store.put(Stored("a", 1, "another first"))
    assert not store.put(Stored("a", 3, "skips"))
    assert not store.put(Stored("b", 2, "was never there"))
    assert store.put(Stored("a", 2, "two"))
    assert not store.put(Stored("a", 2, "slower"))
    assert store.read("a") == Stored("a", 2, "two")
    assert store.read("b") is None


def test_more_alerts_than_a_page_holds(store: AlertStore):
    body = "x" * 200_000
    for number in range(8):
        assert store.put(Stored(f"alert/{number}", 1, body))
    assert len(store.read_all()) == 8


def test_a_file_opened_to_be_read_needs_no_table(tmp_path: Any):
    path = str(tmp_path / "graph.duckdb")
    duckdb.connect(path).close()
    with duckdb.connect(path, read_only=True) as connection:
        store = LocalAlerts(connection)
        assert store.read_all() == {}
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            store.put(Stored("a", 1, ""))


def test_a_repeated_write_that_meets_its_own_first_try_has_won(dynamodb: Any):
    store = DynamoDBAlerts(dynamodb, TABLE)
    item = Stored("a", 1, "mine")
    assert store.put(item)
    assert store.put(item)


def test_a_table_that_is_not_there_is_unavailable(aws: None):
    store = DynamoDBAlerts(boto3.client("dynamodb"), "missing")
    for call in (store.read_all, lambda: store.read("a"), lambda: store.put(Stored("a", 1, ""))):
        with pytest.raises(StoreUnavailable, match="the alert table missing"):
            call()


MESSAGE = Message("r#1", "[HIGH] r opened", "body ü\nline", {"severity": "HIGH", "rule": "r"})


def test_a_message_reaches_the_subscribers_of_the_topic(aws: None):
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    url = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    SNSNotifier(sns, topic).publish(MESSAGE)
    (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
    envelope = json.loads(received["Body"])
    assert (envelope["Subject"], envelope["Message"]) == (MESSAGE.subject, MESSAGE.body)
    assert {name: held["Value"] for name, held in envelope["MessageAttributes"].items()} == MESSAGE.attributes


def test_a_topic_that_does_not_take_the_message_says_so(aws: None):
    arn = "arn:aws:sns:eu-west-1:123456789012:missing"
    client = boto3.client("sns", config=Config(retries={"max_attempts": 0}))
    with pytest.raises(ChannelError, match="missing did not take the message"):
        SNSNotifier(client, arn).publish(MESSAGE)

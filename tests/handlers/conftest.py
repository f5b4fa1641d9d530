"""A deployment in moto: tables, bucket, topic with a queue behind it, and the functions' environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from secgraph import contract
from secgraph.handlers import alert_runtime, evaluate, ingest, runtime

STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/graph/stream/2026-11-18T11:06:40.000"
PARAMETERS = "/secgraph/secgraph/param"
ACCOUNTS = '{"111122223333": {"name": "shop-prod"}}'


@dataclass
class Context:
    """What the Lambda runtime hands to a handler."""

    aws_request_id: str = "request-1"
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:function"
    remaining: int = 600_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


@dataclass
class Deployment:
    """The clients of a deployment, to look at what the functions did."""

    dynamodb: Any
    s3: Any
    sqs: Any
    queue: str

    def messages(self) -> list[dict[str, Any]]:
        """Give the messages that the topic sent since the last call."""
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    def store(self, id_: str, body: str) -> None:
        """Put a text into the alert table."""
        item = {contract.ALERT_TABLE_KEY: {"S": id_}, "rev": {"N": "1"}, "body": {"S": body}}
        self.dynamodb.put_item(TableName="alerts", Item=item)

    def stored(self, id_: str) -> str:
        """Give the text of an item of the alert table."""
        answer = self.dynamodb.get_item(TableName="alerts", Key={contract.ALERT_TABLE_KEY: {"S": id_}})
        return str(answer["Item"]["body"]["S"])

    def quarantined(self) -> list[dict[str, Any]]:
        """Give the records in quarantine."""
        listed = self.s3.list_objects_v2(Bucket="bucket", Prefix=contract.QUARANTINE_PREFIX)
        keys = [one["Key"] for one in listed.get("Contents", [])]
        return [json.loads(self.s3.get_object(Bucket="bucket", Key=key)["Body"].read()) for key in keys]


@pytest.fixture
def deployment(
    aws: None, make_table: Callable[[str, str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Deployment]:
    for name in [name for name in os.environ if name.startswith("SECGRAPH_")]:
        monkeypatch.delenv(name)
    dynamodb = make_table("graph", contract.GRAPH_TABLE_KEY)
    make_table("alerts", contract.ALERT_TABLE_KEY)
    s3, sns, sqs = boto3.client("s3"), boto3.client("sns"), boto3.client("sqs")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    rebuilds = sqs.create_queue(QueueName="rebuilds")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:told")
    for name, value in {
        contract.GRAPH_TABLE: "graph",
        contract.GRAPH_STREAM: STREAM,
        contract.ALERT_TABLE: "alerts",
        contract.BUCKET: "bucket",
        contract.ACCOUNTS: ACCOUNTS,
        contract.ALERT_TOPIC: topic,
        contract.REBUILD_QUEUE: rebuilds,
        contract.PARAMETERS: PARAMETERS,
        contract.CHANNELS: "topic",
        contract.ADMINISTRATORS: "123456789012",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(runtime, "CACHE", tmp_path / "image")
    _forget()
    yield Deployment(dynamodb, s3, sqs, queue)
    _forget()


@pytest.fixture
def batch() -> Callable[..., dict[str, Any]]:
    """Give a function that wraps events as SQS delivers them, each with the text attributes given."""

    def wrap(*events: object, **attributes: str) -> dict[str, Any]:
        return {
            "Records": [
                {
                    "messageId": f"m{number}",
                    "body": event if isinstance(event, str) else json.dumps(event),
                    "attributes": {"SentTimestamp": "1795000000000"},
                    "messageAttributes": {
                        name: {"stringValue": value, "dataType": "String"}
                        for name, value in attributes.items()
                    },
                }
                for number, event in enumerate(events)
            ]
        }

    return wrap


@pytest.fixture
def context() -> Context:
    return Context()


def _forget() -> None:
    for made_once in (
        runtime.graph,
        runtime.quarantine,
        runtime.archive,
        runtime.aside,
        runtime.image_store,
        runtime.builder,
        runtime.rebuild_queue,
        runtime._image,
        runtime.accounts,
        runtime.smart_classes,
        evaluate._rules,
        alert_runtime.alerts,
        alert_runtime.packs,
        alert_runtime.change_mark,
        alert_runtime.reach,
        alert_runtime._client,
        alert_runtime._secrets,
    ):
        made_once.cache_clear()
    runtime._parameters.clear()
    ingest._cache.known.clear()

"""What AWS does between the functions: the table's stream is delivered, the rebuild queue is worked off."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.dynamodb_items import attributes_of
from secgraph.flows.published import held
from secgraph.flows.rebuild import begin, finish
from secgraph.flows.segments import Page, read_segment
from secgraph.handlers import compact, evaluate, project, query, rebuild, runtime
from secgraph.image.names import MANIFEST


def asked(event: Any, context: Any) -> Any:
    """Ask once the image has caught up."""
    catch_up(context)
    return query.handler(event, context)


def evaluated(event: Any, context: Any) -> Any:
    """Evaluate the rules once the image has caught up."""
    catch_up(context)
    return evaluate.handler(event, context)


def catch_up(context: Any) -> None:
    """Begin with an image of an empty table if there is none, and deliver the stream."""
    store = runtime.image_store()
    if not held(store).manifest.generation:
        for name, body in _image_of_nothing().items():
            store.put(name, body)
    deliver(context)


@cache
def _image_of_nothing() -> Mapping[str, bytes]:
    """All objects of it. To build one takes longer than most tests."""
    store, now = runtime.image_store(), time.time_ns() // 1_000_000  # whatever time the first test pretends
    claim = begin(store=store, segments=1, now=now, token="empty", stream=runtime.graph_stream())
    read_segment(claim, 0, store=store, table=_Nothing(), token="empty", stop=lambda: False)
    finish(claim, store=store, builder=runtime.builder(), now=now, token="empty")
    return {name: store.get(name) for name in [MANIFEST, *store.names("")]}


class _Nothing:
    """A table without items."""

    def scan(self, _segment: int, _of: int, _position: str | None) -> Page:
        return Page((), None, 1)


def deliver(context: Any) -> Any:
    """Deliver every item as if it had just been written. What the image holds already changes nothing."""
    pages = DynamoDBGraph(boto3.client("dynamodb"), "graph").pages()
    records = [record(attributes_of(item)) for page in pages for item in page.items]
    return project.handler({"Records": records}, context) if records else None


def record(attributes: dict[str, Any]) -> dict[str, Any]:
    """A record of the stream, as Lambda hands it over."""
    image = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in attributes.items()
    }
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "ApproximateCreationDateTime": runtime.now() // 1_000,
            "Keys": {"id": image["id"]},
            "NewImage": image,
        },
    }


def build(context: Any) -> None:
    """Compact, as after a deployment: without an image that has it rebuilt."""
    assert compact.handler({}, context) == {"rebuild": True}
    work_off(context)


def work_off(context: Any) -> int:
    """Hand the messages of the rebuild queue to its function, one by one, until none is left."""
    sqs, queue = boto3.client("sqs"), runtime.environment("SECGRAPH_REBUILD_QUEUE")
    worked = 0
    while found := sqs.receive_message(QueueUrl=queue).get("Messages"):
        for message in found:
            taken = {"body": message["Body"], "receiptHandle": message["ReceiptHandle"]}
            rebuild.handler({"Records": [taken]}, context)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            worked += 1
    return worked

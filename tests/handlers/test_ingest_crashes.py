"""The ingest function when any call to AWS goes wrong: what it hands back to the queue heals the graph.

The clients of DynamoDB and S3 are the real ones over moto, behind a wrapper that lets one call go wrong.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from secgraph import contract
from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.flows.ingest import WarmCache
from secgraph.graph import merge
from secgraph.handlers import ingest, runtime
from tests.converge.delivery import Killed
from tests.converge.estate import Estate


class Fault(Enum):
    """How a call to AWS goes wrong."""

    THROTTLED = "not done"
    HALVED = "done for half of the items, and the answer is lost"
    UNANSWERED = "done, and the answer is lost"
    REPEATED = "done, and done again by the SDK because the answer was lost"
    KILLED = "the function dies before it"
    KILLED_AFTER = "the function dies after it"


Points = Callable[[int], Iterable[int]]
"""How many calls there are → those that are to go wrong, one in each run."""


@dataclass
class Faults:
    """Which call goes wrong, over all clients, counted from 0."""

    fault: Fault
    at: int
    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Fault | None:
        with self.lock:
            self.calls += 1
            return self.fault if self.calls - 1 == self.at else None


class FaultyClient:
    """A client of an AWS service, whose operations may go wrong."""

    def __init__(self, client: Any, faults: Faults) -> None:
        self._client = client
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        held = getattr(self._client, name)
        if name not in self._client.meta.method_to_api_mapping:
            return held
        return lambda **arguments: self._call(name, held, arguments)

    def _call(self, name: str, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        fault = self._faults.next()
        if fault is Fault.THROTTLED:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, name)
        if fault is Fault.KILLED:
            raise Killed
        if fault is Fault.HALVED and len(arguments.get("Statements", ())) > 1:
            half = len(arguments["Statements"]) // 2
            operation(**{**arguments, "Statements": arguments["Statements"][:half]})
            raise ReadTimeoutError(endpoint_url=name)
        if fault is Fault.REPEATED:
            operation(**arguments)
        answer = operation(**arguments)
        if fault in (Fault.UNANSWERED, Fault.HALVED):
            raise ReadTimeoutError(endpoint_url=name)
        if fault is Fault.KILLED_AFTER:
            raise Killed
        return answer


@pytest.fixture
def fresh(deployment, make_table, monkeypatch) -> Iterator[Callable[[str, Faults], None]]:
    """Give a function that puts the ingest function onto an empty graph table and bucket, as in a new
    environment, with clients that go wrong."""
    made = boto3.client

    def onto(name: str, faults: Faults) -> None:
        make_table(name, contract.GRAPH_TABLE_KEY)
        deployment.s3.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        monkeypatch.setenv(contract.GRAPH_TABLE, name)
        monkeypatch.setenv(contract.BUCKET, name)
        monkeypatch.setattr(boto3, "client", lambda service, **_: FaultyClient(made(service), faults))
        monkeypatch.setattr(ingest, "_cache", WarmCache())
        forget()

    yield onto
    forget()


def forget() -> None:
    for made_once in (runtime.graph, runtime.quarantine, runtime.archive):
        made_once.cache_clear()


@dataclass
class Left:
    """What a deployment holds: sameness by key, quarantined texts, archived texts."""

    graph: dict[str, str]
    quarantined: set[str]
    archived: set[str]


def held(deployment, name: str) -> Left:
    listed = deployment.s3.list_objects_v2(Bucket=name).get("Contents", [])
    bodies = {
        each["Key"]: deployment.s3.get_object(Bucket=name, Key=each["Key"])["Body"].read() for each in listed
    }
    raw = [
        gzip.decompress(body).decode() for key, body in bodies.items() if key.startswith(contract.RAW_PREFIX)
    ]
    (page,) = DynamoDBGraph(deployment.dynamodb, name).pages()
    return Left(
        graph={item.thing.key: merge.same_graph(item) for item in page.items},
        quarantined={
            json.loads(body)["body"]
            for key, body in bodies.items()
            if key.startswith(contract.QUARANTINE_PREFIX)
        },
        archived={
            record["body"]
            for text in raw
            for record in map(json.loads, text.splitlines())
            if "body" in record
        },
    )


def messages(batch) -> dict[str, Any]:
    """A finding on a bucket that is archived apart from its events, and a text that is no event."""
    estate = Estate()
    estate.attack(3, 0, severity=8.0, address="192.0.2.7", copies=False)
    estate.archive(3, 900, archived=True, by_administrator=True, denied=False)
    wrapped: dict[str, Any] = batch(*(text for text, _ in estate.published), '{"source": ')
    return wrapped


@pytest.mark.thorough
@pytest.mark.parametrize("fault", Fault)
def test_what_the_function_hands_back_heals_the_graph(heals, fault):
    heals(fault, lambda calls: range(calls))


@pytest.mark.parametrize("fault", [Fault.HALVED, Fault.KILLED_AFTER])
def test_what_the_function_hands_back_heals_the_graph_where_it_is_likeliest_to_break(heals, fault):
    heals(fault, lambda calls: (calls // 2, calls - 2))


@pytest.fixture
def heals(deployment, fresh, batch, context) -> Callable[[Fault, Points], None]:
    """Give a function that lets calls fail in a way, and compares what comes of it."""

    def compare(fault: Fault, points: Points) -> None:
        _compare(deployment, fresh, messages(batch), context, fault, points)

    return compare


def _compare(deployment, fresh, event: dict[str, Any], context, fault: Fault, points: Points) -> None:
    fresh("undisturbed", counting := Faults(fault, -1))
    assert ingest.handler(event, context) == {"batchItemFailures": []}
    expected = held(deployment, "undisturbed")
    assert expected.archived == {record["body"] for record in event["Records"]}
    assert len(expected.quarantined) == 1
    for at in points(counting.calls):
        fresh(f"crash-{at}", Faults(fault, at))
        again = handed_back(event, context)
        assert again or fault is Fault.REPEATED, f"call {at} went wrong and nothing comes again"
        assert ingest.handler({"Records": again}, context) == {"batchItemFailures": []}
        assert held(deployment, f"crash-{at}") == expected, f"call {at}"


def handed_back(event: dict[str, Any], context) -> list[Any]:
    """Give the messages that the queue delivers again: the failed ones, or all if the function died."""
    try:
        answer = ingest.handler(event, context)
    except Killed:
        return list(event["Records"])
    failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    return [record for record in event["Records"] if record["messageId"] in failed]

"""The DynamoDB store behind a network that loses answers, on the genuine DynamoDB Local.

The SDK repeats what it had no answer to, so a conditional write that was carried out meets itself.
"""

from __future__ import annotations

import json
import random
import string
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.config import Config

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.dynamodb_items import item_of
from secgraph.adapters.local_graph import LocalGraph
from secgraph.errors import StoreUnavailable
from secgraph.flows.ingest import FAILED, WarmCache, ingest
from secgraph.graph.model import Item, Observation, Ref, Value
from secgraph.ingest.ports import Delivery
from tests.dynamodb_local.proxy import Fault, Proxy
from tests.stores.conftest import TABLE

pytestmark = pytest.mark.dynamodb_local
NOW = 1_795_000_000_000
TRIES = 3

Open = Callable[..., AbstractContextManager[tuple[DynamoDBGraph, Proxy]]]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def behind(genuine, dynamodb_local) -> Open:
    @contextmanager
    def opened(*faults: Fault, operation: str = "BatchExecuteStatement") -> Iterator[Any]:
        config = Config(retries={"mode": "standard", "total_max_attempts": TRIES})
        with Proxy(dynamodb_local.endpoint, operation, faults) as proxy:
            client = dynamodb_local.client(config, proxy.endpoint)
            try:
                yield DynamoDBGraph(client, TABLE), proxy
            finally:
                client.close()

    return opened


def deliveries(sample: Callable[[str], dict[str, Any]], *starts: str) -> list[Delivery]:
    return [Delivery(start, json.dumps(sample(start)), NOW) for start in starts]


def outcomes(events: Sequence[Delivery], graph: DynamoDBGraph) -> list[str]:
    with LocalGraph.in_memory() as aside:
        reports = ingest(events, writer=graph, quarantine=aside, now=NOW, settings={}, cache=WarmCache())
    return [report.outcome for report in reports]


def too_large(number: int) -> Item:
    letters = random.Random(number).choices(string.ascii_letters, k=600_000)
    facts: dict[str, Value] = {"_class": ("Host",), "text": "".join(letters)}
    thing = Ref.of(f"instance/{number}", "aws_instance")
    return Item(thing, {"load/graph": Observation("load/graph", 1, facts)}, {}, 1, 1, version=1, rev=1)


def test_an_item_that_is_too_large_fails_alone(genuine):
    small = replace(too_large(1), blocks={"load/graph": Observation("load/graph", 1, {"_class": ("Host",)})})
    with pytest.raises(StoreUnavailable, match=r"1 of 2 items .*ValidationError: Item size has exceeded"):
        DynamoDBGraph(genuine, TABLE).write([too_large(0), small])
    assert everything(genuine) == {small.thing.id: small}


def everything(client: Any) -> dict[str, Item]:
    """All items, those that no reader sees included."""
    pages = client.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
    return {item.thing.id: item for page in pages for item in map(item_of, page["Items"])}


@pytest.mark.parametrize("held", [(), ("01",)], ids=["new items", "items that are held"])
def test_a_write_whose_answer_was_lost_is_written_once(genuine, behind, sample, held):
    outcomes(deliveries(sample, *held), DynamoDBGraph(genuine, TABLE))
    events = deliveries(sample, "02", "04", "05")
    with behind(Fault.LOST_ANSWER) as (graph, proxy):
        assert FAILED not in outcomes(events, graph)
        assert proxy.seen > 1
    found = everything(genuine)
    assert outcomes(events, DynamoDBGraph(genuine, TABLE)) == ["unchanged"] * 3
    assert everything(genuine) == found
    with LocalGraph.in_memory() as undisturbed:
        for batch in (deliveries(sample, *held), events):
            ingest(batch, writer=undisturbed, quarantine=undisturbed, now=NOW, settings={}, cache=WarmCache())
        assert found == {item.thing.id: item for item in undisturbed.items()}


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.THROTTLED])
def test_what_does_not_pass_fails_the_events_and_redelivery_heals(genuine, behind, sample, fault):
    events = deliveries(sample, "01", "02")
    with behind(*[fault] * 100) as (graph, proxy):
        assert outcomes(events, graph) == [FAILED, FAILED]
        assert proxy.seen % TRIES == 0
        proxy.faults.clear()
        assert FAILED not in outcomes(events, graph)
    assert outcomes(events, DynamoDBGraph(genuine, TABLE)) == ["unchanged", "unchanged"]
    assert {item.rev for item in everything(genuine).values()} == {1}


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.THROTTLED])
def test_a_read_is_repeated_and_then_given_up(behind, fault):
    with behind(fault, operation="BatchGetItem") as (graph, proxy):
        assert graph.read(["nobody"]) == {}
        assert proxy.seen == 2
    with (
        behind(*[fault] * TRIES, operation="BatchGetItem") as (graph, _),
        pytest.raises(StoreUnavailable, match="cannot be read"),
    ):
        graph.read(["nobody"])

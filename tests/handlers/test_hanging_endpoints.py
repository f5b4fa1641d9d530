"""An endpoint of AWS that hangs: the batch is handed back before the function's time is over."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from secgraph import contract
from secgraph.adapters import dynamodb_graph
from secgraph.adapters.dynamodb_graph import PARALLEL_REQUESTS, WRITTEN_AT_ONCE, DynamoDBGraph
from secgraph.errors import StoreUnavailable
from secgraph.graph.model import Item, Observation, Ref
from secgraph.handlers import runtime


@pytest.mark.thorough
@pytest.mark.parametrize("made", ["graph", "archive", "quarantine"])
def test_a_request_gives_up_while_there_is_time_to_hand_the_batch_back(deployment, made):
    config = getattr(runtime, made)()._client.meta.config
    attempts = config.retries["total_max_attempts"]
    pauses = sum(2**number for number in range(attempts - 1))
    longest = attempts * (config.connect_timeout + config.read_timeout) + pauses
    assert longest <= 0.6 * min(contract.INGEST_TIMEOUT_SECONDS, contract.QUERY_TIMEOUT_SECONDS)
    assert attempts > 1
    begun_at_last = dynamodb_graph.PATIENCE_SECONDS
    assert begun_at_last < attempts * config.read_timeout
    assert begun_at_last + longest <= 0.8 * contract.INGEST_TIMEOUT_SECONDS


class Hanging:
    """A client whose every request is in vain."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self._all_begun = threading.Barrier(PARALLEL_REQUESTS)

    def batch_execute_statement(self, **request: Any) -> Any:
        self.requests.append(request)
        self._all_begun.wait(20)  # they are under way side by side before the first is given up
        raise ReadTimeoutError(endpoint_url="dynamodb")


def test_a_large_write_waits_for_a_hanging_endpoint_but_once(monkeypatch):
    monkeypatch.setattr(dynamodb_graph, "PATIENCE_SECONDS", 0.0)
    client: Any = Hanging()
    said = {"s/b": Observation("s/b", 1, {"_class": ("Host",)})}
    things = [Ref.of(f"thing-{n}", "thing") for n in range(4 * PARALLEL_REQUESTS * WRITTEN_AT_ONCE)]
    items = [Item(thing, said, {}, created_on=1, begin_on=1, version=1, rev=1) for thing in things]
    with pytest.raises(StoreUnavailable, match=f"{len(items)} of {len(items)} items.*Read timeout"):
        DynamoDBGraph(client, "graph").write(items)
    assert len(client.requests) == PARALLEL_REQUESTS

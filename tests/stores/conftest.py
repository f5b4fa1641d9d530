"""Every store that keeps a graph: the same suite runs on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.local_graph import LocalGraph
from secgraph.contract import GRAPH_TABLE_KEY
from secgraph.graph.ports import GraphWriter
from tests.dynamodb_local.tables import PLACES, table

TABLE = "graph"


@dataclass
class Store:
    """A store under test and which one it is."""

    graph: GraphWriter
    kind: str


@pytest.fixture(params=PLACES)
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An empty graph table; gives the client."""
    with table(request, TABLE, GRAPH_TABLE_KEY) as client:
        yield client


@pytest.fixture(params=PLACES[1:])
def genuine(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The same, on DynamoDB Local alone."""
    with table(request, TABLE, GRAPH_TABLE_KEY) as client:
        yield client


@pytest.fixture(params=[*PLACES, "local file"])
def store(request: pytest.FixtureRequest, tmp_path) -> Iterator[Store]:
    if request.param == "local file":
        with LocalGraph.open(tmp_path / "graph.duckdb") as graph:
            yield Store(graph, request.param)
        return
    with table(request, TABLE, GRAPH_TABLE_KEY) as client:
        yield Store(DynamoDBGraph(client, TABLE), request.param)

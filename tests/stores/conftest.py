"""Every store that keeps a graph: the same suite runs on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.dynamodb_open import DynamoDBOpenFindings
from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.local_open import LocalOpenFindings
from secgraph.contract import GRAPH_TABLE_KEY, LEDGER_TABLE_KEY, OPEN_INDEX, OPEN_INDEX_KEY
from secgraph.graph.ports import GraphWriter
from secgraph.sources.ports import OpenFindings
from tests.dynamodb_local.tables import PLACES, table

TABLE = "graph"
LEDGER = "ledger"
NOW = 1_795_000_000_000
INDEXES = {OPEN_INDEX: OPEN_INDEX_KEY}


@dataclass
class Store:
    """A store under test, its set of open findings, and which one it is."""

    graph: GraphWriter
    open: OpenFindings
    kind: str


@pytest.fixture(params=PLACES)
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An empty graph table; gives the client."""
    with table(request, TABLE, GRAPH_TABLE_KEY, INDEXES) as client:
        yield client


@pytest.fixture(params=PLACES)
def older(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The same, and a ledger table that tells of no reading; gives the client."""
    with (
        table(request, TABLE, GRAPH_TABLE_KEY, INDEXES) as client,
        table(request, LEDGER, LEDGER_TABLE_KEY),
    ):
        yield client


@pytest.fixture(params=PLACES[1:])
def genuine(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The same, on DynamoDB Local alone."""
    with table(request, TABLE, GRAPH_TABLE_KEY, INDEXES) as client:
        yield client


@pytest.fixture(params=[*PLACES, "local file"])
def store(request: pytest.FixtureRequest, tmp_path) -> Iterator[Store]:
    if request.param == "local file":
        with LocalGraph.open(tmp_path / "graph.duckdb") as graph:
            yield Store(graph, LocalOpenFindings(graph), request.param)
        return
    with table(request, TABLE, GRAPH_TABLE_KEY, INDEXES) as client:
        found = DynamoDBOpenFindings(client, TABLE, LEDGER, lambda: NOW)
        yield Store(DynamoDBGraph(client, TABLE), found, request.param)

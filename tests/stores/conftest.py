"""Every store that keeps a graph: the same suite runs on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.local_graph import LocalGraph
from secgraph.contract import GRAPH_TABLE_KEY
from secgraph.graph.ports import GraphWriter

TABLE = "graph"


@dataclass
class Store:
    """A store under test and which one it is."""

    graph: GraphWriter
    kind: str


@pytest.fixture
def dynamodb(make_table):
    return make_table(TABLE, GRAPH_TABLE_KEY)


@pytest.fixture(params=["dynamodb", "local file"])
def store(request, tmp_path) -> Iterator[Store]:
    if request.param == "dynamodb":
        yield Store(DynamoDBGraph(request.getfixturevalue("dynamodb"), TABLE), request.param)
        return
    with LocalGraph.open(tmp_path / "graph.duckdb") as graph:
        yield Store(graph, request.param)

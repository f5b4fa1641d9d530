"""Every store that keeps a graph: the same suite runs on each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest
from moto import mock_aws

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.local_graph import LocalGraph
from secgraph.graph.ports import GraphWriter

TABLE = "graph"


@dataclass
class Store:
    """A store under test and, where it is one, its DynamoDB client."""

    graph: GraphWriter
    kind: str


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield


@pytest.fixture
def dynamodb(aws):
    client = boto3.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture(params=["dynamodb", "local file"])
def store(request, tmp_path) -> Iterator[Store]:
    if request.param == "dynamodb":
        yield Store(DynamoDBGraph(request.getfixturevalue("dynamodb"), TABLE), request.param)
        return
    with LocalGraph.open(tmp_path / "graph.duckdb") as graph:
        yield Store(graph, request.param)

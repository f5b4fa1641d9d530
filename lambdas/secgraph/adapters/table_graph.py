"""The graph table loaded into an in-memory DuckDB: the reader on AWS until the graph image takes over.

Bounded: past the limit it says so instead of answering from part of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import duckdb

from secgraph.adapters.duckdb_reader import DuckDBReader, lock_down
from secgraph.adapters.duckdb_relations import Relations
from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.graph.model import Item
from secgraph.image.expand import expand

ITEM_LIMIT: Final = 50_000


def load(graph: DynamoDBGraph, *, limit: int = ITEM_LIMIT) -> DuckDBReader:
    """Read the whole table. Raises StoreTooLarge past `limit` items."""
    # By id: the same graph gives the same row order whatever the order of the scan.
    return reader_of(sorted(graph.scan(limit), key=lambda item: item.thing.id))


def reader_of(items: Iterable[Item]) -> DuckDBReader:
    """Give the reader of what these items say, which are all there are."""
    connection = duckdb.connect(":memory:")
    relations = Relations(connection)
    relations.apply([expand(item, 0) for item in items])
    lock_down(connection)
    return DuckDBReader(connection, relations)

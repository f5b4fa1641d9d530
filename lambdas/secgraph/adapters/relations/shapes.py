"""The columns of the relations and their types, and lists and texts, as SQL. In: names, values. Out: SQL."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from secgraph.graph.relations import property_and_kind, quoted

ENTITY: Final = {"id": "BIGINT", "sort": "INTEGER", "deleted": "BOOLEAN"}
RELATIONSHIP: Final = {
    "id": "BIGINT",
    "owner": "BIGINT",
    "class": "VARCHAR",
    "src": "BIGINT",
    "dst": "BIGINT",
    "src_sort": "INTEGER",
    "dst_sort": "INTEGER",
    "deleted": "BOOLEAN",
    "stated": "VARCHAR",
}
"""What every row has; the property columns follow."""


def sql_type(column: str) -> str:
    """Give the type of a property column."""
    return property_and_kind(column)[1].sql


def empty(column: str) -> str:
    """Write a property column that nothing has."""
    return f"NULL::{sql_type(column)} AS {quoted(column)}"


def listed(items: Iterable[str]) -> str:
    """Write a list."""
    return ", ".join(items)


def literal(value: str | Path) -> str:
    """Write a text."""
    return "'" + str(value).replace("'", "''") + "'"

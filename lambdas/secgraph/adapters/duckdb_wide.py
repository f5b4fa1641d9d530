"""A table with a column for each property in each kind. In: rows with JSON lines. Out: rows in DuckDB.

Everything moves in bulk: a chunk of rows crosses as lists, its columns as JSON texts, which DuckDB reads
against a typed shape. (Row by row costs a hundredfold; pyarrow would do it too, and is 100 MB more in the
asset.) No table has a key constraint: an index would double the cost of a write.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import duckdb

from secgraph.graph.relations import property_and_kind, quoted

ALTERED_AT_MOST: Final = 8
"""New columns that are added one by one. Each costs more the wider the table is, so that many at once are
cheaper by one copy of the table."""

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

LINE: Final = "line"
"""The column of an arriving row that has its property columns, as a JSON object."""


class WideTable:
    """One table: its fixed columns, and the property columns that it has so far."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, fixed: Mapping[str, str]) -> None:
        self.name = name
        self.columns: frozenset[str] = frozenset()
        self.fixed = fixed
        self._connection = connection
        self._arrived = f"arrived_{name}"
        shape = ", ".join(f"{column} {type_}" for column, type_ in fixed.items())
        connection.execute(f"CREATE TABLE {name} ({shape})")

    @property
    def all_columns(self) -> list[str]:
        """List all columns, the fixed ones first."""
        return [*self.fixed, *sorted(self.columns)]

    def look(self) -> None:
        """See which columns are there, after the table was made or changed by others, or a change undone."""
        found = self._connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = $1", [self.name]
        ).fetchall()
        self.columns = frozenset(name for (name,) in found) - self.fixed.keys()

    def take_up(self, columns: Iterable[str]) -> None:
        """Add the columns that are not there yet, empty."""
        new = sorted(set(columns) - self.columns)
        if not new:
            return
        if len(new) <= ALTERED_AT_MOST:
            for name in new:
                self._connection.execute(
                    f"ALTER TABLE {self.name} ADD COLUMN {quoted(name)} {sql_type(name)}"
                )
        else:
            added = ", ".join(empty(name) for name in new)
            self._connection.execute(
                f"CREATE OR REPLACE TABLE {self.name} AS SELECT *, {added} FROM {self.name}"  # noqa: S608
            )
        self.columns |= frozenset(new)

    def arrive(self, columns: Mapping[str, list[Any]], lines: list[str], bearer: str) -> dict[Any, set[str]]:
        """Bring rows over, column by column, and take up their property columns.

        Give those by the value of the column `bearer`. `insert` then puts the rows into the table.
        """
        lists = ", ".join(
            f"unnest(${place}::{self.fixed[name]}[]) AS {name}" for place, name in enumerate(columns, 1)
        )
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {self._arrived} AS "
            f"SELECT {lists}, unnest(${len(columns) + 1}::VARCHAR[]) AS {LINE}",
            [*columns.values(), lines],
        )
        found = self._connection.execute(
            f"SELECT DISTINCT {bearer}, unnest(json_keys({LINE})) FROM {self._arrived}"  # noqa: S608
        ).fetchall()
        borne: dict[Any, set[str]] = defaultdict(set)
        for of, name in found:
            borne[of].add(name)
        self.take_up(name for names in borne.values() for name in names)
        self._insert(sorted({name for names in borne.values() for name in names}))
        return borne

    def _insert(self, columns: Collection[str]) -> None:
        fixed = ", ".join(self.fixed)
        if columns:
            names = ", ".join([fixed, *map(quoted, columns)])
            shape = json.dumps({name: sql_type(name) for name in columns})
            self._connection.execute(
                f"INSERT INTO {self.name} ({names}) "  # noqa: S608 (table is ours, names are quoted)
                f"SELECT {fixed}, unnest(from_json({LINE}, $1)) FROM {self._arrived}",
                [shape],
            )
        else:
            self._connection.execute(
                f"INSERT INTO {self.name} ({fixed}) SELECT {fixed} FROM {self._arrived}"  # noqa: S608
            )
        self._connection.execute(f"DROP TABLE {self._arrived}")


def sql_type(column: str) -> str:
    """Give the type of a property column."""
    return property_and_kind(column)[1].sql


def empty(column: str) -> str:
    """Write a property column that nothing has."""
    return f"NULL::{sql_type(column)} AS {quoted(column)}"

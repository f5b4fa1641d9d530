"""A table with a column for each property in each kind. In: rows as JSON lines. Out: rows in DuckDB.

Everything moves in bulk: a chunk of rows crosses as one list of JSON objects, which DuckDB reads against a
typed shape. (Column by column costs three times as much, row by row a hundredfold; pyarrow would do it too,
and is 100 MB more in the asset.) No table has a key constraint: an index would double the cost of a write.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import duckdb

from secgraph.adapters.relations.shapes import empty, sql_type
from secgraph.graph.relations import quoted

ALTERED_AT_MOST: Final = 8
"""New columns that are added one by one. Each costs more the wider the table is, so that many at once are
cheaper by one copy of the table."""


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

    def insert(self, lines: list[str], bearer: str) -> dict[str, set[str]]:
        """Insert rows, and give the property columns that they have by the value of the column `bearer`."""
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {self._arrived} AS "  # noqa: S608 (names of our own)
            f"SELECT line, json_extract_string(line, '$.{bearer}') AS bearer "
            "FROM (SELECT unnest($1::VARCHAR[]) AS line)",
            [lines],
        )
        found = self._connection.execute(
            f"SELECT DISTINCT bearer, unnest(json_keys(line)) "  # noqa: S608
            f"FROM {self._arrived} WHERE contains(line, '#')"
        ).fetchall()
        borne: dict[str, set[str]] = defaultdict(set)
        for of, name in found:
            if name not in self.fixed:
                borne[of].add(name)
        columns = sorted({name for names in borne.values() for name in names})
        self.take_up(columns)
        shape = {**self.fixed, **{name: sql_type(name) for name in columns}}
        self._connection.execute(
            f"INSERT INTO {self.name} ({', '.join(map(quoted, shape))}) "  # noqa: S608 (names are quoted)
            f"SELECT unnest(from_json(line, $1)) FROM {self._arrived}",
            [json.dumps(shape)],
        )
        self._connection.execute(f"DROP TABLE {self._arrived}")
        return borne

"""Where the next base is made: tables of what is laid over the one before, and a folder for its files.

The connection is the one of `Relations`: it holds the delta_* tables and `moved` (relations/deltas.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from secgraph.adapters.image.parts import LEVEL, ROW_GROUP, write_rows
from secgraph.adapters.image.selects import Selects
from secgraph.adapters.image.stored_documents import StoredDocuments
from secgraph.adapters.relations.shapes import listed
from secgraph.graph.relations import quoted
from secgraph.image.base import Base, EdgeGroup, EntityPart, RowsFile
from secgraph.image.ports import ObjectStore

HIDDEN = "(SELECT id FROM delta_item)"
"""What the base says of these items counts no more."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """`before` is the base that the rows are laid over, `selects` and `documents` read its files. Files are
    stored under names that begin with `prefix`."""

    connection: duckdb.DuckDBPyConnection
    before: Base | None
    selects: Selects
    documents: StoredDocuments
    store: ObjectStore
    folder: Path
    prefix: str
    pool: Executor

    @property
    def parts(self) -> Sequence[EntityPart]:
        """Give the parts of the base before."""
        return () if self.before is None else self.before.entities

    @property
    def groups(self) -> Sequence[EdgeGroup]:
        """Give the groups of the base before."""
        return () if self.before is None else self.before.relationships

    @contextmanager
    def beside(self) -> Iterator[Workshop]:
        """Give a workshop with the same tables, and temporary ones of its own, for another thread."""
        ((database,),) = self.rows("SELECT current_database()")
        with closing(self.connection.cursor()) as connection:
            connection.execute(f"USE {quoted(database)}")
            yield replace(self, connection=connection)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement."""
        return self.connection.execute(sql, list(parameters)).fetchall()

    def columns(self, table: str) -> list[str]:
        """Name the columns of a table."""
        return [row[0] for row in self.rows(f"DESCRIBE {table}")]

    def write(self, select: str, label: str, *, row_group: int = ROW_GROUP, level: int = LEVEL) -> RowsFile:
        """Store the rows of a SELECT as a Parquet file."""
        path = self.folder / label
        name = self.prefix + label
        file = write_rows(self.connection, select, path, name, row_group=row_group, level=level)
        self.put(path)
        return file

    def put(self, path: Path) -> None:
        """Store a file of the folder, where it is then not any more."""
        self.store.put_file(self.prefix + path.name, str(path))
        path.unlink()

    def filled(self, table: str, bearer: str, columns: Sequence[str]) -> dict[Any, frozenset[str]]:
        """Tell which of these columns are filled in any row, by the value of the column `bearer`."""
        counted = listed([bearer, *[f"count({quoted(name)})" for name in columns]])
        found = self.rows(f"SELECT {counted} FROM {table} GROUP BY {bearer}")  # noqa: S608 (names are quoted)
        return {
            value: frozenset(name for name, count in zip(columns, counts, strict=True) if count)
            for value, *counts in found
        }

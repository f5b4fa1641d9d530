"""The alerts in the local graph file: stored items in and out, each put on the same condition as on AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from secgraph.alerts.ports import Stored
from secgraph.errors import StoreUnavailable


class LocalAlerts:
    """The AlertStore over a connection to the graph file, which somebody else opens and closes.

    The table is made by the first write, so a file opened only to be read needs none.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def read_all(self, prefix: str = "") -> Mapping[str, Stored]:
        """Give every item, or those whose id begins so, by id."""
        if not self._exists():
            return {}
        rows = self._connection.execute(
            "SELECT id, rev, body FROM alert WHERE starts_with(id, ?) ORDER BY id", [prefix]
        ).fetchall()
        return {id_: Stored(id_, rev, body) for id_, rev, body in rows}

    def read(self, id_: str) -> Stored | None:
        """Give one item."""
        if not self._exists():
            return None
        row = self._connection.execute("SELECT id, rev, body FROM alert WHERE id = ?", [id_]).fetchone()
        return None if row is None else Stored(*row)

    def put(self, item: Stored, beside: Sequence[Stored] = ()) -> bool:
        """Write an item unless its stored `rev` has moved, and what goes beside it, all or nothing. False if
        another writer was faster."""
        try:
            return self._put_together([item, *beside]) if beside else self._put(item)
        except duckdb.Error as error:
            raise StoreUnavailable(f"the alerts in the graph file cannot be written: {error}") from error

    def delete(self, item: Stored) -> bool:
        """Take out an item that is stored with exactly this `rev`; False if it is not."""
        if not self._exists():
            return False
        try:
            gone = self._connection.execute(
                "DELETE FROM alert WHERE id = ? AND rev = ? RETURNING id", [item.id, item.rev]
            )
            return gone.fetchone() is not None
        except duckdb.Error as error:
            raise StoreUnavailable(f"the alerts in the graph file cannot be written: {error}") from error

    def _put_together(self, items: Sequence[Stored]) -> bool:
        self._connection.execute("BEGIN")
        try:
            written = all(self._put(item) for item in items)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT" if written else "ROLLBACK")
        return written

    def _put(self, item: Stored) -> bool:
        if item.rev > 1:
            if not self._exists():
                return False
            written = self._connection.execute(
                "UPDATE alert SET rev = ?, body = ? WHERE id = ? AND rev = ? RETURNING id",
                [item.rev, item.body, item.id, item.rev - 1],
            )
            return written.fetchone() is not None
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS alert (id VARCHAR PRIMARY KEY, rev BIGINT, body VARCHAR)"
        )
        written = self._connection.execute(
            "INSERT INTO alert VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
            [item.id, item.rev, item.body],
        )
        return written.fetchone() is not None

    def _exists(self) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = 'alert'"
        ).fetchone()
        return found is not None

"""The graph in one local DuckDB file: items (the truth), which of them the image lacks, and quarantine.

A batch costs one bulk read and one bulk write, whatever its size: row by row would cost a hundredfold. An
item and the note that it is to be projected are written in one transaction, so that none is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import duckdb

from secgraph.errors import InputError, StoreError, StoreLocked, StoreUnavailable
from secgraph.graph import stored
from secgraph.graph.model import Item
from secgraph.ingest.ports import Quarantined

FORMAT: Final = 4
"""Formats 1 to 3 also held what queries read, which now lies in an image beside the file. Their items are
read; once such a file is opened for writing, the rest is dropped and every item is to be projected.
Programs that know those formats alone refuse format 4."""

ROW_GROUP: Final = 30_720
"""Rows that one core reads while another reads the next; DuckDB's own 122,880 would leave all but one core
idle at 100,000 entities. The size is settled when a file is made: an older file keeps its own."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS graph_file (format INTEGER);
CREATE TABLE IF NOT EXISTS item (id VARCHAR, rev BIGINT, body VARCHAR);
CREATE TABLE IF NOT EXISTS unprojected (id VARCHAR);
CREATE TABLE IF NOT EXISTS image (mark VARCHAR);
CREATE TABLE IF NOT EXISTS quarantine (id VARCHAR, reason VARCHAR, body VARCHAR, received_on BIGINT);
"""
_DROPPED: Final = (
    "node",
    "entity",
    "entity_document",
    "relationship",
    "relationship_document",
    "known_sort",
    "known_verb",
    "known_property",
    "relations_format",
)
"""Tables of the formats 1 to 3."""
_NAMED: Final = "(SELECT unnest(?::VARCHAR[]))"


class LocalGraph:
    """GraphWriter and Quarantine over one DuckDB file; a context manager that closes it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open a graph file, or make it. Raises StoreLocked when another process holds it, InputError
        when there is nothing to read or the file is no graph."""
        if read_only and not path.exists():
            raise InputError(
                f"{path}: there is no graph here yet; make one with `secgraph ingest` or `secgraph load`"
            )
        if not path.absolute().parent.is_dir():
            raise InputError(f"{path}: the folder {path.parent} is not there; make it first")
        try:
            connection = _attached(path.absolute(), read_only=read_only)
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise StoreLocked(
                    f"{path}: another process has this graph file open; wait for it to finish, or choose "
                    "another with --graph"
                ) from error
            raise InputError(
                f"{path}: this cannot be opened as a secgraph graph file: {_first_line(error)}"
            ) from error
        try:
            _prepare(connection, path, read_only=read_only)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    @classmethod
    def in_memory(cls) -> Self:
        """Make a graph that lasts as long as the process."""
        connection = duckdb.connect(":memory:")
        _prepare(connection, Path("memory"), read_only=False)
        return cls(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was written is durable."""
        self.connection.close()

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        """Give the stored items among these ids, in one query."""
        with _failures_told():
            rows = self.connection.execute(
                "SELECT body FROM item WHERE id IN (SELECT unnest(?::VARCHAR[]))", [sorted(set(ids))]
            ).fetchall()
        items = (stored.load(body) for (body,) in rows)
        return {item.thing.id: item for item in items}

    def write(self, items: Sequence[Item]) -> Collection[str]:
        """Put the items whose stored `rev` has not moved, in one transaction; give the ids that lost."""
        if not items:
            return []
        with _failures_told(), _transaction(self.connection):
            held = self._revs([item.thing.id for item in items])
            won = [item for item in items if held.get(item.thing.id, 0) == item.rev - 1]
            self._put(won)
        written = {item.thing.id for item in won}
        return [item.thing.id for item in items if item.thing.id not in written]

    def put(self, events: Sequence[Quarantined]) -> None:
        """Keep events that were not understood; one that is kept already gets the new reason, and counts as
        received when it was first."""
        ids = [event.id for event in events]
        with _failures_told(), _transaction(self.connection):
            first = dict(
                self.connection.execute(
                    "SELECT id, received_on FROM quarantine WHERE id IN (SELECT unnest(?::VARCHAR[]))", [ids]
                ).fetchall()
            )
            rows = {
                event.id: (
                    event.id,
                    event.reason,
                    event.body,
                    min(event.received_on, first.get(event.id, event.received_on)),
                )
                for event in events
            }
            self.remove(ids)
            self.connection.execute(
                "INSERT INTO quarantine SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]),"
                " unnest(?::VARCHAR[]), unnest(?::BIGINT[])",
                [list(column) for column in zip(*rows.values(), strict=True)],
            )

    def quarantined(self) -> list[Quarantined]:
        """List what is in quarantine, oldest first."""
        return sorted(self.find(), key=lambda event: (event.received_on, event.id))

    def find(self, start: str = "") -> Iterator[Quarantined]:
        """Give the events in quarantine whose id begins like this."""
        with _failures_told():
            rows = self.connection.execute(
                "SELECT id, reason, body, received_on FROM quarantine WHERE starts_with(id, ?)", [start]
            ).fetchall()
        yield from (Quarantined(*row) for row in rows)

    def remove(self, ids: Sequence[str]) -> None:
        """Forget events in quarantine."""
        with _failures_told():
            self.connection.execute(
                "DELETE FROM quarantine WHERE id IN (SELECT unnest(?::VARCHAR[]))", [list(ids)]
            )

    def items(self) -> list[Item]:
        """Give every item, in the order in which they were last written."""
        rows = self.connection.execute("SELECT body FROM item ORDER BY rowid").fetchall()
        return [stored.load(body) for (body,) in rows]

    def items_that_say(self, texts: Sequence[str], *, start: str, after: str, limit: int) -> list[Item]:
        """Give items by their ids: those that begin like this, come after another, and whose stored text
        (graph/stored.py) holds all these texts."""
        holds = "".join(" AND contains(body, ?)" for _ in texts)
        with _failures_told():
            rows = self.connection.execute(
                f"SELECT body FROM item WHERE starts_with(id, ?) AND id > ?{holds} ORDER BY id LIMIT ?",  # noqa: S608
                [start, after, *texts, limit],
            ).fetchall()
        return [stored.load(body) for (body,) in rows]

    def unprojected(self) -> list[str]:
        """List the ids of items that were written since they were last projected, in that order."""
        with _failures_told():
            rows = self.connection.execute(
                "SELECT id FROM unprojected ORDER BY rowid"
                if _has(self.connection, "unprojected")
                else "SELECT id FROM item ORDER BY rowid"  # a file of an older format, open for reading
            ).fetchall()
        return [id_ for (id_,) in rows]

    def projected(self, ids: Collection[str], *, mark: str = "") -> None:
        """Note that the image has these items, as they are stored now, and bears this mark."""
        with _failures_told(), _transaction(self.connection):
            self.connection.execute(f"DELETE FROM unprojected WHERE id IN {_NAMED}", [list(ids)])  # noqa: S608
            self.connection.execute("DELETE FROM image")
            self.connection.execute("INSERT INTO image VALUES (?)", [mark])

    def image_mark(self) -> str:
        """Give the mark of the image that has what is projected; empty: there is none."""
        with _failures_told():
            if not _has(self.connection, "image"):
                return ""
            row = self.connection.execute("SELECT mark FROM image").fetchone()
        return str(row[0]) if row else ""

    def unproject(self) -> None:
        """Have every item projected again, into an image that is made anew."""
        with _failures_told(), _transaction(self.connection):
            self.connection.execute("DELETE FROM image")
            self.connection.execute("DELETE FROM unprojected")
            self.connection.execute("INSERT INTO unprojected SELECT id FROM item")

    def ids(self) -> list[str]:
        """List the ids of all items."""
        with _failures_told():
            rows = self.connection.execute("SELECT id FROM item ORDER BY id").fetchall()
        return [id_ for (id_,) in rows]

    def _revs(self, ids: Sequence[str]) -> dict[str, int]:
        return dict(
            self.connection.execute(
                "SELECT id, rev FROM item WHERE id IN (SELECT unnest(?::VARCHAR[]))", [ids]
            ).fetchall()
        )

    def _put(self, items: Sequence[Item]) -> None:
        if not items:
            return
        ids = [item.thing.id for item in items]
        for table in ("item", "unprojected"):
            self.connection.execute(f"DELETE FROM {table} WHERE id IN {_NAMED}", [ids])  # noqa: S608
        self.connection.execute(
            "INSERT INTO item SELECT unnest(?::VARCHAR[]), unnest(?::BIGINT[]), unnest(?::VARCHAR[])",
            [ids, [item.rev for item in items], [stored.dump(item) for item in items]],
        )
        self.connection.execute("INSERT INTO unprojected SELECT unnest(?::VARCHAR[])", [ids])


def _attached(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open the file under the name `graph`: only what is attached takes a size of row groups.

    The path is absolute, since DuckDB takes `:memory:`, `md:…` and `s3:…` for something else than a file.
    """
    connection = duckdb.connect(":memory:", config={"temp_directory": f"{path}.tmp"})
    access = ", READ_ONLY" if read_only else ""
    name = str(path).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{name}' AS graph (TYPE duckdb, ROW_GROUP_SIZE {ROW_GROUP}{access})")
        connection.execute("USE graph")
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: duckdb.DuckDBPyConnection, path: Path, *, read_only: bool) -> None:
    """Make the tables of a new file, or check those of an old one."""
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if tables and "graph_file" not in tables:
        raise InputError(f"{path}: this DuckDB file is not a secgraph graph; choose another with --graph")
    if not tables:
        if read_only:
            raise InputError(f"{path}: this graph file is empty; fill it with `secgraph ingest`")
        connection.execute(_TABLES)
        connection.execute("INSERT INTO graph_file VALUES (?)", [FORMAT])
    (found,) = connection.execute("SELECT format FROM graph_file").fetchone() or (None,)
    if found not in range(1, FORMAT + 1):
        raise StoreError(
            f"{path}: the file has format {found}; this version of secgraph reads up to format {FORMAT}: "
            "upgrade secgraph before using this graph"
        )
    if not read_only:
        # a checkpoint after every 16 MB, as by default, costs a tenth of a long ingest; closing makes one too
        connection.execute("SET checkpoint_threshold = '256MB'")
        if found != FORMAT:
            with _failures_told(), _transaction(connection):
                _upgrade(connection)


def _upgrade(connection: duckdb.DuckDBPyConnection) -> None:
    for table in _DROPPED:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute(_TABLES)
    connection.execute("INSERT INTO unprojected SELECT id FROM item")
    connection.execute("UPDATE graph_file SET format = ?", [FORMAT])


def _has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table])
    return found.fetchone() is not None


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    # Outside: a commit that fails has already ended the transaction.
    connection.execute("COMMIT")


@contextmanager
def _failures_told() -> Iterator[None]:
    """Say of what DuckDB cannot do, such as write to a full disk, that the store failed."""
    try:
        yield
    except duckdb.Error as error:
        raise StoreUnavailable(f"the graph file cannot be used: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]

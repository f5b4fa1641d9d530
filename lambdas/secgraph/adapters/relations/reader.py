"""A GraphReader over a DuckDB connection. In: statements. Out: rows, all of them or QueryError LIMITS.

`lock_down` shuts the connection in first: no SQL that reaches it can touch a file, another database, an
extension or its own settings, whatever the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Timer
from time import monotonic
from typing import Final, TypeVar

import duckdb

from secgraph.adapters.relations.relations import Relations
from secgraph.adapters.relations.shapes import literal
from secgraph.errors import Position, QueryError, StoreTooLarge
from secgraph.graph.relations import Catalogue, Rows, Statement

E = TypeVar("E", bound=QueryError)
_WHOLE: Final = Position(1, 1, 0)
_REGEX_TOO_LARGE: Final = "pattern too large"
"""What RE2 says of an expression that it will not compile: only it knows how large one becomes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection or one statement may use. `temp` is disk space to spill to, "0B" for none;
    `counting` bounds the statements that explain a failure, in seconds for all of them."""

    seconds: float = 30.0
    counting: float = 2.0
    rows: int = 1_000_000
    memory: str = "1GB"
    temp: str = "0B"
    threads: int | None = None


DEFAULT: Final = Limits()

LEAST: Final = 0.25
"""Part of `Limits.counting` that must be left for one more statement: less says nothing about it."""


def lock_down(
    connection: duckdb.DuckDBPyConnection, limits: Limits = DEFAULT, folders: Sequence[str] = ()
) -> None:
    """Bound the connection's memory and disk, cut it off from the outside, and freeze its settings.

    Open database files stay usable, and what lies in `folders`; nothing else can be opened any more.
    """
    settings = [
        f"SET memory_limit = {literal(limits.memory)}",
        f"SET max_temp_directory_size = {literal(limits.temp)}",
        "SET python_enable_replacements = false",  # a table name must never mean a Python variable
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET allow_community_extensions = false",
        f"SET allowed_directories = [{', '.join(map(literal, folders))}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ]
    if limits.threads is not None:
        settings.insert(0, f"SET threads = {int(limits.threads)}")
    for setting in settings:
        connection.execute(setting)


class OutOfMemory(QueryError):  # noqa: N818 (reads as a state, as those in errors.py do)
    """LIMITS: a statement needs more memory than there is. What was held in it may be lost."""


class DuckDBReader:
    """Answers from a connection that holds the relations. One statement runs at a time."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, relations: Relations, limits: Limits = DEFAULT
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._relations = relations

    def catalogue(self) -> Catalogue:
        """Tell what the graph holds."""
        return self._relations.catalogue()

    def fetch(self, statement: Statement) -> Rows:
        """Run one statement within the limits. Raises QueryError LIMITS (OutOfMemory if that is the one); the
        answer is never cut."""
        return self._run(statement, self._limits.seconds)

    def documents(self, ids: Sequence[int]) -> Sequence[str]:
        """Give the documents of the entities with these ids, in their order."""
        try:
            return self._relations.documents(ids)
        except StoreTooLarge as error:
            raise self._out_of_memory() from error

    def counts(self, statements: Iterable[Statement]) -> Iterator[int | None]:
        """Run statements that give one number each, within `Limits.counting` for all; None comes last, for
        one that took too long or too much memory."""
        end = monotonic() + self._limits.counting
        for statement in statements:
            left = end - monotonic()
            if left <= self._limits.counting * LEAST:
                return
            try:
                number = self._run(statement, left)[0][0]
            except QueryError:
                yield None
                return
            yield int(number or 0)

    def _run(self, statement: Statement, seconds: float) -> Rows:
        """Have in memory what it reads, and run it: the first that reads it waits for that, and is given its
        time. What is run again, since memory ran out, has only what is left."""
        spent = 0.0

        def ask() -> Rows:
            nonlocal spent
            began = monotonic()
            try:
                return self._ran(statement, max(0.0, seconds - spent), seconds)
            finally:
                spent += monotonic() - began

        try:
            return self._relations.run(statement.reads, ask)
        except StoreTooLarge as error:
            raise self._out_of_memory() from error

    def _ran(self, statement: Statement, left: float, seconds: float) -> Rows:
        with _bounded(self._connection, left) as clock:
            try:
                found = self._connection.execute(statement.sql, list(statement.parameters))
                rows = found.fetchmany(self._limits.rows + 1)
            except duckdb.InterruptException:
                if clock.struck:
                    raise _limit(f"The query ran longer than {seconds:g} seconds.") from None
                raise
            except duckdb.InvalidInputException as error:
                if _REGEX_TOO_LARGE not in str(error):
                    raise
                raise _limit("A regular expression of the query is too large to run.") from None
        if len(rows) > self._limits.rows:
            raise _limit(f"The query gave more than {self._limits.rows:,} rows.")
        return rows

    def _out_of_memory(self) -> OutOfMemory:
        return _refused(OutOfMemory, f"The query needed more than {self._limits.memory} of memory.")


class _Clock:
    """Interrupts the connection once, and only while the statement it was started for still runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.struck = False
        self._connection = connection
        self._lock = Lock()
        self._running = True

    def strike(self) -> None:
        with self._lock:
            if self._running:
                self.struck = True
                self._connection.interrupt()

    def stop(self) -> None:
        with self._lock:
            self._running = False


@contextmanager
def _bounded(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[_Clock]:
    clock = _Clock(connection)
    timer = Timer(seconds, clock.strike)
    timer.daemon = True
    timer.start()
    try:
        yield clock
    finally:
        clock.stop()
        timer.cancel()
        timer.join()  # else its thread may outlive the connection that it holds


def _limit(what: str) -> QueryError:
    return _refused(QueryError, what)


def _refused(kind: type[E], what: str) -> E:
    return kind(
        "LIMITS",
        f"{what} Nothing was cut: no answer is given.",
        _WHOLE,
        expected="a smaller question",
        suggestion="name a type instead of a class or *, add WITH, or RETURN fewer steps",
    )

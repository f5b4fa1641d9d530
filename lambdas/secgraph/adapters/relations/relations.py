"""The relations of graph/relations.py in memory. In: rows of items, and a base beneath. Out: tables.

BaseTables ─ensure→ what statements read of the base (live.py) ───────┐
ItemRow… ─apply→ delta_* tables (deltas.py) ──────────────────────────┴→ entity, relationship, searched
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

import duckdb

from secgraph.adapters.relations.catalogue import DERIVED_COLUMNS, Draft
from secgraph.adapters.relations.deltas import DeltaTables, Growing
from secgraph.adapters.relations.derived import KEY, LinkTexts, with_derived
from secgraph.adapters.relations.folding import Numbers
from secgraph.adapters.relations.groups import Move
from secgraph.adapters.relations.live import entity_columns
from secgraph.adapters.relations.wide import WideTable
from secgraph.errors import StoreError, StoreTooLarge
from secgraph.graph.relations import Catalogue, Reads, quoted
from secgraph.image.ports import BaseTables
from secgraph.image.rows import ItemRow

T = TypeVar("T")
_LAID_TEXTS: Final = "SELECT text, [id] AS ids FROM delta_text"

_WITHOUT_CHECKPOINTS: Final = "SET checkpoint_threshold = '1TB'"
"""DuckDB compresses all tables anew after every 16 MB of changes, also in memory: to lay a table's rows over
nothing then grows with the square of their number, and that may fail as any other checkpoint may."""

_HAS_ROOM: Final = """
SELECT 2 * coalesce(sum(memory_usage_bytes), 0) <= parse_formatted_bytes(current_setting('memory_limit'))
FROM duckdb_memory() WHERE tag <> 'EXTERNAL_FILE_CACHE'"""
"""What is compressed stands beside what it is made of. If that does not fit, the database is lost."""


class Relations:
    """The relations in a connection that has nothing else in it. Make them before it is locked down.

    Where memory runs out, whatever was being done, the same is tried: to compress what is held, to give up
    what the statement at hand does not read, and at last, if `is_replaceable`, to compress it at the risk
    that the database is lost. StoreTooLarge says that this did not suffice; the relations may be lost then.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, base: BaseTables | None = None) -> None:
        self._connection = connection
        connection.execute(_WITHOUT_CHECKPOINTS)
        self._tables = DeltaTables(connection, base)
        self._links = LinkTexts(connection)
        self._catalogue = Catalogue() if base is None else base.base.catalogue
        self._numbers = _numbers(base)
        self._moves: frozenset[Move] = frozenset()
        self._views: dict[str, str] = {}
        self._is_loose = False
        self.is_replaceable = False
        self._show()

    def catalogue(self) -> Catalogue:
        """Tell what the graph holds, without reading any records. What is gone may still be listed."""
        return self._catalogue

    def apply(self, rows: Sequence[ItemRow]) -> bool:
        """Lay rows over what is held, in their order: all, or none if it fails. Tell whether any was newer.

        Each takes the place of all that was said of its item; one that is no newer than what is held changes
        nothing. Raises StoreTooLarge if memory does not suffice.
        """
        live = self._tables.live
        if live is not None:
            live.begin(None, (), ())
        return self._within_memory(lambda: self._apply(rows))

    def _apply(self, rows: Sequence[ItemRow]) -> bool:
        growing = Growing(Draft(self._catalogue), self._numbers.copy(), set(self._moves))
        with self._transaction():
            is_newer = self._tables.lay(rows, growing)
        self._catalogue = growing.draft.frozen()
        self._numbers, self._moves = growing.numbers, frozenset(growing.moves)
        self._is_loose = True
        self._show()
        return is_newer

    def ensure(self, reads: Reads) -> None:
        """Load what a statement reads, unless it is here already. Raises what `run` raises."""
        self.run(reads, lambda: None)

    def run(self, reads: Reads, ask: Callable[[], T]) -> T:
        """Load what a statement reads, unless it is here already, and give what it gives.

        Raises StoreTooLarge if memory does not suffice; ObjectMissing, ObjectDamaged or StoreUnavailable if
        the base cannot be read.
        """

        def attempt() -> T:
            self._ensure(reads)
            return ask()

        return self._within_memory(attempt)

    def _ensure(self, reads: Reads) -> None:
        follows = not reads.relationship.isdisjoint(DERIVED_COLUMNS)
        live = self._tables.live
        if live is not None:
            keys = {KEY} & entity_columns(self._catalogue) if follows else set()
            plain = reads.relationship.difference(DERIVED_COLUMNS)
            live.begin(reads.entity | keys, reads.links, self._moves)
            loaded = live.ensure_entity(reads.entity | keys)
            self._is_loose |= live.ensure_relationship(reads.links, plain, self._moves) or loaded
        self._show(derived=follows, texts=reads.searched)

    # ── memory ────────────────────────────────────────────────────────────────────────────────────────

    def _within_memory(self, attempt: Callable[[], T]) -> T:
        """Give what `attempt` gives. It is repeated after each relief that there was."""
        reliefs = iter((self._compress, self._give_up, self._compress_at_risk))
        while True:
            try:
                return attempt()
            except duckdb.OutOfMemoryException as error:
                self._is_loose = True  # some of it may have been loaded
                if not any(relief() for relief in reliefs):  # no further than the first that there was
                    raise StoreTooLarge("Memory does not suffice for the graph and what is asked.") from error
            except duckdb.FatalException as error:
                raise StoreTooLarge("Memory ran out, and what was held in it is lost.") from error

    def _compress(self, *, at_risk: bool = False) -> bool:
        """Compress what is held to about a seventh; tell whether that was tried. At a million entities it
        takes two seconds, so it is done only once memory runs out."""
        if not self._is_loose or not (at_risk or self._has_room()):
            return False
        self._is_loose = False
        with suppress(duckdb.Error):  # the next attempt tells: it fits, it does not, or the database is lost
            self._connection.execute("CHECKPOINT")
        return True

    def _compress_at_risk(self) -> bool:
        return self.is_replaceable and self._compress(at_risk=True)

    def _has_room(self) -> bool:
        return self._connection.execute(_HAS_ROOM).fetchone() == (True,)

    def _give_up(self) -> bool:
        self._tables.look()  # an attempt may have ended halfway
        live = self._tables.live
        return live is not None and live.give_up()

    def documents(self, ids: Sequence[int]) -> list[str]:
        """Give the documents of entities, in their order.

        Raises StoreError if one is not there, StoreTooLarge if memory does not suffice.
        """
        return self._within_memory(lambda: self._documents(ids))

    def _documents(self, ids: Sequence[int]) -> list[str]:
        found = dict(
            self._connection.execute(
                "SELECT id, body FROM delta_document WHERE id IN (SELECT unnest($1::BIGINT[]))", [list(ids)]
            ).fetchall()
        )
        live = self._tables.live
        if live is not None and (others := [id_ for id_ in ids if id_ not in found]):
            found |= live.tables.documents(others)
        missing = [id_ for id_ in ids if id_ not in found]
        if missing:
            raise StoreError(f"The document of the entity {missing[0]} is missing: rebuild the graph image.")
        return [found[id_] for id_ in ids]

    # ── views ─────────────────────────────────────────────────────────────────────────────────────────

    def _show(self, *, derived: bool = False, texts: bool = False) -> None:
        """Show the relations under the names that statements know them by."""
        live = self._tables.live
        entity = self._tables.entity if live is None else live.entity
        relationship = self._tables.relationship if live is None else live.relationship
        if live is None:
            self._view("entity", _all_of(entity))
        if live is None or not texts:
            self._view("searched", _LAID_TEXTS)
        else:
            self._view("searched", live.texts_not_laid() + f" UNION ALL {_LAID_TEXTS}")
        if derived:
            self._links.note(self._catalogue)
            select = with_derived(relationship, entity)
        else:
            select = _all_of(relationship)
        self._view("relationship", select)

    def _view(self, name: str, select: str) -> None:
        if self._views.get(name) != select:
            self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {select}")
            self._views[name] = select

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._tables.look()
            raise
        # Outside: a commit that fails has already ended the transaction.
        self._connection.execute("COMMIT")


def _all_of(table: WideTable) -> str:
    return f"SELECT {', '.join(map(quoted, table.all_columns))} FROM {table.name}"  # noqa: S608


def _numbers(base: BaseTables | None) -> Numbers:
    """Begin where the base ended."""
    if base is None:
        return Numbers({}, 0)
    groups = base.base.relationships
    return Numbers(dict(base.base.ordinals), max((group.first + group.rows for group in groups), default=0))

"""The relations of graph/relations.py in memory. In: rows of items, and a base beneath. Out: tables.

BaseTables ─ensure→ what statements read of the base (duckdb_live.py) ┐
ItemRow… ─apply→ delta_* tables (duckdb_deltas.py) ───────────────────┴→ entity, relationship, searched
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import duckdb

from secgraph.adapters.duckdb_catalogue import DERIVED_COLUMNS, Draft
from secgraph.adapters.duckdb_deltas import DeltaTables, Growing
from secgraph.adapters.duckdb_derived import KEY, LinkTexts, with_derived
from secgraph.adapters.duckdb_folding import Numbers
from secgraph.adapters.duckdb_live import Move, entity_columns
from secgraph.adapters.duckdb_wide import WideTable
from secgraph.errors import StoreError, StoreTooLarge
from secgraph.graph.relations import Catalogue, Reads, quoted
from secgraph.image.ports import BaseTables
from secgraph.image.rows import ItemRow

_LAID_TEXTS: Final = "SELECT text, [id] AS ids FROM delta_text"


class Relations:
    """The relations in a connection that has nothing else in it. Make them before it is locked down."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, base: BaseTables | None = None) -> None:
        self._connection = connection
        self._tables = DeltaTables(connection, base)
        self._links = LinkTexts(connection)
        self._catalogue = Catalogue() if base is None else base.base.catalogue
        self._numbers = _numbers(base)
        self._moves: frozenset[Move] = frozenset()
        self._views: dict[str, str] = {}
        self._is_loose = False
        self._show()

    def catalogue(self) -> Catalogue:
        """Tell what the graph holds, without reading any records. What is gone may still be listed."""
        return self._catalogue

    def apply(self, rows: Sequence[ItemRow]) -> None:
        """Lay rows over what is held, in their order: all, or none if it fails.

        Each takes the place of all that was said of its item; one that is no newer than what is held changes
        nothing. Raises StoreTooLarge if memory does not suffice.
        """
        try:
            self._apply(rows)
        except duckdb.OutOfMemoryException:
            self.compress()
            try:
                self._apply(rows)
            except duckdb.OutOfMemoryException as error:
                raise StoreTooLarge(
                    f"{len(rows):,} changes do not fit into memory beside the graph."
                ) from error

    def _apply(self, rows: Sequence[ItemRow]) -> None:
        growing = Growing(Draft(self._catalogue), self._numbers.copy(), set(self._moves))
        with self._transaction():
            self._tables.lay(rows, growing)
        self._catalogue = growing.draft.frozen()
        self._numbers, self._moves = growing.numbers, frozenset(growing.moves)
        self._is_loose = True
        self._show()

    def ensure(self, reads: Reads) -> None:
        """Load what a statement reads, unless it is here already.

        If memory runs out, what is held is compressed, then the columns that only other statements read are
        given up; duckdb.OutOfMemoryException is raised if that does not suffice. Raises ObjectMissing,
        ObjectDamaged or StoreUnavailable if the base cannot be read.
        """
        for relief in (self.compress, self._tables.forget_unread):
            try:
                self._ensure(reads)
            except duckdb.OutOfMemoryException:
                self._is_loose = True  # some of it may have been loaded
                relief()
            else:
                return
        self._ensure(reads)

    def _ensure(self, reads: Reads) -> None:
        follows = not reads.relationship.isdisjoint(DERIVED_COLUMNS)
        live = self._tables.live
        if live is not None:
            keys = {KEY} & entity_columns(self._catalogue) if follows else set()
            plain = reads.relationship.difference(DERIVED_COLUMNS)
            loaded = live.ensure_entity(reads.entity | keys)
            self._is_loose |= live.ensure_relationship(reads.links, plain, self._moves) or loaded
        self._show(derived=follows, texts=reads.searched)

    def compress(self) -> bool:
        """Compress what is held in memory to about a seventh; tell whether there was anything to compress.

        At a million entities that takes two seconds, so it is done only once memory runs out.
        """
        was_loose, self._is_loose = self._is_loose, False
        if was_loose:
            self._connection.execute("CHECKPOINT")
        return was_loose

    def documents(self, ids: Sequence[int]) -> list[str]:
        """Give the documents of entities, in their order. Raises StoreError if one is not there."""
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

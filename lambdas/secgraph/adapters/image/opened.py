"""One stand of the image, opened: a connection of its own, the base in it, and deltas laid over that.

A delta is laid once. Rows carry versions, so that one into which others were folded changes nothing that
these have said already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

import duckdb

from secgraph.adapters.image.base_tables import CachedBase
from secgraph.adapters.relations.reader import DEFAULT, DuckDBReader, Limits, lock_down
from secgraph.adapters.relations.relations import Relations
from secgraph.graph.relations import Kind, Reads, column
from secgraph.image.deltas import unpack
from secgraph.image.manifest import Delta, FileRef
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import ItemRow

AT_ONCE: Final = 8
"""Delta files that are fetched side by side, and held at a time."""

ROWS_AT_ONCE: Final = 5_000
"""Rows of small deltas that are laid together: to lay any costs as much as to lay some hundreds."""


class OpenStand:
    """A base (`base` names it; None: all stands in deltas), what is laid over it, and the `reader` of
    both."""

    def __init__(
        self, store: ObjectStore, base: FileRef | None, tables: CachedBase | None, limits: Limits
    ) -> None:
        self.base = base
        self._store = store
        self._tables = tables
        self._laid: set[str] = set()
        self._connection = duckdb.connect(":memory:")
        self._relations = Relations(self._connection, tables)
        self._relations.is_replaceable = True
        lock_down(self._connection, limits, [] if tables is None else [str(it) for it in tables.folders])
        self.reader = DuckDBReader(self._connection, self._relations, limits)

    @classmethod
    def of(cls, base: FileRef | None, store: ObjectStore, cache: Path, limits: Limits) -> Self:
        """Open a base. Raises ObjectMissing or ObjectDamaged if its description cannot be read."""
        tables = None if base is None else CachedBase.of(base, store, cache)
        return cls(store, base, tables, limits)

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()
        if self._tables is not None:
            self._tables.close()

    def lay(self, deltas: Sequence[Delta]) -> None:
        """Lay those over that are not yet, in their order.

        Raises ObjectMissing, ObjectDamaged, StoreUnavailable, or StoreTooLarge if memory does not suffice;
        what was laid until then stays.
        """
        rows: list[ItemRow] = []
        names: list[str] = []
        for delta, fetched in self._fetched([it for it in deltas if it.file.name not in self._laid]):
            if len(rows) + delta.rows > ROWS_AT_ONCE:
                self._lay(rows, names)
            rows += unpack(delta.file.checked(fetched.result()), delta.file.name)
            names.append(delta.file.name)
        self._lay(rows, names)

    def _lay(self, rows: list[ItemRow], names: list[str]) -> None:
        if rows:
            self._relations.apply(rows)
        self._laid.update(names)
        rows.clear()
        names.clear()

    def extra(self, rows: Sequence[ItemRow]) -> bool:
        """Lay rows over that no delta brought, unless they are no newer than what is held; tell whether any
        was. Whoever opens this stand anew has not got them. Raises StoreTooLarge."""
        is_newer = self._relations.apply(rows)
        if is_newer:
            self._relations.is_replaceable = False
        return is_newer

    def prepare(self, reads: Reads) -> None:
        """Load what statements read at once, as far as it is here. Raises StoreTooLarge."""
        held = self._relations.catalogue()
        self._relations.ensure(
            Reads(
                reads.entity & _columns(held.entity_properties),
                reads.relationship & _columns(held.relationship_properties),
                None if reads.links is None else reads.links & held.links,
                reads.searched,
            )
        )

    def _fetched(self, deltas: Sequence[Delta]) -> Iterator[tuple[Delta, Future[bytes]]]:
        if not deltas:
            return
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting: deque[tuple[Delta, Future[bytes]]] = deque()
            for delta in deltas:
                waiting.append((delta, pool.submit(self._store.get, delta.file.name)))
                if len(waiting) == AT_ONCE:
                    yield waiting.popleft()
            yield from waiting


def reader_in_memory(rows: Sequence[ItemRow], limits: Limits = DEFAULT) -> DuckDBReader:
    """Give a reader of these rows alone."""
    connection = duckdb.connect(":memory:")
    relations = Relations(connection)
    relations.apply(rows)
    lock_down(connection, limits)
    return DuckDBReader(connection, relations, limits)


def _columns(properties: Mapping[str, frozenset[Kind]]) -> frozenset[str]:
    return frozenset(column(name, kind) for name, kinds in properties.items() for kind in kinds)

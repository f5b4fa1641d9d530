"""The one stand that a reader has open. In: stands, questions. Out: answers, and no error of DuckDB's own.

Where memory does not suffice for what was loaded and the question, the stand is closed, opened anew with
nothing loaded, and asked once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import duckdb

from secgraph.adapters.image.opened import OpenStand
from secgraph.adapters.relations.reader import Limits, OutOfMemory
from secgraph.errors import (
    ObjectDamaged,
    ObjectMissing,
    QueryError,
    StoreError,
    StoreTooLarge,
    StoreUnavailable,
)
from secgraph.graph.relations import Kind, Reads, Rows, Sort, Statement, column
from secgraph.image.manifest import Stand
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import ItemRow

_TOO_MUCH: Final = (OutOfMemory, StoreTooLarge)
_NAME: Final = column("_id", Kind.STRING)
T = TypeVar("T")


class KeptOpen:
    """At first nothing stands there. `has_extra`: what no delta brought lies over the stand."""

    def __init__(self, store: ObjectStore, cache: Path, limits: Limits) -> None:
        self._store = store
        self._cache = cache
        self._limits = limits
        self._shown = Stand(None, ())
        self._opened: OpenStand | None = None
        self.has_extra = False

    @property
    def stand(self) -> OpenStand:
        """Give it, open. Raises what `take_up` raises."""
        if self._opened is None:
            self._opened = self._open(self._shown)
        return self._opened

    def sorts(self) -> Sequence[Sort] | None:
        """Give the sorts of the open stand; None if none is open."""
        return None if self._opened is None else self._opened.reader.catalogue().sorts

    def close(self) -> None:
        """Give the memory back, and forget what `extra` laid over; whoever asks next opens the stand anew."""
        if self._opened is not None:
            self._opened.close()
        self._opened, self.has_extra = None, False

    def take_up(self, stand: Stand) -> None:
        """Have this stand open: what is open still, with more laid over it, if it has that base.

        Raises ObjectMissing, ObjectDamaged, StoreUnavailable or StoreTooLarge; then the one before it stays.
        """
        opened = self._opened
        if opened is not None and opened.base == stand.base:
            try:
                opened.lay(stand.deltas)
            except StoreTooLarge:
                self.close()
        if self._opened is None or self._opened.base != stand.base:
            opened = self._open(stand)
            self.close()
            self._opened = opened
        self._shown = stand

    def extra(self, rows: Sequence[ItemRow]) -> None:
        """Lay rows over that no delta brought, unless they are no newer than what is held."""
        is_newer = self.stand.extra(rows)  # noqa: S610 (no Django)
        self.has_extra |= is_newer

    def ask(self, question: Callable[[OpenStand], T]) -> T:
        """Ask, and if memory does not suffice, once more with nothing in it.

        Raises what the question raises, QueryError LIMITS or StoreTooLarge if memory did not suffice then
        either; at once where `extra` laid something over: that would be lost, and the answer be another.
        """
        try:
            return question(self.stand)
        except _TOO_MUCH as error:
            held = self.sorts()
            if held is None or self.has_extra:
                raise
            self.close()
            if self.stand.reader.catalogue().sorts != held:
                raise StoreUnavailable(f"{error} The graph was read anew. Ask again.") from error
        return question(self.stand)

    def named(self, ids: Sequence[int]) -> Rows | None:
        """Tell whose ids these are; None if that cannot be told of each."""
        listed = sorted(set(ids))
        select = f'SELECT id, "{_NAME}" FROM entity WHERE id IN (SELECT unnest($1::BIGINT[])) ORDER BY id'  # noqa: S608
        asked = Statement(select, (list(map(str, listed)),), Reads(frozenset({_NAME})))
        try:
            rows = self.stand.reader.fetch(asked)
        except (ObjectMissing, ObjectDamaged, QueryError):
            return None
        return rows if [id_ for id_, name in rows if name is not None] == listed else None

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn errors of DuckDB's own, which nobody foresaw, into StoreError; the stand is closed then."""
        try:
            yield
        except duckdb.Error as error:
            self.close()
            raise StoreError(f"The graph image could not be asked: {error}") from error

    def _open(self, stand: Stand) -> OpenStand:
        opened = OpenStand.of(stand.base, self._store, self._cache, self._limits)
        try:
            opened.lay(stand.deltas)
        except BaseException:
            opened.close()
            raise
        return opened

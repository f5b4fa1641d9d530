"""What the graph needs from the outside. In: items and statements. Out: items, rows, a catalogue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from secgraph.graph.model import Item
from secgraph.graph.relations import Catalogue, Rows, Statement


class GraphWriter(Protocol):
    """The store of items, the truth."""

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        """Give the stored items among these `_id`s; a missing one is left out."""
        ...

    def write(self, items: Sequence[Item]) -> Collection[str]:
        """Put each item whose stored `rev` is `item.rev - 1` (none stored counts as 0).

        The `_id`s that lost to another writer are returned and were not written. Any other failure
        raises StoreError after what could be written was written: writing again is always safe.
        """
        ...


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Items of a store, and how many there cannot be read. `last` is the `_id` after which the next page
    begins, empty at the end."""

    items: Sequence[Item]
    unreadable: int
    last: str


class ItemTable(GraphWriter, Protocol):
    """A store of items that can be read from end to end."""

    def page(self, after: str) -> ItemPage:
        """Give the items that come after an `_id`, in the store's own order; locators may be left out.

        Raises StoreUnavailable.
        """
        ...

    def readable(self, ids: Collection[str]) -> tuple[Mapping[str, Item], int]:
        """Give the items among these ids that can be read, and say how many cannot."""
        ...


class GraphReader(Protocol):
    """The relations of graph/relations.py, ready for SQL."""

    def catalogue(self) -> Catalogue:
        """Tell what the graph holds."""
        ...

    def fetch(self, statement: Statement) -> Rows:
        """Run one statement within the reader's limits on time, memory and rows.

        Raises QueryError LIMITS when a limit is hit; the answer is never cut.
        """
        ...

    def documents(self, ids: Sequence[int]) -> Sequence[str]:
        """Give the documents (graph/documents.py) of the entities with these ids, in their order.

        Raises StoreError if one cannot be read.
        """
        ...

    def counts(self, statements: Iterable[Statement]) -> Iterator[int | None]:
        """Run statements that give one number each, all of them within a small part of those limits.

        None stands for a number that could not be had so; nothing comes after it. The numbers also end when
        too little is left for a next one.
        """
        ...

"""FRESH: what the graph table holds of the last minutes, whether or not its stream has delivered it.

    raw archive ─recent→ Delivery… ─read→ GraphChange… → ids ─graph.read→ Item… ─expand→ ItemRow…

Ingest archives each delivery before it merges it. So the newest of them name every item that was written
since, and those that a locator passes something on to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from secgraph.errors import EventError
from secgraph.flows.ingest import events_of, read
from secgraph.graph.locators import LOCATOR, passed_on
from secgraph.graph.model import Item
from secgraph.image.expand import expand
from secgraph.image.rows import ItemRow
from secgraph.ingest.normalise import Ignored
from secgraph.ingest.ports import Delivery, RecentArchive

WINDOW_MS: Final = 300_000
"""How far back to look: a hundred times as long as the stream takes when all is well."""
OBJECTS: Final = 200
"""Of the archive, the newest first: each is a request."""
ITEMS: Final = 5_000
"""Of the table: each hundred is a request."""


class ItemReader(Protocol):
    """The store of items, read."""

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        """Give the stored items among these `_id`s, read consistently."""
        ...


@dataclass(frozen=True, slots=True)
class Fresh:
    """Rows of the items that were written since a moment (epoch ms): of all such items if `is_whole`, else of
    those written last."""

    rows: tuple[ItemRow, ...]
    since: int
    is_whole: bool


def fresh(*, archive: RecentArchive, graph: ItemReader, now: int, test_source: bool = False) -> Fresh:
    """Read what may not be in the image yet. Raises StoreError."""
    since = now - WINDOW_MS
    recent = archive.recent(since, now, OBJECTS)
    ids: dict[str, None] = {}
    for delivery in recent.deliveries:
        if len(ids) >= ITEMS:
            return Fresh(_rows(graph, ids, now), since, is_whole=False)
        ids |= dict.fromkeys(_things(delivery, test_source=test_source))
    return Fresh(_rows(graph, ids, now), since, recent.is_whole)


def _things(delivery: Delivery, *, test_source: bool) -> Iterable[str]:
    """Name the items that a delivery speaks of; none for what is quarantined or ignored."""
    for event in events_of(delivery):
        try:
            changes = read(event, test_source=test_source)
        except EventError:
            continue
        if not isinstance(changes, Ignored):
            yield from (change.thing.id for change in changes)


def _rows(graph: ItemReader, ids: Collection[str], now: int) -> tuple[ItemRow, ...]:
    # As of now: no write that came before can be newer than what is read now.
    items = dict(graph.read(ids))
    told = {change.thing.id for item in items.values() for change in passed_on(item)}
    items |= graph.read(told - items.keys())
    return tuple(expand(item, now) for item in items.values() if item.thing.type != LOCATOR)

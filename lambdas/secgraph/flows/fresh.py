"""FRESH: what the graph table holds of the last minutes, whether or not its stream has delivered it.

    raw archive ─recent→ Delivery… ─read→ GraphChange… → ids ─graph.read→ Item… ─expand→ ItemRow…

Ingest archives each delivery before it merges it. So the newest of them name every item that was written
since, and those that a locator passes something on to. What cannot be read or shown is left out, and told:
it comes by the stream as well, whose reader sets it aside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from secgraph.errors import EventError
from secgraph.flows.ingest import events_of, read
from secgraph.flows.project import StreamRecord, expanded
from secgraph.graph.locators import passed_on
from secgraph.graph.model import Item
from secgraph.image.rows import ItemRow, Version
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

    def readable(self, ids: Collection[str]) -> tuple[Mapping[str, Item], int]:
        """Give the stored items among these `_id`s that this version can read, read consistently; and how
        many it cannot."""
        ...


@dataclass(frozen=True, slots=True)
class Fresh:
    """Rows of the items that were written since a moment (epoch ms): of all such items if `is_whole`, else of
    those written last, or of those that can be shown."""

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
            return _read(graph, ids, now, since, is_whole=False)
        ids |= dict.fromkeys(_things(delivery, test_source=test_source))
    return _read(graph, ids, now, since, is_whole=recent.is_whole)


def _things(delivery: Delivery, *, test_source: bool) -> Iterable[str]:
    """Name the items that a delivery speaks of; none for what is quarantined or ignored."""
    for event in events_of(delivery):
        try:
            changes = read(event, test_source=test_source)
        except EventError:
            continue
        if not isinstance(changes, Ignored):
            yield from (change.thing.id for change in changes)


def _read(graph: ItemReader, ids: Collection[str], now: int, since: int, *, is_whole: bool) -> Fresh:
    named, unread = graph.readable(ids)
    told = {change.thing.id for item in named.values() for change in passed_on(item)}
    passed, unread_too = graph.readable(told - named.keys())
    # As of now: no write that came before can be newer than what is read now.
    rows, unshown = expanded(
        StreamRecord(item.thing.id, Version(item.rev, now), item)
        for items in (named, passed)
        for item in items.values()
    )
    return Fresh(tuple(rows), since, is_whole and not (unread or unread_too or unshown))

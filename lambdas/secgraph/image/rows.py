"""What the image keeps of one item, as deltas carry it. Values only; image/expand.py makes them of items.

    Item ─expand→ ItemRow ─deltas.pack→ a delta file ─→ readers and compaction

Texts that are JSON are written once, by who projects the item, and read by DuckDB in bulk.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

APART_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class ShownEntity:
    """The visible entity of an item.

    `columns` is a JSON object: names of property columns (graph/relations.column) and their values. `body` is
    the document (graph/documents.py), `text` what full text looks in (graph/search.py).
    """

    type: str
    classes: tuple[str, ...]
    deleted: bool
    columns: str
    body: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownEdge:
    """A relationship that an item states. `other` is the `_id` of the end that the item is not.

    `stated` is what does not follow from the ends (graph/edges.py), as JSON, or None; `columns` is a JSON
    object like that of an entity and holds nothing that follows from the ends.
    """

    verb: str
    other: str
    outgoing: bool
    deleted: bool
    stated: str | None
    columns: str


@dataclass(frozen=True, slots=True)
class Version:
    """Which write of an item: `rev`, and `at` (epoch ms) when the table made it. With `gone` the write took
    the item out of the table; `rev` is then the last that it had."""

    rev: int
    at: int
    gone: bool = False

    def is_newer(self, held: Version) -> bool:
        """Tell whether this write came after another of the same item.

        `rev` decides: it counts the writes. But what was taken out and is put in again counts from 1 once
        more; no item does that within `APART_MS`, and no clock of the table is wrong by as much, so that
        writes which lie further apart are ordered by their time.
        """
        if abs(self.at - held.at) > APART_MS:
            return self.at > held.at
        return (self.rev, self.gone) > (held.rev, held.gone)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item of the table as of one write. One that is gone has neither entity nor edges."""

    id: str
    version: Version
    entity: ShownEntity | None
    edges: tuple[ShownEdge, ...]


def key_hash(id_: str) -> int:
    """Give the 64 bits by which the image finds a text `_id`."""
    return int.from_bytes(blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")

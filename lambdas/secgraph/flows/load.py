"""Items that hold exactly what a file says → graph store; what is held of the same things stays beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secgraph.errors import StoreUnavailable
from secgraph.graph.model import Item
from secgraph.graph.ports import GraphWriter


def load(items: Sequence[Item], *, writer: GraphWriter) -> None:
    """Write loaded items; loading again replaces what the earlier file said of the same `_id`."""
    held = writer.read([item.thing.id for item in items])
    lost = writer.write([_over(item, held.get(item.thing.id)) for item in items])
    if lost:
        raise StoreUnavailable(f"{len(lost)} entities were changed by another writer; load the file again")


def _over(item: Item, held: Item | None) -> Item:
    if held is None:
        return item
    return replace(held, blocks={**held.blocks, **item.blocks}, rev=held.rev + 1, version=held.version + 1)

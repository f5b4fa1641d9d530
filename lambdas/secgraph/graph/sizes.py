"""Item → whether a store takes it. Pure.

To know the size of an item it must be written down, as the store does once more; so it is first bounded by
what the texts in it can take at most. Nearly every item is many times too small to matter.
"""

from __future__ import annotations

from typing import Final

from secgraph.graph import stored
from secgraph.graph.model import Item, Ref

_BYTES_OF_CHARACTER: Final = 6
"""At most, in JSON and UTF-8: a control character is \\u001b."""
_BYTES_OF_FRAME: Final = 300
"""At most, of what `stored.dump` writes around an item's texts, and around each block's and each edge's."""


def size(item: Item) -> int:
    """Give the bytes of an item as `stored.dump` writes it."""
    return len(stored.dump(item).encode("utf-8", "surrogatepass"))


def fits(item: Item) -> bool:
    """Tell whether a store takes the item: `stored.LIMIT_BYTES` at most."""
    return bound(item) <= stored.LIMIT_BYTES or size(item) <= stored.LIMIT_BYTES


def bound(item: Item) -> int:
    """Give bytes that the item does not exceed; Python's spelling of a value has no fewer characters than the
    value, and no fewer than JSON has for a number."""
    frames, characters = 1, _named(item.thing) + (len(repr(item.collected)) if item.collected else 0)
    for name, block in item.blocks.items():
        frames += 1 + len(block.edges)
        characters += len(name) + len(repr(block.properties))
        for edge in block.edges:
            characters += len(edge.verb) + len(edge.discriminator) + _named(edge.end)
            if edge.properties:
                characters += len(repr(edge.properties))
    return _BYTES_OF_FRAME * frames + _BYTES_OF_CHARACTER * characters


def _named(thing: Ref) -> int:
    return len(thing.id) + len(thing.key) + len(thing.type)

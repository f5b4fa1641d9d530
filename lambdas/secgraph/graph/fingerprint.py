"""A graph → one short text by which to tell whether another is the same. In: items. Out: hashes.

    Item ─observed→ Item ─merge.lasting_text→ SHA-256 ─added up→ Fingerprint `g1:COUNT:HEX`

The hashes of the items are added up, so that their order does not matter, nor who adds which of them. What is
hashed is what a query can be told and what follows from what was received alone. It leaves out

- what counts our own writes: `_version`, `_beginOn`, `_endOn`, `reopenedOn`;
- what this deployment says itself: the blocks `rules/…` (tags of rules are decisions, not observations) and
  `config/…` (settings take hold of a thing when it is next written, not when they are changed);
- what shows nothing without those, locators among it: what they know has been passed on to the things.

The sum tells graphs apart that differ by accident. It is no seal against somebody who may write to the table
and tries many billions of items.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from secgraph.graph import merge
from secgraph.graph.locators import LOCATOR
from secgraph.graph.model import Item
from secgraph.graph.settled import RULES

VERSION: Final = 1
"""Of what is hashed, and how. Fingerprints of two versions are never equal."""
_OURS: Final = frozenset({RULES, merge.CONFIGURED.partition("/")[0]})
_NOTHING: Final = "[{},[]]"
_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """How many items show something, and the sum of their hashes in 128 bits."""

    count: int = 0
    sum: int = 0

    def __add__(self, other: Fingerprint) -> Fingerprint:
        """Give the fingerprint of both sets of items together; they have none in common."""
        return Fingerprint(self.count + other.count, (self.sum + other.sum) % (1 << _BITS))

    def __str__(self) -> str:
        """Write it as `g1:COUNT:HEX`, 32 digits."""
        return f"g{VERSION}:{self.count}:{self.sum:0{_BITS // 4}x}"


def fingerprint_of(item: Item) -> Fingerprint:
    """Give the fingerprint of one item: of none, if it shows nothing."""
    text = "" if item.thing.type == LOCATOR else merge.lasting_text(observed(item))
    if text in ("", _NOTHING):
        return Fingerprint()
    digest = hashlib.sha256(f"{item.thing.id} {text}".encode("utf-8", "surrogatepass")).digest()
    return Fingerprint(1, int.from_bytes(digest[: _BITS // 8], "big"))


def observed(item: Item) -> Item:
    """Give an item without what this deployment itself says of it."""
    blocks = {name: block for name, block in item.blocks.items() if name.partition("/")[0] not in _OURS}
    return item if len(blocks) == len(item.blocks) else replace(item, blocks=blocks)


def by_type(items: Iterable[Item]) -> dict[str, Fingerprint]:
    """Give the fingerprint of the items of each type."""
    sums: dict[str, Fingerprint] = {}
    for item in items:
        one = fingerprint_of(item)
        if one.count:
            sums[item.thing.type] = sums.get(item.thing.type, Fingerprint()) + one
    return sums


def whole(sums: Iterable[Fingerprint]) -> Fingerprint:
    """Give the fingerprint of all parts of a graph together."""
    total = Fingerprint()
    for one in sums:
        total += one
    return total


def read(text: str) -> Fingerprint:
    """Read what `str` wrote. Raises ValueError for any other text, and for another version's."""
    version, count, sum_ = text.split(":")
    if version != f"g{VERSION}":
        raise ValueError(f"{text[:80]!r} is a fingerprint of another version")
    return Fingerprint(int(count), int(sum_, 16))

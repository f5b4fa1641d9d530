"""Which rows an alert has: 64-bit hashes in, the sets of new and gone rows out, in bounded space.

The set keeps the 10,000 smallest hashes. Up to that size new and gone rows are exact. Beyond it they are
exact among the rows below the largest hash kept, and the total says whether there are more.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

KEPT: Final = 10_000
"""80 KB as they are, 107 KB as text: well inside a DynamoDB item of 400 KB."""
_TOP: Final = 2**64


@dataclass(frozen=True, slots=True)
class RowSet:
    """`packed` holds the hashes, ascending, eight big-endian bytes each (a thousand alerts fit in memory).

    Every row whose hash is below `window` is among them. `total` counts all rows.
    """

    packed: bytes = b""
    window: int = _TOP
    total: int = 0

    @classmethod
    def of(cls, hashes: Iterable[int], total: int, *, whole: bool = True) -> RowSet:
        """Build the set of an evaluation; not `whole` when the hashes are only a part of the rows."""
        kept = sorted(set(hashes))
        if not whole:
            return cls(b"", 0, total)
        window = _TOP if len(kept) <= KEPT else kept[KEPT]
        kept = kept[:KEPT]
        return cls(struct.pack(f">{len(kept)}Q", *kept), window, total)

    @property
    def hashes(self) -> tuple[int, ...]:
        """Give the hashes, ascending."""
        return struct.unpack(f">{len(self.packed) // 8}Q", self.packed)

    def joined(self, earlier: RowSet) -> frozenset[int]:
        """Give the hashes that are new since an earlier set, as far as both know."""
        limit = min(self.window, earlier.window)
        held = frozenset(earlier.hashes)
        return frozenset(hash_ for hash_ in self.hashes if hash_ < limit and hash_ not in held)

    def new(self, earlier: RowSet) -> int:
        """Count the rows that are new since an earlier set; beyond the window by growth of the total."""
        found = len(self.joined(earlier))
        if min(self.window, earlier.window) == _TOP:
            return found
        return max(found, self.total - earlier.total)

    def gone(self, earlier: RowSet) -> int:
        """Count the rows of an earlier set that are no longer there."""
        return earlier.new(self)

    def text(self) -> str:
        """Write the hashes as base64."""
        return base64.b64encode(self.packed).decode()

    @classmethod
    def read(cls, text: str, window: int, total: int) -> RowSet:
        """Read what `text` wrote. Raises ValueError."""
        packed = base64.b64decode(text, validate=True)
        if len(packed) % 8:
            raise ValueError("the hashes are cut off")
        return cls(packed, window, total)

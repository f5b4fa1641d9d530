"""What is to be done to the image, and when. In: a manifest, the time. Out: deltas to fold, names to remove.

Pure; the figures are here, and why they are as they are.
"""

from __future__ import annotations

from typing import Final

from secgraph import contract
from secgraph.image.base import Base
from secgraph.image.manifest import OPEN_AT_MOST, Delta, Manifest
from secgraph.image.names import DELTAS, written_on

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

KEPT_MS: Final = HOUR_MS
"""How long what belongs to a retired base stays: readers load of it what statements read, as they run."""
KEPT_DELTA_MS: Final = 5 * 60_000
"""The same of a delta: readers load one as soon as they see it named. A fast stream retires one a second,
and each stands in the manifest until it is removed."""
ORPHAN_MS: Final = DAY_MS
"""How old an object must be that nothing names: no function that might still name it runs as long."""
LOOK_MS: Final = contract.COMPACT_EVERY_MINUTES * 60_000
"""As often as upkeep comes; in one such time of each hour it looks for orphans, which takes lists."""
REBUILD_MS: Final = DAY_MS
"""How long a rebuild holds up compaction; one that has not ended by then is taken for dead."""

DUE_ROWS: Final = 2_000
DUE_SHARE: Final = 100
"""A hundredth of the base: each compaction makes readers load again what it rewrote, each open row makes
those that start slower (about 50 µs)."""
DUE_BYTES: Final = 8_000_000
DUE_AGE_MS: Final = 6 * HOUR_MS


def to_fold(deltas: tuple[Delta, ...], size: int) -> tuple[Delta, ...]:
    """Choose which of the last deltas go into the file of a new one of `size` bytes; mostly none.

    Only where it would be one too many. Then, from the first delta that is no larger than all after it
    together, all of them. Each delta before that is larger than all after it, so that they at least double
    from one to the next and few are left open: at most 42 of less than a terabyte. A byte is written again
    once as a new one, and from then on each time into a file at least twice as large: of N bytes that come
    in files of n bytes, no one more than 1 + log2(N / n) times.
    """
    if len(deltas) < OPEN_AT_MOST:
        return ()
    after, first = size, len(deltas) - 1
    for place in range(len(deltas) - 1, -1, -1):
        if deltas[place].file.size <= after:
            first = place
        after += deltas[place].file.size
    return deltas[first:]


def is_due(manifest: Manifest, now: int) -> bool:
    """Tell whether the open deltas are worth a compaction: by rows, bytes, or the age of the base."""
    deltas = manifest.stand.deltas
    if not deltas:
        return False
    rows = sum(delta.rows for delta in deltas)
    return (
        rows >= max(DUE_ROWS, manifest.rows // DUE_SHARE)
        or sum(delta.file.size for delta in deltas) >= DUE_BYTES
        or now - manifest.based_on >= DUE_AGE_MS
    )


def is_rebuilding(manifest: Manifest, now: int) -> bool:
    """Tell whether a rebuild runs that compaction must wait for."""
    return manifest.rebuild is not None and now - manifest.rebuild.started_on < REBUILD_MS


def is_abandoned(manifest: Manifest, now: int) -> bool:
    """Tell whether a rebuild was begun and never ended."""
    return manifest.rebuild is not None and not is_rebuilding(manifest, now)


def outlived(manifest: Manifest, now: int) -> list[str]:
    """Give the retired objects that nobody reads any more."""
    return [
        it.name
        for it in manifest.retired
        if now - it.since >= (KEPT_DELTA_MS if it.name.startswith(DELTAS) else KEPT_MS)
    ]


def files_of(base: Base) -> dict[str, int]:
    """Give the sizes of a base's files by their names, without its description."""
    parts = [file for part in base.entities for file in (part.columns, part.documents, part.texts)]
    files = [base.nodes, *parts, *(group.file for group in base.relationships)]
    return {file.name: file.size for file in files}


def entities_in(base: Base) -> int:
    """Count the entities of a base."""
    return sum(part.rows for part in base.entities)


def is_hour(now: int) -> bool:
    """Tell whether orphans are to be looked for now."""
    return now % HOUR_MS < LOOK_MS


def is_orphan(name: str, named: set[str], now: int) -> bool:
    """Tell whether an object can go that is not among those named."""
    since = written_on(name)
    return name not in named and since is not None and now - since >= ORPHAN_MS

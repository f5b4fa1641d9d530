"""REBUILD: the whole table → a base made of nothing else.

    begin ─Rebuild→ segment 0 … segment n-1, side by side, each in as many goes as it takes → finish

The table goes on changing. What changes from `begin` on comes in deltas as well, and no compaction takes
those away meanwhile; so the table as it was read and those deltas hold everything, and the newest of each
item wins. The claim stands in the manifest, how far a segment is beside what was read of it
(flows/segments.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from secgraph.errors import ObjectDamaged, StoreError, StoreUnavailable
from secgraph.flows.compact import remove_orphans, sweep
from secgraph.flows.next_base import Builder, Compacted, Ground, make, read_rows
from secgraph.flows.published import change, held
from secgraph.flows.segments import TableScan, read_runs, read_segment, states
from secgraph.image import manifest as manifests
from secgraph.image.manifest import EMPTY, Delta, Manifest, Rebuild, rebuilding
from secgraph.image.names import rebuild_folder, stamped
from secgraph.image.plan import HOUR_MS, REBUILD_MS
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import APART_MS, ItemRow

FINISHED_WITHIN_MS: Final = REBUILD_MS - HOUR_MS
"""After that a rebuild must begin again: compaction is about to wait for it no longer."""
BUILT_AT_MOST: Final = 3
"""A compaction that ran already when the rebuild began may still publish its base, once."""


def running(manifest: Manifest, now: int, stream: str | None = None) -> Rebuild | None:
    """Give the rebuild that runs, if it leads to an image that follows this stream (None: whichever).

    One that began too long ago to be finished has ended, whatever it says.
    """
    rebuild = manifest.rebuild
    if rebuild is None or now - rebuild.started_on > FINISHED_WITHIN_MS:
        return None
    return rebuild if stream is None or rebuild.stream == stream else None


def is_missing(manifest: Manifest, stream: str) -> bool:
    """Tell whether there is no image that has followed this stream of the table from its beginning.

    A table loses its stream when a version is deployed that knows of none, and gets another one later. What
    was written meanwhile stands in neither.
    """
    return not manifest.generation or manifest.stream != stream


def begin(
    *, store: ObjectStore, segments: int, now: int, token: str, anew: bool = False, stream: str = ""
) -> Rebuild:
    """Claim the image for a rebuild of the table in so many segments; `anew` takes the claim from one that
    runs. `stream` brings what changes from now on. A manifest that cannot be read any more is made anew.

    Raises StoreError if a rebuild runs, or for an image of a later version.
    """
    claim = Rebuild(stamped(now, token), segments, now, stream)

    def step(manifest: Manifest) -> Manifest | None:
        if manifest.rebuild == claim:
            return None
        other = running(manifest, now)
        if other and not anew:
            raise StoreError(
                f"a rebuild of the graph image runs already ({other.id}); wait for it, or take its place "
                "with --anew"
            )
        return rebuilding(manifest, claim, now)

    try:
        change(store, step)
    except ObjectDamaged:
        _replace_the_damaged(store, claim, now)
    return claim


def _replace_the_damaged(store: ObjectStore, claim: Rebuild, now: int) -> None:
    pointer = store.pointer()
    body = manifests.dump(rebuilding(EMPTY, claim, now))
    if pointer is None or store.swap(body, pointer.tag) is None:
        raise StoreUnavailable("the manifest of the graph image was changed meanwhile; try again")


def finish(
    rebuild: Rebuild, *, store: ObjectStore, builder: Builder, now: int, token: str
) -> Compacted | None:
    """Publish the base once all segments are done. None if somebody else did, or gave the rebuild up.

    Raises StoreError if a segment is not done, or if it all began too long ago; StoreUnavailable if this must
    be tried again.
    """
    try:
        done = _published(rebuild, store, builder, now, token)
    except StoreError:
        if held(store).manifest.rebuild == rebuild:
            raise
        return None  # who ended it has removed what was about to be read
    if done:
        store.delete(store.names(rebuild_folder(rebuild.id)))
        sweep(store, now)
        remove_orphans(store, now)
    return done


def _published(
    rebuild: Rebuild, store: ObjectStore, builder: Builder, now: int, token: str
) -> Compacted | None:
    runs = _runs(rebuild, store, now)
    for again in range(BUILT_AT_MOST):
        manifest = held(store).manifest
        if manifest.rebuild != rebuild:
            return None
        ground = Ground(manifest, None, None, _rows(rebuild, runs, manifest, store))
        done = make(ground, store=store, builder=builder, now=now, token=f"{token}-{again}")
        if done:
            return done
    raise StoreUnavailable("other bases of the graph image were published meanwhile; finish again")


def rebuild_whole(
    *, store: ObjectStore, table: TableScan, builder: Builder, now: int, token: str, anew: bool = False
) -> Compacted | None:
    """Do it all at once, for a table that one process reads in a while. As `begin` and `finish`."""
    rebuild = begin(store=store, segments=1, now=now, token=token, anew=anew)
    read_segment(rebuild, 0, store=store, table=table, token=token, stop=lambda: False)
    return finish(rebuild, store=store, builder=builder, now=now, token=token)


def _runs(rebuild: Rebuild, store: ObjectStore, now: int) -> list[Delta]:
    """Give what was read of the table, all of it: of the very states that say so, since who is still at a
    segment that another has read may write of it again."""
    if now - rebuild.started_on > FINISHED_WITHIN_MS:
        raise StoreError(
            f"the rebuild {rebuild.id} of the graph image began more than "
            f"{FINISHED_WITHIN_MS // HOUR_MS} hours ago; begin again with `secgraph image rebuild`"
        )
    found = states(rebuild, store=store)
    left = [it.progress.segment for it in found if not it.progress.is_done]
    if left:
        raise StoreError(
            f"segments {', '.join(map(str, left))} of the rebuild {rebuild.id} are not read to their end yet"
        )
    return [run for state in found for run in state.runs]


def _rows(
    rebuild: Rebuild, runs: Sequence[Delta], manifest: Manifest, store: ObjectStore
) -> Iterator[Sequence[ItemRow]]:
    """Give what was read of the table, then what changed since. What is older was seen in the table, if it is
    still so; a delta may hold it since a record came late or twice."""
    yield from read_runs(runs, store=store)
    since = rebuild.started_on - APART_MS
    try:
        for rows in read_rows(store, [delta for delta in manifest.stand.deltas if delta.until >= since]):
            yield [row for row in rows if row.version.at >= since]
    except StoreUnavailable:
        raise
    except StoreError as error:
        raise StoreError(
            f"the rebuild {rebuild.id} cannot be finished, begin again with `secgraph image rebuild --anew`: "
            f"{error}"
        ) from error

"""COMPACT: a base and the deltas over it → the next base; away with what nobody reads any more.

    manifest ─read→ base, rows… ─next_base.make→ manifest ─sweep→ fewer objects

What a retired manifest named stays for those who still read it. What nothing ever named, since who wrote it
died, goes when it is a day old.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from secgraph.errors import ObjectDamaged, ObjectMissing, StoreError
from secgraph.flows.next_base import Builder, Compacted, Ground, make, read_base, read_rows
from secgraph.flows.published import change, held
from secgraph.image.base import Base
from secgraph.image.manifest import Manifest, Stand, swept
from secgraph.image.names import BASES, DELTAS, REBUILDS, rebuild_of
from secgraph.image.plan import files_of, is_abandoned, is_due, is_hour, is_orphan, is_rebuilding, outlived
from secgraph.image.ports import ObjectStore


def upkeep(*, store: ObjectStore, builder: Builder, now: int, token: str) -> Compacted | None:
    """Compact if that is due, and remove what nobody reads any more: for a schedule. As `compact`.

    It is removed first, about once an hour also what nothing names: a compaction that never gets through
    leaves something each time.
    """
    sweep(store, now)
    if is_hour(now):
        remove_orphans(store, now)
    if is_due(held(store).manifest, now):
        return compact(store=store, builder=builder, now=now, token=token)
    return None


def compact(*, store: ObjectStore, builder: Builder, now: int, token: str) -> Compacted | None:
    """Bring all open deltas into a new base. `token` is new each time.

    None if there is nothing to bring in, a rebuild runs, or another compaction was faster. Raises
    StoreUnavailable if it must be tried again, StoreError if only a rebuild can mend the image, or if memory
    or disk do not suffice.
    """
    manifest = held(store).manifest
    done: Compacted | None = None
    if manifest.stand.deltas and not is_rebuilding(manifest, now):
        done = _over_what_can_be_read(manifest, store=store, builder=builder, now=now, token=token)
    sweep(store, now)
    if done:
        remove_orphans(store, now)
    return done


def _over_what_can_be_read(
    manifest: Manifest, *, store: ObjectStore, builder: Builder, now: int, token: str
) -> Compacted | None:
    """Lay the deltas over the base; over the one before, with the deltas that went into this, if this one is
    damaged."""
    try:
        ground = _ground(manifest, manifest.stand, store)
        return make(ground, store=store, builder=builder, now=now, token=token)
    except (ObjectMissing, ObjectDamaged) as error:
        if manifest.previous is None:
            raise _beyond_mending(error) from error
        before = Stand(manifest.previous.base, (*manifest.previous.deltas, *manifest.stand.deltas))
        try:
            ground = _ground(manifest, before, store)
            done = make(ground, store=store, builder=builder, now=now, token=f"{token}-again")
        except (ObjectMissing, ObjectDamaged) as worse:
            raise _beyond_mending(worse) from worse
        return done and replace(done, mended=str(error))


def _beyond_mending(error: StoreError) -> StoreError:
    return StoreError(f"{error}; make the image again with `secgraph image rebuild`")


def _ground(manifest: Manifest, stand: Stand, store: ObjectStore) -> Ground:
    base = read_base(store, stand.base) if stand.base else None
    if base:
        _check_whole(base, store)
    return Ground(manifest, stand, base, read_rows(store, stand.deltas))


def _check_whole(base: Base, store: ObjectStore) -> None:
    """Raise ObjectMissing or ObjectDamaged unless all files of a base are there, in full size.

    What stays is not read when the next base is made. A file that is lost would be named by that as well, and
    by the base before it then: nothing would be left to read in its place.
    """
    found = store.sizes(BASES)
    for name, size in files_of(base).items():
        if name not in found:
            raise ObjectMissing(f"{name}: is not there")
        if found[name] != size:
            raise ObjectDamaged(f"{name}: {found[name]} bytes that are not the {size} once written")


# ── sweeping ──────────────────────────────────────────────────────────────────────────────────────────


def sweep(store: ObjectStore, now: int) -> int:
    """Remove what was retired long enough ago, and give up a rebuild that has ended without a word. How many
    objects it was."""
    manifest = held(store).manifest
    gone, dead = outlived(manifest, now), is_abandoned(manifest, now)
    if not gone and not dead:
        return 0
    store.delete(gone)
    change(
        store,
        lambda current: swept(
            current, set(gone), now, is_abandoned=dead and current.rebuild == manifest.rebuild
        ),
    )
    return len(gone)


def remove_orphans(store: ObjectStore, now: int) -> int:
    """Remove what nothing names and what is too old to be named yet. How many objects it was.

    Nothing, if one of the bases cannot be read: what it names is not known then.
    """
    manifest = held(store).manifest
    try:
        named = manifest.names() | _files(manifest, store)
    except (ObjectMissing, ObjectDamaged):
        return 0
    rebuild = manifest.rebuild.id if manifest.rebuild else None
    gone = [
        name
        for name in _all_names(store)
        if is_orphan(name, named, now) and (rebuild is None or rebuild_of(name) != rebuild)
    ]
    store.delete(gone)
    return len(gone)


def _files(manifest: Manifest, store: ObjectStore) -> set[str]:
    stands = [stand for stand in (manifest.stand, manifest.previous) if stand]
    return {name for it in stands if it.base for name in files_of(read_base(store, it.base))}


def _all_names(store: ObjectStore) -> Iterator[str]:
    for prefix in (DELTAS, BASES, REBUILDS):
        yield from store.names(prefix)

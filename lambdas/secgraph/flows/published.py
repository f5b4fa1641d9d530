"""The manifest as it is published. In: a store, and a change of it. Out: the manifest that took its place.

Several change it at a time. Whoever comes second begins again from what the first one published.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from secgraph.errors import ObjectMissing, StoreUnavailable
from secgraph.image import manifest as manifests
from secgraph.image.manifest import EMPTY, Delta, Manifest
from secgraph.image.ports import ObjectStore

SWAPS_AT_MOST: Final = 24
"""Of those who try at the same time one always gets through, so that as many could be at it."""


@dataclass(frozen=True, slots=True)
class Held:
    """A manifest, and the tag of the pointer that it was read from; None: there was none yet."""

    manifest: Manifest
    tag: str | None


def held(store: ObjectStore) -> Held:
    """Read the manifest. Raises StoreError for the format of a later version."""
    pointer = store.pointer()
    return Held(EMPTY, None) if pointer is None else Held(manifests.load(pointer.body), pointer.tag)


def change(store: ObjectStore, step: Callable[[Manifest], Manifest | None]) -> Manifest:
    """Publish what `step` makes of the manifest, and give that; or the manifest itself if it makes nothing of
    it.

    It is asked again whenever somebody else was faster, or has removed what it read. An answer may be lost on
    its way: then the manifest that `step` is given names already what it was to add. Raises StoreUnavailable
    if others were faster each time.
    """
    for _ in range(SWAPS_AT_MOST):
        before = held(store)
        try:
            after = step(before.manifest)
        except ObjectMissing:
            if held(store).tag == before.tag:
                raise
            continue
        if after is None:
            return before.manifest
        if store.swap(manifests.dump(after), before.tag) is not None:
            return after
    raise StoreUnavailable(
        f"the manifest of the graph image was changed by others {SWAPS_AT_MOST} times over; nothing is lost, "
        "try again"
    )


def body_of(store: ObjectStore, delta: Delta) -> bytes:
    """Read a delta file whole. Raises ObjectMissing or ObjectDamaged."""
    return delta.file.checked(store.get(delta.file.name))

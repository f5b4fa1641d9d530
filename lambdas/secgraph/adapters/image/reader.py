"""A GraphReader over the image: its newest version as of each `refresh`, and whole whatever is damaged.

    manifest ─┬ as before    → nothing to do
              ├ more deltas  → these alone are fetched, and laid over what is held
              └ another base → opened, and what statements read of the one before is loaded of it at once

An object of the base that is missing or damaged is no reason not to answer: `previous`, the base before it
with the deltas that went into this one, says the same. The reader takes that instead, and its state says so.
A delta that cannot be read is: to answer from a part of the graph would close alerts.
Neither is a lack of memory (kept_open.py), as long as what one question reads fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from secgraph.adapters.image.kept_open import KeptOpen
from secgraph.adapters.image.opened import OpenStand
from secgraph.adapters.image.state import ImageState
from secgraph.adapters.relations.reader import DEFAULT, Limits
from secgraph.errors import (
    ObjectDamaged,
    ObjectMissing,
    StoreError,
    StoreTooLarge,
    StoreUnavailable,
)
from secgraph.graph.relations import Catalogue, Reads, Rows, Statement
from secgraph.image import manifest as manifests
from secgraph.image.manifest import Manifest, Stand
from secgraph.image.ports import ObjectStore, Pointer
from secgraph.image.rows import ItemRow

FOLLOWED_AT_MOST: Final = 3
"""Manifests that one refresh looks at: one that names what is gone was replaced while it was read."""

_NOT_WHOLE: Final = (ObjectMissing, ObjectDamaged)
T = TypeVar("T")


class ImageReader:
    """Answers from the image in `store`, one statement at a time.

    `cache` is a folder for what is fetched of the base; a process that finds it filled fetches that much
    less. Before the first `refresh`, and as long as there is no image, the graph is empty and the version is
    0.
    """

    def __init__(self, store: ObjectStore, cache: Path, limits: Limits = DEFAULT) -> None:
        self.limits = limits
        self._store = store
        self._open = KeptOpen(store, cache, limits)
        self._manifest: Manifest | None = None
        self._tag = ""
        self._fallback = ""
        self._read_on = 0
        self._used = Reads()

    def close(self) -> None:
        """Give the memory back; the folder stays."""
        self._open.close()

    # ── versions ──────────────────────────────────────────────────────────────────────────────────────

    def refresh(self, now: int) -> ImageState:
        """Take up the newest version; `now` is epoch ms. What `extra` laid over is forgotten.

        Raises ObjectMissing or ObjectDamaged if that cannot be read and nothing else says the same,
        StoreUnavailable for what may pass, StoreTooLarge if memory does not suffice. What answered before
        still answers then.
        """
        if self._open.has_extra:  # its ids were given in an order of its own, and pages go by ids
            self._open.close()
        with self._open.guarded():
            self._follow_newest()
        self._read_on = now
        return self.state()

    def _follow_newest(self) -> None:
        pointer = self._store.pointer_unless(self._tag) if self._tag else self._store.pointer()
        for _ in range(FOLLOWED_AT_MOST):
            if pointer is None:
                return
            pointer = self._follow(pointer)
        if pointer is not None:
            raise StoreUnavailable("The graph image was replaced each time that it was read. Ask again.")

    def state(self) -> ImageState:
        """Tell what answers. A query may find damage: look after it, too."""
        if self._manifest is None:
            return ImageState(read_on=self._read_on)
        return ImageState(
            version=self._manifest.version,
            generation=self._manifest.generation,
            until=self._manifest.until,
            published_on=self._manifest.published_on,
            read_on=self._read_on,
            deltas=len(self._manifest.stand.deltas),
            fallback=self._fallback,
        )

    def extra(self, rows: Sequence[ItemRow]) -> None:
        """Lay rows over that this version may not hold yet. One that is no newer than what is held changes
        nothing. They are forgotten at the next `refresh`, and when another base is opened. Raises what
        `fetch` raises; StoreTooLarge if memory does not suffice.
        """
        self._whole(lambda _: self._open.extra(rows))  # noqa: S610 (no Django)

    # ── GraphReader ───────────────────────────────────────────────────────────────────────────────────

    def catalogue(self) -> Catalogue:
        """Tell what the graph holds."""
        return self._whole(lambda stand: stand.reader.catalogue())

    def fetch(self, statement: Statement) -> Rows:
        """Run one statement within the limits.

        Raises QueryError LIMITS; StoreError if what it reads can be had nowhere; StoreUnavailable if it must
        be asked again.
        """
        self._used = _joined(self._used, statement.reads)
        return self._whole(lambda stand: stand.reader.fetch(statement))

    def documents(self, ids: Sequence[int]) -> Sequence[str]:
        """Give the documents of the entities with these ids, in their order.

        Raises what `fetch` raises; StoreUnavailable also if damage is found, and these ids, of rows that were
        fetched before, are not those of the same entities in what is read instead.
        """
        with self._open.guarded():
            try:
                return self._open.ask(lambda stand: stand.reader.documents(ids))
            except _NOT_WHOLE as error:
                named = self._open.named(ids)
                self._fall_back(error)
                if named is None or self._open.named(ids) != named:
                    raise _again(error) from error
            return self._open.ask(lambda stand: stand.reader.documents(ids))

    def counts(self, statements: Iterable[Statement]) -> Iterator[int | None]:
        """Run statements that give one number each, within a small part of the limits."""
        with self._open.guarded():
            try:
                yield from self._open.stand.reader.counts(statements)
            except _NOT_WHOLE as error:
                self._fall_back(error)
                yield None  # they explain a failure: that is not worth a second attempt

    def _whole(self, question: Callable[[OpenStand], T]) -> T:
        with self._open.guarded():
            try:
                return self._open.ask(question)
            except _NOT_WHOLE as error:
                self._fall_back(error)
            return self._open.ask(question)

    # ── what is open ──────────────────────────────────────────────────────────────────────────────────

    def _follow(self, pointer: Pointer) -> Pointer | None:
        """Open what a manifest names. If that is not there: give the manifest which replaced it."""
        manifest = manifests.load(pointer.body)
        try:
            self._show(manifest)
        except _NOT_WHOLE as error:
            newer = self._store.pointer_unless(pointer.tag)
            if newer is None:
                raise type(error)(f"{error}; make the image again with `secgraph image rebuild`") from error
            return newer
        self._manifest, self._tag = manifest, pointer.tag
        return None

    def _show(self, manifest: Manifest) -> None:
        is_same = self._manifest is not None and manifest.stand.base == self._manifest.stand.base
        before = _before(manifest) if is_same and self._fallback else None
        if before is None:
            self._take_up(manifest)
        else:
            self._open.take_up(before)
        if is_same:
            return
        self._manifest = manifest
        used, self._used = self._used, Reads()
        if used != Reads():
            self._prepare(used, manifest)

    def _prepare(self, used: Reads, manifest: Manifest) -> None:
        try:
            self._open.stand.prepare(used)
        except StoreTooLarge:
            self._open.close()  # then each statement loads what it reads
        except _NOT_WHOLE as error:
            if self._fallback:
                raise
            self._take_up_before(manifest, error)

    def _take_up(self, manifest: Manifest) -> None:
        try:
            self._open.take_up(manifest.stand)
            self._fallback = ""
        except _NOT_WHOLE as error:
            self._take_up_before(manifest, error)

    def _take_up_before(self, manifest: Manifest, error: StoreError) -> None:
        before = _before(manifest)
        if before is None:
            raise error
        self._open.take_up(before)
        self._fallback = _explained(error)

    def _fall_back(self, error: StoreError) -> None:
        """Open what says the same, for the statement at hand and for all to come.

        Raises the error if that is open already or not there, StoreUnavailable if the statement must be made
        anew: sorts have the same numbers only if the same rows were laid over.
        """
        if self._manifest is None or self._fallback:
            raise error
        had_extra, held = self._open.has_extra, self._open.sorts()
        self._take_up_before(self._manifest, error)
        if had_extra or (held is not None and self._open.sorts() != held):
            raise _again(error) from error


def _before(manifest: Manifest) -> Stand | None:
    """Give what says the same as the current base and deltas."""
    previous = manifest.previous
    if previous is None:
        return None
    return Stand(previous.base, (*previous.deltas, *manifest.stand.deltas))


def _explained(error: StoreError) -> str:
    return f"{error}. The base before it, with the changes since, is read instead."


def _joined(one: Reads, other: Reads) -> Reads:
    return Reads(
        one.entity | other.entity,
        one.relationship | other.relationship,
        None if one.links is None or other.links is None else one.links | other.links,
        one.searched or other.searched,
    )


def _again(error: StoreError) -> StoreUnavailable:
    return StoreUnavailable(f"{_explained(error)} Ask again.")

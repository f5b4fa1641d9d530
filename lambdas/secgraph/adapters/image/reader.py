"""A GraphReader over the image: its newest version as of each `refresh`, and whole whatever is damaged.

    manifest ─┬ as before    → nothing to do
              ├ more deltas  → these alone are fetched, and laid over what is held
              └ another base → opened, and what statements read of the one before is loaded of it at once

An object of the base that is missing or damaged is no reason not to answer: `previous`, the base before it
with the deltas that went into this one, says the same. The reader takes that instead, and its state says so.
A delta that cannot be read is: to answer from a part of the graph would close alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from secgraph.adapters.duckdb_reader import DEFAULT, Limits
from secgraph.adapters.image.opened import OpenStand
from secgraph.adapters.image.state import ImageState
from secgraph.errors import ObjectDamaged, ObjectMissing, StoreError, StoreUnavailable
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
        self._store = store
        self._cache = cache
        self._limits = limits
        self._manifest: Manifest | None = None
        self._tag = ""
        self._fallback = ""
        self._read_on = 0
        self._used = Reads()
        self._opened: OpenStand | None = None
        self._has_extra = False

    def close(self) -> None:
        """Give the memory back; the folder stays."""
        if self._opened is not None:
            self._opened.close()

    # ── versions ──────────────────────────────────────────────────────────────────────────────────────

    def refresh(self, now: int) -> ImageState:
        """Take up the newest version; `now` is epoch ms.

        Raises ObjectMissing or ObjectDamaged if that cannot be read and nothing else says the same,
        StoreUnavailable for what may pass. What answered before still answers then.
        """
        pointer = self._store.pointer_unless(self._tag) if self._tag else self._store.pointer()
        for _ in range(FOLLOWED_AT_MOST):
            if pointer is None:
                break
            pointer = self._follow(pointer)
        self._read_on = now
        return self.state()

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
        nothing. They are forgotten when another base is opened. Raises what `fetch` raises."""
        self._whole(lambda: self._open.apply(rows))
        self._has_extra = True

    # ── GraphReader ───────────────────────────────────────────────────────────────────────────────────

    def catalogue(self) -> Catalogue:
        """Tell what the graph holds."""
        return self._open.reader.catalogue()

    def fetch(self, statement: Statement) -> Rows:
        """Run one statement within the limits.

        Raises QueryError LIMITS; StoreError if what it reads can be had nowhere; StoreUnavailable if it must
        be asked again.
        """
        self._used = _joined(self._used, statement.reads)
        return self._whole(lambda: self._open.reader.fetch(statement))

    def documents(self, ids: Sequence[int]) -> Sequence[str]:
        """Give the documents of the entities with these ids, in their order. Raises what `fetch` raises."""
        return self._whole(lambda: self._open.reader.documents(ids))

    def counts(self, statements: Iterable[Statement]) -> Iterator[int | None]:
        """Run statements that give one number each, within a small part of the limits."""
        try:
            yield from self._open.reader.counts(statements)
        except _NOT_WHOLE as error:
            self._fall_back(error)
            yield None  # they explain a failure: that is not worth a second attempt

    def _whole(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except _NOT_WHOLE as error:
            self._fall_back(error)
            return ask()

    # ── what is open ──────────────────────────────────────────────────────────────────────────────────

    @property
    def _open(self) -> OpenStand:
        if self._opened is None:
            self._opened = self._stand(Stand(None, ()))
        return self._opened

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
        if self._manifest is not None and manifest.stand.base == self._manifest.stand.base:
            try:
                self._open.lay(manifest.stand.deltas)
            except _NOT_WHOLE as error:
                if self._fallback:
                    raise
                self._replace(self._before(manifest, error), _explained(error))
            return
        try:
            self._replace(self._stand(manifest.stand), "")
        except _NOT_WHOLE as error:
            self._replace(self._before(manifest, error), _explained(error))
        self._manifest = manifest
        used, self._used = self._used, Reads()
        if used == Reads():
            return
        try:
            self._open.prepare(used)
        except _NOT_WHOLE as error:
            if self._fallback:
                raise
            self._replace(self._before(manifest, error), _explained(error))

    def _fall_back(self, error: StoreError) -> None:
        """Open what says the same, for the statement at hand and for all to come.

        Raises the error if that is open already or not there, StoreUnavailable if the statement must be made
        anew: ids and sorts have the same numbers only if the same rows were laid over.
        """
        if self._manifest is None or self._fallback:
            raise error
        held, had_extra = self._open.reader.catalogue().sorts, self._has_extra
        self._replace(self._before(self._manifest, error), _explained(error))
        if had_extra or self._open.reader.catalogue().sorts != held:
            raise StoreUnavailable(f"{_explained(error)} Ask again.") from error

    def _before(self, manifest: Manifest, error: StoreError) -> OpenStand:
        if manifest.previous is None:
            raise error
        before = Stand(manifest.previous.base, (*manifest.previous.deltas, *manifest.stand.deltas))
        if self._manifest is not None and self._open.base == before.base:
            self._open.lay(before.deltas)  # it is open still
            return self._open
        return self._stand(before)

    def _stand(self, stand: Stand) -> OpenStand:
        opened = OpenStand.of(stand.base, self._store, self._cache, self._limits)
        try:
            opened.lay(stand.deltas)
        except BaseException:
            opened.close()
            raise
        return opened

    def _replace(self, opened: OpenStand, fallback: str) -> None:
        if self._opened is not None and opened is not self._opened:
            self._opened.close()
            self._has_extra = False
        self._opened, self._fallback = opened, fallback


def _explained(error: StoreError) -> str:
    return f"{error}. The base before it, with the changes since, is read instead."


def _joined(one: Reads, other: Reads) -> Reads:
    return Reads(
        one.entity | other.entity,
        one.relationship | other.relationship,
        None if one.links is None or other.links is None else one.links | other.links,
        one.searched or other.searched,
    )

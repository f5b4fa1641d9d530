"""What a base was made of → the manifest that names it. In: a base, rows. Out: a report, or nothing.

    rows… ─Builder→ Base ─its description→ manifest

Any number may be at it at once: each writes under names of its own, and the manifest takes the first one's
base. The others find another base than the one they began with, and remove what they wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from secgraph.errors import ObjectDamaged, ObjectMissing, StoreError, StoreUnavailable
from secgraph.flows.published import body_of, change, held
from secgraph.image import base as bases
from secgraph.image.base import Base
from secgraph.image.deltas import unpack
from secgraph.image.manifest import Delta, FileRef, Manifest, Stand, compacted
from secgraph.image.names import DESCRIPTION, base_folder, stamped
from secgraph.image.plan import entities_in, files_of
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import ItemRow


class Builder(Protocol):
    """Makes bases."""

    def build(
        self,
        base: Base | None,
        deltas: Iterable[Sequence[ItemRow]],
        *,
        generation: int,
        now: int,
        token: str,
    ) -> Base:
        """Lay rows over a base, in their order, and write what changed as new files under
        `names.base_folder(generation, token)`; what stayed as it was keeps its files.

        Raises ObjectMissing or ObjectDamaged for a file of the base, StoreUnavailable for what may pass,
        StoreError if memory or disk do not suffice.
        """
        ...


@dataclass(frozen=True, slots=True)
class Compacted:
    """A base that was published. `rows` went into it, `entities` are in it; `kept` files are those of the
    base before, `written` are new and have `bytes_written` together. `mended` says what damage was left
    behind."""

    generation: int
    rows: int
    entities: int
    kept: int
    written: int
    bytes_written: int
    mended: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a base is made of.

    `began` is the manifest as it was found, whose open deltas go in. `rows` of `deltas` are laid over `base`.
    `before` is a stand that says the same as the new base will; None if nothing that was is trusted.
    """

    began: Manifest
    before: Stand | None
    base: Base | None
    rows: Iterable[Sequence[ItemRow]]


def make(ground: Ground, *, store: ObjectStore, builder: Builder, now: int, token: str) -> Compacted | None:
    """Build the next base and publish it; None, and nothing stays of it, if another was published meanwhile.

    Raises what the builder raises, and StoreUnavailable if it did not get through.
    """
    making = _Making(ground, store, builder, now, stamped(now, token))
    return making.published(making.built())


def read_base(store: ObjectStore, file: FileRef) -> Base:
    """Read the description of a base. Raises ObjectMissing or ObjectDamaged."""
    return bases.load(file.checked(store.get(file.name)))


def read_rows(store: ObjectStore, deltas: Iterable[Delta]) -> Iterator[list[ItemRow]]:
    """Read deltas, one at a time.

    Raises StoreUnavailable for one that was folded and removed meanwhile, StoreError for one that is lost.
    """
    for delta in deltas:
        try:
            body = body_of(store, delta)
        except (ObjectMissing, ObjectDamaged) as error:
            if delta not in held(store).manifest.stand.deltas:
                raise StoreUnavailable(f"{error}; it was folded meanwhile, try again") from error
            raise StoreError(f"{error}; make the image again with `secgraph image rebuild`") from error
        yield unpack(body, delta.file.name)


class _Making:
    """A base on its way into the manifest."""

    def __init__(self, ground: Ground, store: ObjectStore, builder: Builder, now: int, token: str) -> None:
        self._ground = ground
        self._store = store
        self._builder = builder
        self._now = now
        self._token = token
        self._generation = ground.began.generation + 1
        self._folder = base_folder(self._generation, token)
        self._rows = 0

    def built(self) -> Base:
        """Build; what was written of one that fails, however it does, is removed."""
        try:
            return self._builder.build(
                self._ground.base,
                self._counted(),
                generation=self._generation,
                now=self._now,
                token=self._token,
            )
        except Exception:
            self._remove()
            raise

    def published(self, base: Base) -> Compacted | None:
        """Name the base in the manifest."""
        body = bases.dump(base)
        file = FileRef.of(self._folder + DESCRIPTION, body)
        self._store.put(file.name, body)
        retired = sorted(self._needed_before() - files_of(base).keys())
        after = change(self._store, lambda manifest: self._step(manifest, file, base, retired))
        if after.stand.base != file:
            self._remove()
            return None
        return self._report(base)

    def _step(self, manifest: Manifest, file: FileRef, base: Base, retired: list[str]) -> Manifest | None:
        began = self._ground.began
        if manifest.stand.base != began.stand.base or (
            self._ground.before is None and manifest.rebuild != began.rebuild
        ):
            return None
        return compacted(
            manifest,
            file,
            began.stand.deltas,
            before=self._ground.before,
            generation=self._generation,
            rows=entities_in(base),
            retired=retired,
            now=self._now,
        )

    def _needed_before(self) -> set[str]:
        """Give the files of the bases that are named now and will not be then. Those of a base that cannot be
        read are not known; once nothing names them they go as what is left behind goes."""
        began, before = self._ground.began, self._ground.before
        kept = before.base if before else None
        gone = [stand.base for stand in (began.stand, began.previous) if stand and stand.base]
        names: set[str] = set()
        for file in gone:
            if file != kept:
                names |= _files_if_readable(self._store, file)
        return names - (_files_if_readable(self._store, kept) if kept else set())

    def _counted(self) -> Iterator[Sequence[ItemRow]]:
        for rows in self._ground.rows:
            self._rows += len(rows)
            yield rows

    def _remove(self) -> None:
        self._store.delete(self._store.names(self._folder))

    def _report(self, base: Base) -> Compacted:
        held_before = files_of(self._ground.base) if self._ground.base else {}
        files = files_of(base)
        new = [size for name, size in files.items() if name not in held_before]
        return Compacted(
            generation=self._generation,
            rows=self._rows,
            entities=entities_in(base),
            kept=len(files) - len(new),
            written=len(new),
            bytes_written=sum(new),
        )


def _files_if_readable(store: ObjectStore, file: FileRef) -> set[str]:
    try:
        return set(files_of(read_base(store, file)))
    except (ObjectMissing, ObjectDamaged):
        return set()

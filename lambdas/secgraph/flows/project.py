"""PROJECT: what changed in the table → one more delta of the image.

StreamRecord… ─newest of each item→ ─expand→ ItemRow… ─pack→ a delta file ─→ the manifest names it

The same records again change nothing that anyone sees, in whatever order and division they come: rows carry
the version of their item. A record that cannot be expanded goes aside and holds up no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from secgraph.errors import ObjectDamaged, StoreError
from secgraph.flows.published import body_of, change
from secgraph.graph.locators import LOCATOR
from secgraph.graph.model import Item
from secgraph.image.deltas import pack
from secgraph.image.expand import expand
from secgraph.image.manifest import Delta, FileRef, Manifest, folded
from secgraph.image.names import delta_name
from secgraph.image.plan import to_fold
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import ItemRow, Version


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One write of an item, as the table's stream tells of it; `item` None: it was taken out."""

    id: str
    version: Version
    item: Item | None


@dataclass(frozen=True, slots=True)
class Aside:
    """A write that cannot be shown, and why; the image keeps what it held of the item."""

    id: str
    version: Version
    reason: str


@dataclass(frozen=True, slots=True)
class Projected:
    """`rows` went into the image, one for each item; `folded` deltas were taken into their file. `version` is
    that of the manifest which names it, None if there was nothing to project."""

    rows: int
    folded: int
    aside: tuple[Aside, ...]
    version: int | None


def project(records: Sequence[StreamRecord], *, store: ObjectStore, now: int, token: str) -> Projected:
    """Bring changes into the image. `token` is new each time.

    Raises StoreUnavailable if that failed, then the same records must come again; StoreError for an image of
    a later version, or one that only a rebuild can mend.
    """
    rows, aside = expanded(records)
    if not rows:
        return Projected(0, 0, aside, None)
    return _Projection(store, rows, now, token).published(aside)


def expanded(records: Iterable[StreamRecord]) -> tuple[list[ItemRow], tuple[Aside, ...]]:
    """Make rows of the newest write of each item, in the order in which the items first came."""
    rows: list[ItemRow] = []
    aside: list[Aside] = []
    for record in _newest(records):
        if record.item is None:
            rows.append(ItemRow(record.id, record.version, None, ()))
        elif record.item.thing.type != LOCATOR:
            try:
                rows.append(expand(record.item, record.version.at))
            except Exception as error:  # whatever is wrong with one, the stream must go on
                aside.append(Aside(record.id, record.version, f"{type(error).__name__}: {error}"))
    return rows, tuple(aside)


def _newest(records: Iterable[StreamRecord]) -> Iterable[StreamRecord]:
    held: dict[str, StreamRecord] = {}
    for record in records:
        known = held.get(record.id)
        if known is None or record.version.is_newer(known.version):
            held[record.id] = record
    return held.values()


class _Projection:
    """Rows on their way into the manifest. What was read and written stays known from one try to the next."""

    def __init__(self, store: ObjectStore, rows: Sequence[ItemRow], now: int, token: str) -> None:
        self._store = store
        self._rows = len(rows)
        self._until = max(row.version.at for row in rows)
        self._own = pack(rows)
        self._now = now
        self._token = token
        self._read: dict[str, bytes] = {}
        self._written: dict[tuple[str, ...], Delta] = {}
        self._folded = 0

    def published(self, aside: tuple[Aside, ...]) -> Projected:
        after = change(self._store, self._step)
        return Projected(self._rows, self._folded, aside, after.version)

    def _step(self, manifest: Manifest) -> Manifest | None:
        if manifest.names() & {delta.file.name for delta in self._written.values()}:
            return None
        last = to_fold(manifest.stand.deltas, len(self._own))
        self._folded = len(last)
        return folded(manifest, last, self._delta(last), self._now)

    def _delta(self, last: Sequence[Delta]) -> Delta:
        """Write the file that begins with the rows of the last deltas, unless it is there from an earlier
        try."""
        names = tuple(delta.file.name for delta in last)
        if names not in self._written:
            body = b"".join([*map(self._body, last), self._own])
            name = delta_name(self._now, f"{self._token}-{len(self._written)}")
            self._store.put(name, body)
            rows, until = sum(delta.rows for delta in last), max([delta.until for delta in last], default=0)
            self._written[names] = Delta(FileRef.of(name, body), rows + self._rows, max(until, self._until))
        return self._written[names]

    def _body(self, delta: Delta) -> bytes:
        name = delta.file.name
        if name not in self._read:
            try:
                self._read[name] = body_of(self._store, delta)
            except ObjectDamaged as error:
                raise StoreError(f"{error}; make the image again with `secgraph image rebuild`") from error
        return self._read[name]

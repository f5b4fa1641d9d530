"""One segment of a rebuild: a stretch of the table → runs of rows. In: pages of items. Out: delta files.

    TableScan ─Page…→ ─expand→ ItemRow… ─pack→ runs, and how far that is

How far a segment is stands in an object beside its runs, which names them. It is written after each run: who
takes over goes on from there. Should two be at one segment, each writes runs of its own and names those that
it went on from; who finds that the other is done leaves it at that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from secgraph.errors import ObjectDamaged, ObjectMissing, StoreError
from secgraph.flows.project import Aside, StreamRecord, expanded
from secgraph.flows.published import body_of, held
from secgraph.graph.model import Item
from secgraph.image.deltas import pack, unpack
from secgraph.image.manifest import Delta, FileRef, Rebuild
from secgraph.image.names import rebuild_folder
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import ItemRow, Version

FORMAT: Final = 1
RUN_ROWS: Final = 5_000
ASIDE_AT_MOST: Final = 100
"""How many items a segment names that cannot be shown; it counts them all."""


@dataclass(frozen=True, slots=True)
class Page:
    """Items of the table as they stood at `read_on` (epoch ms) or later, and where the next page begins; None
    at the end."""

    items: Sequence[Item]
    next: str | None
    read_on: int


class TableScan(Protocol):
    """The truth, read from end to end."""

    def scan(self, segment: int, of: int, position: str | None) -> Page:
        """Read on in a segment, counted from 0; `position` None: from its beginning.

        Every write that was done before the call is seen. Raises StoreUnavailable for what may pass.
        """
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a segment is: rows read, items that cannot be shown (all counted, the first of them named), and
    whether that is all."""

    segment: int
    rows: int = 0
    aside: int = 0
    named_aside: tuple[Aside, ...] = ()
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """All that is kept of a segment: how far it is, where it goes on (None: at its beginning or end), and
    what was read."""

    progress: Progress
    position: str | None
    runs: tuple[Delta, ...]


SetAside = Callable[[Sequence[tuple[Item, str]]], None]
"""Keeps items that cannot be shown, each with the reason."""


def read_segment(
    rebuild: Rebuild,
    segment: int,
    *,
    store: ObjectStore,
    table: TableScan,
    token: str,
    stop: Callable[[], bool],
    set_aside: SetAside | None = None,
) -> Progress | None:
    """Read a segment, on from where it was left, until its end or until `stop` says so (asked after each
    page). None if the rebuild was given up. `token` is new each time. `set_aside` is given what cannot be
    shown, before anything says that it was read.

    Raises StoreUnavailable if this must be tried again.
    """
    if held(store).manifest.rebuild != rebuild:
        return None
    reading = _Reading(rebuild, store, token, _state(rebuild, segment, store))
    while not reading.is_done:
        unshown = reading.take(table.scan(segment, rebuild.segments, reading.position))
        if unshown and set_aside:
            set_aside(unshown)
        reading.save_if_many()
        if stop():
            break
    return reading.stopped()


def progress(rebuild: Rebuild, *, store: ObjectStore) -> list[Progress]:
    """Tell how far each segment is."""
    return [state.progress for state in states(rebuild, store=store)]


def states(rebuild: Rebuild, *, store: ObjectStore) -> list[State]:
    """Give what is kept of each segment, by its number."""
    return [_state(rebuild, segment, store) for segment in range(rebuild.segments)]


def read_runs(runs: Iterable[Delta], *, store: ObjectStore) -> Iterator[list[ItemRow]]:
    """Give the rows of these runs, a run at a time. Raises StoreError if one of them is lost."""
    for run in runs:
        try:
            yield unpack(body_of(store, run), run.file.name)
        except (ObjectMissing, ObjectDamaged) as error:
            raise StoreError(f"{error}; begin again with `secgraph image rebuild --anew`") from error


def note_queued(rebuild: Rebuild, *, store: ObjectStore) -> None:
    """Note that all segments have been handed to those who read them."""
    store.put(_queued(rebuild), b"{}")


def is_queued(rebuild: Rebuild, *, store: ObjectStore) -> bool:
    """Tell whether that was noted."""
    try:
        return bool(store.get(_queued(rebuild)))
    except ObjectMissing:
        return False


def _queued(rebuild: Rebuild) -> str:
    return f"{rebuild_folder(rebuild.id)}queued.json"


class _Reading:
    """Rows on their way into runs."""

    def __init__(self, rebuild: Rebuild, store: ObjectStore, token: str, state: State) -> None:
        self._rebuild = rebuild
        self._folder = rebuild_folder(rebuild.id)
        self._store = store
        self._token = token
        self._state = state
        self._rows: list[ItemRow] = []
        self._progress = state.progress
        self.position = state.position

    @property
    def is_done(self) -> bool:
        return self._progress.is_done

    def take(self, page: Page) -> list[tuple[Item, str]]:
        """Lay the items of a page beside those before; give those that cannot be shown, and why."""
        rows, aside = expanded(
            StreamRecord(item.thing.id, Version(item.rev, page.read_on), item) for item in page.items
        )
        self._rows += rows
        self.position = page.next
        was = self._progress
        self._progress = replace(
            was,
            rows=was.rows + len(rows),
            aside=was.aside + len(aside),
            named_aside=(*was.named_aside, *aside)[:ASIDE_AT_MOST],
            is_done=page.next is None,
        )
        reasons = {each.id: each.reason for each in aside}
        return [(item, reasons[item.thing.id]) for item in page.items if item.thing.id in reasons]

    def save_if_many(self) -> None:
        """Write what was read once it fills a run."""
        if len(self._rows) >= RUN_ROWS:
            self._save()

    def stopped(self) -> Progress:
        """Write what is left."""
        if self._progress != self._state.progress or self.position != self._state.position:
            self._save()
        return self._progress

    def _save(self) -> None:
        stored = _state(self._rebuild, self._progress.segment, self._store)
        if stored.progress.is_done:
            self._leave_it_to(stored)
            return
        runs = self._state.runs
        if self._rows:
            name = f"{self._folder}{self._progress.segment:04d}-{len(runs):06d}-{self._token}.jsonl.gz"
            body = pack(self._rows)
            self._store.put(name, body)
            until = max(row.version.at for row in self._rows)
            runs = (*runs, Delta(FileRef.of(name, body), len(self._rows), until))
        self._state = State(self._progress, self.position, runs)
        self._rows = []
        self._store.put(_name(self._folder, self._progress.segment), _dump(self._state))

    def _leave_it_to(self, done: State) -> None:
        """Another has read the segment to its end meanwhile: it is done, and what was read here is not
        needed."""
        self._state, self._rows = done, []
        self._progress, self.position = done.progress, done.position


# ── the state of a segment ────────────────────────────────────────────────────────────────────────────


def _name(folder: str, segment: int) -> str:
    return f"{folder}{segment:04d}.json"


def _state(rebuild: Rebuild, segment: int, store: ObjectStore) -> State:
    name = _name(rebuild_folder(rebuild.id), segment)
    try:
        held: dict[str, Any] = json.loads(store.get(name))
    except ObjectMissing:
        return State(Progress(segment), None, ())
    if held["format"] != FORMAT:
        raise StoreError(
            f"{name}: is in format {held['format']}; this version of secgraph reads format {FORMAT}: begin "
            "again with `secgraph image rebuild --anew`"
        )
    asides = tuple(Aside(id_, Version(rev, at), reason) for id_, rev, at, reason in held["namedAside"])
    runs = tuple(Delta(FileRef(*file), rows, until) for *file, rows, until in held["runs"])
    return State(
        Progress(segment, held["rows"], held["aside"], asides, held["isDone"]), held["position"], runs
    )


def _dump(state: State) -> bytes:
    told = state.progress
    runs = [[it.file.name, it.file.size, it.file.sha256, it.rows, it.until] for it in state.runs]
    held = {
        "format": FORMAT,
        "position": state.position,
        "isDone": told.is_done,
        "rows": told.rows,
        "aside": told.aside,
        "namedAside": [[it.id, it.version.rev, it.version.at, it.reason] for it in told.named_aside],
        "runs": runs,
    }
    return json.dumps(held, separators=(",", ":")).encode()

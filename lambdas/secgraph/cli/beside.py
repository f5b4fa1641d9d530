"""The image beside a graph file: FILE.image/. In: the file. Out: its image, kept up to date, and read.

    LocalGraph.write ─unprojected ids→ catch_up ─flows.project, flows.compact→ FILE.image/ ─┐
                    └─ what a crash left unprojected, read from FILE ──────────────────────→ ImageReader

FILE is the truth. It and its image bear the same mark. A folder with another one, or none, is of another
graph: who writes next makes it anew, and who asks meanwhile reads FILE. To ask writes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from secgraph.adapters.image.folder_store import FolderStore
from secgraph.adapters.image.opened import reader_in_memory
from secgraph.adapters.image.reader import ImageReader
from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.cli import clock
from secgraph.errors import ObjectMissing, StoreLocked
from secgraph.flows.compact import compact
from secgraph.flows.next_base import Compacted
from secgraph.flows.project import StreamRecord, project
from secgraph.flows.published import held
from secgraph.image import manifest as manifests
from secgraph.image.expand import expand
from secgraph.image.manifest import EMPTY, Manifest
from secgraph.image.names import BASES, DELTAS, REBUILDS
from secgraph.image.plan import is_due
from secgraph.image.rows import Version
from secgraph.j1ql.text.terminal import plain

AT_ONCE: Final = 5_000
"""Items that are projected together: as many as are held in memory."""
MARK: Final = "mark"
SEEN: Final = "seen"
"""What FILE looked like when all of it was in the image: as long as it does, none need open it to ask. There
is none while the image is made anew."""


def store_beside(path: Path) -> FolderStore:
    """Give the place of a graph file's image."""
    return FolderStore(path.with_name(f"{path.name}.image"))


def is_image_of(store: FolderStore, graph: LocalGraph) -> bool:
    """Tell whether the folder is the image of this graph, as it is now."""
    mark = graph.image_mark()
    return bool(mark) and mark in _note_in(store, MARK).split() and store.pointer() is not None


def _note_in(store: FolderStore, name: str) -> str:
    try:
        return store.get(name).decode()
    except ObjectMissing:
        return ""


def _look_of(path: Path) -> str:
    """Say what a file looks like that nobody has open for writing; empty if somebody has, or died so."""
    if not path.exists() or path.with_name(f"{path.name}.wal").exists():
        return ""
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"


# ── writing ───────────────────────────────────────────────────────────────────────────────────────────


class Beside:
    """A graph file that is open for writing, and its image."""

    def __init__(self, graph: LocalGraph, path: Path) -> None:
        self.graph = graph
        self.store = store_beside(path)
        self._is_its_image = is_image_of(self.store, graph)
        if not self._is_its_image:
            self._distrust()

    def catch_up(self, *, at_least: int = 1) -> None:
        """Bring what was written into the image, unless it is less than that; compact it if that is due."""
        if not self._is_its_image:
            self.begin_anew()
        self._is_its_image = True
        waiting = self.graph.unprojected()
        if len(waiting) < at_least:
            return
        for start in range(0, len(waiting), AT_ONCE):
            self._project(waiting[start : start + AT_ONCE])
        manifest = held(self.store).manifest
        # The age of a base says nothing here: what nobody writes to is no slower to read tomorrow.
        if is_due(manifest, manifest.based_on):
            self.compact()

    def compact(self) -> Compacted | None:
        """Bring all that changed into the base."""
        from secgraph.adapters.image.builder import ParquetBuilder  # here: hardly a command makes a base

        builder = ParquetBuilder(self.store, self.store.root / ".work")
        return compact(store=self.store, builder=builder, now=clock.now(), token=uuid4().hex)

    def begin_anew(self) -> None:
        """Empty the folder, and have every item projected."""
        self._distrust()
        self.graph.unproject()
        pointer = self.store.pointer()
        if pointer is not None:
            self.store.swap(manifests.dump(EMPTY), pointer.tag)
        self.store.delete([name for prefix in (DELTAS, BASES, REBUILDS) for name in self.store.names(prefix)])

    def _distrust(self) -> None:
        """Have nobody who cannot open FILE ask this image, until all of FILE is in it."""
        self.store.delete([SEEN])

    def _project(self, ids: Sequence[str]) -> None:
        """Ids are forgotten only once the manifest names their rows: who dies in between projects them again,
        and that changes nothing. The folder bears both marks as long as that takes."""
        old, new = self.graph.image_mark(), uuid4().hex
        self.store.put(MARK, f"{old} {new}".encode())
        items, now = self.graph.read(ids), _later(clock.now(), held(self.store).manifest)
        records = [StreamRecord(id_, Version(items[id_].rev, now), items[id_]) for id_ in ids]
        project(records, store=self.store, now=now, token=uuid4().hex)
        self.graph.projected(ids, mark=new)
        self.store.put(MARK, new.encode())


@contextmanager
def writing(path: Path) -> Iterator[Beside]:
    """Open a graph file to write to it, and bring what was written into its image in the end."""
    with LocalGraph.open(path) as graph:
        beside = Beside(graph, path)
        yield beside
        beside.catch_up()
    look = _look_of(path)
    if look != _note_in(beside.store, SEEN):
        beside.store.put(SEEN, look.encode())


# ── asking ────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def asking(path: Path) -> Iterator[ImageReader]:
    """Open the image of a graph file, to ask it. What another process is just writing is not in it yet.

    Raises InputError if there is no graph, StoreLocked if all of it is being brought into the image: what is
    written for the first time, and what is rebuilt.
    """
    store = store_beside(path)
    with closing(ImageReader(store, store.root)) as reader:
        look = _look_of(path)
        is_all_in = look and look == _note_in(store, SEEN) and reader.refresh(clock.now()).version
        if not is_all_in:
            try:
                with LocalGraph.open(path, read_only=True) as graph:
                    take_in(reader, store, graph)
            except StoreLocked:
                if not _note_in(store, SEEN) or reader.refresh(clock.now()).version == 0:
                    raise
        yield reader
        if reader.state().fallback:
            _note(reader.state().fallback)


@contextmanager
def asking_while_writing(path: Path) -> Iterator[tuple[LocalGraph, ImageReader]]:
    """Open a graph file to write what its image answers, which has all that was written until now."""
    store = store_beside(path)
    with writing(path) as beside, closing(ImageReader(store, store.root)) as reader:
        beside.catch_up()
        reader.refresh(clock.now())
        yield beside.graph, reader


def reader_of(graph: LocalGraph) -> DuckDBReader:
    """Give a reader of what a graph holds now, in memory."""
    return reader_in_memory([expand(item, clock.now()) for item in graph.items()])


def take_in(reader: ImageReader, store: FolderStore, graph: LocalGraph) -> None:
    """Take up the image, and what the graph has beyond it; all of the graph if this is not its image."""
    now = clock.now()
    if is_image_of(store, graph):
        reader.refresh(now)
        now = _later(now, held(store).manifest)
        left = graph.unprojected()
    else:
        left = graph.ids()
        if left:
            _note(f"{store.root} is no image of this graph; `secgraph image rebuild` makes one")
    for start in range(0, len(left), AT_ONCE):
        ids = left[start : start + AT_ONCE]
        items = graph.read(ids)
        reader.extra([expand(items[id_], now) for id_ in ids])  # noqa: S610 (no Django)


def _later(now: int, manifest: Manifest) -> int:
    """Give the time of a change of FILE. It is no earlier than the one before, whatever the clock says: the
    image takes an older row for a stale one."""
    return max(now, manifest.until)


def _note(text: str) -> None:
    print(plain(f"note: {text}"), file=sys.stderr)

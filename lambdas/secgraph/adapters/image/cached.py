"""Objects of a store as local files, as far as they are wanted. In: stretches of objects. Out: paths, bytes.

A file in the cache has the size of its object, and holes where nothing was fetched yet. So DuckDB reads it as
any Parquet file. Whether a stretch is there is told by its checksum and by nothing else: what a process that
died left half done, or what another one is just writing, is found out, and fetched.

A folder that holds the objects themselves needs no cache: they are read where they are, and checked alike.
"""

from __future__ import annotations

import os
import zlib
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from errno import ENOSPC
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from stat import S_ISREG
from threading import Lock
from typing import Final, Protocol

from secgraph.adapters.image.folder_store import FolderStore
from secgraph.adapters.image.parts import MAGIC
from secgraph.errors import ObjectDamaged, ObjectMissing, StoreError
from secgraph.image.ports import ObjectStore

GAP: Final = 64 << 10
"""Bytes nobody asked for that cost less than one request more."""
RANGE: Final = 4 << 20
"""Stretches are joined up to this size; larger ranges would leave the network to too few requests."""
LOAD: Final = 8 << 20
"""So much of a file is in memory at a time, or one range."""
AT_ONCE: Final = 8
LIMIT: Final = 4 << 30


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of an object. `crc` is their CRC-32; None where they say themselves whether they are whole."""

    offset: int
    size: int
    crc: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Stretches of the object `name`, which has `size` bytes."""

    name: str
    size: int
    stretches: Sequence[Stretch]


@dataclass(frozen=True, slots=True)
class _Load:
    """Ranges of the object `name` that come together; `file` is open."""

    name: str
    file: int
    ranges: Sequence[Sequence[Stretch]]


_Place = tuple[str, int]
"""The name of an object, an offset."""


class LocalFiles(Protocol):
    """Objects as local files. Methods raise ObjectMissing, ObjectDamaged or StoreUnavailable."""

    @property
    def folder(self) -> Path:
        """Tell under which folder all the files are."""
        ...

    def path(self, name: str) -> Path:
        """Tell which file an object is; only what was made sure of may be read of it."""
        ...

    def ensure(self, wanted: Sequence[Wanted]) -> None:
        """Make sure that these stretches, all with a checksum, are in the files, and whole."""
        ...

    def read(self, wanted: Sequence[Wanted]) -> list[list[bytes]]:
        """Give the stretches that are there; of others, zeros or nothing."""
        ...

    def fetch(self, wanted: Sequence[Wanted]) -> list[list[bytes]]:
        """Give the stretches as the store has them."""
        ...


def local_files(store: ObjectStore, cache: Path) -> LocalFiles:
    """Give the objects of a store, through a cache in this folder if they are not local files anyway."""
    return FilesInPlace(store) if isinstance(store, FolderStore) else CachedFiles(store, cache)


class FilesInPlace:
    """The objects of a folder, read where they are. What is whole once counts as whole: they never change."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store
        self._sure: dict[str, set[int]] = defaultdict(set)

    @property
    def folder(self) -> Path:
        """Tell under which folder all the files are."""
        return self._store.root

    def path(self, name: str) -> Path:
        """Tell which file an object is."""
        return self._store.path(name)

    def ensure(self, wanted: Sequence[Wanted]) -> None:
        """Check what was not checked yet."""
        for it in wanted:
            sure = self._sure[it.name]
            unsure = Wanted(it.name, it.size, [each for each in it.stretches if each.offset not in sure])
            if not unsure.stretches and self.path(it.name).exists():
                continue
            for stretch, body in zip(unsure.stretches, self._read(unsure), strict=True):
                _check(it.name, stretch, body)
                sure.add(stretch.offset)

    def read(self, wanted: Sequence[Wanted]) -> list[list[bytes]]:
        """Give stretches."""
        return [self._read(it) for it in wanted]

    def fetch(self, wanted: Sequence[Wanted]) -> list[list[bytes]]:
        """Give stretches."""
        return self.read(wanted)

    def _read(self, wanted: Wanted) -> list[bytes]:
        try:
            with self.path(wanted.name).open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if size != wanted.size:
                    raise ObjectDamaged(f"{wanted.name} is damaged: {size} bytes instead of {wanted.size}")
                return [os.pread(file.fileno(), it.size, it.offset) for it in wanted.stretches]
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectMissing(f"{wanted.name} is not there") from None


class CachedFiles:
    """Objects of a store that are fetched as they are wanted.

    The folder keeps at most `limit` bytes: files that were not used for the longest time go first. Processes
    may share it. Whoever uses a file holds a lock on it, and none that is held goes.
    """

    def __init__(self, store: ObjectStore, folder: Path, *, limit: int = LIMIT) -> None:
        self._store = store
        self._folder = folder
        self._limit = limit
        self._files: dict[str, int] = {}
        self._opening = Lock()
        self._sure: dict[str, set[int]] = defaultdict(set)

    def __del__(self) -> None:
        for descriptor in self._files.values():
            with suppress(OSError):
                os.close(descriptor)

    @property
    def folder(self) -> Path:
        """Tell under which folder all the files are."""
        return self._folder

    def path(self, name: str) -> Path:
        """Tell which file an object is."""
        return self._folder / name

    def ensure(self, wanted: Sequence[Wanted]) -> None:
        """Fetch what is not there, side by side, and check it before it is kept."""
        missing = [it for it in map(self._missing, wanted) if it.stretches]
        self._receive(missing)
        self._count_as_sure(missing)

    def read(self, wanted: Sequence[Wanted]) -> list[list[bytes]]:
        """Give stretches as they are in the files."""
        return [[os.pread(self._open(it), each.size, each.offset) for each in it.stretches] for it in wanted]

    def fetch(self, wanted: Sequence[Wanted]) -> list[list[bytes]]:
        """Give stretches as the store has them; they are kept too."""
        bodies: dict[_Place, bytes] = {}
        self._receive(wanted, bodies)
        self._count_as_sure(wanted)
        return [[bodies[it.name, each.offset] for each in it.stretches] for it in wanted]

    # ── fetching ──────────────────────────────────────────────────────────────────────────────────────

    def _missing(self, wanted: Wanted) -> Wanted:
        file = self._open(wanted)
        sure = self._sure[wanted.name]
        missing: list[Stretch] = []
        for it in wanted.stretches:
            if it.offset in sure:
                continue
            if zlib.crc32(os.pread(file, it.size, it.offset)) == it.crc:
                sure.add(it.offset)
            else:
                missing.append(it)
        return Wanted(wanted.name, wanted.size, missing)

    def _count_as_sure(self, wanted: Sequence[Wanted]) -> None:
        for it in wanted:
            self._sure[it.name].update(each.offset for each in it.stretches if each.crc is not None)

    def _receive(self, wanted: Sequence[Wanted], bodies: dict[_Place, bytes] | None = None) -> None:
        """Bring stretches into the files, some at a time; those that are asked for go into `bodies` too."""
        if not wanted:
            return
        self._make_room(sum(each.size for it in wanted for each in it.stretches))
        loads = [_Load(it.name, self._open(it), some) for it in wanted for some in loaded(it.stretches)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(lambda load: self._bring(load, bodies), loads):
                pass

    def _bring(self, load: _Load, bodies: dict[_Place, bytes] | None) -> None:
        places = [(stretches[0].offset, _end(stretches)) for stretches in load.ranges]
        received = self._store.get_ranges(load.name, [(start, end - start) for start, end in places])
        for stretches, (start, _), body in zip(load.ranges, places, received, strict=True):
            for it in stretches:
                piece = body[it.offset - start : it.offset - start + it.size]
                _check(load.name, it, piece)
                _write(load.file, piece, it.offset, self.path(load.name))
                if bodies is not None:
                    bodies[load.name, it.offset] = piece

    # ── files ─────────────────────────────────────────────────────────────────────────────────────────

    def _open(self, wanted: Wanted) -> int:
        """Open the file, made if need be; it stays open, and locked, as long as this lives."""
        with self._opening:  # a descriptor that is nowhere kept would hold its lock for good
            held = self._files.get(wanted.name)
            if held is None:
                held = self._files[wanted.name] = _locked(self.path(wanted.name), wanted.size)
        with suppress(OSError):  # only who goes first depends on it
            os.utime(held)
        return held

    def _make_room(self, size: int) -> None:
        """Remove files that nobody uses, until so many bytes more are within the limit."""
        files = [(path, stat) for path in self._folder.rglob("*") if (stat := _stat_of_file(path))]
        used = sum(stat.st_blocks * 512 for _, stat in files) + size
        for path, stat in sorted(files, key=lambda it: it[1].st_mtime):
            if used <= self._limit:
                return
            if _removed(path):
                used -= stat.st_blocks * 512


def joined(stretches: Sequence[Stretch]) -> list[list[Stretch]]:
    """Put stretches that lie close to each other into one range."""
    ranges: list[list[Stretch]] = []
    for it in sorted(stretches, key=lambda stretch: stretch.offset):
        last = ranges[-1] if ranges else []
        if last and it.offset - _end(last) <= GAP and it.offset + it.size - last[0].offset <= RANGE:
            last.append(it)
        else:
            ranges.append([it])
    return ranges


def loaded(stretches: Sequence[Stretch]) -> list[list[list[Stretch]]]:
    """Put ranges into loads: as much as is held in memory at a time, of one file."""
    loads: list[list[list[Stretch]]] = []
    room = 0
    for range_ in joined(stretches):
        size = _end(range_) - range_[0].offset
        if size > room:
            loads.append([])
            room = LOAD
        loads[-1].append(range_)
        room -= size
    return loads


def _end(stretches: Sequence[Stretch]) -> int:
    return stretches[-1].offset + stretches[-1].size


def _check(name: str, stretch: Stretch, body: bytes) -> None:
    if len(body) != stretch.size or (stretch.crc is not None and zlib.crc32(body) != stretch.crc):
        raise ObjectDamaged(f"{name} is damaged: the {stretch.size} bytes at {stretch.offset}")


def _write(file: int, body: bytes, offset: int, path: Path) -> None:
    try:
        while body:
            written = os.pwrite(file, body, offset)
            body, offset = body[written:], offset + written
    except OSError as error:
        if error.errno == ENOSPC:
            raise StoreError(f"No room is left for {path}: give the cache a larger disk.") from error
        raise


def _locked(path: Path, size: int) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        flock(file, LOCK_SH)
        if _is_same(file, path):  # else it was removed before it was locked
            break
        os.close(file)
    if os.fstat(file).st_size != size:
        os.ftruncate(file, size)
        os.pwrite(file, MAGIC[:size], 0)
    return file


def _removed(path: Path) -> bool:
    """Remove a file unless anybody uses it."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    else:
        if not _is_same(file, path):  # another removed it, and somebody has made it anew since
            return False
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(file)


def _stat_of_file(path: Path) -> os.stat_result | None:
    """Give None for a folder, and for what another process has removed since it was listed."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat if S_ISREG(stat.st_mode) else None


def _is_same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False

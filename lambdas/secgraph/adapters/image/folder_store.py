"""The image in a folder. In and out: named objects, bytes.

Each object is a file that appears whole or not at all. Processes change the pointer one at a time, under a
lock that the system takes back from one that dies.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Final
from uuid import uuid4

from secgraph.errors import ObjectDamaged, ObjectMissing, StoreError, StoreUnavailable
from secgraph.image.names import MANIFEST
from secgraph.image.ports import Pointer

_LOCK: Final = ".lock"
_UNFINISHED: Final = ".unfinished-"
_UNFINISHED_S: Final = 86_400
"""How long after the last byte that came a file counts as being written."""


class FolderStore:
    """ObjectStore over a folder, which is made when something is written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Tell which file an object is. Raises StoreError for a name that leads out of the folder."""
        if any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name or "\0" in name:
            raise StoreError(f"{self.root}: {name!r} names no object of an image")
        return self.root / name

    # ── objects ───────────────────────────────────────────────────────────────────────────────────────

    def get(self, name: str) -> bytes:
        """Read an object whole."""
        with self._opened(name) as file:
            return file.read()

    def get_ranges(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read stretches (offset, length) of an object. Raises ObjectDamaged if it ends before one does."""
        with self._opened(name) as file:
            return [_stretch(file, name, *each) for each in ranges]

    def put(self, name: str, body: bytes) -> None:
        """Write an object."""
        self._write(name, lambda file: file.write(body))

    def put_file(self, name: str, path: str) -> None:
        """Write an object from a local file."""
        with Path(path).open("rb") as source:
            self._write(name, lambda file: copyfileobj(source, file, 1 << 20))

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects, and the folders of bases and rebuilds that are empty then; with them, what
        processes that died left unfinished."""
        for name in names:
            path = self.path(name)
            with self._told(name):
                path.unlink(missing_ok=True)
                self._prune(path.parent)
        self._remove_unfinished()

    def names(self, prefix: str) -> list[str]:
        """List the objects whose names begin like this."""
        with self._told(prefix):
            found = [
                path.relative_to(self.root).as_posix()
                for path in self._files()
                if path.name != _LOCK and not path.name.startswith(_UNFINISHED)
            ]
        return sorted(name for name in found if name.startswith(prefix) and name != MANIFEST)

    def sizes(self, prefix: str) -> dict[str, int]:
        """List them with their sizes in bytes."""
        sizes: dict[str, int] = {}
        for name in self.names(prefix):
            with self._told(name), suppress(FileNotFoundError):  # removed since it was listed
                sizes[name] = self.path(name).stat().st_size
        return sizes

    # ── the pointer ───────────────────────────────────────────────────────────────────────────────────

    def pointer(self) -> Pointer | None:
        """Read the pointer; its tag is the SHA-256 of its bytes."""
        try:
            body = self.get(MANIFEST)
        except ObjectMissing:
            return None
        return Pointer(body, sha256(body).hexdigest())

    def pointer_unless(self, tag: str) -> Pointer | None:
        """Read the pointer unless it still has this tag."""
        pointer = self.pointer()
        return None if pointer is None or pointer.tag == tag else pointer

    def swap(self, body: bytes, held: str | None) -> str | None:
        """Replace the pointer if it still has the tag `held`."""
        with self._locked():
            pointer = self.pointer()
            if (None if pointer is None else pointer.tag) != held:
                return None
            self.put(MANIFEST, body)
        return sha256(body).hexdigest()

    # ── files ─────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        with self._told(name):
            try:
                file = self.path(name).open("rb")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
                raise ObjectMissing(f"{self.root / name}: is not there") from error
            with file:
                yield file

    def _write(self, name: str, fill: Callable[[IO[bytes]], object]) -> None:
        """Fill a file beside the place, and move it there when it is on the disk."""
        path = self.path(name)
        with self._told(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f"{_UNFINISHED}{uuid4().hex}")
            with beside.open("xb") as file:
                try:
                    fill(file)
                    file.flush()
                    os.fsync(file.fileno())
                    beside.replace(path)
                except BaseException:
                    beside.unlink(missing_ok=True)
                    raise
            _to_disk(path.parent)

    def _remove_unfinished(self) -> None:
        """Remove what nobody writes to any more."""
        with self._told(_UNFINISHED):
            for path in self._files():
                if path.name.startswith(_UNFINISHED) and _is_old(path):
                    path.unlink(missing_ok=True)
                    self._prune(path.parent)

    def _files(self) -> Iterator[Path]:
        for folder, _, files in os.walk(self.root):
            for file in files:
                yield Path(folder) / file

    def _prune(self, folder: Path) -> None:
        """Remove the folder of one base or rebuild; into those above it others are writing."""
        if self.root not in (folder, folder.parent):
            with suppress(OSError):  # it is not empty
                folder.rmdir()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._told(MANIFEST):
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / _LOCK).open("ab") as lock:
                flock(lock, LOCK_EX)
                yield

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Say of what the system refuses which object it was about."""
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(f"{self.root / name}: {error.strerror or error}") from error


def _stretch(file: IO[bytes], name: str, offset: int, length: int) -> bytes:
    file.seek(offset)
    body = file.read(length)
    if len(body) != length:
        raise ObjectDamaged(f"{name}: ends at {offset + len(body)}, before {offset + length}")
    return body


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _UNFINISHED_S
    except FileNotFoundError:  # it was finished meanwhile
        return False


def _to_disk(folder: Path) -> None:
    """Have the system write down what the folder holds now: a file that was moved would else be gone after a
    power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A folder for files on their way, of one process as long as it works. In: where. Out: a path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

_PREFIX: Final = "build-"


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Give a new folder, which is gone afterwards. Those of processes that died go first: a function
    that runs out of time leaves its files to the next call of it."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{_PREFIX}*"):
        _remove_unless_used(left)
    folder, lock = _locked(parent)
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(mkdtemp(dir=parent, prefix=_PREFIX))
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        flock(lock, LOCK_SH)
        if folder.exists():
            return folder, lock
        os.close(lock)  # another took it for one that was left, before it was locked


def _remove_unless_used(folder: Path) -> None:
    """Remove a folder unless somebody holds a lock on it, as whoever works in one does. Who takes the lock
    while it goes waits, and finds it gone."""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return
    else:
        rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)

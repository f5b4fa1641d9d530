"""The manifest: the one object of the image that changes in place. In: JSON. Out: frozen values, and back.

    Manifest ─opened, folded, compacted→ Manifest

Every change makes a new manifest of an old one, pure; who stores it does so only if nobody else did
meanwhile, and else begins again from what is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FORMAT: Final = 1
OPEN_AT_MOST: Final = 64
"""Delta files that are open at a time: each is one request more for a reader that starts."""


@dataclass(frozen=True, slots=True)
class FileRef:
    """An object that is written once: its size in bytes and the SHA-256 of its bytes, in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A delta file: how many rows it has, and when (epoch ms) the last of its changes was made."""

    file: FileRef
    rows: int
    until: int


@dataclass(frozen=True, slots=True)
class Stand:
    """What can be read: a base (None before the first compaction) and the deltas that lie over it."""

    base: FileRef | None
    deltas: tuple[Delta, ...]


@dataclass(frozen=True, slots=True)
class Retired:
    """An object that nothing names any more, and since when (epoch ms)."""

    name: str
    since: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """`version` counts the manifests. `previous` is the base before this one with the deltas that went into
    this one: with those that came since it says the same as the current stand. `until` (epoch ms) is when the
    newest change was made that the image holds."""

    version: int
    published_on: int
    stand: Stand
    previous: Stand | None
    retired: tuple[Retired, ...]
    until: int

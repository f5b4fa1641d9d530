"""What the objects of the image are called. In: when they are written, and a token. Out: names, and back.

    deltas/{when}-{token}.jsonl.gz         bases/{generation}-{when}-{token}/…
    rebuild/{when}-{token}/…               and the pointer, which is the manifest

`when` is in epoch milliseconds, in 13 digits, so that names sort by it. It tells how old an object is that
nothing names: who wrote it may be about to name it, or has died.
"""

from __future__ import annotations

import re
from typing import Final

MANIFEST: Final = "manifest.json"
DELTAS: Final = "deltas/"
BASES: Final = "bases/"
REBUILDS: Final = "rebuild/"
DESCRIPTION: Final = "base.json.gz"

_WRITTEN: Final = re.compile(r"(?:deltas/|bases/[0-9]+-|rebuild/)([0-9]{13})-")
_REBUILD: Final = re.compile(r"(rebuild/[^/]+)/")


def delta_name(now: int, token: str) -> str:
    """Name a delta file."""
    return f"{DELTAS}{stamped(now, token)}.jsonl.gz"


def base_folder(generation: int, token: str) -> str:
    """Name what the files of a base begin with; the token is a stamped one."""
    return f"{BASES}{generation}-{token}/"


def rebuild_folder(id_: str) -> str:
    """Name what the objects of a rebuild begin with."""
    return f"{REBUILDS}{id_}/"


def stamped(now: int, token: str) -> str:
    """Put the time before a token."""
    return f"{now:013d}-{token}"


def written_on(name: str) -> int | None:
    """Tell when an object got its name, epoch ms; None if it is not one of ours."""
    found = _WRITTEN.match(name)
    return int(found[1]) if found else None


def rebuild_of(name: str) -> str:
    """Give the id of the rebuild that an object of it belongs to; empty if it is none."""
    found = _REBUILD.match(name)
    return found[1].removeprefix(REBUILDS) if found else ""

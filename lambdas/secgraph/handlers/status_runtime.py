"""What the functions say of completeness: what is set, and what the image says of its sources.

A version of the image is asked once; what an answer says of it besides depends on the time alone.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from secgraph import contract
from secgraph.errors import SettingsError
from secgraph.flows.status import HOUR_MS, INTERVAL_MS, Source, Status, sources_of
from secgraph.handlers import runtime

if TYPE_CHECKING:
    from secgraph.adapters.image.reader import ImageReader

_read: Final[WeakKeyDictionary[ImageReader, tuple[int, int, tuple[Source, ...]]]] = WeakKeyDictionary()
"""Of each reader: generation, version, and what that one says."""


def status_of(reader: ImageReader, now: int) -> Status:
    """Say how complete what the reader holds is. Raises SettingsError, StoreError."""
    state = reader.state()
    generation, version, sources = _read.get(reader, (-1, -1, ()))
    if (generation, version) != (state.generation, state.version):
        sources = sources_of(reader, now=now)
        _read[reader] = state.generation, state.version, sources
    return Status(sources, now, interval_ms() or INTERVAL_MS)


def interval_ms() -> int | None:
    """Say how often sources are reconciled; None where nothing tells this function. Raises SettingsError."""
    shipped = runtime.ASSET / contract.SOURCES_FILE
    text = shipped.read_text("utf-8") if shipped.exists() else os.environ.get(contract.SOURCES)
    if not text:
        return None
    try:
        return int(json.loads(text)["hours"]) * HOUR_MS
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"{contract.SOURCES}: not what a deployment writes ({error!r}); deploy the stack again"
        ) from error

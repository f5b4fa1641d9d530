"""What the functions say of completeness: what is set, and what the image says of its sources.

A version of the image is asked once; what an answer says of it besides depends on the time alone.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from secgraph import contract
from secgraph.errors import SettingsError
from secgraph.flows.status import HOUR_MS, INTERVAL_MS, Source, Status, sources_of
from secgraph.handlers import runtime

if TYPE_CHECKING:
    from secgraph.adapters.image.reader import ImageReader

_read: Final[dict[tuple[int, int, int], tuple[Source, ...]]] = {}
"""By reader, generation and version; one at most."""


def status_of(reader: ImageReader, now: int) -> Status:
    """Say how complete what the reader holds is. Raises SettingsError, StoreError."""
    state = reader.state()
    key = id(reader), state.generation, state.version
    if key not in _read:
        sources = sources_of(reader, now=now)
        _read.clear()
        _read[key] = sources
    return Status(_read[key], now, interval_ms() or INTERVAL_MS)


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

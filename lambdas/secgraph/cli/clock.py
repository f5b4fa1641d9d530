"""The command line's only clock, and the moments that people write on it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from secgraph.errors import InputError


def now(text: str | None = None) -> int:
    """Give epoch milliseconds: of an ISO 8601 text, UTC where it names no zone, else of this moment."""
    if text is None:
        return time.time_ns() // 1_000_000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--now {text}: expected an ISO 8601 time such as 2026-01-31T12:00:00Z") from error
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1000)

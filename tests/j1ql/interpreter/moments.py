"""Moments: `date.now`, `date(…)` and offsets → epoch milliseconds (section 6)."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from secgraph.j1ql.nodes import Moment, Offset

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = {"month": 1, "year": 12}


def milliseconds(moment: Moment, now: int) -> float:
    at = EPOCH + timedelta(milliseconds=now if moment.base is None else moment.base)
    for offset in moment.offsets:
        at = moved(at, offset)
    return (at - EPOCH) // timedelta(milliseconds=1)


def moved(at: datetime, offset: Offset) -> datetime:
    """Hours, days and weeks have a length; months and years move by the calendar."""
    if offset.unit not in MONTHS:
        return at + timedelta(**{f"{offset.unit}s": offset.amount})
    months = at.year * 12 + at.month - 1 + int(offset.amount) * MONTHS[offset.unit]
    year, month = months // 12, months % 12 + 1
    return at.replace(year=year, month=month, day=min(at.day, monthrange(year, month)[1]))

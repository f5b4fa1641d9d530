"""Moments: ISO 8601 dates and `± N unit` → epoch milliseconds in UTC (j1ql.md section 6)."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone

from secgraph.errors import Position, QueryError
from secgraph.j1ql.nodes import Moment, Offset

UNITS = {
    spelling: unit
    for unit, spellings in {
        "minute": "minute minutes min mins",
        "hour": "hour hours hr hrs",
        "day": "day days",
        "week": "week weeks wk wks",
        "month": "month months mo mos",
        "year": "year years yr yrs",
    }.items()
    for spelling in spellings.split()
}
"""Every spelling in lower case → the canonical unit."""

EXPECTED_UNIT = "hour, day, month or year"
"""How an error lists the units; minute and week are accepted too."""

_MILLISECONDS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}
_MONTHS = {"month": 1, "year": 12}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = -62_135_596_800_000
_LAST = 253_402_300_799_999
"""The years 1 to 9999 in epoch milliseconds."""

_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:[Tt](?P<hour>\d{2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?)?"
    r"(?P<zone>[Zz]|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)
_SLASHED = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})", re.ASCII)
_LOOSE = re.compile(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})(?:[ Tt]+(.*))?", re.ASCII)


def epoch_ms(text: str, at: Position) -> int:
    """The first millisecond of the year, month, day, hour, … that `text` names; UTC without a zone.

    Raises QueryError SYNTAX for another notation and RANGE for a date that does not exist.
    """
    found = _ISO.fullmatch(text)
    if not found:
        raise QueryError(
            "SYNTAX",
            f"{text} is not an ISO 8601 date such as 2024-02-01 or 2024-02-01T08:30:00Z.",
            at,
            expected="an ISO 8601 date",
            suggestion=_rewritten(text),
        )
    try:
        moment = _moment(found)
    except (ValueError, OverflowError):
        message = f"The date {text} does not exist."
        raise QueryError("RANGE", message, at, expected="a date that exists") from None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _moment(found: re.Match[str]) -> datetime:
    part = found.groupdict()
    return datetime(
        int(part["year"]),
        int(part["month"] or 1),
        int(part["day"] or 1),
        int(part["hour"] or 0),
        int(part["minute"] or 0),
        int(part["second"] or 0),
        int((part["fraction"] or "0").ljust(6, "0")[:6]),
        _zone(part["zone"]),
    ).astimezone(UTC)


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59:
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _rewritten(text: str) -> str:
    """The date that the writer of `01/02/2024` or `2024/2/1` meant, or empty. Day before month, unless
    only the other order exists."""
    if found := _SLASHED.fullmatch(text):
        first, _, second, year = found.groups()
        day, month = (second, first) if int(second) > 12 else (first, second)
        return f"date({year}-{month:0>2}-{day:0>2})"
    if found := _LOOSE.fullmatch(text):
        year, _, month, day, time = found.groups()
        return f"date({year}-{month:0>2}-{day:0>2}{'T' + time if time else ''})"
    return ""


def iso(milliseconds: int) -> str:
    """The shortest ISO text, in UTC, that `epoch_ms` turns back into the same number."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    if milliseconds % 86_400_000 == 0:
        return moment.date().isoformat()
    precision = "milliseconds" if milliseconds % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def resolve(moment: Moment, now_ms: int) -> int:
    """Epoch milliseconds of `moment` when `date.now` is `now_ms`. Raises QueryError RANGE outside the
    years 1 to 9999. Months and years move by the calendar in UTC; a day that the target month lacks
    becomes its last day."""
    milliseconds = now_ms if moment.base is None else moment.base
    for offset in moment.offsets:
        moved = _moved(milliseconds, offset)
        if moved is None:
            message = "This moment lies outside the years 1 to 9999."
            raise QueryError("RANGE", message, moment.at, expected="a moment in the years 1 to 9999")
        milliseconds = moved
    return milliseconds


def _moved(milliseconds: int, offset: Offset) -> int | None:
    if offset.unit in _MONTHS:
        return _by_months(milliseconds, int(offset.amount) * _MONTHS[offset.unit])
    distance = offset.amount * _MILLISECONDS[offset.unit]
    if not abs(distance) <= _LAST - _FIRST:  # infinite included: no whole number comes of that
        return None
    moved = milliseconds + round(distance)
    return moved if _FIRST <= moved <= _LAST else None


def _by_months(milliseconds: int, months: int) -> int | None:
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return None
    day = min(moment.day, monthrange(year, month + 1)[1])
    return (moment.replace(year=year, month=month + 1, day=day) - _EPOCH) // timedelta(milliseconds=1)

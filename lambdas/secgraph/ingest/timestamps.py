"""A provider's moment, in any of the forms seen → epoch milliseconds. No locale, no clock.

2024-07-24T04:03:51.666Z   2024-02-02T16:30:33.045000+01:00   2025-02-25 20:40:06.000000000
Wed Sep 04 16:59:44.356 UTC 2024      Dec 3, 2021, 6:02:30 PM (also with U+202F before PM)
1492735675 or 1728014790.377 (seconds)      1492735675000 (milliseconds)      also as text
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_SECONDS_BELOW: Final = 1e11
"""A smaller number is seconds, any other milliseconds."""
_LATEST: Final = 253_402_300_799_999
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_DIGITS: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_CLOCK: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?"
_FORMS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})[T ]"
        + _CLOCK
        + r" ?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?",
        r"[A-Z][a-z]{2} (?P<word>[A-Z][a-z]{2}) (?P<day>\d{1,2}) "
        + _CLOCK
        + r" (?P<zone>UTC|GMT|Z) (?P<year>\d{4})",
        r"(?P<word>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<year>\d{4}),? " + _CLOCK + r" (?P<half>AM|PM)",
    )
)


def milliseconds(value: object) -> int:
    """Give the moment in epoch milliseconds; a text without a zone is UTC, finer digits are cut off.

    Raises ValueError for anything that is no moment between 1970 and 9999.
    """
    if isinstance(value, str):
        moment = _of_text(" ".join(value.split()))
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LATEST:
        moment = round(value * 1_000_000) // 1000 if value < _SECONDS_BELOW else int(value)
    else:
        raise ValueError("not a moment")
    if not 0 <= moment <= _LATEST:
        raise ValueError("not a moment between 1970 and 9999")
    return moment


@lru_cache(maxsize=4_096)
def _of_text(text: str) -> int:
    """Read a moment; one finding repeats its moments, and one instance or CVE has the same in each finding.

    Only what is a moment is remembered, so the texts held are short.
    """
    if _DIGITS.fullmatch(text):
        return milliseconds(float(text))
    for form in _FORMS:
        if found := form.fullmatch(text):
            return _of_parts(found.groupdict())
    raise ValueError("not a moment")


def _of_parts(parts: dict[str, str | None]) -> int:
    word, hour = parts.get("word"), int(parts["hour"] or 0)
    month = int(parts.get("month") or 0) if word is None else _MONTHS.get(word, 0)
    if half := parts.get("half"):
        hour = _of_half_day(hour, half)
    moment = datetime(
        int(parts["year"] or 0),
        month,
        int(parts["day"] or 0),
        hour,
        int(parts["minute"] or 0),
        int(parts["second"] or 0),
        tzinfo=UTC,
    )
    fraction = (parts["fraction"] or "").ljust(3, "0")[:3]
    return (moment - _EPOCH) // _MILLISECOND + int(fraction) - _offset(parts.get("zone"))


def _of_half_day(hour: int, half: str) -> int:
    if not 1 <= hour <= 12:
        raise ValueError("not an hour of a half day")
    return hour % 12 + (12 if half == "PM" else 0)


def _offset(zone: str | None) -> int:
    """Give a zone's distance from UTC in milliseconds."""
    if zone is None or zone in ("Z", "UTC", "GMT"):
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return (-60_000 if zone[0] == "-" else 60_000) * minutes

"""Raw values → property values that the graph keeps: cut texts, bounded lists, plain numbers, no nulls."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from secgraph.graph.model import Scalar, Value

TEXT_LIMIT: Final = 4_096
LIST_LIMIT: Final = 100
LIST_TEXT_LIMIT: Final = 16_384
"""Members and characters of one list; what follows is left out."""
DECIMALS: Final = 5
LARGEST: Final = 2**53 - 1
"""The largest whole number that every reader keeps exactly."""

Raw = Scalar | Iterable[Scalar] | None
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def facts(properties: Mapping[str, Raw] | None = None, /, **named: Raw) -> dict[str, Value]:
    """Give the properties that have a value, each in its stored form. None and empty lists are left out."""
    raws = {**properties, **named} if properties else named
    kept: dict[str, Value] = {}
    for name, raw in raws.items():
        # this loop sees every property of every event, nearly all of them texts
        if type(raw) is str:
            kept[name] = text(raw)
        elif raw is not None and (value := _stored(raw)) is not None:
            kept[name] = value
    return kept


def text(raw: str) -> str:
    """Cut a text to 4,096 characters, the last three `...`; NUL and lone surrogates become U+FFFD."""
    # asking for these two is many times cheaper than a substitution that finds nothing
    clean = raw if raw.isascii() and "\x00" not in raw else _UNSTORABLE.sub("\ufffd", raw)
    return clean if len(clean) <= TEXT_LIMIT else clean[: TEXT_LIMIT - 3] + "..."


def number(raw: float) -> int | float:
    """Round to 5 decimals; a whole number becomes an int (20.0 → 20).

    Raises ValueError for NaN, infinities and what is too large to be kept exactly.
    """
    if type(raw) is int and -LARGEST <= raw <= LARGEST:
        return raw
    if abs(raw) > LARGEST or not math.isfinite(raw):
        raise ValueError("not a number that the graph can keep")
    rounded = round(raw, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    """List the texts once each, in order of first sight."""
    return tuple(dict.fromkeys(value for value in values if value))


def _stored(raw: Scalar | Iterable[Scalar]) -> Value | None:
    if isinstance(raw, str | int | float):
        return _scalar(raw)
    members: list[Scalar] = []
    room = LIST_TEXT_LIMIT
    for value in map(_scalar, raw):
        room -= len(str(value))
        if len(members) == LIST_LIMIT or room < 0:
            break
        members.append(value)
    return tuple(members) or None


def _scalar(raw: Scalar) -> Scalar:
    if isinstance(raw, str):
        return text(raw)
    return raw if isinstance(raw, bool) else number(raw)

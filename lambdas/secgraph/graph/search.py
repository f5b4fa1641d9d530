"""Full text (j1ql.md section 4). In: properties, or a sought text. Out: text to look in, words to look for.

Both sides are case-folded here and nowhere else, so they always agree. An `_id` that follows from the `_key`
is in no text: it is looked for in its column, and only by a word that can stand in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from sys import float_info

from secgraph.graph.documents import follows_from_key
from secgraph.graph.model import Properties, Value

SEARCHED_METADATA = frozenset({"_class", "_type", "_key", "_id"})


def searched_text(properties: Properties) -> str:
    """Give what a word of the entity can stand in, the longest line first: a line that stands in another is
    left out. A word holds no blank, so it never spans two lines."""
    texts: list[str] = []
    for name, value in properties.items():
        if name[:1] == "_" and (name not in SEARCHED_METADATA or name == "_id"):
            continue
        if type(value) is str:
            texts.append(value)
        elif type(value) is not bool:
            texts.extend(_texts(value))
    if "_id" in properties and not follows_from_key(properties):
        texts.extend(_texts(properties["_id"]))
    lines = sorted({*"\n".join(texts).casefold().split("\n")})
    lines.sort(key=len, reverse=True)
    kept = lines[0]
    for line in lines:
        if line not in kept:
            kept += "\n" + line
    return kept


def words(text: str) -> tuple[str, ...]:
    """Split a sought text at blanks; each word must occur somewhere in `searched_text`."""
    return tuple(text.casefold().split())


def is_double(number: float) -> bool:
    """Tell whether a number is one of J1QL: finite, and within the range of an IEEE double."""
    return -float_info.max <= number <= float_info.max


def decimal(number: float) -> str:
    """Write a number in decimal form, without exponent: 5000, 1.5."""
    if isinstance(number, int):
        return str(number)
    if number.is_integer():
        return str(int(number))
    text = repr(number)
    return format(Decimal(text), "f") if "e" in text else text


def _texts(value: Value) -> Sequence[str]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, tuple):
        return [text for member in value for text in _texts(member)]
    return (decimal(value),) if not isinstance(value, bool) and is_double(value) else ()

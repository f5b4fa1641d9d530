"""Full text (j1ql.md section 4). In: properties, or a sought text. Out: text to look in, words to look for.

Both sides are case-folded here and nowhere else, so they always agree. An `_id` that follows from the `_key`
is in no text: it is looked for in its column, and only by a word that can stand in one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
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
        else:
            texts.extend(_texts(value))
    if "_id" in properties and not follows_from_key(properties):
        texts.extend(_texts(properties["_id"]))
    kept = ""
    for line in sorted({*"\n".join(texts).casefold().split("\n")}, key=_longest_first):
        if line not in kept:
            kept = f"{kept}\n{line}" if kept else line
    return kept


def _longest_first(line: str) -> tuple[int, str]:
    return -len(line), line


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
    if number == math.floor(number):
        return str(int(number))
    return format(Decimal(repr(number)), "f")


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, bool):
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float):
        if is_double(value):
            yield decimal(value)
    else:
        for member in value:
            yield from _texts(member)

"""Looking things up: a dotted name and a value in, what it leads to out; null where it leads nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HOLDERS = ("properties", "entity")
"""Where the properties of a row of a list stand, the nearer first."""


def look_up(path: str, value: object) -> object:
    """Follow a dotted path. A name may itself hold dots (`tag.Owner`): the longest that is there counts.

    In a row `{id, entity, properties}` a name is a property, else one of its metadata, else a field of the
    row. Of a list a number is an element, `length` their count, and any other name that of the first one.
    """
    if isinstance(value, Mapping):
        for holder in (*_holders(value), value):
            found = follow(path, holder)
            if found is not None:
                return found
        return None
    if isinstance(value, list | tuple):
        return _in_list(path, value)
    return None


def _holders(row: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [held for held in (row.get(name) for name in HOLDERS) if isinstance(held, Mapping)]


def follow(path: str, held: Mapping[str, object]) -> object:
    """Follow a dotted path into an object that is no row, whatever its names are."""
    if path in held:
        return held[path]
    cut = path.rfind(".")
    while cut > 0:
        if path[:cut] in held:
            return look_up(path[cut + 1 :], held[path[:cut]])
        cut = path.rfind(".", 0, cut)
    return None


def _in_list(path: str, items: Sequence[object]) -> object:
    head, _, tail = path.partition(".")
    if head == "length" and not tail:
        return len(items)
    if head.isascii() and head.isdigit():
        if len(head) > 9 or int(head) >= len(items):
            return None
        return look_up(tail, items[int(head)]) if tail else items[int(head)]
    return look_up(path, items[0]) if items else None

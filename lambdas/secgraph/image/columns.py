"""Properties → JSON: the columns that they fill, and the document that shows them. Pure.

A projector and a rebuild do this for every item, so that it is done in one pass: each value is written once,
and what follows from the names and the types of the properties is worked out once for all records alike.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from secgraph.graph.documents import follows_from_key, is_metadata
from secgraph.graph.model import Properties, Scalar, Value
from secgraph.graph.relations import Kind, column, kinds_of
from secgraph.graph.search import is_double

encoded: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_MIXED: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
"""Lists of several kinds are compared as text: this is how every one of them is written."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What records with the same names and types of properties have in common: by property, in their order,
    how its value is written, and what stands before it."""

    writers: tuple[Callable[[Any], str], ...]
    columns: tuple[str, ...]
    names: tuple[str, ...]
    numbers: tuple[int, ...]
    lists: tuple[int, ...]
    metadata: tuple[int, ...]
    rest: tuple[int, ...]


def columns_of(properties: Properties) -> str:
    """Write the columns of a record as a JSON object."""
    kept, layout, values = _laid_out(properties)
    return sound(_columns(kept, layout, values))


def columns_and_document(properties: Properties) -> tuple[str, str]:
    """Write the columns of an entity, and its document (graph/documents.py)."""
    kept, layout, values = _laid_out(properties)
    fields = list(map(operator.add, layout.names, values))
    metadata, rest = layout.metadata, layout.rest
    if follows_from_key(kept):
        metadata = tuple([place for place in metadata if layout.names[place] != '"_id":'])
    document = (
        f"[{{{','.join([fields[place] for place in metadata])}}},"
        f"{{{','.join([fields[place] for place in rest])}}}]"
    )
    return sound(_columns(kept, layout, values)), sound(document)


def finite(properties: Properties) -> Properties:
    """Drop numbers that are no IEEE double: J1QL knows no infinity (j1ql.md section 13: undefined)."""
    kept: dict[str, Value] = {}
    for name, value in properties.items():
        if isinstance(value, tuple):
            kept[name] = tuple([member for member in value if _is_finite(member)])
        elif _is_finite(value):
            kept[name] = value
    return kept


def sound(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 text can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _laid_out(properties: Properties) -> tuple[Properties, _Layout, list[str]]:
    held: tuple[Any, ...] = tuple(properties.values())
    layout = _layout(tuple(properties), tuple(map(type, held)))
    if not (
        _are_finite([held[place] for place in layout.numbers])
        and all(_are_finite(held[place]) for place in layout.lists)
    ):
        return _laid_out(finite(properties))
    return properties, layout, [write(value) for write, value in zip(layout.writers, held, strict=True)]


def _columns(properties: Properties, layout: _Layout, values: list[str]) -> str:
    filled = list(map(operator.add, layout.columns, values))
    if layout.lists:
        names = tuple(properties)
        held: tuple[Any, ...] = tuple(properties.values())
        for place in reversed(layout.lists):
            if {*map(type, held[place])} != _TEXTS_ALONE:
                filled[place : place + 1] = _list_columns(names[place], held[place])
    return f"{{{','.join(filled)}}}"


def _list_columns(name: str, members: tuple[Scalar, ...]) -> Iterator[str]:
    for kind in kinds_of(members):
        yield f"{_prefix(column(name, kind))}{encoded(_part(members, kind))}"


# ── layouts ───────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=2_048)
def _layout(names: tuple[str, ...], types: tuple[type, ...]) -> _Layout:
    kinds = [_kind(type_) for type_ in types]
    places = range(len(names))
    return _Layout(
        tuple([_writer(type_) for type_ in types]),
        tuple([_prefix(column(name, kind)) for name, kind in zip(names, kinds, strict=True)]),
        tuple([_prefix(name) for name in names]),
        tuple([place for place in places if kinds[place] is Kind.NUMBER]),
        tuple([place for place in places if kinds[place] is Kind.STRINGS]),
        tuple([place for place in places if is_metadata(names[place])]),
        tuple([place for place in places if not is_metadata(names[place])]),
    )


def _kind(type_: type) -> Kind:
    """Give the kind of the values of a type; for every list that of a list of texts, as most are."""
    for kind, of in _TYPES:
        if issubclass(type_, of):
            return kind
    raise TypeError(f"a property cannot hold a {type_.__name__}")


def _prefix(name: str) -> str:
    return f"{encoded(name)}:"


def _writer(type_: type) -> Callable[[Any], str]:
    kind = _kind(type_)
    if kind is Kind.NUMBER:
        return float.__repr__ if issubclass(type_, float) else int.__repr__
    return _WRITERS[kind]


def _list(members: tuple[Scalar, ...]) -> str:
    if {*map(type, members)} == _TEXTS_ALONE:  # a third of what the encoder takes to set itself up
        return f"[{','.join(map(_TEXT, members))}]"  # type: ignore[arg-type]
    return encoded(members)


_TEXT: Final[Callable[[str], str]] = json.encoder.encode_basestring
_TYPES: Final[tuple[tuple[Kind, Any], ...]] = (
    (Kind.STRING, str),
    (Kind.BOOLEAN, bool),
    (Kind.NUMBER, (int, float)),
    (Kind.STRINGS, tuple),
)
_WRITERS: Final[Mapping[Kind, Callable[[Any], str]]] = {
    Kind.STRING: _TEXT,
    Kind.BOOLEAN: {True: "true", False: "false"}.__getitem__,
    Kind.STRINGS: _list,
}


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────

_TEXTS_ALONE: Final = {str}
_MEMBERS: Mapping[Kind, type | tuple[type, ...]] = {Kind.STRINGS: str, Kind.NUMBERS: (int, float)}


def _part(members: tuple[Scalar, ...], kind: Kind) -> object:
    """Give what a list puts into its column of this kind."""
    if kind is Kind.MIXED:
        return _MIXED(tuple(map(_one_way, members)))
    if kind is Kind.BOOLEANS:
        return [member for member in members if isinstance(member, bool)]
    wanted = _MEMBERS[kind]
    return [it for it in members if isinstance(it, wanted) and not isinstance(it, bool)]


def _one_way(member: Scalar) -> Scalar:
    """Write equal numbers alike: `[1, "a"]` and `[1.0, "a"]` are one list, and kept as text."""
    if isinstance(member, str | bool):
        return member
    number = float(member)
    return int(number) if number.is_integer() else number


def _are_finite(values: Iterable[Scalar]) -> bool:
    return all(map(_is_finite, values))


def _is_finite(value: Scalar) -> bool:
    return isinstance(value, str) or is_double(value)

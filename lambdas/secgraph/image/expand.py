"""An item → what the image keeps of it. Pure; here alone properties become the JSON that DuckDB reads.

    Item ─expand→ ItemRow          (Entity, Relationship…) of a drawn graph ─row_of→ ItemRow

Whoever projects a change or rebuilds the image does this for every item, so it must not do anything twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from secgraph.graph.documents import document_of
from secgraph.graph.edges import WHOLE, Stated, relationship_key, stated_of
from secgraph.graph.layers import edges_of
from secgraph.graph.merge import entity as shown_of
from secgraph.graph.model import Edge, Entity, Item, Properties, Ref, Relationship, Scalar, Value, id_of
from secgraph.graph.relations import Kind, column, kinds_of
from secgraph.graph.search import is_double, searched_text
from secgraph.image.rows import ItemRow, ShownEdge, ShownEntity, Version

_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_ENCODE_LIST: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
"""Lists of several kinds are compared as text: this is how every one of them is written."""

_place = lru_cache(maxsize=16_384)(column)


def expand(item: Item, at: int) -> ItemRow:
    """Give the row of an item that the table wrote `at` (epoch ms)."""
    entity = shown_of(item)
    return ItemRow(
        item.thing.id,
        Version(item.rev, at),
        None if entity is None else _entity(entity),
        tuple([_edge(item.thing, edge) for edge in _each_once(item.thing, edges_of(item.blocks))]),
    )


def row_of(
    id_: str, entity: Entity | None, relationships: Sequence[Relationship], version: Version
) -> ItemRow:
    """Give the row of an item of a drawn graph: what it shows, and the relationships that it states, each of
    which begins or ends at it."""
    return ItemRow(
        id_,
        version,
        None if entity is None else _entity(entity),
        tuple([_drawn(id_, relationship) for relationship in relationships]),
    )


def _entity(entity: Entity) -> ShownEntity:
    properties = entity.properties
    return ShownEntity(
        entity.type,
        entity.classes,
        properties.get("_deleted") is True,
        _json(_columns(properties)),
        _document(properties),
        _sound(searched_text(properties)),
    )


def _document(properties: Properties) -> str:
    try:
        return _json(document_of(properties))
    except ValueError:  # a number that JSON cannot write
        return _json(document_of(_written(properties)))


# ── edges ─────────────────────────────────────────────────────────────────────────────────────────────


def _each_once(thing: Ref, edges: Iterable[Edge]) -> Iterable[Edge]:
    """Leave out what a more authoritative block states again: the relationship with the same `_id`."""
    listed = list(edges)
    if len(listed) < 2:
        return listed
    if any("_id" in edge.properties for edge in listed):
        return {_id(thing, edge): edge for edge in listed}.values()
    return {_key(thing, edge): edge for edge in listed}.values()


def _key(thing: Ref, edge: Edge) -> str:
    start, end = (thing, edge.end) if edge.outgoing else (edge.end, thing)
    return relationship_key(start.key, edge.verb, end.key, edge.discriminator)


def _id(thing: Ref, edge: Edge) -> object:
    return edge.properties["_id"] if "_id" in edge.properties else id_of(_key(thing, edge))


def _edge(thing: Ref, edge: Edge) -> ShownEdge:
    stated = stated_of(thing, edge)
    if stated is None:
        return ShownEdge(edge.verb, edge.end.id, edge.outgoing, deleted=False, stated=None, columns="{}")
    if WHOLE in stated:
        return _whole(edge.end.id, stated[WHOLE], outgoing=edge.outgoing)
    return ShownEdge(
        edge.verb,
        edge.end.id,
        edge.outgoing,
        edge.properties.get("_deleted") is True,
        _stated(stated),
        _json(_columns(edge.properties)),
    )


def _drawn(id_: str, relationship: Relationship) -> ShownEdge:
    if relationship.from_id == id_:
        return _whole(relationship.to_id, relationship.properties, outgoing=True)
    if relationship.to_id == id_:
        return _whole(relationship.from_id, relationship.properties, outgoing=False)
    raise ValueError(f"the relationship {relationship.id} neither begins nor ends at {id_}, which states it")


def _whole(other: str, properties: Properties, *, outgoing: bool) -> ShownEdge:
    own = {name: value for name, value in properties.items() if name != "_class"}
    return ShownEdge(
        str(properties["_class"]),
        other,
        outgoing,
        properties.get("_deleted") is True,
        _stated({WHOLE: dict(properties)}),
        _json(_columns(own)),
    )


def _stated(stated: Stated) -> str:
    plain = {name: dict(it) if isinstance(it, Mapping) else it for name, it in stated.items()}
    try:
        return _json(plain)
    except ValueError:
        return _json({name: _written(it) if isinstance(it, Mapping) else it for name, it in plain.items()})


# ── columns ───────────────────────────────────────────────────────────────────────────────────────────


def _columns(properties: Properties) -> dict[str, object]:
    """Put each property into its columns. This loop runs once for every property of the graph."""
    row: dict[str, object] = {}
    for name, value in properties.items():
        if isinstance(value, str):
            row[_place(name, Kind.STRING)] = value
        elif value is True or value is False:
            row[_place(name, Kind.BOOLEAN)] = value
        elif isinstance(value, int | float):
            if is_double(value):
                row[_place(name, Kind.NUMBER)] = value
        elif {*map(type, value)} == _TEXTS_ALONE:
            row[_place(name, Kind.STRINGS)] = value
        else:
            _fill_list(row, name, tuple([member for member in value if _is_finite(member)]))
    return row


_TEXTS_ALONE: Final = {str}
_MEMBERS: Mapping[Kind, type | tuple[type, ...]] = {Kind.STRINGS: str, Kind.NUMBERS: (int, float)}


def _fill_list(row: dict[str, object], name: str, members: tuple[Scalar, ...]) -> None:
    for kind in kinds_of(members):
        row[_place(name, kind)] = _part(members, kind)


def _part(members: tuple[Scalar, ...], kind: Kind) -> object:
    """Give what a list puts into its column of this kind."""
    if kind is Kind.MIXED:
        return _ENCODE_LIST(tuple(map(_one_way, members)))
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


def _written(properties: Properties) -> dict[str, Value]:
    kept = ((name, _finite(value)) for name, value in properties.items())
    return {name: value for name, value in kept if value is not None}


def _finite(value: Value) -> Value | None:
    """Drop numbers that are no IEEE double: J1QL knows no infinity (j1ql.md section 13: undefined)."""
    if isinstance(value, tuple):
        return tuple(member for member in value if _is_finite(member))
    return value if _is_finite(value) else None


def _is_finite(value: Scalar) -> bool:
    return isinstance(value, str) or is_double(value)


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────


def _json(value: object) -> str:
    return _sound(_ENCODE(value))


def _sound(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 text can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")

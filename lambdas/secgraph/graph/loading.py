"""A graph written down in a file → items that hold exactly what the file says. Pure.

    {"entities": [{"_id" and/or "_key", "_type", "_class", flat properties …}],
     "relationships": [{"_class", "_type"?, "_from", "_to" | "_fromEntityKey", "_toEntityKey", …}]}

`_from` and `_to` name an `_id` or a `_key`. Nothing is stamped: no `_createdOn`, no `_version`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from secgraph.errors import InputError
from secgraph.graph.merge import LOADED
from secgraph.graph.model import Edge, Item, Observation, Ref, Value, id_of

_ENDS: Final = ("_from", "_to", "_fromEntityKey", "_toEntityKey", "_fromEntityId", "_toEntityId")


def items_of(document: object, *, now: int) -> list[Item]:
    """Turn a parsed graph document into items. Raises InputError naming the element and field at fault."""
    if not isinstance(document, Mapping):
        raise InputError('a graph file is one JSON object: {"entities": […], "relationships": […]}')
    unknown = sorted(set(document) - {"entities", "relationships"})
    if unknown:
        raise InputError(f"{unknown[0]}: unknown part of a graph file; expected entities and relationships")
    things: dict[str, Ref] = {}
    facts: dict[str, dict[str, Value]] = {}
    for where, raw in _elements(document, "entities"):
        properties = _entity(where, raw)
        thing = Ref(str(properties["_id"]), str(properties["_key"]), str(properties["_type"]))
        if thing.id in facts:
            raise InputError(f"{where}._id: {thing.id!r} is used twice; every entity needs its own")
        things[thing.key] = thing
        facts[thing.id] = _as_written(raw, properties)
    things |= {thing.id: thing for thing in list(things.values())}
    edges: dict[str, list[Edge]] = {id_: [] for id_ in facts}
    for where, raw in _elements(document, "relationships"):
        start, edge = _relationship(where, raw, things)
        edges[start.id].append(edge)
    return [
        Item(
            thing=things[id_],
            blocks={LOADED: Observation(LOADED, now, properties, tuple(edges[id_]))},
            collected={},
            created_on=now,
            begin_on=now,
            version=1,
            rev=1,
        )
        for id_, properties in facts.items()
    ]


def _elements(document: Mapping[str, Any], part: str) -> list[tuple[str, Mapping[str, Any]]]:
    listed = document.get(part, [])
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise InputError(f"{part}: expected a list")
    for number, element in enumerate(listed):
        if not isinstance(element, Mapping):
            raise InputError(f"{part}[{number}]: expected an object")
    return [(f"{part}[{number}]", element) for number, element in enumerate(listed)]


def _entity(where: str, raw: Mapping[str, Any]) -> dict[str, Value]:
    properties = _properties(where, raw)
    for name in ("_type", "_class"):
        if name not in properties:
            raise InputError(f"{where}.{name}: missing; every entity has a _type and a _class")
    held = properties["_class"]
    classes = held if isinstance(held, tuple) else (held,)
    properties["_class"] = classes
    if not all(isinstance(name, str) and name for name in classes):
        raise InputError(f"{where}._class: expected a class name or a list of them")
    for name in ("_id", "_key", "_type"):
        if name in properties and not (isinstance(properties[name], str) and properties[name]):
            raise InputError(f"{where}.{name}: expected a text that is not empty")
    if "_id" not in properties and "_key" not in properties:
        raise InputError(f"{where}: needs an _id or a _key")
    if "_id" not in properties:
        properties["_id"] = id_of(str(properties["_key"]))
    properties.setdefault("_key", properties["_id"])
    return properties


def _as_written(raw: Mapping[str, Any], properties: dict[str, Value]) -> dict[str, Value]:
    """Drop the `_key` that stands in for a missing one: the record shows what the file says."""
    return properties if "_key" in raw else {n: v for n, v in properties.items() if n != "_key"}


def _relationship(where: str, raw: Mapping[str, Any], things: Mapping[str, Ref]) -> tuple[Ref, Edge]:
    start = _end(where, raw, things, "_from")
    end = _end(where, raw, things, "_to")
    properties = _properties(where, {name: value for name, value in raw.items() if name not in _ENDS})
    verb = properties.get("_class")
    if isinstance(verb, tuple) and len(verb) == 1:
        verb = properties["_class"] = verb[0]
    if not isinstance(verb, str) or not verb:
        raise InputError(f"{where}._class: expected one relationship class such as HAS")
    if "_id" not in properties:
        written = properties.get("_key", f"{start.key}|{verb.lower()}|{end.key}")
        properties["_id"] = id_of(str(written))
    return start, Edge(verb, end, outgoing=True, properties=properties)


def _end(where: str, raw: Mapping[str, Any], things: Mapping[str, Ref], side: str) -> Ref:
    for name in (side, f"{side}EntityKey", f"{side}EntityId"):
        if name in raw:
            if raw[name] not in things:
                raise InputError(f"{where}.{name}: {raw[name]!r} is no _id or _key of an entity in this file")
            return things[raw[name]]
    raise InputError(f"{where}: needs {side} (an _id or _key) or {side}EntityKey")


def _properties(where: str, raw: Mapping[str, Any]) -> dict[str, Value]:
    return {name: _value(f"{where}.{name}", value) for name, value in raw.items() if value is not None}


def _value(where: str, value: Any) -> Value:
    if isinstance(value, list):
        members = [_value(where, member) for member in value if member is not None]
        if any(isinstance(member, tuple) for member in members):
            raise InputError(f"{where}: a list may not hold lists")
        return tuple(member for member in members if not isinstance(member, tuple))
    if isinstance(value, dict):
        raise InputError(f"{where}: properties are flat; write {where}.<name> as a property of its own")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where}: {value} is no number that a property can hold")
    held: Value = value
    return held

"""A graph written down in a file → items that hold exactly what the file says. Pure.

    {"entities": [{"_id" and/or "_key", "_type", "_class", flat properties …}],
     "relationships": [{"_class", "_type"?, "_from", "_to" | "_fromEntityKey", "_toEntityKey", …}]}

`_from` and `_to` name an `_id` or else a `_key`. Nothing is stamped: no `_createdOn`, no `_version`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from secgraph.errors import InputError
from secgraph.graph.merge import LOADED
from secgraph.graph.model import Edge, Item, Observation, Ref, Value, id_of
from secgraph.graph.search import is_double

_ENDS: Final = ("_from", "_to", "_fromEntityKey", "_toEntityKey", "_fromEntityId", "_toEntityId")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Things:
    """The entities of the file by the names that a relationship may call them."""

    by_id: dict[str, Ref] = field(default_factory=dict)
    by_key: dict[str, list[Ref]] = field(default_factory=lambda: defaultdict(list))

    def add(self, thing: Ref) -> None:
        self.by_id[thing.id] = thing
        self.by_key[thing.key].append(thing)

    def named(self, name: object, *, ids: bool, keys: bool) -> Sequence[Ref]:
        """Give what this names; an `_id` goes before a `_key`."""
        if not isinstance(name, str):
            return ()
        if ids and name in self.by_id:
            return (self.by_id[name],)
        return self.by_key.get(name, ()) if keys else ()


def items_of(document: object, *, now: int) -> list[Item]:
    """Turn a parsed graph document into items. Raises InputError naming the element and field at fault."""
    if not isinstance(document, Mapping):
        raise InputError('a graph file is one JSON object: {"entities": […], "relationships": […]}')
    unknown = sorted(set(document) - {"entities", "relationships"})
    if unknown:
        raise InputError(f"{unknown[0]}: unknown part of a graph file; expected entities and relationships")
    things = _Things()
    facts: dict[str, dict[str, Value]] = {}
    for where, raw in _elements(document, "entities"):
        properties = _entity(where, raw)
        thing = Ref(str(properties["_id"]), str(properties["_key"]), str(properties["_type"]))
        if thing.id in facts:
            raise InputError(f"{where}._id: {thing.id!r} is used twice; every entity needs its own")
        things.add(thing)
        facts[thing.id] = _as_written(raw, properties)
    edges = _edges(document, things)
    return [
        Item(
            thing=things.by_id[id_],
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


def _edges(document: Mapping[str, Any], things: _Things) -> Mapping[str, list[Edge]]:
    """Give the edges by the `_id` of the entity that they start from."""
    edges: dict[str, list[Edge]] = defaultdict(list)
    parallels: Counter[str] = Counter()
    used: set[Value] = set()
    for where, raw in _elements(document, "relationships"):
        start, edge = _relationship(where, raw, things, parallels)
        id_ = edge.properties["_id"]
        if id_ in used:
            raise InputError(f"{where}._id: {id_!r} is used twice; every relationship needs its own")
        used.add(id_)
        edges[start.id].append(edge)
    return edges


def _relationship(
    where: str, raw: Mapping[str, Any], things: _Things, parallels: Counter[str]
) -> tuple[Ref, Edge]:
    """Read one relationship. `parallels` counts those without an `_id` by the key that stands for it, so
    that of several between the same two things each is kept."""
    start = _end(where, raw, things, "_from")
    end = _end(where, raw, things, "_to")
    properties = _properties(where, {name: value for name, value in raw.items() if name not in _ENDS})
    verb = properties.get("_class")
    if isinstance(verb, tuple) and len(verb) == 1:
        verb = properties["_class"] = verb[0]
    if not isinstance(verb, str) or not verb:
        raise InputError(f"{where}._class: expected one relationship class such as HAS")
    if "_id" not in properties:
        written = str(properties.get("_key", f"{start.key}|{verb.lower()}|{end.key}"))
        earlier = parallels[written]
        parallels[written] += 1
        properties["_id"] = id_of(f"{written}:{earlier}" if earlier else written)
    return start, Edge(verb, end, outgoing=True, properties=properties)


def _end(where: str, raw: Mapping[str, Any], things: _Things, side: str) -> Ref:
    for name, ids, keys in (
        (side, True, True),
        (f"{side}EntityKey", False, True),
        (f"{side}EntityId", True, False),
    ):
        if name not in raw:
            continue
        found = things.named(raw[name], ids=ids, keys=keys)
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"{where}.{name}: {raw[name]!r} is the _key of {len(found)} entities; name one by its _id"
            )
        what = " or ".join(["_id"] * ids + ["_key"] * keys)
        raise InputError(f"{where}.{name}: {raw[name]!r} is no {what} of an entity in this file")
    raise InputError(f"{where}: needs {side} (an _id or _key) or {side}EntityKey")


def _properties(where: str, raw: Mapping[str, Any]) -> dict[str, Value]:
    for name in raw:
        _text(where, name)
    return {name: _value(f"{where}.{name}", value) for name, value in raw.items() if value is not None}


def _value(where: str, value: Any) -> Value:
    if isinstance(value, list):
        members = [_value(where, member) for member in value if member is not None]
        if any(isinstance(member, tuple) for member in members):
            raise InputError(f"{where}: a list may not hold lists")
        return tuple(member for member in members if not isinstance(member, tuple))
    if isinstance(value, dict):
        raise InputError(f"{where}: properties are flat; write {where}.<name> as a property of its own")
    if isinstance(value, str):
        return _text(where, value)
    if isinstance(value, int | float) and not is_double(value):
        raise InputError(f"{where}: {str(value)[:40]} is no number that a property can hold")
    held: Value = value
    return held


def _text(where: str, text: str) -> str:
    if found := _LONE_SURROGATE.search(text):
        raise InputError(f"{where}: {found.group()!r} is half a character; no text can hold it")
    return text

"""Selectors: which entities a class, type, union, smart class or searched text takes (section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from secgraph.j1ql.nodes import EntityPattern, Expr, Selector
from secgraph.j1ql.nodes import Path as Property
from tests.j1ql.interpreter.filters import World, holds, named
from tests.j1ql.interpreter.graph import Entity
from tests.j1ql.interpreter.values import Value, is_number, members

CRITICAL_CLASSES = {"Application", "CodeRepo", "DataStore", "Function", "Host", "Logs"}
SEARCHED_METADATA = {"_class", "_type", "_key", "_id"}


def takes(pattern: EntityPattern, entity: Entity, world: World) -> bool:
    """Whether the entity matches the selector and its WITH."""

    def look(path: Expr) -> Value:
        assert isinstance(path, Property)
        return entity.properties.get(path.property)

    if entity.is_hidden and not (pattern.filter and "_deleted" in named(pattern.filter)):
        return False
    return selects(pattern.selector, entity) and (
        pattern.filter is None or holds(pattern.filter, look, world)
    )


def selects(selector: Selector, entity: Entity) -> bool:
    if selector.text is not None:
        return all(occurs(word, entity) for word in selector.text.split())
    if selector.smart is not None and not is_smart(selector.smart, entity):
        return False
    return not selector.names or any(is_named(name, entity) for name in selector.names)


def is_named(name: str, entity: Entity) -> bool:
    """A class if its first letter is upper case, else a type."""
    if name == "*":
        return True
    if name[0].isupper():
        return name in members(entity.properties["_class"])
    if name == "aws_inspectorv2_finding":  # what the newer Inspector found is stored under the older type
        return is_named("aws_inspector_finding", entity) and entity.properties.get("inspectorVersion") == 2
    return bool(entity.properties["_type"] == name)


def is_smart(name: str, entity: Entity) -> bool:
    held = entity.properties
    if name in members(held.get("tags")) or held.get(f"tag.{name}") is True:
        return True
    return name == "CriticalAsset" and (
        not entity.is_hidden
        and not CRITICAL_CLASSES.isdisjoint(members(held["_class"]))
        and held.get("tag.Production") is True
        and held.get("classification") == "critical"
    )


def occurs(word: str, entity: Entity) -> bool:
    """Whether the word is part of some value, ignoring case; different words may sit in different values."""
    return any(word.casefold() in text.casefold() for text in texts(entity))


def texts(entity: Entity) -> Iterator[str]:
    for name, value in entity.properties.items():
        if name in SEARCHED_METADATA or not name.startswith("_"):
            for member in members(value):
                if is_number(member):
                    yield decimal(member)
                elif isinstance(member, str):
                    yield member


def decimal(number: float) -> str:
    """Without exponent: 5000, 1.5."""
    return str(int(number)) if number == int(number) else format(Decimal(repr(number)), "f")

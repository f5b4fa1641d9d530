"""The graph as a query sees it: drawn JSON objects → visible entities and relationships (section 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Drawn = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Entity:
    """An entity; two are the same only if they are one object. A hidden one is seen if it is asked for."""

    properties: dict[str, Any]
    is_hidden: bool = False

    @property
    def id(self) -> str:
        return str(self.properties["_id"])


@dataclass(frozen=True, eq=False)
class Relationship:
    """A relationship with the entities at its ends."""

    source: Entity
    target: Entity
    properties: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.properties["_id"])

    def others(self, near: Entity, *, leaving: bool, entering: bool) -> list[Entity]:
        """The other end, seen from `near`; of a loop the entity itself, once."""
        ends = {self.target} if leaving and self.source is near else set()
        return [*ends | ({self.source} if entering and self.target is near else set())]


Record = Entity | Relationship


@dataclass(frozen=True)
class Graph:
    entities: list[Entity]
    relationships: list[Relationship]


def visible(entities: Iterable[Drawn], relationships: Iterable[Drawn], *, include_deleted: bool) -> Graph:
    """What can be seen: entities, those that are deleted hidden, and of relationships those with two ends."""
    seen = {it["_id"]: Entity(defined(it), is_deleted(it) and not include_deleted) for it in entities}
    edges = [
        Relationship(seen[it["_from"]], seen[it["_to"]], defined(it))
        for it in relationships
        if (include_deleted or not is_deleted(it)) and it["_from"] in seen and it["_to"] in seen
    ]
    return Graph(list(seen.values()), edges)


def is_deleted(drawn: Drawn) -> bool:
    return drawn.get("_deleted") is True


def defined(drawn: Drawn) -> dict[str, Any]:
    """The properties: null is undefined, a list drops its nulls, the ends are no properties."""
    return {
        name: [member for member in value if member is not None] if isinstance(value, list) else value
        for name, value in drawn.items()
        if value is not None and name not in ("_from", "_to")
    }

"""Shapes: entities and relationships as lists, trees and cells show them (section 12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.j1ql.interpreter.graph import Entity, Record
from tests.j1ql.interpreter.moments import EPOCH
from tests.j1ql.interpreter.values import Value, is_number, members


def shape(value: Value) -> Any:
    """A cell: the value itself, or the whole record."""
    return record(value) if isinstance(value, Record) else value


def record(found: Record) -> dict[str, Any]:
    is_entity = isinstance(found, Entity)
    metadata, properties = {}, {}
    for name, value in found.properties.items():
        if name.startswith("_"):
            metadata[name] = iso(value) if name.endswith("On") and is_number(value) else value
        elif name == "displayName" and is_entity:
            metadata[name] = value
        else:
            properties[name] = value
    if isinstance(found, Entity):
        lists = {name: members(metadata[name]) for name in ("_type", "_class")}
        return {"id": found.id, "entity": metadata | lists, "properties": properties}
    ends = {"fromVertexId": found.source.id, "toVertexId": found.target.id}
    return {"id": found.id, **ends, "relationship": metadata, "properties": properties}


def iso(milliseconds: float) -> str:
    moment = EPOCH + timedelta(milliseconds=milliseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def by_alias(bound: dict[str, Record]) -> dict[str, Any]:
    """The metadata of a row."""
    return {
        name: {"id": it.id, "entity" if isinstance(it, Entity) else "relationship": {"_id": it.id}}
        for name, it in bound.items()
    }

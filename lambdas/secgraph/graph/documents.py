"""A record → the document that readers keep of it, and back. In: properties. Out: metadata and the rest.

A document is a pair of JSON objects: what an answer shows as metadata, and all other properties. A large
answer consists of thousands of documents; divided here, once, none must be taken apart for each answer.
Documents of earlier versions are one object, and are divided when they are read.
"""

from __future__ import annotations

from typing import Any

SHOWN_WITH_METADATA = "displayName"
"""Of an entity, this property stands with the metadata."""

Json = Any
Divided = tuple[dict[str, Json], dict[str, Json]]


def divided_entity(record: dict[str, Json]) -> Divided:
    """Divide an entity. The record is used up."""
    return _divided(record, SHOWN_WITH_METADATA)


def divided_relationship(record: dict[str, Json]) -> Divided:
    """Divide a relationship. The record is used up."""
    return _divided(record, None)


def _divided(record: dict[str, Json], also: str | None) -> Divided:
    names = [name for name in record if name[:1] == "_" or name == also]
    return {name: record.pop(name) for name in names}, record

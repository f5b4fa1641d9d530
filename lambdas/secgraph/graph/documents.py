"""A record → the document that readers keep of it, and back. In: properties. Out: metadata and the rest.

A document is a pair of JSON objects: what an answer shows as metadata, and all other properties. A large
answer consists of thousands of documents; divided here, once, none must be taken apart for each answer.
The document of an entity lacks the `_id` where that follows from the `_key`: 36 characters that nothing
compresses.
"""

from __future__ import annotations

from typing import Any

from secgraph.graph.model import Properties, id_of

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


def is_metadata(name: str) -> bool:
    """Tell on which side of an entity's document a property stands."""
    return name[:1] == "_" or name == SHOWN_WITH_METADATA


def entity_of(document: Divided) -> Divided:
    """Put back the `_id` that a document lacks. The document is used up."""
    metadata, rest = document
    if "_id" not in metadata:
        metadata["_id"] = id_of(metadata["_key"])
    return metadata, rest


def follows_from_key(entity: Properties) -> bool:
    """Tell whether the `_id` is the one that every thing with this `_key` has."""
    key = entity.get("_key")
    try:
        return isinstance(key, str) and entity.get("_id") == id_of(key)
    except UnicodeEncodeError:  # a lone surrogate, which a drawn graph may hold
        return False


def _divided(record: dict[str, Json], also: str | None) -> Divided:
    names = [name for name in record if name[:1] == "_" or name == also]
    return {name: record.pop(name) for name in names}, record

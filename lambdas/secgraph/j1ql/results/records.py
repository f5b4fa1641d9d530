"""Documents, and what is kept of relationships → records as answers show them. In: texts. Out: JSON values.

A relationship has no document: it follows from those of its two ends, its verb, and what it states beyond.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from secgraph.graph.documents import Divided, Json, divided_relationship, entity_of
from secgraph.graph.edges import relationship_properties
from secgraph.graph.relations import Cell

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT_ONCE: Final = 32
"""Documents that are read together."""

Cells = Sequence[Cell]
"""Of a relationship: the ids of its source and target, its verb, what it states (plan.RELATIONSHIP)."""


def entities(documents: Sequence[str]) -> Iterator[Divided]:
    """Read documents of entities."""
    return map(entity_of, _read_all(documents))


def relationships(found: Iterable[Cells], ends: Mapping[Cell, Divided]) -> Iterator[dict[str, Json]]:
    """Give the properties of relationships. `ends` has the entities at least that they lead from and to, by
    id."""
    listed = list(found)
    stated = _read_all([str(it[3]) for it in listed if it[3] is not None])
    for source, target, verb, more in listed:
        (start, _), (end, _) = ends[source], ends[target]
        yield relationship_properties(
            start.get("_key", ""),
            start.get("_type", ""),
            end.get("_key", ""),
            end.get("_type", ""),
            str(verb),
            None if more is None else next(stated),
        )


def vertex(record: Divided) -> dict[str, Json]:
    """Give an entity as lists, trees and cells show it. The record is used up."""
    entity, properties = record
    _write_moments(entity)
    for name in ("_type", "_class"):
        if name in entity and not isinstance(entity[name], list):
            entity[name] = [entity[name]]
    return {"id": entity["_id"], "entity": entity, "properties": properties}


def edge(record: dict[str, Json], from_id: Json, to_id: Json) -> dict[str, Json]:
    """Give a relationship as trees and cells show it. The record is used up."""
    relationship, properties = divided_relationship(record)
    _write_moments(relationship)
    return {
        "id": relationship["_id"],
        "fromVertexId": from_id,
        "toVertexId": to_id,
        "relationship": relationship,
        "properties": properties,
    }


def _write_moments(metadata: dict[str, Json]) -> None:
    for name in _moments_of(tuple(metadata)):
        value = metadata[name]
        if isinstance(value, int | float) and not isinstance(value, bool):
            metadata[name] = _instant(value)


@lru_cache(maxsize=4_096)
def _moments_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """List the names that end in `On`: most records of a type have the same names."""
    return tuple(name for name in names if name.endswith("On"))


@lru_cache(maxsize=4_096)
def _instant(milliseconds: float) -> Json:
    """Write a moment as ISO text to the millisecond; what no calendar holds stays a number."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return milliseconds
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────


def whole(value: Json) -> Json:
    """Write a whole number without its fraction: 5000, not 5000.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(text: str) -> Json:
    return whole(float(text))


read: Final = json.JSONDecoder(parse_float=_number).decode
"""Reads JSON, every whole number without its fraction."""


def _read_all(texts: Sequence[str]) -> Iterator[Json]:
    """Read texts some at once: names that they share become one text, and what was read is shaped while the
    processor still has it at hand."""
    for start in range(0, len(texts), AT_ONCE):
        yield from read(f"[{','.join(texts[start : start + AT_ONCE])}]")

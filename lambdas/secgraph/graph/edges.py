"""An edge as an item states it → the relationship that readers show, with its names derived."""

from __future__ import annotations

from functools import lru_cache

from secgraph.graph.model import Edge, Ref, Relationship, Value, id_of


def relationship(thing: Ref, edge: Edge) -> Relationship:
    """Give the relationship of an edge that `thing` states."""
    start, end = (thing, edge.end) if edge.outgoing else (edge.end, thing)
    if "_id" in edge.properties:
        return Relationship(start.id, end.id, edge.properties)
    key = f"{start.key}|{edge.verb.lower()}|{end.key}"
    if edge.discriminator:
        key = f"{key}:{edge.discriminator}"
    derived: dict[str, Value] = {
        "_id": id_of(key),
        "_key": key,
        "_class": edge.verb,
        "_type": relationship_type(start.type, edge.verb, end.type),
        "displayName": edge.verb,
        "_fromEntityKey": start.key,
        "_toEntityKey": end.key,
    }
    return Relationship(start.id, end.id, {**derived, **edge.properties})


@lru_cache(maxsize=4_096)
def relationship_type(from_type: str, verb: str, to_type: str) -> str:
    """Derive a relationship's `_type`: `{from}_{verb}_{to without the leading parts it shares}`.

    The last part of `to_type` always stays: `aws_account_has_iam_user`.
    """
    first, last = from_type.split("_"), to_type.split("_")
    while len(last) > 1 and first and first[0] == last[0]:
        first, last = first[1:], last[1:]
    return f"{from_type}_{verb.lower()}_{'_'.join(last)}"

"""An edge as an item states it → the relationship that readers show; most of it follows from its two ends.

    (thing, edge) ─relationship→ Relationship
    (thing, edge) ─stated_of→ what does not follow ─relationship_properties→ the same properties

Readers keep the second form: NULL for most relationships, where the whole would be half of all they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from secgraph.graph.model import Edge, Properties, Ref, Relationship, Value, id_of

DERIVED: Final = ("_id", "_key", "_class", "_type", "displayName", "_fromEntityKey", "_toEntityKey")
"""The properties that follow from the ends and the verb, in the order in which they are shown."""
_DERIVED: Final = frozenset(DERIVED)

DISCRIMINATOR: Final = "discriminator"
OWN: Final = "properties"
WHOLE: Final = "whole"
Stated = Mapping[str, Any]
"""`discriminator` and `properties` (its own), each only where there is one; or `whole`: all properties of a
relationship that does not follow from its ends."""


def relationship(thing: Ref, edge: Edge) -> Relationship:
    """Give the relationship of an edge that `thing` states."""
    start, end = (thing, edge.end) if edge.outgoing else (edge.end, thing)
    if "_id" in edge.properties:
        return Relationship(start.id, end.id, edge.properties)
    derived = _derived(start.key, start.type, end.key, end.type, edge.verb, edge.discriminator)
    return Relationship(start.id, end.id, {**derived, **edge.properties})


def stated_of(thing: Ref, edge: Edge) -> Stated | None:
    """Give what does not follow from the ends of the edge; None if all of it does."""
    if not edge.properties:
        return {DISCRIMINATOR: edge.discriminator} if edge.discriminator else None
    if not _DERIVED.isdisjoint(edge.properties):
        return {WHOLE: relationship(thing, edge).properties}
    own = {OWN: edge.properties}
    return {DISCRIMINATOR: edge.discriminator, **own} if edge.discriminator else own


def relationship_properties(
    source_key: str, source_type: str, target_key: str, target_type: str, verb: str, stated: Stated | None
) -> dict[str, Any]:
    """Give the properties of a relationship of its ends (`_key` and `_type`), its verb as stored, and
    `stated`, as `stated_of` gave it or as it was read from JSON."""
    if stated is None:
        return dict(_derived(source_key, source_type, target_key, target_type, verb, ""))
    if WHOLE in stated:
        return dict(stated[WHOLE])
    discriminator = stated.get(DISCRIMINATOR, "")
    derived = _derived(source_key, source_type, target_key, target_type, verb, discriminator)
    return {**derived, **stated.get(OWN, {})}


def relationship_key(from_key: str, verb: str, to_key: str, discriminator: str) -> str:
    """Give the `_key` of a relationship between things with these keys."""
    key = f"{from_key}|{verb.lower()}|{to_key}"
    return f"{key}:{discriminator}" if discriminator else key


@lru_cache(maxsize=4_096)
def relationship_type(from_type: str, verb: str, to_type: str) -> str:
    """Derive a relationship's `_type`: `{from}_{verb}_{to without the leading parts it shares}`.

    The last part of `to_type` always stays: `aws_account_has_iam_user`.
    """
    first, last = from_type.split("_"), to_type.split("_")
    while len(last) > 1 and first and first[0] == last[0]:
        first, last = first[1:], last[1:]
    return f"{from_type}_{verb.lower()}_{'_'.join(last)}"


def _derived(
    from_key: str, from_type: str, to_key: str, to_type: str, verb: str, discriminator: str
) -> Properties:
    key = relationship_key(from_key, verb, to_key, discriminator)
    derived: dict[str, Value] = {
        "_id": id_of(key),
        "_key": key,
        "_class": verb,
        "_type": relationship_type(from_type, verb, to_type),
        "displayName": verb,
        "_fromEntityKey": from_key,
        "_toEntityKey": to_key,
    }
    return derived

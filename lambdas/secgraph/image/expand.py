"""An item → what the image keeps of it. Pure.

    Item ─expand→ ItemRow          (Entity, Relationship…) of a drawn graph ─row_of→ ItemRow

Of its properties image/columns.py makes the JSON that DuckDB reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from secgraph.graph.edges import WHOLE, Stated, relationship_key, stated_of
from secgraph.graph.layers import edges_of
from secgraph.graph.merge import entity as shown_of
from secgraph.graph.model import Edge, Entity, Item, Properties, Ref, Relationship, id_of
from secgraph.graph.search import searched_text
from secgraph.image.columns import columns_and_document, columns_of, encoded, finite, sound
from secgraph.image.rows import ItemRow, ShownEdge, ShownEntity, Version


def expand(item: Item, at: int) -> ItemRow:
    """Give the row of an item that the table wrote `at` (epoch ms)."""
    entity = shown_of(item)
    return ItemRow(
        item.thing.id,
        Version(item.rev, at),
        None if entity is None else _entity(entity),
        tuple([_edge(item.thing, edge) for edge in _each_once(item.thing, edges_of(item.blocks))]),
    )


def row_of(
    id_: str, entity: Entity | None, relationships: Sequence[Relationship], version: Version
) -> ItemRow:
    """Give the row of an item of a drawn graph: what it shows, and the relationships that it states, each of
    which begins or ends at it."""
    return ItemRow(
        id_,
        version,
        None if entity is None else _entity(entity),
        tuple([_drawn(id_, relationship) for relationship in relationships]),
    )


def _entity(entity: Entity) -> ShownEntity:
    properties = entity.properties
    columns, document = columns_and_document(properties)
    return ShownEntity(
        entity.type,
        entity.classes,
        properties.get("_deleted") is True,
        columns,
        document,
        sound(searched_text(properties)),
    )


# ── edges ─────────────────────────────────────────────────────────────────────────────────────────────


def _each_once(thing: Ref, edges: Iterable[Edge]) -> Iterable[Edge]:
    """Leave out what a more authoritative block states again: the relationship with the same `_id`."""
    listed = list(edges)
    if len(listed) < 2:
        return listed
    if any("_id" in edge.properties for edge in listed):
        return {_id(thing, edge): edge for edge in listed}.values()
    return {_key(thing, edge): edge for edge in listed}.values()


def _key(thing: Ref, edge: Edge) -> str:
    start, end = (thing, edge.end) if edge.outgoing else (edge.end, thing)
    return relationship_key(start.key, edge.verb, end.key, edge.discriminator)


def _id(thing: Ref, edge: Edge) -> object:
    return edge.properties["_id"] if "_id" in edge.properties else id_of(_key(thing, edge))


def _edge(thing: Ref, edge: Edge) -> ShownEdge:
    stated = stated_of(thing, edge)
    if stated is None:
        return ShownEdge(edge.verb, edge.end.id, edge.outgoing, deleted=False, stated=None, columns="{}")
    if WHOLE in stated:
        return _whole(edge.end.id, stated[WHOLE], outgoing=edge.outgoing)
    return ShownEdge(
        edge.verb,
        edge.end.id,
        edge.outgoing,
        edge.properties.get("_deleted") is True,
        _stated(stated),
        columns_of(edge.properties),
    )


def _drawn(id_: str, relationship: Relationship) -> ShownEdge:
    if relationship.from_id == id_:
        return _whole(relationship.to_id, relationship.properties, outgoing=True)
    if relationship.to_id == id_:
        return _whole(relationship.from_id, relationship.properties, outgoing=False)
    raise ValueError(f"the relationship {relationship.id} neither begins nor ends at {id_}, which states it")


def _whole(other: str, properties: Properties, *, outgoing: bool) -> ShownEdge:
    own = {name: value for name, value in properties.items() if name != "_class"}
    return ShownEdge(
        str(properties["_class"]),
        other,
        outgoing,
        properties.get("_deleted") is True,
        _stated({WHOLE: dict(properties)}),
        columns_of(own),
    )


def _stated(stated: Stated) -> str:
    plain = {name: dict(finite(it)) if isinstance(it, Mapping) else it for name, it in stated.items()}
    return sound(encoded(plain))

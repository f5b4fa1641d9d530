"""VERIFY: the table and its image, told apart. In: items, and what the image shows. Out: what differs.

    Item… ─merge→ Entity, Relationship… ┐
                                        ├─ flows/sums.py → Verified
    documents, relationships as shown   ┘

Whole records are kept of those things alone whose sums differ, for which both sides are read once more. So
what only changed while the two were read is mostly no difference.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from secgraph.flows.sums import Record, Side, Stated, Sums, canonical, digest_of, edge_record
from secgraph.flows.told_apart import edges_differ, records_differ
from secgraph.graph import merge
from secgraph.graph.documents import entity_of
from secgraph.graph.edges import relationship_properties
from secgraph.graph.model import Item, Properties
from secgraph.image.columns import finite
from secgraph.image.rows import key_hash

NAMED_AT_MOST: Final = 100
"""Things that are looked at a second time, and named."""


@dataclass(frozen=True, slots=True)
class Between:
    """A visible relationship as the image keeps it; `stated` is JSON (graph/edges.py) or None."""

    source_id: str
    source_key: str
    source_type: str
    target_id: str
    target_key: str
    target_type: str
    verb: str
    stated: str | None


class Shown(Protocol):
    """All that an image shows, in one version of it."""

    def entities(self) -> Iterable[Sequence[str]]:
        """Give the documents of all entities (graph/documents.py), some at a time."""
        ...

    def relationships(self) -> Iterable[Sequence[Between]]:
        """Give all relationships whose ends are both there, some at a time."""
        ...


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing that is not the same in both, by its `_id`, and what is not."""

    id: str
    what: str


@dataclass(frozen=True, slots=True)
class Verified:
    """Both sides, how many things differed, and what the first of them (NAMED_AT_MOST) differ in, apart from
    those that do not any more."""

    table: Side
    image: Side
    differing: int
    named: tuple[Difference, ...]

    @property
    def is_same(self) -> bool:
        """Tell whether the image shows what the table holds."""
        return self.differing <= NAMED_AT_MOST and not self.named


def verify(items: Callable[[], Iterable[Item]], image: Shown) -> Verified:
    """Compare all items of the table with the image; each call of `items` gives them from the beginning."""
    table, shown = _of_table(items()), _of_image(image)
    differing = sorted(key for key in table.keys() | shown.keys() if table.of(key) != shown.of(key))
    named: tuple[Difference, ...] = ()
    if differing:
        some = frozenset(differing[:NAMED_AT_MOST])
        named = tuple(_compared(_in_table(items(), table, some), _in_image(image, some)))
    return Verified(table.side(), shown.side(), len(differing), named)


def _of_table(items: Iterable[Item]) -> Sums:
    sums, stated = Sums(), Stated()
    for item in items:
        entity = merge.entity(item)
        if entity is not None:
            sums.add_entity(finite(entity.properties))
        for each in merge.relationships(item):
            stated.add(each.from_id, each.to_id, each.properties)
    for source, type_, digest in stated.visible(sums):
        sums.add_edge(source, type_, digest)
    return sums


def _of_image(image: Shown) -> Sums:
    sums = Sums()
    for documents in image.entities():
        for document in documents:
            sums.add_entity(_record_of(document))
    for some in image.relationships():
        for each in some:
            properties = _properties_of(each)
            digest = digest_of(edge_record(each.source_id, each.target_id, properties))
            sums.add_edge(key_hash(each.source_id), str(properties.get("_type")), digest)
    return sums


def _record_of(document: str) -> Record:
    metadata, rest = entity_of(json.loads(document))
    return metadata | rest


def _properties_of(between: Between) -> Properties:
    return relationship_properties(
        between.source_key,
        between.source_type,
        between.target_key,
        between.target_type,
        between.verb,
        None if between.stated is None else json.loads(between.stated),
    )


# ── what differs ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Thing:
    """`edges`: the whole of each as text, by its `_id`."""

    id: str = ""
    record: Record | None = None
    edges: dict[str, str] = field(default_factory=dict)


_Things = defaultdict[int, _Thing]


def _in_table(items: Iterable[Item], table: Sums, some: frozenset[int]) -> _Things:
    things: _Things = defaultdict(_Thing)
    for item in items:
        entity, key = merge.entity(item), key_hash(item.thing.id)
        if entity is not None and key in some:
            things[key].id, things[key].record = entity.id, finite(entity.properties)
        for each in merge.relationships(item):
            source = key_hash(each.from_id)
            if source in some and table.shows(source) and table.shows(key_hash(each.to_id)):
                things[source].id = each.from_id
                things[source].edges[each.id] = canonical(
                    edge_record(each.from_id, each.to_id, each.properties)
                )
    return things


def _in_image(image: Shown, some: frozenset[int]) -> _Things:
    things: _Things = defaultdict(_Thing)
    for documents in image.entities():
        for record in map(_record_of, documents):
            key = key_hash(str(record["_id"]))
            if key in some:
                things[key].id, things[key].record = str(record["_id"]), record
    for relationships in image.relationships():
        for each in relationships:
            key = key_hash(each.source_id)
            if key in some:
                properties = _properties_of(each)
                things[key].id = each.source_id
                things[key].edges[str(properties["_id"])] = canonical(
                    edge_record(each.source_id, each.target_id, properties)
                )
    return things


def _compared(table: _Things, image: _Things) -> Iterator[Difference]:
    for key in sorted(table.keys() | image.keys()):
        here, there = table.get(key, _Thing()), image.get(key, _Thing())
        what = [*records_differ(here.record, there.record), *edges_differ(here.edges, there.edges)]
        if what:
            yield Difference(here.id or there.id, "; ".join(what))

"""Rows of items at random; what a base has to say of them, and what it says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import duckdb

from secgraph.adapters.image.base_tables import CachedBase
from secgraph.graph.model import Value, id_of
from secgraph.graph.relations import Kind, column, property_and_kind
from secgraph.image.columns import columns_and_document
from secgraph.image.deltas import newest
from secgraph.image.rows import ItemRow, ShownEdge, ShownEntity, Version, key_hash

NOW = 1_795_262_400_000
TYPES = (("aws_instance", ("Host",)), ("cve", ("Vulnerability",)), ("aws_account", ("Account", "Group")))
LONG = "a value that is long enough to be shared {}"
SOUGHT = ("short", "Ünïcode", *[LONG.format(number) for number in range(3)])


@dataclass(frozen=True)
class Facts:
    """By text `_id`: sort, deleted, columns, document and searched values of entities; relationships as
    (owner, verb, source, target, deleted, stated, columns, whether both ends are seen)."""

    entities: Mapping[str, tuple[Any, ...]]
    relationships: Sequence[tuple[Any, ...]]


def things(count: int) -> list[str]:
    return [id_of(f"thing {number}") for number in range(count)]


def row(random: Random, id_: str, ids: Sequence[str], rev: int) -> ItemRow:
    """An item of this `_id` as of a write; one in six is gone, one in six shows nothing."""
    version = Version(rev, NOW + 1_000 * rev, gone=random.random() < 1 / 6)
    if version.gone:
        return ItemRow(id_, version, None, ())
    entity = None if random.random() < 1 / 6 else _entity(random, id_)
    return ItemRow(id_, version, entity, tuple([_edge(random, ids) for _ in range(random.randrange(4))]))


def _entity(random: Random, id_: str) -> ShownEntity:
    type_, classes = random.choice(TYPES)
    scores: list[Value] = [1, 2.5, "high", True]
    ports: list[Value] = [(), (22,), ("a", "b"), (1, "a", False)]
    choices: dict[str, Value] = {
        "name": random.choice(SOUGHT),
        "score": random.choice(scores),
        'tag.Team\'s "own"': random.choice(SOUGHT),
        "ports": random.choice(ports),
    }
    properties: dict[str, Value] = {
        "_key": id_,
        "_type": type_,
        **{name: value for name, value in choices.items() if random.random() < 0.6},
    }
    columns, body = columns_and_document(properties)
    values = random.sample(SOUGHT, random.randrange(len(SOUGHT)))
    return ShownEntity(type_, classes, random.random() < 0.2, columns, body, "\n".join(values))


def _edge(random: Random, ids: Sequence[str]) -> ShownEdge:
    own = random.random() < 0.3
    return ShownEdge(
        verb=random.choice(["HAS", "USES"]),
        other=random.choice(ids),
        outgoing=random.random() < 0.5,
        deleted=random.random() < 0.2,
        stated='{"properties":{"port":22}}' if own else None,
        columns='{"port#n":22}' if own else "{}",
    )


def expected(rows: Iterable[ItemRow]) -> Facts:
    """Say it in plain Python."""
    held = {it.id: it for it in newest(rows)}
    seen = {id_ for id_, it in held.items() if it.entity}
    return Facts(
        {
            id_: (
                (it.entity.type, it.entity.classes),
                it.entity.deleted,
                _filled(json.loads(it.entity.columns)),
                it.entity.body,
                frozenset(it.entity.text.split("\n")) - {""},
            )
            for id_, it in held.items()
            if it.entity
        },
        sorted(
            (id_, edge.verb, *ends, edge.deleted, edge.stated or "", filled, seen.issuperset(ends))
            for id_, it in held.items()
            for edge in it.edges
            for ends in [(id_, edge.other) if edge.outgoing else (edge.other, id_)]
            for filled in [_filled(json.loads(edge.columns))]
        ),
    )


def _filled(columns: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(map(plain, value))
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    return tuple(sorted((name, plain(value)) for name, value in columns.items() if value is not None))


def read(tables: CachedBase, ids: Sequence[str]) -> Facts:
    """Read all of a base; `ids` are all text `_id`s that it may speak of."""
    known = tables.known([key_hash(id_) for id_ in ids])
    texts = {known[key_hash(id_)].id: id_ for id_ in ids if key_hash(id_) in known}
    with duckdb.connect() as connection:
        return Facts(
            {texts[id_]: facts for id_, facts in _entities(tables, connection)},
            sorted(_relationships(tables, connection, texts)),
        )


def _entities(
    tables: CachedBase, connection: duckdb.DuckDBPyConnection
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    columns = _columns(tables.base.catalogue.entity_properties)
    sorts = {sort.number: (sort.type, sort.classes) for sort in tables.base.catalogue.sorts}
    rows = connection.execute(tables.entities(columns)).fetchall()
    assert [id_ for id_, *_ in rows] == sorted({id_ for id_, *_ in rows})
    documents = tables.documents([id_ for id_, *_ in rows])
    searched: dict[int, set[str]] = {}
    for text, ids in connection.execute(tables.searched()).fetchall():
        for id_ in ids:
            searched.setdefault(id_, set()).update(text.split("\n"))
    assert searched.keys() <= documents.keys()
    for id_, sort, deleted, *values in rows:
        filled = _filled(dict(zip(columns, values, strict=True)))
        held = tables.base.catalogue.entity_sorts
        assert all(sort in held[property_and_kind(name)] for name, _ in filled)
        assert not deleted or sort in tables.base.catalogue.deleted
        yield id_, (sorts[sort], deleted, filled, documents[id_], frozenset(searched.get(id_, ())))


def _relationships(
    tables: CachedBase, connection: duckdb.DuckDBPyConnection, texts: Mapping[int, str]
) -> Iterator[tuple[Any, ...]]:
    sort_of = dict(connection.execute(f"SELECT id, sort FROM ({tables.entities(())})").fetchall())
    found = connection.execute(tables.relationships(None))
    names = [it[0] for it in found.description or ()]
    rows = [dict(zip(names, values, strict=True)) for values in found.fetchall()]
    assert sorted(it["id"] for it in rows) == list(range(len(rows)))
    for it in rows:
        assert (it["src_sort"], it["dst_sort"]) == (sort_of.get(it["src"]), sort_of.get(it["dst"]))
        owner, source, target = texts[it["owner"]], texts[it["src"]], texts[it["dst"]]
        filled = _filled({name: it[name] for name in names if "#" in name})
        seen = None not in (it["src_sort"], it["dst_sort"])
        yield owner, it["class"], source, target, it["deleted"], it["stated"] or "", filled, seen


def _columns(properties: Mapping[str, frozenset[Kind]]) -> list[str]:
    return [column(name, kind) for name, kinds in properties.items() for kind in kinds]

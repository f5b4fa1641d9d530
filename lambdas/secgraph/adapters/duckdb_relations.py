"""The relations of graph/relations.py in a DuckDB connection. In: entities, relationships. Out: a Catalogue.

Everything moves in bulk: a chunk of rows crosses as one list of JSON texts, which DuckDB reads against a
typed shape. (Row by row costs a hundredfold; pyarrow would do it too, and is 100 MB more in the asset.)
No table has a key constraint: an index would double the cost of a write, and `replace` deletes first.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import islice
from typing import Any, Final

import duckdb

from secgraph.adapters.duckdb_catalogue import BEARER, Bearer, KnownTables, Property
from secgraph.graph.documents import Divided, divided_entity, divided_relationship
from secgraph.graph.model import Entity, Properties, Relationship, Scalar, Value
from secgraph.graph.relations import Catalogue, Kind, column, kinds_of, quoted
from secgraph.graph.search import is_double, searched_text

CHUNK: Final = 5_000
ALTERED_AT_MOST: Final = 8
"""New columns that are added one by one. Each costs more the wider the table is, so that many at once are
cheaper by one copy of the table."""

Expansion = tuple[str, Entity | None, Sequence[Relationship]]
"""`_id` of an item, the entity it shows (None if none), and the relationships that it states."""

_TABLES = """
CREATE TABLE IF NOT EXISTS node (id BIGINT, key VARCHAR);
CREATE TABLE IF NOT EXISTS entity (id BIGINT, sort INTEGER, deleted BOOLEAN);
CREATE TABLE IF NOT EXISTS entity_document (id BIGINT, body VARCHAR, text VARCHAR);
CREATE TABLE IF NOT EXISTS relationship
    (id BIGINT, owner BIGINT, class VARCHAR, src BIGINT, dst BIGINT, deleted BOOLEAN);
CREATE TABLE IF NOT EXISTS relationship_document (id BIGINT, body VARCHAR);
"""
_FIXED = {
    "entity": {"id": "BIGINT", "sort": "INTEGER", "deleted": "BOOLEAN"},
    "relationship": {
        "id": "BIGINT",
        "owner": "BIGINT",
        "class": "VARCHAR",
        "src": "BIGINT",
        "dst": "BIGINT",
        "deleted": "BOOLEAN",
    },
}
Row = dict[str, Any]
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class Relations:
    """The relations in one connection, an in-memory one or a file.

    Nothing but the catalogue is remembered between calls, and that only while it is what stands in the
    database: a rolled-back transaction leaves no trace here either. Both `create` and `replace` take part in
    the caller's transaction if one is open. `is_fixed` says that nothing writes to the database from now on.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, is_fixed: bool = False) -> None:
        self._connection = connection
        self._known = KnownTables(connection, is_fixed=is_fixed)

    def create(self) -> None:
        """Create what is missing, and bring an older format up to date. Raises StoreError for another."""
        self._known.create()
        self._connection.execute(_TABLES)

    def catalogue(self) -> Catalogue:
        """Tell what the graph holds, without reading any records. What is gone may still be listed."""
        return self._known.catalogue()

    def replace(self, expansions: Iterable[Expansion]) -> None:
        """For each item: its entity, document and owned relationships become exactly these.

        The text `_id`s, new types and new properties are taken up on the way. If an item comes twice, the
        later one holds.
        """
        stream = iter(expansions)
        while chunk := {item: (entity, edges) for item, entity, edges in islice(stream, CHUNK)}:
            self._replace(chunk)

    def _replace(self, chunk: Mapping[str, tuple[Entity | None, Sequence[Relationship]]]) -> None:
        ids, old = self._nodes(chunk)
        self._delete([ids[item] for item in chunk if item in old])
        entities = [entity for entity, _ in chunk.values() if entity is not None]
        edges = [(ids[item], edge) for item, (_, owned) in chunk.items() for edge in owned]
        sorts = self._known.sorts((entity.type, entity.classes) for entity in entities)
        rows: list[Row] = [
            {"id": ids[it.id], "sort": sorts[it.type, it.classes], "deleted": _is_deleted(it.properties)}
            for it in entities
        ]
        self._insert("entity", rows, [entity.properties for entity in entities])
        self._insert_documents(rows, entities)
        self._insert_edges(edges, ids)

    def _insert_documents(self, rows: Sequence[Row], entities: Sequence[Entity]) -> None:
        self._connection.execute(
            "INSERT INTO entity_document "
            "SELECT unnest($1::BIGINT[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[])",
            [
                [row["id"] for row in rows],
                [_document(entity.properties, divided_entity) for entity in entities],
                [_sound(searched_text(entity.properties)) for entity in entities],
            ],
        )

    def _insert_edges(self, edges: Sequence[tuple[int, Relationship]], ids: Mapping[str, int]) -> None:
        if not edges:
            return
        self._known.add_verbs({edge.verb for _, edge in edges})
        first = self._one("SELECT coalesce(max(id), -1) + 1 FROM relationship")
        rows: list[Row] = [
            {
                "id": number,
                "owner": owner,
                "class": edge.verb,
                "src": ids[edge.from_id],
                "dst": ids[edge.to_id],
                "deleted": _is_deleted(edge.properties),
            }
            for number, (owner, edge) in enumerate(edges, first)
        ]
        self._insert("relationship", rows, [edge.properties for _, edge in edges])
        self._connection.execute(
            "INSERT INTO relationship_document SELECT unnest($1::BIGINT[]), unnest($2::VARCHAR[])",
            [
                [row["id"] for row in rows],
                [_document(edge.properties, divided_relationship) for _, edge in edges],
            ],
        )

    def _nodes(
        self, chunk: Mapping[str, tuple[Entity | None, Sequence[Relationship]]]
    ) -> tuple[dict[str, int], frozenset[str]]:
        """Give the dense id of each `_id` in the chunk, ends included, and which of them were known."""
        keys = dict.fromkeys(chunk)
        for _, owned in chunk.values():
            for edge in owned:
                keys[edge.from_id] = keys[edge.to_id] = None
        known = self._known_nodes(list(keys))
        new = [key for key in keys if key not in known]
        first = self._one("SELECT coalesce(max(id), -1) + 1 FROM node")
        added = dict(zip(new, range(first, first + len(new)), strict=True))
        self._connection.execute(
            "INSERT INTO node SELECT unnest($1::BIGINT[]), unnest($2::VARCHAR[])",
            [list(added.values()), new],
        )
        return known | added, frozenset(known)

    def _known_nodes(self, keys: list[str]) -> dict[str, int]:
        return dict(
            self._connection.execute(
                "SELECT key, id FROM node WHERE key IN (SELECT unnest($1::VARCHAR[]))", [keys]
            ).fetchall()
        )

    def _delete(self, owners: list[int]) -> None:
        if not owners:
            return
        named = "(SELECT unnest($1::BIGINT[]))"
        self._connection.execute(
            f"DELETE FROM relationship_document WHERE id IN "  # noqa: S608 (constant text)
            f"(SELECT id FROM relationship WHERE owner IN {named})",
            [owners],
        )
        for table, key in (("relationship", "owner"), ("entity", "id"), ("entity_document", "id")):
            self._connection.execute(f"DELETE FROM {table} WHERE {key} IN {named}", [owners])  # noqa: S608

    def _insert(self, table: str, rows: Sequence[Row], records: Sequence[Properties]) -> None:
        """Fill each row's property columns and insert all rows; columns not seen before are added."""
        if not rows:
            return
        used: dict[Property, str] = {}
        places: dict[tuple[str, type], str] = {}
        borne: dict[Bearer, set[str]] = defaultdict(set)
        bearer = BEARER[table]
        for row, properties in zip(rows, records, strict=True):
            _fill(row, properties, used, places)
            borne[row[bearer]].update(row)
        self._take_up_columns(table, used, borne)
        shape = _FIXED[table] | {name: kind.sql for (_, kind), name in used.items()}
        names = ", ".join(quoted(name) for name in shape)
        texts = [_sound(_ENCODE(row)) for row in rows]
        self._connection.execute(
            f"INSERT INTO {table} ({names}) "  # noqa: S608 (table is ours, names are quoted)
            "SELECT unnest(from_json(line, $2)) FROM (SELECT unnest($1::VARCHAR[]) AS line)",
            [texts, json.dumps(shape)],
        )

    def _take_up_columns(
        self, table: str, used: Mapping[Property, str], borne: Mapping[Bearer, Set[str]]
    ) -> None:
        new = {pair: used[pair] for pair in self._known.add_properties(table, used, borne)}
        if not new:
            return
        if len(new) <= ALTERED_AT_MOST:
            for (_, kind), name in new.items():
                self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {kind.sql}")
        else:
            added = ", ".join(f"NULL::{kind.sql} AS {quoted(name)}" for (_, kind), name in new.items())
            self._connection.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT *, {added} FROM {table}"  # noqa: S608
            )

    def _one(self, sql: str) -> int:
        row = self._connection.execute(sql).fetchone()
        return int(row[0]) if row else 0


def _fill(
    row: Row,
    properties: Properties,
    used: dict[tuple[str, Kind], str],
    places: dict[tuple[str, type], str],
) -> None:
    """Put each property into its columns. `places` remembers the columns of scalars by Python type, and
    under `list` those of lists of texts alone: this loop runs once for every property of the graph, so it
    must not work anything out twice."""
    for name, value in properties.items():
        form = list if type(value) is tuple and {*map(type, value)} == _TEXTS_ALONE else type(value)
        known = places.get((name, form))
        if known is not None and (not isinstance(value, int | float) or is_double(value)):
            row[known] = value
            continue
        kept = _finite(value)
        if kept is None:
            continue
        for kind in kinds_of(kept):
            place = used.setdefault((name, kind), column(name, kind))
            row[place] = _part(kept, kind)
            if form is not tuple:
                places[name, form] = place


_TEXTS_ALONE: Final = {str}
_MEMBERS: Mapping[Kind, type | tuple[type, ...]] = {Kind.STRINGS: str, Kind.NUMBERS: (int, float)}


def _part(value: Value, kind: Kind) -> object:
    """Give what a value puts into its column of this kind."""
    if not isinstance(value, tuple):
        return value
    if kind is Kind.MIXED:
        return _ENCODE(tuple(map(_one_way, value)))
    if kind is Kind.BOOLEANS:
        return [member for member in value if isinstance(member, bool)]
    wanted = _MEMBERS[kind]
    return [it for it in value if isinstance(it, wanted) and not isinstance(it, bool)]


def _one_way(member: Scalar) -> Scalar:
    """Write equal numbers alike: `[1, "a"]` and `[1.0, "a"]` are one list, and kept as text."""
    if isinstance(member, str | bool):
        return member
    number = float(member)
    return int(number) if number.is_integer() else number


def _finite(value: Value) -> Value | None:
    """Drop numbers that are no IEEE double: J1QL knows no infinity (j1ql.md section 13: undefined)."""
    if isinstance(value, tuple):
        return tuple(member for member in value if _is_finite(member))
    return value if _is_finite(value) else None


def _is_finite(value: Scalar) -> bool:
    return isinstance(value, str) or is_double(value)


def _is_deleted(properties: Properties) -> bool:
    return properties.get("_deleted") is True


def _document(properties: Properties, divided: Callable[[dict[str, Value]], Divided]) -> str:
    try:
        return _sound(_ENCODE(divided(dict(properties))))
    except ValueError:  # a number that JSON cannot write
        kept = ((name, _finite(value)) for name, value in properties.items())
        return _sound(_ENCODE(divided({name: value for name, value in kept if value is not None})))


def _sound(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 text can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")

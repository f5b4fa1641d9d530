"""Rows of the image → two Parquet tables that every other engine loads. In: delta files. Out: a folder.

    entity        id, uid (`_id`), type, classes, severity, numeric_severity, created_on, production,
                  body, text
    relationship  id, verb, src, dst, src_type, dst_type

Entities are numbered type by type. What leads to an entity that is not there is left out, as no reader shows
it. The properties are those that the questions name; whole records are in `body`, searched text in `text`.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TextIO

import duckdb

from benchmarks.engines import spool
from benchmarks.engines.asked import COUNT, LIST, QUESTIONS, Rows, digest
from secgraph.graph.relations import Kind, column
from secgraph.image.rows import ShownEntity

PROPERTIES: Final = {
    "severity": ("severity", Kind.STRING),
    "numeric_severity": ("numericSeverity", Kind.NUMBER),
    "created_on": ("_createdOn", Kind.NUMBER),
    "production": ("tag.Production", Kind.BOOLEAN),
}
_SEEN: Final = {
    "place": "BIGINT",
    "uid": "VARCHAR",
    "type": "VARCHAR",
    "classes": "VARCHAR[]",
    **{short: kind.sql for short, (_, kind) in PROPERTIES.items()},
    "body": "VARCHAR",
    "text": "VARCHAR",
}
_STATED: Final = {"owner": "VARCHAR", "verb": "VARCHAR", "other": "VARCHAR", "outgoing": "BOOLEAN"}
_RELATIONSHIPS: Final = """
SELECT row_number() OVER (ORDER BY verb, s.type, t.type, s.id, t.id) - 1 AS id,
       verb, s.id AS src, t.id AS dst, s.type AS src_type, t.type AS dst_type
FROM {stated} JOIN {entity} AS s ON s.uid = if(outgoing, owner, other)
              JOIN {entity} AS t ON t.uid = if(outgoing, other, owner)
ORDER BY ALL
"""
_encoded: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def stage(spooled: Path, folder: Path) -> None:
    """Write `entity.parquet` and `relationship.parquet` into the folder, of the delta files in another."""
    passing = folder / "passing"
    passing.mkdir()
    counts = _sorted_by_type(spooled, passing)
    with duckdb.connect() as connection:
        first, parts = 0, []
        for type_ in sorted(counts):
            seen = _json(passing / f"{type_}.jsonl", _SEEN)
            parts.append(f"SELECT place + {first} AS id, * EXCLUDE (place) FROM {seen}")
            first += counts[type_]
        _write(connection, " UNION ALL ".join(parts), folder / "entity.parquet")
        relationships = _RELATIONSHIPS.format(
            stated=_json(passing / "-stated.jsonl", _STATED), entity=table(folder, "entity")
        )
        _write(connection, relationships, folder / "relationship.parquet")
    shutil.rmtree(passing)


def _sorted_by_type(spooled: Path, passing: Path) -> Counter[str]:
    """Write what is read into a file for each type, and all edges into one; count the entities."""
    counts: Counter[str] = Counter()
    with ExitStack() as files:
        edges = files.enter_context((passing / "-stated.jsonl").open("w", encoding="utf-8"))
        entities: dict[str, TextIO] = {}
        for row in (row for rows in spool.batches(spooled) for row in rows):
            edges.writelines(
                f"{_encoded(dict(zip(_STATED, (row.id, it.verb, it.other, it.outgoing), strict=True)))}\n"
                for it in row.edges
            )
            if row.entity is not None:
                type_ = row.entity.type
                if type_ not in entities:
                    path = passing / f"{type_}.jsonl"
                    entities[type_] = files.enter_context(path.open("w", encoding="utf-8"))
                entities[type_].write(_encoded(_seen(row.id, row.entity, counts[type_])) + "\n")
                counts[type_] += 1
    return counts


def _seen(id_: str, entity: ShownEntity, place: int) -> dict[str, object]:
    held = json.loads(entity.columns)
    values = [held.get(column(name, kind)) for name, kind in PROPERTIES.values()]
    cells = [place, id_, entity.type, entity.classes, *values, entity.body, entity.text]
    return dict(zip(_SEEN, cells, strict=True))


def _json(path: Path, columns: Mapping[str, str]) -> str:
    return f"read_json('{path}', format = 'newline_delimited', columns = {dict(columns)})"


def _write(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, PRESERVE_ORDER true)")


def table(folder: Path, name: str) -> str:
    """Name a staged table in DuckDB's SQL."""
    return f"read_parquet('{folder / name}.parquet')"


def counted(folder: Path) -> dict[str, int]:
    """Count what was staged."""
    found = {}
    for name, short in (("entity", "entities"), ("relationship", "relationships")):
        found[short] = next(batches_of(f"SELECT count(*) FROM {table(folder, name)}"))[0][0]
    body = f"SELECT avg(strlen(body))::BIGINT FROM {table(folder, 'entity')}"
    return {**found, "document_bytes": next(batches_of(body))[0][0]}


def classes_of(folder: Path) -> dict[str, list[str]]:
    """Give the types and their classes."""
    sql = f"SELECT DISTINCT type, classes FROM {table(folder, 'entity')}"
    return {type_: classes for rows in batches_of(sql) for type_, classes in rows}


def batches_of(sql: str, size: int = 10_000) -> Iterator[list[Any]]:
    """Run a statement over staged tables, and give its rows some at a time."""
    with duckdb.connect() as connection:
        found = connection.execute(sql)
        while rows := found.fetchmany(size):
            yield rows


def summed_up(question: str, rows: Rows, folder: Path) -> tuple[int, str]:
    """Give how much an engine answered, and the digest of the names of it."""
    if QUESTIONS[question] == COUNT:
        return len(rows), digest(f"{type_} {severity} {int(number)}" for type_, severity, number in rows)
    ids = sorted({int(row[0]) for row in rows})
    names = _ENTITY_NAMES if QUESTIONS[question] == LIST else _RELATIONSHIP_NAMES
    with duckdb.connect() as connection:
        sql = names.format(entity=table(folder, "entity"), relationship=table(folder, "relationship"))
        found = connection.execute(sql, [ids]).fetchall()
    return len(found), digest(name for (name,) in found)


_ENTITY_NAMES: Final = "SELECT uid FROM {entity} WHERE id IN (SELECT unnest($1::BIGINT[]))"
_RELATIONSHIP_NAMES: Final = (
    "SELECT s.uid || ' ' || r.verb || ' ' || t.uid FROM {relationship} AS r "
    "JOIN {entity} AS s ON s.id = r.src JOIN {entity} AS t ON t.id = r.dst "
    "WHERE r.id IN (SELECT unnest($1::BIGINT[]))"
)

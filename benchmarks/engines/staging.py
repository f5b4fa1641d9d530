"""Rows of the image → two Parquet tables that every other engine loads. In: ItemRows. Out: a folder.

    entity        id, uid (`_id`), type, classes, severity, numeric_severity, created_on, production,
                  body, text
    relationship  id, verb, src, dst, src_type, dst_type

Entities are numbered type by type. What leads to an entity that is not there is left out, as no reader shows
it. The properties are those that the questions name; whole records are in `body`, searched text in `text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks.engines import spool
from benchmarks.engines.asked import COUNT, LIST, QUESTIONS, Rows, digest
from secgraph.graph.relations import Kind, column
from secgraph.image.rows import ItemRow

PROPERTIES: Final = {
    "severity": ("severity", Kind.STRING),
    "numeric_severity": ("numericSeverity", Kind.NUMBER),
    "created_on": ("_createdOn", Kind.NUMBER),
    "production": ("tag.Production", Kind.BOOLEAN),
}
_ENTITY: Final = """
CREATE TABLE seen (uid VARCHAR, type VARCHAR, classes VARCHAR[], columns VARCHAR, body VARCHAR, text VARCHAR);
CREATE TABLE stated (owner VARCHAR, verb VARCHAR, other VARCHAR, outgoing BOOLEAN);
"""


def stage(spooled: Path, folder: Path) -> None:
    """Write `entity.parquet` and `relationship.parquet` into the folder, of the delta files in another."""
    with duckdb.connect(str(folder / "staging.duckdb")) as connection:
        connection.execute("SET preserve_insertion_order = true")
        connection.execute(_ENTITY)
        for rows in spool.batches(spooled):
            _insert(connection, rows)
        _number(connection)
        for table in ("entity", "relationship"):
            path = folder / f"{table}.parquet"
            connection.execute(f"COPY (SELECT * FROM {table} ORDER BY id) TO '{path}' (COMPRESSION zstd)")
    (folder / "staging.duckdb").unlink()


def _insert(connection: duckdb.DuckDBPyConnection, rows: Sequence[ItemRow]) -> None:
    shown = [(row.id, row.entity) for row in rows if row.entity is not None]
    connection.execute(
        "INSERT INTO seen SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[][]), "
        "unnest($4::VARCHAR[]), unnest($5::VARCHAR[]), unnest($6::VARCHAR[])",
        [
            [id_ for id_, _ in shown],
            [entity.type for _, entity in shown],
            [list(entity.classes) for _, entity in shown],
            [entity.columns for _, entity in shown],
            [entity.body for _, entity in shown],
            [entity.text for _, entity in shown],
        ],
    )
    edges = [(row.id, edge) for row in rows for edge in row.edges]
    connection.execute(
        "INSERT INTO stated SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[]), "
        "unnest($4::BOOLEAN[])",
        [
            [owner for owner, _ in edges],
            [edge.verb for _, edge in edges],
            [edge.other for _, edge in edges],
            [edge.outgoing for _, edge in edges],
        ],
    )


def _number(connection: duckdb.DuckDBPyConnection) -> None:
    values = ", ".join(
        f"(columns->>'$.\"{column(name, kind)}\"')::{kind.sql} AS {short}"
        for short, (name, kind) in PROPERTIES.items()
    )
    connection.execute(
        f"CREATE TABLE entity AS SELECT row_number() OVER (ORDER BY type, rowid) - 1 AS id, uid, type, "
        f"classes, {values}, body, text FROM seen ORDER BY id"
    )
    connection.execute(
        "CREATE TABLE relationship AS SELECT "
        "row_number() OVER (ORDER BY verb, s.type, t.type, s.id, t.id) - 1 AS id, "
        "verb, s.id AS src, t.id AS dst, s.type AS src_type, t.type AS dst_type FROM stated "
        "JOIN entity AS s ON s.uid = CASE WHEN outgoing THEN owner ELSE other END "
        "JOIN entity AS t ON t.uid = CASE WHEN outgoing THEN other ELSE owner END"
    )


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
    names = _ENTITIES if QUESTIONS[question] == LIST else _RELATIONSHIPS
    with duckdb.connect() as connection:
        sql = names.format(entity=table(folder, "entity"), relationship=table(folder, "relationship"))
        found = connection.execute(sql, [ids]).fetchall()
    return len(found), digest(name for (name,) in found)


_ENTITIES: Final = "SELECT uid FROM {entity} WHERE id IN (SELECT unnest($1::BIGINT[]))"
_RELATIONSHIPS: Final = (
    "SELECT s.uid || ' ' || r.verb || ' ' || t.uid FROM {relationship} AS r "
    "JOIN {entity} AS s ON s.id = r.src JOIN {entity} AS t ON t.id = r.dst "
    "WHERE r.id IN (SELECT unnest($1::BIGINT[]))"
)

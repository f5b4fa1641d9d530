"""The file of Ladybug: a table for each type of node and each verb. In: the staged tables. Out: one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb
import ladybug

from benchmarks.engines.ladybug import CLASS_TABLE, GRAPH
from benchmarks.engines.staging import classes_of, table

_COLUMNS: Final = (
    "uid STRING PRIMARY KEY, id INT64, severity STRING, numeric_severity DOUBLE, created_on INT64, "
    "production BOOL, body STRING, text STRING"
)


def build(staged: Path, folder: Path) -> None:
    """Load the staged tables."""
    connection = ladybug.Connection(ladybug.Database(str(folder / GRAPH)))
    classes = classes_of(staged)
    passing = folder / "copied.parquet"
    entity = table(staged, "entity")
    connection.execute(f"CREATE NODE TABLE {CLASS_TABLE}(name STRING PRIMARY KEY, classes STRING)")
    with duckdb.connect() as source:
        for type_, held in sorted(classes.items()):
            connection.execute(f"CREATE (:{CLASS_TABLE} {{name: '{type_}', classes: '{' '.join(held)}'}})")
            connection.execute(f"CREATE NODE TABLE {type_}({_COLUMNS})")
            source.execute(
                "COPY (SELECT uid, id, severity, numeric_severity, created_on::BIGINT AS created_on, "
                f"production, body, text FROM {entity} WHERE type = '{type_}' ORDER BY id) TO '{passing}'"
            )
            connection.execute(f"COPY {type_} FROM '{passing}'")
        for verb, pairs in sorted(_links(source, staged).items()):
            ends = ", ".join(f"FROM {start} TO {end}" for start, end in pairs)
            connection.execute(f"CREATE REL TABLE {verb}({ends}, rid INT64)")
            for start, end in pairs:
                source.execute(
                    f"COPY (SELECT s.uid, t.uid, r.id AS rid FROM {table(staged, 'relationship')} AS r "
                    f"JOIN {entity} AS s ON s.id = src JOIN {entity} AS t ON t.id = dst "
                    f"WHERE verb = '{verb}' AND src_type = '{start}' AND dst_type = '{end}' "
                    f"ORDER BY rid) TO '{passing}'"
                )
                connection.execute(f"COPY {verb} FROM '{passing}' (from = '{start}', to = '{end}')")
    passing.unlink()
    connection.execute("CHECKPOINT")
    connection.close()


def _links(source: duckdb.DuckDBPyConnection, staged: Path) -> Mapping[str, Sequence[tuple[str, str]]]:
    found = source.execute(
        f"SELECT DISTINCT verb, src_type, dst_type FROM {table(staged, 'relationship')} ORDER BY ALL"
    ).fetchall()
    links: dict[str, list[tuple[str, str]]] = {}
    for verb, start, end in found:
        links.setdefault(verb, []).append((start, end))
    return links

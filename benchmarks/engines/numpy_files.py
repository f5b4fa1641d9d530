"""The arrays of the numpy reference. In: the staged tables. Out: a folder of .npy files and their index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.engines.numpy_reference import INDEX, Array
from benchmarks.engines.staging import classes_of, table


def build(staged: Path, folder: Path) -> None:
    """Write the arrays of the staged tables, but for texts and records."""
    with duckdb.connect() as source:
        entity, relationship = table(staged, "entity"), table(staged, "relationship")
        found = source.execute(f"SELECT type, min(id), max(id) + 1 FROM {entity} GROUP BY type").fetchall()
        types = {type_: (first, end) for type_, first, end in found}
        severities = [
            "",
            *_column(source, f"SELECT DISTINCT severity FROM {entity} WHERE severity IS NOT NULL"),
        ]
        for type_ in types:
            rows = source.execute(
                f"SELECT severity, numeric_severity, created_on, production FROM {entity} "
                f"WHERE type = '{type_}' ORDER BY id"
            ).fetchnumpy()
            codes = np.array([severities.index(it or "") for it in _filled(rows["severity"], "")], np.int8)
            np.save(folder / f"{type_}.severity.npy", codes)
            np.save(
                folder / f"{type_}.score.npy", _filled(rows["numeric_severity"], np.nan).astype(np.float32)
            )
            np.save(folder / f"{type_}.moment.npy", _filled(rows["created_on"], 0).astype(np.int64))
            np.save(folder / f"{type_}.production.npy", _filled(rows["production"], False).astype(np.bool_))
        links = source.execute(f"SELECT DISTINCT verb, src_type, dst_type FROM {relationship} ORDER BY ALL")
        listed = [list(link) for link in links.fetchall()]
        for number, (verb, start, end) in enumerate(listed):
            edges = source.execute(
                f"SELECT id, src, dst FROM {relationship} WHERE verb = ? AND src_type = ? AND dst_type = ?",
                [verb, start, end],
            ).fetchnumpy()
            _save(folder, f"{number}.out", types[start], edges["src"], edges["dst"], edges["id"])
            _save(folder, f"{number}.in", types[end], edges["dst"], edges["src"], edges["id"])
        uids = np.array(_column(source, f"SELECT uid FROM {entity} ORDER BY id"), "S36")
        order = np.argsort(uids)
        np.save(folder / "uids.npy", uids[order])
        np.save(folder / "uids_of.npy", order.astype(np.int32))
    index = {"types": types, "severities": severities, "links": listed, "classes": classes_of(staged)}
    (folder / INDEX).write_text(json.dumps(index), "utf-8")


def _column(source: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return [value for (value,) in source.execute(sql).fetchall()]


def _filled(column: Array, value: object) -> Array:
    return column.filled(value) if isinstance(column, np.ma.MaskedArray) else column


def _save(folder: Path, name: str, extent: tuple[int, int], near: Array, far: Array, rid: Array) -> None:
    """Write the neighbours of a type's entities: where each one's begin, who they are, by which edge."""
    first, end = extent
    order = np.lexsort((far, near))
    starts = np.searchsorted(near[order], np.arange(first, end + 1))
    for part, array in (("starts", starts), ("far", far[order]), ("rid", rid[order])):
        np.save(folder / f"{name}.{part}.npy", array.astype(np.int32))

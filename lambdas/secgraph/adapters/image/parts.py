"""A SELECT → a Parquet file of the base, and where each column of it lies."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final

import duckdb

from secgraph.adapters.relations.shapes import literal
from secgraph.errors import StoreError
from secgraph.image.base import Chunk, RowsFile

ROW_GROUP: Final = 131_072
"""Rows of a row group: a part of usual size is one or two, so that a column of it is one or two stretches."""
MAGIC: Final = b"PAR1"
"""A Parquet file begins so. The bytes belong to no column."""
LEVEL: Final = 3
"""Of zstd."""
_MEMBERS: Final = ", list, element"
"""Parquet keeps a list as a column of its members, under this name after that of the list. No name of a
column ends so: those of properties end in their kind."""


def write_rows(
    connection: duckdb.DuckDBPyConnection,
    select: str,
    path: Path,
    name: str,
    *,
    row_group: int = ROW_GROUP,
    level: int = LEVEL,
) -> RowsFile:
    """Write the rows of a SELECT, in its order, to a local file that will be stored under `name`.

    Each chunk, and the footer, gets the CRC-32 by which readers tell that it is whole.
    """
    connection.execute(
        f"COPY ({select}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {level}, "
        f"PARQUET_VERSION v2, ROW_GROUP_SIZE {row_group}, WRITE_BLOOM_FILTER false)"
    )
    return described(connection, path, name)


def described(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> RowsFile:
    """Describe a local Parquet file that will be stored under `name`."""
    places = connection.execute(
        "SELECT path_in_schema, row_group_id, "  # noqa: S608 (a path of ours, as a text)
        "least(data_page_offset, coalesce(dictionary_page_offset, data_page_offset)) AS start, "
        f"total_compressed_size FROM parquet_metadata({literal(path)}) ORDER BY start"
    ).fetchall()
    counted = connection.execute(f"FROM parquet_file_metadata({literal(path)}) SELECT num_rows").fetchone()
    chunks: list[Chunk] = []
    end = len(MAGIC)
    with path.open("rb") as file:
        file.seek(end)
        for column, row_group, offset, size in places:
            if offset != end:
                raise StoreError(f"DuckDB wrote {name} with something at {end} that no column accounts for")
            crc = zlib.crc32(file.read(size))
            chunks.append(Chunk(str(column).removesuffix(_MEMBERS), row_group, offset, size, crc))
            end = offset + size
        footer = file.read()
    rows = 0 if counted is None else int(counted[0])
    return RowsFile(name, end + len(footer), rows, end, zlib.crc32(footer), tuple(chunks))


def columns_of(file: RowsFile) -> frozenset[str]:
    """Name the columns of a file."""
    return frozenset(chunk.column for chunk in file.chunks)

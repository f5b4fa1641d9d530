"""Files of a base as SQL. In: parts, groups, names of columns. Out: SELECTs that can run at once.

Before a SELECT is given, the columns that it reads were fetched, from all files side by side, and checked. It
reads all files at once: DuckDB does that almost twice as fast as a UNION ALL of one SELECT for each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from secgraph.adapters.image.cached import LocalFiles, Stretch, Wanted
from secgraph.adapters.image.parts import columns_of
from secgraph.adapters.relations.shapes import ENTITY, RELATIONSHIP, listed, literal, sql_type
from secgraph.graph.relations import quoted
from secgraph.image.base import EdgeGroup, EntityPart, RowsFile

EDGE: Final = {
    **{name: type_ for name, type_ in RELATIONSHIP.items() if name not in ("id", "owner")},
    "outgoing": "BOOLEAN",
}
"""The columns of a group's file. Instead of the last a reader sees `id` and `owner`."""
NODE: Final = {
    "hash": "UBIGINT",
    "sort": "INTEGER",
    "ordinal": "INTEGER",
    "rev": "INTEGER",
    "minute": "INTEGER",
    "gone": "BOOLEAN",
}
_TEXT: Final = {"text": "VARCHAR", "ids": "BIGINT[]"}
_OWNER: Final = "CASE WHEN outgoing THEN src ELSE dst END AS owner"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Selects:
    """SELECTs over local files, which are fetched for them."""

    def __init__(self, files: LocalFiles) -> None:
        self._files = files

    def entities(self, parts: Sequence[EntityPart], columns: Collection[str]) -> str:
        """Give a SELECT of the entities of these parts: id, sort, deleted and these columns, in the order of
        ids."""
        types = ENTITY | {name: sql_type(name) for name in columns if name not in ENTITY}
        return self._select([part.columns for part in parts], types)

    def relationships(self, groups: Sequence[EdgeGroup], columns: Collection[str] | None = None) -> str:
        """Give a SELECT of the relationships of these groups: the fixed columns, and these property columns
        (None: all that any of the groups has)."""
        if columns is None:
            columns = sorted({name for group in groups for name in columns_of(group.file)} - EDGE.keys())
        types = RELATIONSHIP | {name: sql_type(name) for name in columns}
        firsts = [group.first for group in groups]
        computed = {
            "id": f"list_extract({firsts}::BIGINT[], file_index::BIGINT + 1) + file_row_number AS id",
            "owner": _OWNER,
        }
        return self._select([group.file for group in groups], types, computed)

    def searched(self, parts: Sequence[EntityPart]) -> str:
        """Give a SELECT of text and ids of these parts."""
        return self._select([part.texts for part in parts], _TEXT)

    def nodes(self, file: RowsFile) -> str:
        """Give a SELECT of all nodes."""
        return self._select([file], NODE)

    def ensure(
        self, files: Iterable[RowsFile], columns: Collection[str], groups: Collection[int] | None = None
    ) -> None:
        """Have the footers of files, and these columns of them (of these row groups alone), at hand."""
        self._files.ensure([_wanted(file, columns, groups) for file in files])

    def paths(self, files: Sequence[RowsFile]) -> str:
        """List files in SQL."""
        return f"[{listed(literal(self._files.path(file.name)) for file in files)}]"

    def _select(
        self, files: Sequence[RowsFile], types: Mapping[str, str], computed: Mapping[str, str] = _NOTHING
    ) -> str:
        """Select these columns, of which a file may lack some; `computed` says how one is made of others."""
        self.ensure(files, {*types, "outgoing"} if computed else types)
        held = {name for file in files for name in columns_of(file)}
        if not files:
            return f"SELECT {listed(_shown(name, types[name], held) for name in types)} WHERE false"
        shown = listed(computed.get(name) or _shown(name, types[name], held) for name in types)
        return f"SELECT {shown} FROM read_parquet({self.paths(files)}, union_by_name = true)"  # noqa: S608


def _shown(name: str, type_: str, held: Collection[str]) -> str:
    return quoted(name) if name in held else f"NULL::{type_} AS {quoted(name)}"


def _wanted(file: RowsFile, columns: Collection[str], groups: Collection[int] | None) -> Wanted:
    chunks = [
        Stretch(chunk.offset, chunk.size, chunk.crc)
        for chunk in file.chunks
        if chunk.column in columns and (groups is None or chunk.row_group in groups)
    ]
    footer = Stretch(file.footer, file.size - file.footer, file.footer_crc)
    return Wanted(file.name, file.size, [*chunks, footer])

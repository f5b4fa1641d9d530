"""Files of a base as SQL. In: parts, groups, names of columns. Out: SELECTs that can run at once.

Before a SELECT is given, the columns that it reads were fetched, from all files side by side, and checked. It
names each file by itself and with the columns that are in it: DuckDB plans that faster than a list of files
whose columns it has to match.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from secgraph.adapters.image.cached import LocalFiles, Stretch, Wanted
from secgraph.adapters.image.parts import columns_of, literal
from secgraph.graph.relations import property_and_kind, quoted
from secgraph.image.base import EdgeGroup, EntityPart, RowsFile

ENTITY: Final = {"id": "BIGINT", "sort": "INTEGER", "deleted": "BOOLEAN"}
EDGE: Final = {
    "class": "VARCHAR",
    "src": "BIGINT",
    "dst": "BIGINT",
    "src_sort": "INTEGER",
    "dst_sort": "INTEGER",
    "deleted": "BOOLEAN",
    "stated": "VARCHAR",
    "outgoing": "BOOLEAN",
}
"""The columns of a group's file. Instead of the last a reader sees `id` and `owner`."""
NODE: Final = ("hash", "sort", "ordinal", "rev", "minute", "gone")
_TEXT: Final = {"text": "VARCHAR", "ids": "BIGINT[]"}
_COMPUTED: Final = {"id": "{first} + file_row_number", "owner": "CASE WHEN outgoing THEN src ELSE dst END"}
_RELATIONSHIP: Final = {
    "id": "BIGINT",
    "owner": "BIGINT",
    **{name: type_ for name, type_ in EDGE.items() if name != "outgoing"},
}


class Selects:
    """SELECTs over local files, which are fetched for them."""

    def __init__(self, files: LocalFiles) -> None:
        self._files = files

    def entities(self, parts: Sequence[EntityPart], columns: Collection[str]) -> str:
        """Give a SELECT of the entities of these parts: id, sort, deleted and these columns, in the order of
        ids."""
        types = ENTITY | {name: sql_type(name) for name in columns if name not in ENTITY}
        self.ensure([part.columns for part in parts], types)
        return _union([self._plain(part.columns, types) for part in parts], types)

    def relationships(self, groups: Sequence[EdgeGroup], columns: Collection[str] | None = None) -> str:
        """Give a SELECT of the relationships of these groups: the fixed columns, and these property columns
        (None: all that any of the groups has)."""
        if columns is None:
            columns = sorted({name for group in groups for name in columns_of(group.file)} - EDGE.keys())
        types = _RELATIONSHIP | {name: sql_type(name) for name in columns}
        self.ensure([group.file for group in groups], {*EDGE, *columns})
        return _union([self._edges(group, types) for group in groups], types)

    def searched(self, parts: Sequence[EntityPart]) -> str:
        """Give a SELECT of text and ids of these parts."""
        self.ensure([part.texts for part in parts], _TEXT)
        return _union([self._plain(part.texts, _TEXT) for part in parts], _TEXT)

    def nodes(self, file: RowsFile) -> str:
        """Give a SELECT of all nodes."""
        self.ensure([file], NODE)
        return f"SELECT {_list(map(quoted, NODE))} FROM {self.scan(file)}"  # noqa: S608 (our own names)

    def ensure(
        self, files: Iterable[RowsFile], columns: Collection[str], groups: Collection[int] | None = None
    ) -> None:
        """Have the footers of files, and these columns of them (of these row groups alone), at hand."""
        self._files.ensure([_wanted(file, columns, groups) for file in files])

    def scan(self, file: RowsFile) -> str:
        """Name a file in SQL."""
        return f"read_parquet({literal(self._files.path(file.name))})"

    def _plain(self, file: RowsFile, types: Mapping[str, str]) -> str:
        held = columns_of(file)
        listed = _list(_shown(name, type_, held) for name, type_ in types.items())
        return f"SELECT {listed} FROM {self.scan(file)}"  # noqa: S608 (names are quoted)

    def _edges(self, group: EdgeGroup, types: Mapping[str, str]) -> str:
        held = columns_of(group.file)
        listed = _list(
            f"{_COMPUTED[name].format(first=group.first)} AS {name}"
            if name in _COMPUTED
            else _shown(name, type_, held)
            for name, type_ in types.items()
        )
        path = literal(self._files.path(group.file.name))
        return f"SELECT {listed} FROM read_parquet({path}, file_row_number = true)"  # noqa: S608


def sql_type(column: str) -> str:
    """Give the type of a property column."""
    return property_and_kind(column)[1].sql


def _union(selects: Sequence[str], types: Mapping[str, str]) -> str:
    if selects:
        return " UNION ALL ".join(selects)
    return f"SELECT {_list(_shown(name, type_, ()) for name, type_ in types.items())} WHERE false"


def _shown(name: str, type_: str, held: Collection[str]) -> str:
    return quoted(name) if name in held else f"NULL::{type_} AS {quoted(name)}"


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)


def _wanted(file: RowsFile, columns: Collection[str], groups: Collection[int] | None) -> Wanted:
    chunks = [
        Stretch(chunk.offset, chunk.size, chunk.crc)
        for chunk in file.chunks
        if chunk.column in columns and (groups is None or chunk.row_group in groups)
    ]
    footer = Stretch(file.footer, file.size - file.footer, file.footer_crc)
    return Wanted(file.name, file.size, [*chunks, footer])

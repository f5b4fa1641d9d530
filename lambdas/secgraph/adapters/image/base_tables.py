"""A base as SQL sees it. In: its description, its files. Out: SELECTs that can run at once, ids, documents.

Before a SELECT is given, the columns that it reads were fetched, from all files side by side, and checked. It
names each file by itself and with the columns that are in it: DuckDB plans that faster than a list of files
whose columns it has to match.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import duckdb

from secgraph.adapters.image.cached import LocalFiles, Stretch, Wanted, local_files
from secgraph.adapters.image.documents import Blocks, DocumentIndex
from secgraph.adapters.image.parts import columns_of, literal
from secgraph.errors import ObjectDamaged
from secgraph.graph.relations import Link, property_and_kind, quoted
from secgraph.image import base as bases
from secgraph.image.base import SORT_SHIFT, UNSEEN, Base, DocumentsFile, EdgeGroup, EntityPart, RowsFile
from secgraph.image.manifest import FileRef
from secgraph.image.ports import Known, ObjectStore
from secgraph.image.rows import Version

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
_TEXTS: Final = {"text": "VARCHAR", "ids": "BIGINT[]"}
_NODE: Final = ("hash", "sort", "ordinal", "rev", "minute", "gone")
MINUTE: Final = 60_000
_Blocks = tuple[DocumentsFile, DocumentIndex, Blocks]


class CachedBase:
    """A base whose files are at hand as far as they were asked for (image/ports.py: BaseTables)."""

    def __init__(self, base: Base, files: LocalFiles) -> None:
        self._base = base
        self._files = files
        self._indexes: dict[str, DocumentIndex] = {}
        self._bounds: list[tuple[int, int, int]] | None = None
        self._own: duckdb.DuckDBPyConnection | None = None

    @classmethod
    def of(cls, description: FileRef, store: ObjectStore, cache: Path) -> Self:
        """Read a description. Raises ObjectMissing or ObjectDamaged, StoreError for a later version's."""
        body = description.checked(store.get(description.name))
        return cls(bases.load(body), local_files(store, cache))

    @property
    def base(self) -> Base:
        """Give the description."""
        return self._base

    @property
    def folders(self) -> tuple[Path, ...]:
        """Tell which folders the SELECTs read."""
        return (self._files.folder,)

    # ── relations ─────────────────────────────────────────────────────────────────────────────────────

    def entities(self, columns: Collection[str]) -> str:
        """Give a SELECT of all entities: id, sort, deleted and these columns, in the order of ids."""
        return self.entities_of(self._base.entities, columns)

    def entities_of(self, parts: Sequence[EntityPart], columns: Collection[str]) -> str:
        """Give such a SELECT of these parts alone."""
        types = ENTITY | {name: _type(name) for name in columns if name not in ENTITY}
        self._ensure([part.columns for part in parts], types)
        return _union([self._select(part.columns, types) for part in parts], types)

    def relationships(self, links: Collection[Link] | None) -> str:
        """Give a SELECT of relationships, from the groups that hold one of these links (None: from all)."""
        groups = self._base.relationships
        return self.relationships_of([it for it in groups if links is None or _holds(it, links)])

    def relationships_of(self, groups: Sequence[EdgeGroup]) -> str:
        """Give a SELECT of these groups: the fixed columns and all property columns that they have."""
        held = sorted({name for group in groups for name in columns_of(group.file)} - EDGE.keys())
        types = EDGE | {name: _type(name) for name in held}
        self._ensure([group.file for group in groups], types)
        shown = {"id": "BIGINT", "owner": "BIGINT"} | {n: t for n, t in types.items() if n != "outgoing"}
        return _union([self._edges(group, shown) for group in groups], shown)

    def searched(self) -> str:
        """Give a SELECT of text and ids."""
        return self.searched_of(self._base.entities)

    def searched_of(self, parts: Sequence[EntityPart]) -> str:
        """Give such a SELECT of these parts alone."""
        self._ensure([part.texts for part in parts], _TEXTS)
        return _union([self._select(part.texts, _TEXTS) for part in parts], _TEXTS)

    def nodes(self) -> str:
        """Give a SELECT of the whole file of nodes."""
        self._ensure([self._base.nodes], _NODE)
        return f"SELECT {', '.join(map(quoted, _NODE))} FROM {self._scan(self._base.nodes)}"  # noqa: S608

    def _edges(self, group: EdgeGroup, shown: Mapping[str, str]) -> str:
        computed = {
            "id": f"{group.first} + file_row_number",
            "owner": "CASE WHEN outgoing THEN src ELSE dst END",
        }
        held = columns_of(group.file)
        listed = [
            f"{computed[name]} AS {name}" if name in computed else _shown(name, type_, held)
            for name, type_ in shown.items()
        ]
        return (
            f"SELECT {', '.join(listed)} "  # noqa: S608 (names are quoted)
            f"FROM read_parquet({literal(self._files.path(group.file.name))}, file_row_number = true)"
        )

    def _select(self, file: RowsFile, types: Mapping[str, str]) -> str:
        held = columns_of(file)
        listed = [_shown(name, type_, held) for name, type_ in types.items()]
        return f"SELECT {', '.join(listed)} FROM {self._scan(file)}"  # noqa: S608 (names are quoted)

    def _scan(self, file: RowsFile) -> str:
        return f"read_parquet({literal(self._files.path(file.name))})"

    def _ensure(self, files: Iterable[RowsFile], columns: Collection[str]) -> None:
        self._files.ensure([_wanted(file, columns) for file in files])

    # ── look-ups ──────────────────────────────────────────────────────────────────────────────────────

    def known(self, hashes: Collection[int]) -> Mapping[int, Known]:
        """Find items and ends by `key_hash` of their `_id`s; who is not known is left out."""
        nodes = self._base.nodes
        if not hashes or not nodes.rows:
            return {}
        groups = self._groups_of(hashes)
        self._files.ensure([_wanted(nodes, _NODE, {number for number, _, _ in groups})])
        within = " OR ".join([f"hash BETWEEN {least} AND {most}" for _, least, most in groups])
        rows = self._connection().execute(
            f"SELECT {', '.join(map(quoted, _NODE))} FROM {self._scan(nodes)} "  # noqa: S608 (our own names)
            f"WHERE ({within or 'false'}) AND hash IN (SELECT unnest($1::UBIGINT[]))",
            [list(hashes)],
        )
        return {
            hash_: Known(
                sort << SORT_SHIFT | ordinal, None if rev is None else Version(rev, at * MINUTE, gone)
            )
            for hash_, sort, ordinal, rev, at, gone in rows.fetchall()
        }

    def documents(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Give the documents of these entities; who is not in the base is left out."""
        ordered = sorted(set(ids))
        here = [
            (part.documents, ordered[bisect_left(ordered, part.first) : bisect_left(ordered, part.end)])
            for part in self._base.entities
        ]
        here = [(file, members) for file, members in here if members]
        indexes = self.indexes_of([file for file, _ in here])
        wanted = [
            (file, index, index.blocks_of(members))
            for (file, members), index in zip(here, indexes, strict=True)
        ]
        found: dict[int, str] = {}
        missing = self._unpack(wanted, self._files.read, found, is_sure=False)
        self._unpack(missing, self._files.fetch, found, is_sure=True)
        return found

    def indexes_of(self, files: Sequence[DocumentsFile]) -> list[DocumentIndex]:
        """Give the indexes of documents of parts."""
        new = [
            Wanted(file.name, file.size, [Stretch(file.index, file.size - file.index, file.index_crc)])
            for file in files
            if file.name not in self._indexes
        ]
        self._files.ensure(new)
        for it, (body,) in zip(new, self._files.read(new), strict=True):
            self._indexes[it.name] = DocumentIndex(body, it.name)
        return [self._indexes[file.name] for file in files]

    def _unpack(
        self,
        wanted: Sequence[_Blocks],
        read: Callable[[Sequence[Wanted]], list[list[bytes]]],
        found: dict[int, str],
        *,
        is_sure: bool,
    ) -> list[_Blocks]:
        """Add documents of blocks to what was found. Gives the blocks that are not whole, if not `is_sure`."""
        missing: list[_Blocks] = []
        bodies = read([Wanted(it.name, it.size, [Stretch(*at) for at in blocks]) for it, _, blocks in wanted])
        for (file, index, blocks), packed in zip(wanted, bodies, strict=True):
            damaged: Blocks = {}
            for (at, members), body in zip(blocks.items(), packed, strict=True):
                try:
                    lines = index.unpack(body, at[0])
                except ObjectDamaged:
                    if is_sure:
                        raise
                    damaged[at] = members
                else:
                    found.update((id_, lines[line]) for id_, line in members)
            if damaged:
                missing.append((file, index, damaged))
        return missing

    def _groups_of(self, hashes: Collection[int]) -> list[tuple[int, int, int]]:
        """Give the row groups that may have them, each with its least and its greatest hash."""
        if self._bounds is None:
            self._ensure([self._base.nodes], ())
            self._bounds = (
                self._connection()
                .execute(
                    "SELECT row_group_id, stats_min_value::UBIGINT AS least, stats_max_value::UBIGINT "
                    f"FROM parquet_metadata({literal(self._files.path(self._base.nodes.name))}) "  # noqa: S608
                    "WHERE path_in_schema = 'hash' ORDER BY least"
                )
                .fetchall()
            )
        if len(hashes) > len(self._bounds):
            return self._bounds
        ordered = sorted(hashes)
        return [it for it in self._bounds if bisect_left(ordered, it[1]) < bisect_right(ordered, it[2])]

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Give a connection for look-ups: they go on while another one is at a query, or locked down."""
        if self._own is None:
            self._own = duckdb.connect(":memory:")
        return self._own


def _known(sort: int, ordinal: int, rev: int | None, minute: int, gone: bool) -> Known:
    version = None if rev is None else Version(rev, minute * MINUTE, gone)
    return Known(sort << SORT_SHIFT | ordinal, version)


def _union(selects: Sequence[str], types: Mapping[str, str]) -> str:
    if selects:
        return " UNION ALL ".join(selects)
    return f"SELECT {', '.join([_shown(name, type_, ()) for name, type_ in types.items()])} WHERE false"


def _shown(name: str, type_: str, held: Collection[str]) -> str:
    return quoted(name) if name in held else f"NULL::{type_} AS {quoted(name)}"


def _type(column: str) -> str:
    return property_and_kind(column)[1].sql


def _wanted(file: RowsFile, columns: Collection[str], groups: Collection[int] | None = None) -> Wanted:
    """Want the footer of a file, and these columns of it (of these row groups alone)."""
    chunks = [
        Stretch(chunk.offset, chunk.size, chunk.crc)
        for chunk in file.chunks
        if chunk.column in columns and (groups is None or chunk.row_group in groups)
    ]
    footer = Stretch(file.footer, file.size - file.footer, file.footer_crc)
    return Wanted(file.name, file.size, [*chunks, footer])


def _holds(group: EdgeGroup, links: Collection[Link]) -> bool:
    if group.links is None:
        return any(UNSEEN in (link.source, link.target) for link in links)
    return not group.links.isdisjoint(links)

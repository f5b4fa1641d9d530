"""A base as readers see it (image/ports.py: BaseTables). In: its description. Out: SQL, ids, documents."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

import duckdb

from secgraph.adapters.image.cached import LocalFiles, local_files
from secgraph.adapters.image.selects import NODE, Selects
from secgraph.adapters.image.stored_documents import StoredDocuments
from secgraph.graph.relations import Link, quoted
from secgraph.image import base as bases
from secgraph.image.base import SORT_SHIFT, UNSEEN, Base, EdgeGroup
from secgraph.image.manifest import FileRef
from secgraph.image.ports import Known, ObjectStore
from secgraph.image.rows import Version

MINUTE: Final = 60_000
FEW_GROUPS: Final = 8
"""Row groups of the nodes up to which only these are fetched, and read."""

_LOOK_UPS: Final = MappingProxyType({"memory_limit": "256MB", "threads": "2"})
"""A reader's DuckDB beside has nearly all the memory; what is looked up is a few bytes each."""

_Group = tuple[int, int, int]
"""A row group, its least hash and its greatest."""


class CachedBase:
    """A base whose files are at hand as far as they were asked for."""

    def __init__(self, base: Base, files: LocalFiles) -> None:
        self._base = base
        self._folder = files.folder
        self._selects = Selects(files)
        self._documents = StoredDocuments(files)
        self._groups: list[_Group] | None = None
        self._own: duckdb.DuckDBPyConnection | None = None

    @classmethod
    def of(cls, description: FileRef, store: ObjectStore, cache: Path) -> Self:
        """Read a description. Raises ObjectMissing or ObjectDamaged, StoreError for a later version's."""
        body = description.checked(store.get(description.name))
        return cls(bases.load(body), local_files(store, cache))

    def close(self) -> None:
        """Give the memory of look-ups back; the next one takes it again."""
        if self._own is not None:
            self._own.close()
            self._own = None

    @property
    def base(self) -> Base:
        """Give the description."""
        return self._base

    @property
    def folders(self) -> tuple[Path, ...]:
        """Tell which folders the SELECTs read."""
        return (self._folder,)

    def entities(self, columns: Collection[str]) -> str:
        """Give a SELECT of all entities: id, sort, deleted and these columns, in the order of ids."""
        return self._selects.entities(self._base.entities, columns)

    def relationships(self, links: Collection[Link] | None) -> str:
        """Give a SELECT of the relationships of the groups that hold one of these links (None: of all)."""
        groups = self._base.relationships
        return self._selects.relationships([it for it in groups if links is None or _holds(it, links)])

    def searched(self) -> str:
        """Give a SELECT of text and ids."""
        return self._selects.searched(self._base.entities)

    def documents(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Give the documents of these entities; who is not in the base is left out."""
        return self._documents.read(self._base.entities, ids)

    def known(self, hashes: Collection[int]) -> Mapping[int, Known]:
        """Find items and ends by `key_hash` of their `_id`s; who is not known is left out."""
        if not hashes:
            return {}
        nodes = self._base.nodes
        groups = self._groups_of(hashes)
        self._selects.ensure([nodes], NODE, None if groups is None else {number for number, _, _ in groups})
        # Other row groups may be holes in the file. DuckDB passes over them by the same bounds.
        within = "true" if groups is None else _within(groups)
        rows = self._connection().execute(
            f"SELECT {', '.join(map(quoted, NODE))} FROM read_parquet({self._selects.paths([nodes])}) "  # noqa: S608
            f"WHERE {within} AND hash IN (SELECT unnest($1::UBIGINT[]))",
            [list(hashes)],
        )
        return {hash_: _known(*row) for hash_, *row in rows.fetchall()}

    def _groups_of(self, hashes: Collection[int]) -> list[_Group] | None:
        """Give the row groups that may have them, None for all: more than a few cost more to tell apart."""
        if len(hashes) > 4 * FEW_GROUPS:
            return None
        if self._groups is None:
            self._selects.ensure([self._base.nodes], ())
            self._groups = (
                self._connection()
                .execute(
                    "SELECT row_group_id, stats_min_value::UBIGINT, stats_max_value::UBIGINT "  # noqa: S608
                    f"FROM parquet_metadata({self._selects.paths([self._base.nodes])}) "
                    "WHERE path_in_schema = 'hash'"
                )
                .fetchall()
            )
        ordered = sorted(hashes)
        found = [it for it in self._groups if bisect_left(ordered, it[1]) < bisect_right(ordered, it[2])]
        return found if len(found) <= FEW_GROUPS else None

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Give a connection for look-ups: a reader's own may be locked, or in a transaction."""
        if self._own is None:
            self._own = duckdb.connect(":memory:", config=dict(_LOOK_UPS))
        return self._own


def _within(groups: Sequence[_Group]) -> str:
    ranges = [f"hash BETWEEN {least} AND {most}" for _, least, most in groups]
    return f"({' OR '.join(ranges)})" if ranges else "false"


def _known(sort: int, ordinal: int, rev: int | None, minute: int, gone: bool) -> Known:
    version = None if rev is None else Version(rev, minute * MINUTE, gone)
    return Known(sort << SORT_SHIFT | ordinal, version)


def _holds(group: EdgeGroup, links: Collection[Link]) -> bool:
    if group.links is None:
        return any(UNSEEN in (link.source, link.target) for link in links)
    return not group.links.isdisjoint(links)

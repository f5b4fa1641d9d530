"""The base of an image in memory, as far as statements read it. In: a base, rows laid over it. Out: tables.

    entity              base entities that nothing was laid over, and those of the deltas
    known_relationship  the same of relationships, with the sorts that their ends have now

A column is loaded with the first statement that names it, and so is a group of relationships. All of it can
be given up again: it is loaded once more where it is read.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import duckdb

from secgraph.adapters.relations.groups import Move, groups_of, links_of
from secgraph.adapters.relations.shapes import ENTITY, RELATIONSHIP, empty, listed
from secgraph.adapters.relations.wide import WideTable
from secgraph.graph.relations import Catalogue, Link, column, quoted
from secgraph.image.base import UNSEEN
from secgraph.image.ports import BaseTables

KEPT_AT_MOST: Final = 48
"""Property columns of entities that stay in memory beyond those that a statement names, latest used first."""


class LiveBase:
    """The live tables over a base, beside the tables of what was laid over it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: BaseTables,
        entity: WideTable,
        relationship: WideTable,
    ) -> None:
        self.tables = tables
        self.entity = WideTable(connection, "entity", ENTITY)
        self.relationship = WideTable(connection, "known_relationship", RELATIONSHIP)
        self._connection = connection
        self._laid_entity = entity
        self._laid_relationship = relationship
        self._base_columns = entity_columns(tables.base.catalogue)
        self._used: dict[str, None] = {}
        self._read: frozenset[str] | None = None
        self._read_groups: frozenset[int] = frozenset()
        self._has_entities = False
        self._has_laid = True
        self._groups: set[int] = set()

    # ── statements ────────────────────────────────────────────────────────────────────────────────────

    def begin(
        self, columns: Collection[str] | None, links: Collection[Link] | None, moves: Collection[Move]
    ) -> None:
        """Note what the statement at hand reads (columns None: nothing of entities): the rest may be given
        up."""
        self._read = None if columns is None else frozenset(columns)
        self._read_groups = frozenset(groups_of(self.tables.base, links, moves))

    def ensure_entity(self, columns: Collection[str]) -> bool:
        """Load these property columns, and keep others that were in use lately; tell whether anything was
        loaded."""
        for name in columns:
            self._used.pop(name, None)
            self._used[name] = None  # the latest used stands last
        if self._has_entities and self.entity.columns >= frozenset(columns):
            return False
        self._load_entities(columns)
        return True

    def ensure_relationship(
        self, links: Collection[Link] | None, columns: Collection[str], moves: Collection[Move]
    ) -> bool:
        """Load the groups that hold these links (None: all), and have these property columns; tell whether
        anything was loaded."""
        if not self._has_laid:
            self._begin_relationships()
        missing = sorted(groups_of(self.tables.base, links, moves) - self._groups)
        if missing:
            self._load_relationships(missing)
        self.relationship.take_up(columns)
        return bool(missing)

    def give_up(self) -> bool:
        """Give up what the statement at hand does not read; tell whether there was any."""
        read = self._read
        columns = self._has_entities and (read is None or not self.entity.columns <= read)
        if columns:
            self._used = {name: None for name in self._used if name in (read or ())}
            self._forget_entities()
        groups = not self._groups <= self._read_groups
        if groups:
            self._forget_relationships()
        return columns or groups

    def texts_not_laid(self) -> str:
        """Give a SELECT of what full text looks in, without what it would find of items that something was
        laid over. A test of the text goes before the rest of it."""
        select = self.tables.searched()
        if not self._any("delta_item"):
            return select
        return (
            f"SELECT text, [id] AS ids FROM (SELECT text, unnest(ids) AS id FROM ({select})) "  # noqa: S608
            f"WHERE {self._not_laid('id')}"
        )

    def _load_entities(self, columns: Collection[str]) -> None:
        others = [name for name in reversed(self._used) if name not in columns]
        self._used = {name: None for name in self._used if name in {*others[:KEPT_AT_MOST], *columns}}
        names = sorted(self._used)
        base = [name for name in names if name in self._base_columns]
        shown = [quoted(name) if name in self._base_columns else empty(name) for name in names]
        laid = [quoted(name) if name in self._laid_entity.columns else empty(name) for name in names]
        select = self.tables.entities(base)
        self._forget_entities()  # first: both at once may be too much
        of_base = f"SELECT {listed([*ENTITY, *shown])} FROM ({select}) AS e WHERE {self._not_laid('e.id')}"  # noqa: S608
        of_laid = f"SELECT {listed([*ENTITY, *laid])} FROM {self._laid_entity.name}"  # noqa: S608
        self._connection.execute(f"CREATE OR REPLACE TABLE entity AS {of_base} UNION ALL {of_laid}")
        self.entity.look()
        self._has_entities = True

    def _forget_entities(self) -> None:
        self._has_entities = False
        self._connection.execute("DROP TABLE IF EXISTS entity")
        self.entity = WideTable(self._connection, "entity", ENTITY)

    def _forget_relationships(self) -> None:
        self._groups.clear()
        self._has_laid = False
        self._connection.execute(f"DROP TABLE IF EXISTS {self.relationship.name}")
        self.relationship = WideTable(self._connection, self.relationship.name, RELATIONSHIP)

    def _begin_relationships(self) -> None:
        """Have those that were laid over in the table, before any of the base."""
        laid = self._laid_relationship
        self.relationship.take_up(laid.columns)
        self._connection.execute(f"INSERT INTO {self.relationship.name} BY NAME SELECT * FROM {laid.name}")  # noqa: S608
        self._has_laid = True

    def _load_relationships(self, groups: Collection[int]) -> None:
        select = self.tables.relationships(links_of(self.tables.base, groups))
        found = self._connection.execute(f"DESCRIBE {select}").fetchall()
        self.relationship.take_up({row[0] for row in found} - RELATIONSHIP.keys())
        self._connection.execute(f"INSERT INTO {self.relationship.name} BY NAME {self._moved(select)}")
        self._groups.update(groups)

    # ── what is laid over ─────────────────────────────────────────────────────────────────────────────

    def sorts_of(self, ids: Collection[int]) -> dict[int, int]:
        """Give the sorts that entities have in the base; who shows none there is left out."""
        if not ids:
            return {}
        return dict(
            self._connection.execute(
                f"SELECT id, sort FROM ({self.tables.entities(())}) "  # noqa: S608 (SQL of our own)
                "WHERE id IN (SELECT unnest($1::BIGINT[]))",
                [sorted(ids)],
            ).fetchall()
        )

    def links_of_unseen(self) -> set[Link]:
        """Give the links of relationships whose end was not there when the base was made, and is now."""
        if all(group.links is not None for group in self.tables.base.relationships):
            return set()
        select = self.tables.relationships(frozenset({Link("", UNSEEN, UNSEEN)}))
        found = self._connection.execute(
            f"SELECT DISTINCT class, src_sort, dst_sort FROM ({self._moved(select)}) "  # noqa: S608
            "WHERE src_sort IS NOT NULL AND dst_sort IS NOT NULL"
        ).fetchall()
        return {Link(*row) for row in found}

    def follow(self, ids: Collection[int]) -> None:
        """Bring the live tables up to date with what was laid over these items. Part of a transaction."""
        named = "(SELECT unnest($1::BIGINT[]))"
        if self._has_entities:
            self._replace(self.entity, self._laid_entity, f"id IN {named}", ids)
        if self._has_laid:
            self.relationship.take_up(self._laid_relationship.columns)
            self._replace(self.relationship, self._laid_relationship, f"owner IN {named}", ids)

    def look(self) -> None:
        """See what is there after a change was undone."""
        self.entity.look()
        self.relationship.look()

    def _replace(self, live: WideTable, laid: WideTable, where: str, ids: Collection[int]) -> None:
        names = listed([*live.fixed, *map(quoted, sorted(live.columns & laid.columns))])
        self._connection.execute(f"DELETE FROM {live.name} WHERE {where}", [list(ids)])  # noqa: S608
        self._connection.execute(
            f"INSERT INTO {live.name} ({names}) SELECT {names} FROM {laid.name} WHERE {where}",  # noqa: S608
            [list(ids)],
        )

    def _moved(self, select: str) -> str:
        """Give relationships of the base as they are now: without those of items that something was laid
        over, and with the sorts that their ends have now."""
        if not self._any("delta_item"):
            return select
        return f"""
SELECT e.* REPLACE (CASE WHEN s.id IS NULL THEN e.src_sort ELSE s.sort END AS src_sort,
                    CASE WHEN d.id IS NULL THEN e.dst_sort ELSE d.sort END AS dst_sort)
FROM ({select}) AS e LEFT JOIN moved AS s ON s.id = e.src LEFT JOIN moved AS d ON d.id = e.dst
WHERE {self._not_laid("e.owner")}"""  # noqa: S608 (SQL of our own)

    def _not_laid(self, id_: str) -> str:
        return f"{id_} NOT IN (SELECT id FROM delta_item)" if self._any("delta_item") else "TRUE"  # noqa: S608

    def _any(self, table: str) -> bool:
        return self._connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None  # noqa: S608


def entity_columns(catalogue: Catalogue) -> frozenset[str]:
    """Name the property columns that entities have."""
    held = catalogue.entity_properties
    return frozenset(column(name, kind) for name, kinds in held.items() for kind in kinds)

"""Rows of items laid over a base, in tables. In: ItemRows. Out: the delta_* tables, ids given, versions kept.

    delta_item          id, hash, key (the text `_id`), rev, at, gone
    delta_entity        the columns of `entity`          delta_document  id, body     delta_text  id, text
    delta_relationship  those of `relationship`, without what follows from its ends
    delta_node          id, hash: ids that the base does not know
    moved               id, sort: what the base knows, and shows with another sort (NULL now: not at all)

They hold the newest row of each item, and that alone. What stands in `delta_item` hides what the base says of
the same item.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from secgraph.adapters.relations.catalogue import Draft
from secgraph.adapters.relations.folding import Folded, Held, Numbers, fold
from secgraph.adapters.relations.groups import Move, links_after
from secgraph.adapters.relations.lines import ITEM, Ends, entity_line, item_line, relationship_lines
from secgraph.adapters.relations.live import LiveBase
from secgraph.adapters.relations.shapes import ENTITY, RELATIONSHIP
from secgraph.adapters.relations.wide import WideTable
from secgraph.graph.relations import Link
from secgraph.image.base import UNSEEN
from secgraph.image.ports import BaseTables
from secgraph.image.rows import ItemRow, Version, key_hash

CHUNK: Final = 5_000
_WHOLE: Final = '{"whole":'
_NAMED: Final = "(SELECT unnest($1::BIGINT[]))"

_TABLES: Final = f"""
CREATE TABLE delta_item ({", ".join(f'"{name}" {type_}' for name, type_ in ITEM.items())});
CREATE TABLE delta_document (id BIGINT, body VARCHAR);
CREATE TABLE delta_text (id BIGINT, text VARCHAR);
CREATE TABLE delta_node (id BIGINT, hash UBIGINT);
CREATE TABLE moved (id BIGINT, sort INTEGER);
CREATE TABLE changed (id BIGINT, sort INTEGER);
"""


@dataclass(slots=True)
class Growing:
    """What rows that are laid over add to."""

    draft: Draft
    numbers: Numbers
    moves: set[Move]


@dataclass(frozen=True, slots=True)
class _Sorts:
    """The sorts of entities that are shown: before a chunk, and in the base."""

    before: Mapping[int, int]
    base: Mapping[int, int]


class DeltaTables:
    """The tables of what was laid over."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, base: BaseTables | None) -> None:
        connection.execute(_TABLES)
        self.entity = WideTable(connection, "delta_entity", ENTITY)
        self.relationship = WideTable(connection, "delta_relationship", RELATIONSHIP)
        self.live = None if base is None else LiveBase(connection, base, self.entity, self.relationship)
        self._connection = connection
        self._is_laid = False

    def look(self) -> None:
        """See what is there after a change was undone."""
        self.entity.look()
        self.relationship.look()
        if self.live is not None:
            self.live.look()

    def lay(self, rows: Sequence[ItemRow], growing: Growing) -> bool:
        """Lay rows over what is held, in their order; tell whether any was newer. Part of a transaction;
        `growing` is added to."""
        is_newer = False
        for start in range(0, len(rows), CHUNK):
            is_newer |= self._lay(rows[start : start + CHUNK], growing)
        return is_newer

    def _lay(self, rows: Sequence[ItemRow], growing: Growing) -> bool:
        named = {row.id for row in rows} | {edge.other for row in rows for edge in row.edges}
        hashes = {text: key_hash(text) for text in named}
        held = self._held(list(hashes.values()))
        folded = fold(
            rows,
            hashes,
            held,
            lambda entity: growing.draft.sort(entity.type, entity.classes),
            growing.numbers,
        )
        if not folded.newest:
            return False
        sorts = self._sorts(folded, held)
        self._delete(held.laid & folded.newest.keys())
        self._insert_items(folded)
        self._is_laid = True
        self._insert_entities(folded, growing.draft)
        self._insert_relationships(folded, sorts.before, growing.draft)
        if self.live is not None:
            self._move(self.live, folded, held, sorts.base, growing)
            self.live.follow(folded.newest)
        self._resort(folded, sorts.before, growing.draft)
        return True

    def _held(self, hashes: list[int]) -> Held:
        fresh: dict[int, int] = {}
        items: list[tuple[Any, ...]] = []
        if self._is_laid:
            named = "(SELECT unnest($1::UBIGINT[]))"
            select = f"SELECT hash, id FROM delta_node WHERE hash IN {named}"  # noqa: S608
            fresh = dict(self._connection.execute(select, [hashes]).fetchall())
            select = f'SELECT hash, id, rev, "at", gone FROM delta_item WHERE hash IN {named}'  # noqa: S608
            items = self._connection.execute(select, [hashes]).fetchall()
        ids = fresh | {row[0]: row[1] for row in items}
        versions = {hash_: Version(*version) for hash_, _, *version in items}
        if self.live is not None:
            known = self.live.tables.known([hash_ for hash_ in hashes if hash_ not in ids])
            ids |= {hash_: it.id for hash_, it in known.items()}
            versions |= {hash_: it.version for hash_, it in known.items() if it.version is not None}
        return Held(ids, versions, frozenset(fresh.values()), frozenset(row[1] for row in items))

    def _sorts(self, folded: Folded, held: Held) -> _Sorts:
        """Find the sorts of the items that change, and of the ends of what they state."""
        newest = set(folded.newest)
        named = newest | {folded.id_of(edge.other) for it in folded.newest.values() for edge in it.row.edges}
        named -= set(folded.given.values())
        shown = self._shown(named & held.laid)
        base: dict[int, int] = {}
        if self.live is not None:
            base = self.live.sorts_of(
                {id_ for id_ in named - held.fresh if id_ in newest or id_ not in held.laid}
            )
        return _Sorts({id_: sort for id_, sort in base.items() if id_ not in held.laid} | shown, base)

    def _shown(self, ids: Collection[int]) -> dict[int, int]:
        if not ids:
            return {}
        select = f"SELECT id, sort FROM delta_entity WHERE id IN {_NAMED}"  # noqa: S608
        return dict(self._connection.execute(select, [list(ids)]).fetchall())

    def _delete(self, ids: Collection[int]) -> None:
        if not ids:
            return
        for table, key in (
            ("delta_item", "id"),
            ("delta_entity", "id"),
            ("delta_document", "id"),
            ("delta_text", "id"),
            ("delta_relationship", "owner"),
        ):
            self._connection.execute(f"DELETE FROM {table} WHERE {key} IN {_NAMED}", [list(ids)])  # noqa: S608

    def _insert_items(self, folded: Folded) -> None:
        self._connection.execute(
            "INSERT INTO delta_node SELECT unnest($1::BIGINT[]), unnest($2::UBIGINT[])",
            [list(folded.given.values()), list(folded.given)],
        )
        self._connection.execute(
            "INSERT INTO delta_item SELECT unnest(from_json(line, $2)) "
            "FROM (SELECT unnest($1::VARCHAR[]) AS line)",
            [[item_line(id_, it, folded.hashes) for id_, it in folded.newest.items()], json.dumps(ITEM)],
        )

    def _insert_entities(self, folded: Folded, draft: Draft) -> None:
        shown = [(id_, it.sort, it.row.entity) for id_, it in folded.newest.items() if it.row.entity]
        if not shown:
            return
        lines = [entity_line(id_, sort, entity) for id_, sort, entity in shown]
        borne = self.entity.insert(lines, "sort")
        draft.add_entity_columns({int(sort): names for sort, names in borne.items()})
        draft.add_deleted(sort for _, sort, entity in shown if entity.deleted and sort is not None)
        ids = [id_ for id_, _, _ in shown]
        for table, texts in (
            ("delta_document", [entity.body for _, _, entity in shown]),
            ("delta_text", [entity.text for _, _, entity in shown]),
        ):
            self._connection.execute(
                f"INSERT INTO {table} SELECT unnest($1::BIGINT[]), unnest($2::VARCHAR[])",
                [ids, texts],
            )

    def _insert_relationships(self, folded: Folded, before: Mapping[int, int], draft: Draft) -> None:
        links: set[Ends] = set()
        verbs: set[tuple[str, bool]] = set()
        lines: list[str] = []
        for edge, line, link in relationship_lines(folded, before):
            lines.append(line)
            links.add(link)
            verbs.add((edge.verb, edge.stated is not None and edge.stated.startswith(_WHOLE)))
        if not lines:
            return
        draft.add_relationship_columns(self.relationship.insert(lines, "class"))
        for verb, is_whole in verbs:
            draft.add_verbs([verb], derived=not is_whole)
        for verb, source, target in links:
            if source is not None and target is not None:
                draft.add_links([Link(verb, source, target)])

    def _move(
        self, live: LiveBase, folded: Folded, held: Held, base: Mapping[int, int], growing: Growing
    ) -> None:
        """Note what the base knows and shows with another sort than it has now."""
        known = [
            (id_, base.get(id_), it.sort)
            for id_, it in folded.newest.items()
            if id_ not in held.fresh and folded.given.get(folded.hashes[it.row.id]) != id_
        ]
        self._connection.execute(
            "DELETE FROM moved WHERE id IN (SELECT unnest($1::BIGINT[]))", [[id_ for id_, _, _ in known]]
        )
        moved = [(id_, was, now) for id_, was, now in known if was != now]
        self._connection.execute(
            "INSERT INTO moved SELECT unnest($1::BIGINT[]), unnest($2::INTEGER[])",
            [[id_ for id_, _, _ in moved], [now for _, _, now in moved]],
        )
        moves = {(UNSEEN if was is None else was, now) for _, was, now in moved if now is not None}
        if moves - growing.moves:
            growing.moves |= moves
            growing.draft.add_links(links_after(live.tables.base, growing.moves))
        if any(was == UNSEEN for was, _ in moves):
            growing.draft.add_links(live.links_of_unseen())

    def _resort(self, folded: Folded, before: Mapping[int, int], draft: Draft) -> None:
        """Tell relationships that were here already which sorts their ends have now."""
        given = set(folded.given.values())
        changed = [
            (id_, it.sort)
            for id_, it in folded.newest.items()
            if id_ not in given and it.sort != before.get(id_)
        ]
        if not changed:
            return
        self._connection.execute("DELETE FROM changed")
        self._connection.execute(
            "INSERT INTO changed SELECT unnest($1::BIGINT[]), unnest($2::INTEGER[])",
            [[id_ for id_, _ in changed], [sort for _, sort in changed]],
        )
        tables = [self.relationship.name] + ([] if self.live is None else [self.live.relationship.name])
        for table in tables:
            for end in ("src", "dst"):
                self._connection.execute(
                    f"UPDATE {table} SET {end}_sort = c.sort FROM changed AS c WHERE {table}.{end} = c.id"  # noqa: S608
                )
        links = self._connection.execute(
            "SELECT DISTINCT class, src_sort, dst_sort FROM delta_relationship "
            "WHERE (src IN (SELECT id FROM changed) OR dst IN (SELECT id FROM changed)) "
            "AND src_sort IS NOT NULL AND dst_sort IS NOT NULL"
        ).fetchall()
        draft.add_links(Link(*link) for link in links)

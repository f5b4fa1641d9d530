"""A base for tests: what some relations hold, copied into plain tables that lie beside the live ones.

    Relations (all in memory) ─base_of→ DrawnBase in another connection ─Relations(connection, base)→ …

The SQL is real and so is what it reads; only no file lies beneath. Times are cut to the minute, as files do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import duckdb

from secgraph.adapters.relations.relations import Relations
from secgraph.graph.relations import Link, quoted
from secgraph.image.base import SORT_SHIFT, UNSEEN, Base, EdgeGroup, RowsFile
from secgraph.image.ports import Known
from secgraph.image.rows import Version

NO_FILE = RowsFile("none", 0, 0, 0, 0, ())
PLACE = "memory.main"
FIXED = ("id", "owner", "class", "src", "dst", "src_sort", "dst_sort", "deleted", "stated")
Row = tuple[Any, ...]


class DrawnBase:
    """BaseTables over tables of the connection that they are asked in. `asked` lists what was asked for."""

    def __init__(self, base: Base, known: Mapping[int, Known], documents: Mapping[int, str]) -> None:
        self.base = base
        self.asked: list[tuple[str, Any]] = []
        self._known = known
        self._documents = documents

    def known(self, hashes: Collection[int]) -> Mapping[int, Known]:
        return {hash_: self._known[hash_] for hash_ in hashes if hash_ in self._known}

    def entities(self, columns: Collection[str]) -> str:
        self.asked.append(("entities", frozenset(columns)))
        named = "".join(f", {quoted(name)}" for name in columns)
        return f"SELECT id, sort, deleted{named} FROM {PLACE}.base_entity"

    def relationships(self, links: Collection[Link] | None) -> str:
        self.asked.append(("relationships", links))
        groups = [
            f"SELECT * FROM {PLACE}.base_group_{place}"
            for place, group in enumerate(self.base.relationships)
            if links is None or _holds(group, links)
        ]
        return " UNION ALL BY NAME ".join(groups)

    def searched(self) -> str:
        return f"SELECT text, ids FROM {PLACE}.base_searched"

    def documents(self, ids: Sequence[int]) -> Mapping[int, str]:
        return {id_: self._documents[id_] for id_ in ids if id_ in self._documents}


def _holds(group: EdgeGroup, links: Collection[Link]) -> bool:
    if group.links is None:
        return any(UNSEEN in (link.source, link.target) for link in links)
    return not group.links.isdisjoint(links)


def base_of(
    relations: Relations, source: duckdb.DuckDBPyConnection, target: duckdb.DuckDBPyConnection
) -> DrawnBase:
    """Copy what `relations` hold in `source` into tables of `target`."""
    _copy(source, target, "base_entity", "SELECT * FROM delta_entity ORDER BY id")
    # Every text twice over, as where entities share one.
    texts = "SELECT text, list(id ORDER BY id) AS ids FROM delta_text GROUP BY text ORDER BY text"
    _copy(source, target, "base_searched", texts)
    documents: dict[int, str] = dict(source.execute("SELECT id, body FROM delta_document").fetchall())
    base = Base(1, 0, relations.catalogue(), _ordinals(source), NO_FILE, (), tuple(_groups(source, target)))
    return DrawnBase(base, _known(source), documents)


def _known(source: duckdb.DuckDBPyConnection) -> dict[int, Known]:
    ends = source.execute("SELECT hash, id FROM delta_node").fetchall()
    items = source.execute('SELECT hash, id, rev, "at" // 60000 * 60000, gone FROM delta_item').fetchall()
    known = {hash_: Known(id_, None) for hash_, id_ in ends}
    return known | {hash_: Known(id_, Version(*version)) for hash_, id_, *version in items}


def _ordinals(source: duckdb.DuckDBPyConnection) -> dict[int, int]:
    return dict(
        Counter(id_ >> SORT_SHIFT for (id_,) in source.execute("SELECT id FROM delta_node").fetchall())
    )


def _groups(source: duckdb.DuckDBPyConnection, target: duckdb.DuckDBPyConnection) -> list[EdgeGroup]:
    """Make a group of every two links, and one of what has an end that is not there."""
    found = source.execute("SELECT DISTINCT class, src_sort, dst_sort FROM delta_relationship").fetchall()
    seen = sorted(Link(*link) for link in found if None not in link)
    by_group: dict[int, set[Link]] = defaultdict(set)
    for place, link in enumerate(seen):
        by_group[place // 2].add(link)
    groups: list[EdgeGroup] = []
    first = 0
    for links in [*by_group.values(), None]:
        where = "src_sort IS NULL OR dst_sort IS NULL"
        if links is not None:
            text = ", ".join(f"({_text(it.verb)}, {it.source}, {it.target})" for it in sorted(links))
            where = f"(class, src_sort, dst_sort) IN ({text})"
        count = _copy(source, target, f"base_group_{len(groups)}", _edges(source, where, first))
        groups.append(EdgeGroup(None if links is None else frozenset(links), first, count, NO_FILE))
        first += count
    return groups


def _edges(source: duckdb.DuckDBPyConnection, where: str, first: int) -> str:
    """Number the relationships anew, in the order of their file. Columns that none has are left out."""
    listed = [row[0] for row in source.execute("DESCRIBE delta_relationship").fetchall()]
    counted = ", ".join(f"count({quoted(name)})" for name in listed)
    counts = source.execute(f"SELECT {counted} FROM delta_relationship WHERE {where}").fetchone() or ()
    used = [name for name, count in zip(listed, counts, strict=True) if count or name in FIXED]
    named = ", ".join(quoted(name) for name in used if name != "id")
    order = "class, src_sort, dst_sort, src, dst, id"
    return (
        f"SELECT {first} + row_number() OVER (ORDER BY {order}) - 1 AS id, {named} "
        f"FROM delta_relationship WHERE {where} ORDER BY {order}"
    )


def _copy(
    source: duckdb.DuckDBPyConnection, target: duckdb.DuckDBPyConnection, name: str, select: str
) -> int:
    found = source.execute(select)
    shape = ", ".join(f"{quoted(row[0])} {row[1]}" for row in found.description or ())
    marks = ", ".join("?" for _ in found.description or ())
    rows: list[Row] = found.fetchall()
    target.execute(f"CREATE TABLE {PLACE}.{name} ({shape})")
    if rows:
        target.executemany(f"INSERT INTO {PLACE}.{name} VALUES ({marks})", rows)
    return len(rows)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

"""Rows laid over a base say what they say all in memory, whatever was loaded and whatever came when."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secgraph.adapters.relations.relations import Relations
from secgraph.errors import StoreTooLarge
from secgraph.graph.edges import DERIVED
from secgraph.graph.merge import relationships
from secgraph.graph.model import Edge, Item, Observation, Properties, Ref
from secgraph.graph.relations import Kind, Link, Reads, column, quoted
from secgraph.image.expand import expand
from secgraph.image.rows import ItemRow, Version
from tests.adapters.drawn_base import DrawnBase, base_of

MINUTE = 60_000
HOST, DISK = "host", "disk"


def item(key: str, rev: int, type_: str, *edges: Edge, shown: bool = True, **facts: Any) -> Item:
    said: Properties = {"_class": (type_.title(),), **facts} if shown else facts
    blocks = {"inspector2/x": Observation("inspector2/x", rev, said, edges)}
    return Item(Ref.of(key, type_), blocks, {}, created_on=1, begin_on=1, version=1, rev=rev)


def row(
    key: str, rev: int, type_: str, *edges: Edge, at: int = 0, shown: bool = True, **facts: Any
) -> ItemRow:
    return expand(item(key, rev, type_, *edges, shown=shown, **facts), at * MINUTE)


def gone(key: str, rev: int, at: int = 0) -> ItemRow:
    return ItemRow(Ref.of(key, HOST).id, Version(rev, at * MINUTE, gone=True), None, ())


def has(key: str, type_: str = DISK, verb: str = "HAS", **more: Any) -> Edge:
    return Edge(verb, Ref.of(key, type_), outgoing=more.pop("outgoing", True), **more)


# ── what relations say, without numbers of their own ──────────────────────────────────────────────────


class Opened:
    """Relations and their connection, as it would be asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, base: DrawnBase | None = None) -> None:
        self.connection = connection
        self.relations = Relations(connection, base)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def everything(self) -> dict[str, Any]:
        """All that statements can see."""
        held = self.relations.catalogue()
        entity = columns_of(held.entity_properties)
        relationship = columns_of(held.relationship_properties)
        self.relations.ensure(Reads(frozenset(entity), frozenset(relationship), None, searched=True))
        sorts = {sort.number: (sort.type, sort.classes) for sort in held.sorts}
        listed = ", ".join(map(quoted, entity))
        entities = {
            id_: (sorts[sort], deleted, dict(zip(entity, values, strict=True)))
            for id_, sort, deleted, *values in self.rows(f"SELECT id, sort, deleted, {listed} FROM entity")
        }
        names = {id_: values["_id#s"] for id_, (_, _, values) in entities.items()}
        documents = self.relations.documents(list(names))
        texts: dict[str, set[str]] = {name: set() for name in names.values()}
        for text, ids in self.rows("SELECT text, ids FROM searched"):
            for id_ in ids:
                texts[names[id_]] |= set(text.split())
        found = Counter(self._edges(relationship, names, sorts, held.links))
        return {
            "entities": {names[id_]: without_nulls(it) for id_, it in entities.items()},
            "documents": {names[id_]: json.loads(it) for id_, it in zip(names, documents, strict=True)},
            "texts": texts,
            "relationships": found,
        }

    def _edges(self, columns: Sequence[str], names: Any, sorts: Any, links: Any) -> Any:
        listed = "".join(f", {quoted(name)}" for name in columns)
        ids = set()
        for id_, verb, src, dst, src_sort, dst_sort, deleted, stated, *values in self.rows(
            f"SELECT id, class, src, dst, src_sort, dst_sort, deleted, stated{listed} FROM relationship"
        ):
            ends = (src_sort, dst_sort)
            assert id_ not in ids, "an id is given once"
            ids.add(id_)
            assert [end is None for end in ends] == [src not in names, dst not in names]
            if None not in ends:
                assert Link(verb, *ends) in links
                shown = {name: it for name, it in zip(columns, values, strict=True) if it is not None}
                of = tuple(sorts[end] for end in ends)
                yield (verb, names[src], names[dst], of, deleted, stated, json.dumps(shown, sort_keys=True))


def columns_of(properties: Any) -> list[str]:
    return sorted(column(name, kind) for name, kinds in properties.items() for kind in kinds)


def without_nulls(entity: tuple[Any, bool, dict[str, Any]]) -> tuple[Any, ...]:
    sort, deleted, values = entity
    return sort, deleted, {name: it for name, it in values.items() if it is not None}


def in_memory(rows: Sequence[ItemRow]) -> dict[str, Any]:
    with closing(duckdb.connect(":memory:")) as connection:
        opened = Opened(connection)
        opened.relations.apply(rows)
        return opened.everything()


def over_base(base: Sequence[ItemRow], connection: duckdb.DuckDBPyConnection) -> tuple[Opened, DrawnBase]:
    """Relations over a base that has these rows, in an empty connection."""
    with closing(duckdb.connect(":memory:")) as source:
        relations = Relations(source)
        relations.apply(base)
        tables = base_of(relations, source, connection)
    return Opened(connection, tables), tables


# ── any split ─────────────────────────────────────────────────────────────────────────────────────────

KEYS = ("a", "b", "c", "d")
TYPES = {"a": HOST, "b": HOST, "c": DISK, "d": DISK}
edges = st.builds(
    lambda key, verb, outgoing, discriminator, port: Edge(
        verb, Ref.of(key, TYPES[key]), outgoing, discriminator, {} if port is None else {"port": port}
    ),
    st.sampled_from(KEYS),
    st.sampled_from(["HAS", "USES"]),
    st.booleans(),
    st.sampled_from(["", "x"]),
    st.sampled_from([None, 22, "ssh"]),
)
facts = st.fixed_dictionaries(
    {},
    optional={
        "size": st.sampled_from([1, 2.5, "big"]),
        "owner": st.sampled_from(["anna", "ben"]),
        "_deleted": st.just(True),
        "_class": st.sampled_from([("Other",), ("Host", "Disk")]),
    },
)
changes = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.integers(1, 4),
        st.sampled_from(["shown", "shown", "shown", "hidden", "gone"]),
        facts,
        st.lists(edges, max_size=2),
    ),
    max_size=12,
)


def drawn(change: Any) -> ItemRow:
    key, rev, what, properties, stated = change
    if what == "gone":
        return gone(key, rev)
    said = dict(properties)
    class_ = said.pop("_class", (TYPES[key].title(),))
    shown = {"_class": class_} if what == "shown" else {}
    blocks = {"inspector2/x": Observation("inspector2/x", rev, {**shown, **said}, tuple(stated))}
    made = Item(Ref.of(key, TYPES[key]), blocks, {}, created_on=1, begin_on=1, version=1, rev=rev)
    return expand(made, rev * MINUTE)  # whole minutes: a base remembers no more


reads = st.builds(
    Reads,
    st.frozensets(st.sampled_from(["size#n", "owner#s", "_key#s"])),
    st.frozensets(st.sampled_from(["port#n", "_type#s", "_id#s"])),
    st.one_of(st.none(), st.just(frozenset())),
    st.booleans(),
)


@pytest.mark.thorough
@settings(max_examples=6, deadline=None)
@given(changes, st.integers(0, 12), st.lists(st.tuples(st.integers(1, 5), reads), max_size=4))
def test_a_base_and_what_is_laid_over_it_say_what_all_rows_say(all_changes, cut, steps):
    check_any_split([drawn(change) for change in all_changes], cut, steps)


@pytest.mark.thorough
@settings(max_examples=20, deadline=None)
@given(changes, st.integers(0, 12), st.lists(st.tuples(st.integers(1, 5), reads), max_size=4))
def test_they_do_for_many_more(all_changes, cut, steps):
    check_any_split([drawn(change) for change in all_changes], cut, steps)


def check_any_split(rows: Sequence[ItemRow], cut: int, steps: Sequence[tuple[int, Reads]]) -> None:
    with closing(duckdb.connect(":memory:")) as connection:
        opened, _ = over_base(rows[:cut], connection)
        at = cut
        for count, asked in steps:
            opened.relations.apply(rows[at : at + count])
            at += count
            opened.relations.ensure(held(asked, opened.relations))
        opened.relations.apply(rows[at:])
        assert opened.everything() == in_memory(rows)


def held(asked: Reads, relations: Relations) -> Reads:
    """Statements name what the catalogue lists, and links of one relationship at a time."""
    known = relations.catalogue()
    return Reads(
        asked.entity & frozenset(columns_of(known.entity_properties)),
        asked.relationship & frozenset(columns_of(known.relationship_properties)),
        None if asked.links is None else frozenset(sorted(known.links)[:1]),
        asked.searched,
    )


@pytest.mark.thorough
@settings(max_examples=6, deadline=None)
@given(changes, st.integers(0, 12), st.lists(st.integers(0, 12), max_size=3))
def test_ids_are_the_same_however_the_rows_are_split(all_changes, cut, cuts):
    rows = [drawn(change) for change in all_changes]
    found = []
    for places in ([], sorted(cuts)):
        with closing(duckdb.connect(":memory:")) as connection:
            opened, _ = over_base(rows[:cut], connection)
            bounds = [cut, *[place for place in places if place > cut], len(rows)]
            for start, end in pairwise(bounds):
                opened.relations.apply(rows[start:end])
            opened.relations.ensure(Reads(links=None))
            found.append(
                [
                    sorted(opened.rows(f"SELECT {columns} FROM {table}"))
                    for table, columns in (
                        ("delta_node", "hash, id"),
                        ("delta_item", "id, key"),
                        ("entity", "id, sort"),
                        ("relationship", "id, class, src, dst"),
                        ("moved", "id, coalesce(sort, -1)"),
                    )
                ]
            )
    assert found[0] == found[1]


# ── what is loaded ────────────────────────────────────────────────────────────────────────────────────

BASE = [
    row("a", 1, HOST, has("c"), has("e", "net", "USES"), size=1, owner="anna", text="needle in the base"),
    row("b", 1, HOST, has("d", verb="USES", properties={"port": 22}), size=2, text="straw"),
    row("c", 1, DISK, size=3),
    row("d", 1, DISK, has("a", HOST, "FEEDS"), size=4),
]
"""`e` is never seen."""


@pytest.fixture
def connection():
    with closing(duckdb.connect(":memory:")) as opened:
        yield opened


def links_of(opened: Opened, verb: str) -> frozenset[Link]:
    return frozenset(link for link in opened.relations.catalogue().links if link.verb == verb)


def test_only_what_statements_read_is_loaded_and_once(connection):
    opened, tables = over_base(BASE, connection)
    tables.asked.clear()
    size, owner = frozenset({"size#n"}), frozenset({"owner#s"})
    opened.relations.ensure(Reads(size))
    opened.relations.ensure(Reads(size, links=links_of(opened, "FEEDS")))
    opened.relations.ensure(Reads(owner, links=links_of(opened, "FEEDS")))
    opened.relations.ensure(Reads(size | owner))
    feeds = [links for what, links in tables.asked if what == "relationships"]
    assert [columns for what, columns in tables.asked if what == "entities"] == [size, size | owner]
    assert len(feeds) == 1
    assert links_of(opened, "FEEDS") <= feeds[0] < opened.relations.catalogue().links
    assert opened.rows('SELECT sum("size#n"), count("owner#s") FROM entity') == [(10, 1)]


def test_of_columns_that_nobody_names_any_more_the_latest_stay(connection, monkeypatch):
    monkeypatch.setattr("secgraph.adapters.relations.live.KEPT_AT_MOST", 1)
    opened, tables = over_base(BASE, connection)
    for name in ("size#n", "owner#s", "_key#s"):
        opened.relations.ensure(Reads(frozenset({name})))
    assert tables.asked[-1] == ("entities", frozenset({"owner#s", "_key#s"}))


@pytest.mark.parametrize("is_replaceable", [False, True])
def test_where_memory_runs_out_what_a_statement_does_not_read_is_given_up(connection, is_replaceable):
    """An error of DuckDB's own stands for the memory that ran out, as often as there is relief."""
    opened, tables = over_base(BASE, connection)
    opened.relations.is_replaceable = is_replaceable
    opened.relations.apply([row("b", 2, HOST, has("d", verb="FEEDS"), size=5)])
    whole = opened.everything()
    tables.asked.clear()
    reads = Reads(frozenset({"size#n"}), links=links_of(opened, "FEEDS"))
    attempts = []

    def ask():
        attempts.append(opened.rows("SELECT DISTINCT class FROM known_relationship ORDER BY class"))
        raise duckdb.OutOfMemoryException("no more")

    with pytest.raises(StoreTooLarge):
        opened.relations.run(reads, ask)
    assert len(attempts) == 3 + is_replaceable
    assert attempts[0] > attempts[-1]
    assert [what for what in tables.asked if what[0] == "entities"] == [("entities", frozenset({"size#n"}))]
    opened.relations.apply([row("c", 2, DISK, has("e", "net"), size=6)])
    assert opened.everything()["entities"] != whole["entities"]
    laid = [row("b", 2, HOST, has("d", verb="FEEDS"), size=5), row("c", 2, DISK, has("e", "net"), size=6)]
    assert opened.everything() == in_memory([*BASE, *laid])


def test_an_end_that_comes_later_makes_a_relationship_of_the_base_visible(connection):
    opened, _ = over_base(BASE, connection)
    assert links_of(opened, "USES") == {Link("USES", 0, 1)}
    opened.relations.apply([row("e", 1, "net")])
    (new,) = links_of(opened, "USES") - {Link("USES", 0, 1)}
    opened.relations.ensure(Reads(links=frozenset({new})))
    assert opened.rows(f"SELECT count(*) FROM relationship WHERE dst_sort = {new.target}") == [(1,)]


def test_a_relationship_is_found_by_the_sort_that_its_end_has_now(connection):
    opened, _ = over_base(BASE, connection)
    opened.relations.apply([row("a", 2, HOST, has("c"), _class=("Other",))])
    (feeds,) = links_of(opened, "FEEDS") - {Link("FEEDS", 1, 0)}
    assert opened.rows("SELECT sort FROM moved") == [(feeds.target,)]
    opened.relations.ensure(Reads(links=frozenset({feeds})))
    assert opened.rows(f"SELECT count(*) FROM relationship WHERE dst_sort = {feeds.target}") == [(1,)]
    opened.relations.apply([gone("a", 3)])
    assert opened.rows("SELECT sort FROM moved") == [(None,)]
    assert opened.rows("SELECT count(*) FROM relationship WHERE class = 'FEEDS' AND dst_sort IS NULL") == [
        (1,)
    ]
    opened.relations.apply([row("a", 4, HOST)])
    assert opened.rows("SELECT * FROM moved") == []


def test_a_stale_row_changes_nothing_though_the_base_knows_but_minutes(connection):
    opened, _ = over_base([row("a", 5, HOST, at=100, size=5), gone("b", 3, at=100)], connection)
    before = opened.everything()
    stale = [
        row("a", 5, HOST, at=100, size=0),
        row("a", 4, HOST, has("c"), at=101, size=0),
        row("b", 3, HOST),
    ]
    opened.relations.apply(stale)
    assert opened.everything() == before
    assert opened.rows("SELECT * FROM delta_item") == opened.rows("SELECT * FROM delta_node") == []
    again = row("b", 1, HOST, at=103, size=1)  # put in anew, long after it was taken out
    opened.relations.apply([again])
    assert again.id in opened.everything()["entities"]


def test_what_fails_halfway_leaves_no_trace(connection):
    opened, _ = over_base(BASE, connection)
    opened.relations.ensure(Reads(frozenset({"size#n"}), links=None))
    before, catalogue = opened.everything(), opened.relations.catalogue()
    z = row("z", 1, "third", has("a", HOST, "NEW", properties={"port": 1}), colour="red")
    broken = replace(z, edges=(replace(z.edges[0], columns='{"port#n'),))
    with pytest.raises(duckdb.Error):
        opened.relations.apply([row("b", 2, HOST), broken])
    assert opened.relations.catalogue() is catalogue
    assert opened.everything() == before
    opened.relations.apply([z])
    assert opened.everything() == in_memory([*BASE, z])


# ── what follows from the ends ────────────────────────────────────────────────────────────────────────


def test_what_follows_from_the_ends_is_worked_out_as_items_say_it(connection):
    whole = {"_id": "own", "_class": "KNOWS", "displayName": "x", "weight": 1.5}
    overriding = {"displayName": "named", "port": 1}
    thing = item(
        "a|ö", 1, HOST, has("c"), has("c", discriminator="é:1", properties={"port": 22}),
        has("b", HOST, "PROTECTS", outgoing=False), has("c", verb="KNOWS", properties=whole),
        has("c", verb="USES", properties=overriding),
    )  # fmt: skip
    opened = Opened(connection)
    opened.relations.apply([expand(thing, 0), row("b", 1, HOST), row("c", 1, DISK)])
    columns = [column(name, Kind.STRING) for name in DERIVED]
    opened.relations.ensure(Reads(relationship=frozenset([*columns, "port#n", "weight#n"]), links=None))
    listed = ", ".join(map(quoted, [*columns, "port#n", "weight#n"]))
    found = {row[0]: row for row in opened.rows(f"SELECT {listed} FROM relationship")}
    wanted = {
        each.id: tuple(each.properties.get(name) for name in (*DERIVED, "port", "weight"))
        for each in relationships(thing)
    }
    assert found == wanted

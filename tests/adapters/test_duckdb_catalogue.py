"""The catalogue in DuckDB: who has which property, when it is read anew, and graph files of format 1."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from secgraph.adapters.duckdb_reader import DuckDBReader, lock_down
from secgraph.adapters.duckdb_relations import Relations
from secgraph.adapters.local_graph import LocalGraph
from secgraph.errors import StoreError
from secgraph.flows.ask import ask
from secgraph.flows.load import load
from secgraph.graph.loading import items_of
from secgraph.graph.model import Entity, Relationship, Value
from secgraph.graph.relations import Catalogue, Kind, Sort


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        yield opened


@pytest.fixture
def relations(connection: duckdb.DuckDBPyConnection) -> Relations:
    made = Relations(connection)
    made.create()
    return made


def entity(id_: str, type_: str = "thing", **properties: Value) -> Entity:
    named: dict[str, Value] = {"_id": id_, "_type": type_, "_class": ("Record",)}
    return Entity(named | properties)


def edge(id_: str, verb: str, **properties: Value) -> Relationship:
    return Relationship("a", "b", {"_id": id_, "_class": verb} | properties)


def sorts_of(catalogue: Catalogue, name: str) -> dict[Kind, set[str]]:
    """Say which types have the property, by its kinds."""
    types = {sort.number: sort.type for sort in catalogue.sorts}
    return {
        kind: {types[number] for number in numbers}
        for (property_, kind), numbers in catalogue.entity_sorts.items()
        if property_ == name
    }


def verbs_of(catalogue: Catalogue, name: str) -> dict[Kind, set[str]]:
    found = catalogue.relationship_verbs.items()
    return {kind: set(verbs) for (property_, kind), verbs in found if property_ == name}


# ── who has what ──────────────────────────────────────────────────────────────────────────────────────


def test_each_property_lists_the_sorts_and_verbs_that_have_it(relations: Relations) -> None:
    ports: Value = (22, "ssh")
    relations.replace(
        [
            ("a", entity("a", "host", cores=7, ports=ports), [edge("1", "HAS", weight=2)]),
            ("b", entity("b", "host", cores="7"), [edge("2", "it's \x00 odd", weight=2, note="x")]),
            ("c", entity("c", "disk", cores=8), ()),
        ]
    )
    found = relations.catalogue()
    assert sorts_of(found, "cores") == {Kind.NUMBER: {"host", "disk"}, Kind.STRING: {"host"}}
    assert sorts_of(found, "ports") == {kind: {"host"} for kind in (Kind.NUMBERS, Kind.STRINGS, Kind.MIXED)}
    assert sorts_of(found, "_id") == {Kind.STRING: {"host", "disk"}}
    assert verbs_of(found, "weight") == {Kind.NUMBER: {"HAS", "it's \x00 odd"}}
    assert verbs_of(found, "note") == {Kind.STRING: {"it's \x00 odd"}}
    assert sorts_of(found, "note") == {}


def test_a_known_property_of_a_new_sort_or_verb_is_noted(
    connection: duckdb.DuckDBPyConnection, relations: Relations
) -> None:
    relations.replace([("a", entity("a", "host", cores=7), [edge("1", "HAS", weight=2)])])
    relations.replace([("b", entity("b", "disk", cores=8), [edge("2", "USES", weight=2)])])
    found = relations.catalogue()
    assert sorts_of(found, "cores") == {Kind.NUMBER: {"host", "disk"}}
    assert verbs_of(found, "weight") == {Kind.NUMBER: {"HAS", "USES"}}
    assert Relations(connection).catalogue() == found
    rows = connection.execute("SELECT record, name, kind FROM known_property").fetchall()
    assert len(rows) == len(set(rows))


# ── when it is read anew ──────────────────────────────────────────────────────────────────────────────


def test_the_catalogue_is_kept_while_nothing_new_comes(relations: Relations) -> None:
    relations.replace([("a", entity("a", size=1), [edge("1", "HAS")])])
    found = relations.catalogue()
    relations.replace([("b", entity("b", size=2), [edge("2", "HAS")])])
    assert relations.catalogue() is found


@pytest.mark.parametrize(
    "new",
    [
        ("b", entity("b", "other"), ()),
        ("b", entity("b", colour="red"), ()),
        ("b", entity("b", size="big"), ()),
        ("b", None, [edge("2", "USES")]),
        ("b", None, [edge("2", "HAS", weight=1)]),
    ],
)
def test_what_is_rolled_back_is_not_remembered(
    connection: duckdb.DuckDBPyConnection, relations: Relations, new: Any
) -> None:
    relations.replace([("a", entity("a", size=1), [edge("1", "HAS")])])
    before = relations.catalogue()
    connection.begin()
    relations.replace([new])
    within = relations.catalogue()
    connection.rollback()
    assert within != before
    assert relations.catalogue() == before
    relations.replace([("c", entity("c", "third", shape="round"), ())])
    assert relations.catalogue() not in (before, within)
    assert sorts_of(relations.catalogue(), "shape") == {Kind.STRING: {"third"}}


def test_what_another_connection_writes_is_seen(
    connection: duckdb.DuckDBPyConnection, relations: Relations
) -> None:
    relations.replace([("a", entity("a", size=1), ())])
    other = Relations(connection.cursor())
    assert other.catalogue() == relations.catalogue()
    other.replace([("b", entity("b", "other", size="big"), ())])
    assert sorts_of(relations.catalogue(), "size") == {Kind.NUMBER: {"thing"}, Kind.STRING: {"other"}}


def test_where_nothing_writes_any_more_nothing_is_looked_at(
    connection: duckdb.DuckDBPyConnection, relations: Relations
) -> None:
    relations.replace([("a", entity("a", size=1), ())])
    fixed = Relations(connection, is_fixed=True)
    assert fixed.catalogue() == relations.catalogue()
    connection.execute("DROP TABLE relations_format")
    assert fixed.catalogue() is fixed.catalogue()
    with pytest.raises(duckdb.CatalogException):
        relations.catalogue()


def document(*entities: dict[str, Any]) -> Any:
    return {"entities": list(entities)}


def test_a_graph_written_between_two_questions_answers_from_what_it_holds_then(tmp_path: Path) -> None:
    with LocalGraph.open(tmp_path / "graph.duckdb") as graph:
        reader = DuckDBReader(graph.connection, graph.relations)
        lock_down(graph.connection)
        load(items_of(document({"_key": "a", "_type": "host", "_class": "Host"}), now=1), writer=graph)
        assert ask("FIND disk WITH size = 1", reader=reader, now=1)["data"] == []
        load(
            items_of(document({"_key": "b", "_type": "disk", "_class": "Disk", "size": 1}), now=2),
            writer=graph,
        )
        assert len(ask("FIND disk WITH size = 1", reader=reader, now=1)["data"]) == 1


# ── format 1 ──────────────────────────────────────────────────────────────────────────────────────────

FORMAT_1 = """
CREATE TABLE graph_file (format INTEGER);
CREATE TABLE item (id VARCHAR, rev BIGINT, body VARCHAR);
CREATE TABLE quarantine (id VARCHAR, reason VARCHAR, body VARCHAR, received_on BIGINT);
INSERT INTO graph_file VALUES (1);
CREATE TABLE relations_format (version INTEGER);
CREATE TABLE node (id BIGINT, key VARCHAR);
CREATE TABLE entity (id BIGINT, sort INTEGER, deleted BOOLEAN, "_id#s" VARCHAR, "_type#s" VARCHAR,
                     "_class#ls" VARCHAR[], "cores#n" DOUBLE, "cores#s" VARCHAR, "gone#b" BOOLEAN,
                     "tag.^owner#s" VARCHAR);
CREATE TABLE entity_document (id BIGINT, body VARCHAR, text VARCHAR);
CREATE TABLE relationship (id BIGINT, owner BIGINT, class VARCHAR, src BIGINT, dst BIGINT, deleted BOOLEAN,
                           "_id#s" VARCHAR, "weight#n" DOUBLE);
CREATE TABLE relationship_document (id BIGINT, body VARCHAR);
CREATE TABLE known_sort (number INTEGER, type VARCHAR, classes VARCHAR[]);
CREATE TABLE known_property (record VARCHAR, name VARCHAR, kind VARCHAR);
CREATE TABLE known_verb (verb VARCHAR);
INSERT INTO relations_format VALUES (1);
INSERT INTO node VALUES (0, 'h1'), (1, 'h2'), (2, 'd1');
INSERT INTO entity VALUES
  (0, 0, false, 'h1', 'host', ['Host'], 7,  NULL, NULL, 'a'),
  (1, 0, false, 'h2', 'host', ['Host'], NULL, '7', NULL, NULL),
  (2, 1, false, 'd1', 'disk', ['Disk'], 8, NULL, NULL, NULL);
INSERT INTO entity_document VALUES
  (0, '{"_id": "h1", "_type": "host", "_class": ["Host"], "cores": 7, "tag.Owner": "a"}', 'h1'),
  (1, '{"_id": "h2", "_type": "host", "_class": ["Host"], "cores": "7"}', 'h2'),
  (2, '{"_id": "d1", "_type": "disk", "_class": ["Disk"], "cores": 8}', 'd1');
INSERT INTO relationship VALUES (0, 0, 'USES', 0, 2, false, 'r1', 3), (1, 1, 'HAS', 1, 2, false, 'r2', NULL);
INSERT INTO relationship_document VALUES (0, '{"_id": "r1", "_class": "USES", "weight": 3}'),
                                         (1, '{"_id": "r2", "_class": "HAS"}');
INSERT INTO known_sort VALUES (0, 'host', ['Host']), (1, 'disk', ['Disk']);
INSERT INTO known_property VALUES
  ('entity', '_id', 's'), ('entity', '_type', 's'), ('entity', '_class', 'ls'), ('entity', 'cores', 'n'),
  ('entity', 'cores', 's'), ('entity', 'gone', 'b'), ('entity', 'tag.Owner', 's'),
  ('relationship', '_id', 's'), ('relationship', 'weight', 'n');
INSERT INTO known_verb VALUES ('USES'), ('HAS');
"""


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    path = tmp_path / "graph.duckdb"
    with duckdb.connect(str(path)) as opened:
        opened.execute(FORMAT_1)
    return path


def is_what_the_old_file_holds(found: Catalogue) -> bool:
    """Say whether everything of the file is in the catalogue, the property without a bearer included."""
    assert found.sorts == (Sort(0, "host", ("Host",)), Sort(1, "disk", ("Disk",)))
    assert found.verbs == {"USES", "HAS"}
    assert found.entity_properties["cores"] == {Kind.NUMBER, Kind.STRING}
    assert found.entity_properties["gone"] == {Kind.BOOLEAN}
    assert sorts_of(found, "cores") == {Kind.NUMBER: {"host", "disk"}, Kind.STRING: {"host"}}
    assert sorts_of(found, "tag.Owner") == {Kind.STRING: {"host"}}
    assert sorts_of(found, "gone") == {Kind.BOOLEAN: set()}
    assert verbs_of(found, "weight") == {Kind.NUMBER: {"USES"}}
    return True


def test_an_old_file_is_read_and_left_as_it_is(old_file: Path) -> None:
    before = hashlib.sha256(old_file.read_bytes()).digest()
    with LocalGraph.open(old_file, read_only=True) as graph:
        assert is_what_the_old_file_holds(graph.relations.catalogue())
        assert graph.relations.catalogue() is graph.relations.catalogue()
        lock_down(graph.connection)
        reader = DuckDBReader(graph.connection, graph.relations)
        answer = ask("FIND Host WITH cores = 7 THAT USES Disk", reader=reader, now=0)
        assert [item["id"] for item in answer["data"]] == ["h1"]
    assert hashlib.sha256(old_file.read_bytes()).digest() == before


def test_an_old_file_is_brought_up_to_date_when_it_is_opened_for_writing(old_file: Path) -> None:
    with LocalGraph.open(old_file) as graph:
        assert is_what_the_old_file_holds(graph.relations.catalogue())
    with LocalGraph.open(old_file, read_only=True) as graph:
        assert is_what_the_old_file_holds(graph.relations.catalogue())
        formats = "SELECT format, (SELECT version FROM relations_format) FROM graph_file"
        assert graph.connection.execute(formats).fetchall() == [(3, 2)]
    with LocalGraph.open(old_file) as graph:
        new = {"_id": "d2", "_key": "d2", "_type": "disk", "_class": "Disk", "gone": True, "cores": "8"}
        load(items_of(document(new), now=1), writer=graph)
        found = graph.relations.catalogue()
        assert sorts_of(found, "gone") == {Kind.BOOLEAN: {"disk"}}
        both = {"host", "disk"}
        assert sorts_of(found, "cores") == {Kind.NUMBER: both, Kind.STRING: both}
        assert graph.connection.execute('SELECT count(*) FROM entity WHERE "gone#b"').fetchone() == (1,)


def test_an_old_file_that_cannot_be_brought_up_to_date_stays_old(
    old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Relations):
        def create(self) -> None:
            super().create()
            raise StoreError("stopped halfway")

    with monkeypatch.context() as patched:
        patched.setattr("secgraph.adapters.local_graph.Relations", Broken)
        with pytest.raises(StoreError, match="stopped halfway"):
            LocalGraph.open(old_file)
    with duckdb.connect(str(old_file)) as opened:
        assert opened.execute("SELECT * FROM relations_format").fetchall() == [(1,)]
        assert opened.execute("SELECT format FROM graph_file").fetchall() == [(1,)]
    with LocalGraph.open(old_file) as graph:
        assert is_what_the_old_file_holds(graph.relations.catalogue())

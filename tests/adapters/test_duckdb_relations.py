"""The relations in DuckDB: what replace leaves behind, in memory and in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from secgraph.adapters.duckdb_relations import Relations
from secgraph.errors import StoreError
from secgraph.graph.model import Entity, Relationship, Value
from secgraph.graph.relations import Kind, Sort


@pytest.fixture(params=["memory", "file"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    place = ":memory:" if request.param == "memory" else str(tmp_path / "graph.duckdb")
    with duckdb.connect(place) as opened:
        yield opened


@pytest.fixture
def relations(connection: duckdb.DuckDBPyConnection) -> Relations:
    made = Relations(connection)
    made.create()
    return made


def entity(id_: str, **properties: Value) -> Entity:
    named: dict[str, Value] = {"_id": id_, "_key": f"key:{id_}", "_type": "thing", "_class": ("Record",)}
    return Entity(named | properties)


def edge(id_: str, from_id: str, verb: str, to_id: str, **properties: Value) -> Relationship:
    return Relationship(from_id, to_id, {"_id": id_, "_class": verb, "_type": "thing_x_thing"} | properties)


def edges(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    found = connection.execute(
        "SELECT s.key, r.class, d.key FROM relationship r "
        "JOIN node s ON s.id = r.src JOIN node d ON d.id = r.dst"
    )
    return set(found.fetchall())


def bodies(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, dict[str, object]]:
    found = [json.loads(body) for (body,) in connection.execute(f"SELECT body FROM {table}").fetchall()]
    return {metadata["_id"]: metadata | properties for metadata, properties in found}


def test_an_entity_comes_back_as_it_was(connection: duckdb.DuckDBPyConnection, relations: Relations) -> None:
    properties: dict[str, Value] = {
        "displayName": 'a "quoted" näme\nwith\x00 everything 🙂 \\ \' $1 ?',
        "count": 3,
        "score": 9.8,
        "open": True,
        "ports": (22, 443),
        "names": ("a", "b"),
        "flags": (True, False),
        "mixed": ("a", 1, True),
        "empty": (),
        "tag.cost-center": "cc",
        'odd"na.me; DROP TABLE entity': "x",
        "Name": "upper",
        "name": "lower",
    }
    relations.replace([("a", entity("a", **properties), ())])
    wanted = {
        k: list(v) if isinstance(v, tuple) else v for k, v in entity("a", **properties).properties.items()
    }
    assert bodies(connection, "entity_document") == {"a": wanted}
    kinds = relations.catalogue().entity_properties
    assert kinds["mixed"] == {Kind.STRINGS, Kind.NUMBERS, Kind.BOOLEANS, Kind.MIXED}
    assert kinds["empty"] == {Kind.STRINGS}
    row = connection.execute(
        'SELECT "count#n", "open#b", "ports#ln", "mixed#ls", "mixed#ln", "mixed#lb", "mixed#lm", "empty#ls", '
        '"^name#s", "name#s", "odd""na.me; ^d^r^o^p ^t^a^b^l^e entity#s" FROM entity'
    ).fetchone()
    assert row == (3.0, True, [22, 443], ["a"], [1], [True], '["a", 1, true]', [], "upper", "lower", "x")


def test_replacing_takes_away_what_an_item_no_longer_states(
    connection: duckdb.DuckDBPyConnection, relations: Relations
) -> None:
    relations.replace(
        [
            ("a", entity("a", colour="red"), [edge("1", "a", "HAS", "b"), edge("2", "c", "USES", "a")]),
            ("b", entity("b"), [edge("3", "b", "HAS", "a")]),
        ]
    )
    relations.replace([("a", entity("a", size=1), [edge("2", "c", "USES", "a")])])
    assert edges(connection) == {("c", "USES", "a"), ("b", "HAS", "a")}
    assert set(bodies(connection, "relationship_document")) == {"2", "3"}
    found = bodies(connection, "entity_document")["a"]
    assert "colour" not in found
    assert found["size"] == 1
    relations.replace([("a", None, ())])
    assert set(bodies(connection, "entity_document")) == {"b"}
    assert edges(connection) == {("b", "HAS", "a")}


def test_an_item_given_twice_holds_what_came_last(
    connection: duckdb.DuckDBPyConnection, relations: Relations
) -> None:
    relations.replace(
        [("a", entity("a", size=1), ()), ("a", entity("a", size=2), [edge("1", "a", "HAS", "a")])]
    )
    assert bodies(connection, "entity_document")["a"]["size"] == 2
    assert edges(connection) == {("a", "HAS", "a")}


def test_chunks_change_nothing(
    connection: duckdb.DuckDBPyConnection, relations: Relations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secgraph.adapters.duckdb_relations.CHUNK", 3)
    ids = [f"e{number}" for number in range(20)]
    pairs = list(zip(ids, [*ids[1:], ids[0]], strict=True))
    relations.replace(
        (near, entity(near, **{near: near}), [edge(near, near, "NEXT", far)]) for near, far in pairs
    )
    assert edges(connection) == {(near, "NEXT", far) for near, far in pairs}
    assert connection.execute("SELECT count(DISTINCT id), count(*) FROM relationship").fetchone() == (20, 20)
    assert connection.execute("SELECT count(DISTINCT id), count(*) FROM node").fetchone() == (20, 20)


def test_deleted_records_are_marked(connection: duckdb.DuckDBPyConnection, relations: Relations) -> None:
    gone = entity("a", _deleted=True)
    relations.replace([("a", gone, [edge("1", "a", "HAS", "b", _deleted=True)]), ("b", entity("b"), ())])
    assert connection.execute("SELECT deleted FROM entity ORDER BY id").fetchall() == [(True,), (False,)]
    assert connection.execute("SELECT deleted FROM relationship").fetchall() == [(True,)]


def test_what_json_and_utf8_cannot_hold_is_left_out(
    connection: duckdb.DuckDBPyConnection, relations: Relations
) -> None:
    odd = entity("a", bad=float("nan"), worse=(1.0, float("inf")), huge=10**400, text="lone \ud800 half")
    relations.replace([("a", odd, ())])
    found = bodies(connection, "entity_document")["a"]
    assert "bad" not in found
    assert found["worse"] == [1.0]
    assert found["text"] == "lone ? half"
    assert "bad" not in relations.catalogue().entity_properties


@pytest.mark.parametrize("many", [1, 8, 9, 300])
def test_new_properties_leave_older_rows_as_they_were(
    connection: duckdb.DuckDBPyConnection, relations: Relations, many: int
) -> None:
    relations.replace([("a", entity("a", name="old"), ())])
    tags: dict[str, Value] = {f"tag.t{number}": f"v{number}" for number in range(many)}
    relations.replace([("b", entity("b", **tags), ())])
    found = connection.execute(
        f'SELECT "_id#s", "name#s", "tag.t{many - 1}#s" FROM entity ORDER BY 1'
    ).fetchall()
    assert found == [("a", "old", None), ("b", None, f"v{many - 1}")]
    assert {name for name in relations.catalogue().entity_properties if name.startswith("tag.")} == set(tags)


def test_a_file_keeps_its_catalogue(tmp_path: Path) -> None:
    place = str(tmp_path / "graph.duckdb")
    with duckdb.connect(place) as first:
        relations = Relations(first)
        relations.create()
        relations.replace([("a", entity("a", size=1), [edge("1", "a", "HAS", "a", weight=2)])])
        before = relations.catalogue()
    with duckdb.connect(place) as second:
        again = Relations(second)
        again.create()
        assert again.catalogue() == before
        assert before.sorts == (Sort(0, "thing", ("Record",)),)
        assert before.verbs == {"HAS"}
        assert before.entity_properties["size"] == {Kind.NUMBER}
        assert before.relationship_properties["weight"] == {Kind.NUMBER}
        again.replace([("b", entity("b", size="big"), ())])
        assert again.catalogue().entity_properties["size"] == {Kind.NUMBER, Kind.STRING}
        assert second.execute("SELECT count(*) FROM entity").fetchone() == (2,)


def test_a_rolled_back_transaction_leaves_nothing(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "graph.duckdb")) as connection:
        relations = Relations(connection)
        relations.create()
        connection.begin()
        relations.replace([("a", entity("a", size=1), ())])
        connection.rollback()
        assert relations.catalogue().entity_properties == {}
        relations.replace([("a", entity("a", size=1), ())])
        assert connection.execute('SELECT "size#n" FROM entity').fetchall() == [(1.0,)]


def test_another_format_is_refused(connection: duckdb.DuckDBPyConnection, relations: Relations) -> None:
    connection.execute("UPDATE relations_format SET version = 999")
    with pytest.raises(StoreError, match="format 999"):
        relations.create()


def test_equal_lists_of_several_kinds_are_one_text(
    relations: Relations, connection: duckdb.DuckDBPyConnection
) -> None:
    numbers = [(1, 1.0), (-0.0, 0), (10**20, 1e20), (2**53 + 1, 2.0**53)]
    pairs = [(f"{place}{side}", pair[side]) for place, pair in enumerate(numbers) for side in (0, 1)]
    relations.replace([(id_, entity(id_, v=("a", number, True)), []) for id_, number in pairs])
    texts = connection.execute('SELECT DISTINCT "v#lm" FROM entity ORDER BY 1').fetchall()
    assert [json.loads(text)[1] for (text,) in texts] == [0, 1, 10**20, 2**53]

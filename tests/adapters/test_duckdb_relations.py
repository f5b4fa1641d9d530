"""The relations in DuckDB: what rows of items leave behind, and what the catalogue says of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import duckdb
import pytest

from secgraph.adapters.relations.relations import Relations
from secgraph.errors import StoreError
from secgraph.graph.documents import entity_of
from secgraph.graph.model import Entity, Relationship, Value
from secgraph.graph.relations import Catalogue, Kind, Link
from secgraph.image.expand import row_of
from secgraph.image.rows import Version


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        yield opened


@pytest.fixture
def relations(connection: duckdb.DuckDBPyConnection) -> Relations:
    return Relations(connection)


Drawn = tuple[str, Entity | None, Sequence[Relationship]]


def lay(relations: Relations, *drawn: Drawn, rev: int = 1) -> None:
    relations.apply([row_of(*each, Version(rev, 0)) for each in drawn])


def entity(id_: str, type_: Value = "thing", **properties: Value) -> Entity:
    named: dict[str, Value] = {"_id": id_, "_key": f"key:{id_}", "_type": type_, "_class": ("Record",)}
    return Entity(named | properties)


def edge(id_: str, from_id: str, verb: str, to_id: str, **properties: Value) -> Relationship:
    return Relationship(from_id, to_id, {"_id": id_, "_class": verb, "_type": "thing_x_thing"} | properties)


def edges(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    """List the relationships by the `_id`s of their ends; `?` is an end that is not there."""
    found = connection.execute(
        """SELECT coalesce(s."_id#s", '?'), r.class, coalesce(d."_id#s", '?') FROM relationship r """
        "LEFT JOIN entity s ON s.id = r.src LEFT JOIN entity d ON d.id = r.dst"
    )
    return set(found.fetchall())


def documents(connection: duckdb.DuckDBPyConnection, relations: Relations) -> dict[str, dict[str, object]]:
    ids = [id_ for (id_,) in connection.execute("SELECT id FROM entity ORDER BY id").fetchall()]
    read = [entity_of(tuple(json.loads(text))) for text in relations.documents(ids)]
    return {metadata["_id"]: metadata | properties for metadata, properties in read}


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
    lay(relations, ("a", entity("a", **properties), ()))
    wanted = {
        k: list(v) if isinstance(v, tuple) else v for k, v in entity("a", **properties).properties.items()
    }
    assert documents(connection, relations) == {"a": wanted}
    kinds = relations.catalogue().entity_properties
    assert kinds["mixed"] == {Kind.STRINGS, Kind.NUMBERS, Kind.BOOLEANS, Kind.MIXED}
    assert kinds["empty"] == {Kind.STRINGS}
    row = connection.execute(
        'SELECT "count#n", "open#b", "ports#ln", "mixed#ls", "mixed#ln", "mixed#lb", "mixed#lm", "empty#ls", '
        '"^name#s", "name#s", "odd""na.me; ^d^r^o^p ^t^a^b^l^e entity#s" FROM entity'
    ).fetchone()
    assert row == (3.0, True, [22, 443], ["a"], [1], [True], '["a", 1, true]', [], "upper", "lower", "x")


def test_a_newer_row_takes_away_what_an_item_no_longer_states(
    connection: duckdb.DuckDBPyConnection, relations: Relations
) -> None:
    first = [edge("1", "a", "HAS", "b"), edge("2", "c", "USES", "a")]
    lay(relations, ("a", entity("a", colour="red"), first), ("b", entity("b"), [edge("3", "b", "HAS", "a")]))
    lay(relations, ("a", entity("a", size=1), [edge("2", "c", "USES", "a")]), rev=2)
    assert edges(connection) == {("?", "USES", "a"), ("b", "HAS", "a")}
    found = documents(connection, relations)["a"]
    assert "colour" not in found
    assert found["size"] == 1
    lay(relations, ("a", None, ()), rev=3)
    assert set(documents(connection, relations)) == {"b"}
    assert edges(connection) == {("b", "HAS", "?")}


def test_of_rows_of_one_item_the_newest_holds(
    connection: duckdb.DuckDBPyConnection, relations: Relations
) -> None:
    rows = [
        row_of("a", entity("a", size=rev), [edge(f"{rev}", "a", f"V{rev}", "a")], Version(rev, 0))
        for rev in (1, 3, 2)
    ]
    relations.apply(rows)
    relations.apply(rows[2:])
    assert documents(connection, relations)["a"]["size"] == 3
    assert edges(connection) == {("a", "V3", "a")}


def test_chunks_change_nothing(
    connection: duckdb.DuckDBPyConnection, relations: Relations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secgraph.adapters.relations.deltas.CHUNK", 3)
    ids = [f"e{number}" for number in range(20)]
    pairs = list(zip(ids, [*ids[1:], ids[0]], strict=True))
    lay(
        relations,
        *[(near, entity(near, **{near: near}), [edge(near, near, "NEXT", far)]) for near, far in pairs],
    )
    assert edges(connection) == {(near, "NEXT", far) for near, far in pairs}
    assert connection.execute("SELECT count(DISTINCT id), count(*) FROM relationship").fetchone() == (20, 20)
    assert connection.execute("SELECT count(DISTINCT id), count(*) FROM delta_node").fetchone() == (20, 20)


def test_deleted_records_are_marked(connection: duckdb.DuckDBPyConnection, relations: Relations) -> None:
    gone = entity("a", _deleted=True)
    lay(relations, ("a", gone, [edge("1", "a", "HAS", "b", _deleted=True)]), ("b", entity("b", "other"), ()))
    assert connection.execute("SELECT deleted FROM entity ORDER BY id").fetchall() == [(True,), (False,)]
    assert connection.execute("SELECT deleted FROM relationship").fetchall() == [(True,)]
    assert relations.catalogue().deleted == {0}


def test_what_json_and_utf8_cannot_hold_is_left_out(
    connection: duckdb.DuckDBPyConnection, relations: Relations
) -> None:
    odd = entity("a", bad=float("nan"), worse=(1.0, float("inf")), huge=10**400, text="lone \ud800 half")
    lay(relations, ("a", odd, [edge("1", "a", "HAS", "a", bad=float("inf"), text="\udfff")]))
    found = documents(connection, relations)["a"]
    assert "bad" not in found
    assert found["worse"] == [1.0]
    assert found["text"] == "lone ? half"
    assert not {"bad", "huge"} & {*found, *relations.catalogue().entity_properties}
    (stated,) = connection.execute("SELECT stated FROM relationship").fetchall()
    assert json.loads(stated[0])["whole"].keys() == {"_id", "_class", "_type", "text"}


@pytest.mark.parametrize("many", [1, 8, 9, 300])
def test_new_properties_leave_older_rows_as_they_were(
    connection: duckdb.DuckDBPyConnection, relations: Relations, many: int
) -> None:
    lay(relations, ("a", entity("a", name="old"), ()))
    tags: dict[str, Value] = {f"tag.t{number}": f"v{number}" for number in range(many)}
    lay(relations, ("b", entity("b", **tags), ()))
    found = connection.execute(
        f'SELECT "_id#s", "name#s", "tag.t{many - 1}#s" FROM entity ORDER BY 1'
    ).fetchall()
    assert found == [("a", "old", None), ("b", None, f"v{many - 1}")]
    assert {name for name in relations.catalogue().entity_properties if name.startswith("tag.")} == set(tags)


def test_equal_lists_of_several_kinds_are_one_text(
    relations: Relations, connection: duckdb.DuckDBPyConnection
) -> None:
    numbers = [(1, 1.0), (-0.0, 0), (10**20, 1e20), (2**53 + 1, 2.0**53)]
    pairs = [(f"{place}{side}", pair[side]) for place, pair in enumerate(numbers) for side in (0, 1)]
    lay(relations, *[(id_, entity(id_, v=("a", number, True)), []) for id_, number in pairs])
    texts = connection.execute('SELECT DISTINCT "v#lm" FROM entity ORDER BY 1').fetchall()
    assert [json.loads(text)[1] for (text,) in texts] == [0, 1, 10**20, 2**53]


def test_a_document_that_is_not_there_is_an_error(relations: Relations) -> None:
    with pytest.raises(StoreError, match="The document of the entity 7 is missing"):
        relations.documents([7])


# ── the catalogue ─────────────────────────────────────────────────────────────────────────────────────


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


def test_each_property_lists_the_sorts_and_verbs_that_have_it(relations: Relations) -> None:
    ports: Value = (22, "ssh")
    odd = edge("2", "b", "it's \x00 odd", "a", weight=2, **{"no^Te": "x"})
    lay(
        relations,
        ("a", entity("a", "host", cores=7, ports=ports), [edge("1", "a", "HAS", "b", weight=2)]),
        ("b", entity("b", "host", cores="7"), [odd]),
    )
    lay(relations, ("c", entity("c", "disk", cores=8), [edge("3", "c", "USES", "nobody", weight=1)]))
    found = relations.catalogue()
    assert [(sort.number, sort.type) for sort in found.sorts] == [(0, "host"), (1, "disk")]
    assert sorts_of(found, "cores") == {Kind.NUMBER: {"host", "disk"}, Kind.STRING: {"host"}}
    assert sorts_of(found, "ports") == {kind: {"host"} for kind in (Kind.NUMBERS, Kind.STRINGS, Kind.MIXED)}
    assert verbs_of(found, "weight") == {Kind.NUMBER: {"HAS", "it's \x00 odd", "USES"}}
    assert verbs_of(found, "no^Te") == {Kind.STRING: {"it's \x00 odd"}}
    assert verbs_of(found, "_class") == {Kind.STRING: found.verbs}
    assert found.links == {Link("HAS", 0, 0), Link("it's \x00 odd", 0, 0)}


def test_the_catalogue_is_kept_while_nothing_new_comes(relations: Relations) -> None:
    lay(relations, ("a", entity("a", size=1), [edge("1", "a", "HAS", "a")]))
    found = relations.catalogue()
    lay(relations, ("b", entity("b", size=2), [edge("2", "b", "HAS", "a")]))
    assert relations.catalogue() is found

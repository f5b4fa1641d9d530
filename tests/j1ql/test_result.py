"""Rows → response: whole numbers, moments, duplicate and spread columns."""

from __future__ import annotations

from typing import Any

import pytest

from secgraph.graph.model import id_of
from secgraph.graph.relations import Kind, Rows, Statement
from secgraph.j1ql.results.response import named, response
from secgraph.j1ql.sql.plan import (
    EntityCells,
    ListShape,
    Plan,
    RelationshipCells,
    Shape,
    TableShape,
    TreeShape,
    ValueCells,
)

METADATA = (
    '"_id": "a", "_key": "k", "_type": "t", "_class": ["T", "U"], "_createdOn": 1717200000000, '
    '"_version": 3, "_latestOn": 1e300, "displayName": "A"'
)
PROPERTIES = '"seenOn": 1717200000000, "size": 5000.0, "share": 0.5, "ports": [22.0, 1.5]'
ONE = 8
TWO = 9
DOCUMENTS = {
    ONE: f"[{{{METADATA}}}, {{{PROPERTIES}}}]",
    TWO: '[{"_key": "other", "_type": "u"}, {"size": 1}]',
}


def answered(shape: Shape, rows: Rows, **place: Any) -> dict[str, Any]:
    plan = Plan(Statement(""), shape, (), **place)
    return response(plan, rows, {id_: DOCUMENTS[id_] for id_ in named(plan, rows)})


def test_an_entity_of_a_list() -> None:
    answer = answered(ListShape(), [(1, ONE)])
    assert answer == {
        "type": "list",
        "totalCount": 1,
        "data": [
            {
                "id": "a",
                "entity": {
                    "_id": "a",
                    "_key": "k",
                    "_type": ["t"],
                    "_class": ["T", "U"],
                    "_createdOn": "2024-06-01T00:00:00.000Z",
                    "_version": 3,
                    "_latestOn": int(1e300),
                    "displayName": "A",
                },
                "properties": {"seenOn": 1717200000000, "size": 5000, "share": 0.5, "ports": [22, 1.5]},
            }
        ],
    }


def test_an_id_that_follows_from_the_key_is_put_back() -> None:
    entity = answered(ListShape(), [(1, TWO)])["data"][0]
    assert entity["id"] == entity["entity"]["_id"] == id_of("other")


def test_an_entity_that_is_spread_keeps_raw_values() -> None:
    """Also where another column shows the same entity."""
    shape = TableShape((EntityCells("y"), EntityCells("x.", spread=True)))
    row = answered(shape, [(1, ONE, ONE)])["data"][0]
    assert row.pop("y")["entity"]["_createdOn"] == "2024-06-01T00:00:00.000Z"
    assert len(row) == 12
    assert row["x._type"] == "t"
    assert row["x._createdOn"] == 1717200000000
    assert row["x.displayName"] == "A"


def test_cells_by_kind() -> None:
    kinds = (Kind.STRING, Kind.NUMBER, Kind.BOOLEAN, Kind.STRINGS, Kind.NUMBERS, Kind.MIXED)
    shape = TableShape((ValueCells("v", kinds),))
    rows: Rows = [
        (7, "7", None, None, None, None, None),
        (7, None, 7.0, None, None, None, None),
        (7, None, 7.5, None, None, None, None),
        (7, None, None, False, None, None, None),
        (7, None, None, None, "[]", None, None),
        (7, None, None, None, '["a"]', "[1.0]", '[1, "a"]'),
        (7, None, None, None, None, None, None),
    ]
    answer = answered(shape, rows)
    assert answer["data"] == [{"v": "7"}, {"v": 7}, {"v": 7.5}, {"v": False}, {"v": []}, {"v": [1, "a"]}, {}]
    assert [type(row["v"]) for row in answer["data"][1:3]] == [int, float]
    assert answer["columns"] == ["v"]


def test_columns_that_a_record_brings_stand_where_it_stands() -> None:
    shape = TableShape((ValueCells("n", (Kind.NUMBER,)), EntityCells("x.", spread=True), ValueCells("z", ())))
    columns = answered(shape, [(2, 1.0, TWO), (2, 2.0, ONE)])["columns"]
    assert columns[:5] == ["n", "x._key", "x._type", "x._id", "x.size"]
    assert columns[5:] == ["x._class", "x._createdOn", "x._version", "x._latestOn", *_REST, "z"]


_REST = ("x.displayName", "x.seenOn", "x.share", "x.ports")


def test_a_record_that_a_path_skipped_is_left_out() -> None:
    shape = TableShape((RelationshipCells("r"),), (EntityCells("u"), RelationshipCells("r")))
    none = (None, None, None, None)
    assert answered(shape, [(1, *none, ONE, *none)])["data"] == [
        {"_meta": {"byAlias": {"u": {"id": "a", "entity": {"_id": "a"}}}}}
    ]


DERIVED = {
    "_id": id_of("k|has|other"),
    "_key": "k|has|other",
    "_class": "HAS",
    "_type": "t_has_u",
    "_fromEntityKey": "k",
    "_toEntityKey": "other",
}
RELATIONSHIPS = [
    (None, DERIVED, {"displayName": "HAS"}),
    (
        '{"properties": {"weight": 3.0, "_seenOn": 0}}',
        {**DERIVED, "_seenOn": "1970-01-01T00:00:00.000Z"},
        {"displayName": "HAS", "weight": 3},
    ),
    ('{"whole": {"_id": "r", "_class": "HAS", "w": 1.5}}', {"_id": "r", "_class": "HAS"}, {"w": 1.5}),
]


@pytest.mark.parametrize(("stated", "metadata", "properties"), RELATIONSHIPS)
def test_a_relationship_follows_from_its_ends(
    stated: str | None, metadata: dict[str, Any], properties: dict[str, Any]
) -> None:
    """In a cell, spread over columns, and as row metadata."""
    shape = TableShape(
        (RelationshipCells("r"), RelationshipCells("x.", spread=True)), (RelationshipCells("m"),)
    )
    cells = (ONE, TWO, "HAS", stated)
    row = answered(shape, [(1, *cells, *cells, *cells)])["data"][0]
    shown = {
        "id": metadata["_id"],
        "fromVertexId": "a",
        "toVertexId": id_of("other"),
        "relationship": metadata,
        "properties": properties,
    }
    assert row.pop("r") == shown
    assert row.pop("_meta") == {
        "byAlias": {"m": {"id": metadata["_id"], "relationship": {"_id": metadata["_id"]}}}
    }
    assert row.keys() == {f"x.{name}" for name in (*metadata, *properties)}
    tree = answered(TreeShape(), [("e", 1, 4, *cells), *(("v", 0, id_, *cells) for id_ in (ONE, TWO))])
    assert tree["data"]["edges"] == [shown]


def test_an_entity_is_named_once_however_many_cells_have_it() -> None:
    shape = TableShape((EntityCells("x"), RelationshipCells("r")), (EntityCells("x"),))
    rows: Rows = [(2, ONE, ONE, TWO, "HAS", None, ONE), (2, None, TWO, ONE, "HAS", None, TWO)]
    assert named(Plan(Statement(""), shape, ()), rows) == [ONE, TWO]


def test_the_total_knows_skip_and_limit() -> None:
    rows: Rows = [(100, ONE)]
    assert answered(ListShape(), rows, skip=30)["totalCount"] == 70
    assert answered(ListShape(), rows, skip=30, limit=50)["totalCount"] == 50
    assert answered(ListShape(), rows, skip=30, limit=90)["totalCount"] == 70
    assert answered(ListShape(), [])["totalCount"] == 0
    assert "totalCount" not in answered(ListShape(), [], offset=250)


def test_a_tree_is_put_in_order() -> None:
    """By the distance from the start, then by id; relationships with numbers read as `whole` says."""
    none = (None, None, None, None)
    keyed = {id_: f'[{{"_id": "{id_}", "_key": "{id_}", "_type": "t"}}, {{}}]' for id_ in (5, 7, 9)}
    rows: Rows = [
        ("v", 1, 7, *none),
        ("e", 1, 1, 9, 7, "HAS", '{"discriminator": "second"}'),
        ("e", 1, 0, 5, 9, "HAS", None),
        ("v", 0, 9, *none),
        ("v", 1, 5, *none),
    ]
    plan = Plan(Statement(""), TreeShape(), ())
    assert named(plan, rows) == [7, 9, 5]
    data = response(plan, rows, keyed)["data"]
    assert [vertex["id"] for vertex in data["vertices"]] == ["9", "5", "7"]
    ends = [(it["fromVertexId"], it["toVertexId"], it["relationship"]["_key"]) for it in data["edges"]]
    assert ends == [("5", "9", "5|has|9"), ("9", "7", "9|has|7:second")]


def test_a_tree_of_nothing() -> None:
    assert answered(TreeShape(), []) == {"type": "tree", "data": {"vertices": [], "edges": []}}

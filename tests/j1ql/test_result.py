"""Rows → response: whole numbers, moments, duplicate and spread columns."""

from __future__ import annotations

from typing import Any

import pytest

from secgraph.graph.relations import Kind, Rows, Statement
from secgraph.j1ql.results.response import response
from secgraph.j1ql.sql.plan import (
    EntityCells,
    IdCell,
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
BODY = f"[{{{METADATA}}}, {{{PROPERTIES}}}]"
OF_FORMAT_1 = f"{{{PROPERTIES}, {METADATA}}}"


def answered(shape: Shape, rows: Rows, **place: Any) -> dict[str, Any]:
    return response(Plan(Statement(""), shape, (), **place), rows)


@pytest.mark.parametrize("body", [BODY, OF_FORMAT_1])
def test_an_entity_of_a_list(body: str) -> None:
    answer = answered(ListShape(), [(1, body)])
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


@pytest.mark.parametrize("body", [BODY, OF_FORMAT_1])
def test_an_entity_that_is_spread_keeps_raw_values(body: str) -> None:
    row = answered(TableShape((EntityCells("x.", spread=True),)), [(1, body)])["data"][0]
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
    rows: Rows = [(2, 1.0, '{"_id": "a", "p": 1}'), (2, 2.0, '{"_id": "b", "q": 1}')]
    assert answered(shape, rows)["columns"] == ["n", "x._id", "x.p", "x.q", "z"]


def test_a_record_that_a_path_skipped_is_left_out() -> None:
    shape = TableShape((RelationshipCells("r"),), (IdCell("u", "entity"), IdCell("r", "relationship")))
    row = (1, None, None, None, "a", None)
    assert answered(shape, [row])["data"] == [
        {"_meta": {"byAlias": {"u": {"id": "a", "entity": {"_id": "a"}}}}}
    ]


def test_the_total_knows_skip_and_limit() -> None:
    rows: Rows = [(100, BODY)]
    assert answered(ListShape(), rows, skip=30)["totalCount"] == 70
    assert answered(ListShape(), rows, skip=30, limit=50)["totalCount"] == 50
    assert answered(ListShape(), rows, skip=30, limit=90)["totalCount"] == 70
    assert answered(ListShape(), [])["totalCount"] == 0
    assert "totalCount" not in answered(ListShape(), [], offset=250)


@pytest.mark.parametrize(
    "edge",
    [
        '[{"_id": "r", "_class": "HAS"}, {"displayName": "HAS"}]',
        '{"displayName": "HAS", "_id": "r", "_class": "HAS"}',
    ],
)
def test_a_tree_is_put_in_order(edge: str) -> None:
    rows: Rows = [
        ("v", 1, 7, '[{"_id": "c"}, {}]', None, None),
        ("e", 1, 0, edge, 9, 7),
        ("v", 0, 9, '{"_id": "a"}', None, None),
        ("v", 1, 5, '[{"_id": "b"}, {}]', None, None),
    ]
    data = answered(TreeShape(), rows)["data"]
    assert [vertex["id"] for vertex in data["vertices"]] == ["a", "b", "c"]
    assert data["edges"] == [
        {
            "id": "r",
            "fromVertexId": "a",
            "toVertexId": "c",
            "relationship": {"_id": "r", "_class": "HAS"},
            "properties": {"displayName": "HAS"},
        }
    ]


def test_a_tree_of_nothing() -> None:
    assert answered(TreeShape(), []) == {"type": "tree", "data": {"vertices": [], "edges": []}}

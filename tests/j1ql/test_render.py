"""Responses as people and spreadsheets read them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from secgraph.errors import InputError
from secgraph.j1ql.results.render import WIDEST, render
from secgraph.j1ql.text.terminal import columns


def vertex(id_: str, type_: str, name: str, **properties: Any) -> dict[str, Any]:
    entity = {"_id": id_, "_type": [type_], "_class": ["X"], "displayName": name}
    return {"id": id_, "entity": entity, "properties": properties}


def edge(from_id: str, verb: str, to_id: str) -> dict[str, Any]:
    id_ = f"{from_id}-{verb}-{to_id}"
    ends = {"fromVertexId": from_id, "toVertexId": to_id}
    return {"id": id_, **ends, "relationship": {"_id": id_, "_class": verb}, "properties": {}}


TREE = {
    "type": "tree",
    "data": {
        "vertices": [
            vertex(
                "11111111-aaaa", "aws_guardduty_finding", "Port probe", severity="Medium", numericSeverity=5
            ),
            vertex(
                "22222222-aaaa", "aws_guardduty_finding", "Crypto mining", severity="High", numericSeverity=8
            ),
            vertex("33333333-bbbb", "aws_instance", "web-1"),
            vertex(
                "44444444-cccc",
                "aws_inspector_finding",
                "CVE-2024-1",
                severity="Critical",
                numericSeverity=9.8,
            ),
            vertex("55555555-cccc", "aws_inspector_finding", "CVE-2024-2"),
        ],
        "edges": [
            edge("33333333-bbbb", "HAS", "11111111-aaaa"),
            edge("33333333-bbbb", "HAS", "22222222-aaaa"),
            edge("33333333-bbbb", "HAS", "44444444-cccc"),
            edge("33333333-bbbb", "HAS", "55555555-cccc"),
        ],
    },
}


def test_a_tree_has_the_start_entities_leftmost() -> None:
    assert render(TREE, "tree").splitlines() == [
        "aws_guardduty_finding Port probe · Medium 5 [11111111]",
        "└─ ← HAS aws_instance web-1 [33333333]",
        "   ├─ HAS → aws_inspector_finding CVE-2024-1 · Critical 9.8 [44444444]",
        "   └─ HAS → aws_inspector_finding CVE-2024-2 [55555555]",
        "aws_guardduty_finding Crypto mining · High 8 [22222222]",
        "└─ ← HAS aws_instance web-1 [33333333] (as above)",
        "",
        "5 entities, 4 relationships",
    ]


def test_loops_and_circles_end() -> None:
    names = ["a", "b", "c"]
    edges = [edge("a", "NEXT", "b"), edge("b", "NEXT", "c"), edge("c", "NEXT", "a"), edge("a", "LOOP", "a")]
    data = {"vertices": [vertex(it, "t", it) for it in names], "edges": edges}
    lines = render({"type": "tree", "data": data}, "tree").splitlines()
    assert lines[-1] == "3 entities, 4 relationships"
    assert sum("LOOP" in line for line in lines) == 1
    assert sum("NEXT" in line for line in lines) >= 3


def test_a_list_as_a_table() -> None:
    data = [vertex("1", "aws_instance", "web-1"), vertex("2", "snyk_finding", "CVE", severity="high")]
    text = render({"type": "list", "data": data, "totalCount": 2}, "table")
    assert text.splitlines() == [
        "name   type          severity  id",
        "─────  ────────────  ────────  ──",
        "web-1  aws_instance            1",
        "CVE    snyk_finding  high      2",
        "",
        "2 entities",
    ]


def test_a_table_keeps_its_columns_and_says_that_more_follows() -> None:
    table = {
        "type": "table",
        "columns": ["b", "a"],
        "data": [{"a": 1.5}, {"b": ["x", True]}],
        "totalCount": 9,
        "cursor": "abc",
        "messages": ["no entity has class Hots"],
    }
    assert render(table, "table").splitlines() == [
        "b        a",
        "───────  ───",
        "         1.5",
        "x, true",
        "",
        "2 of 9 rows",
        "more with the cursor abc",
        "note: no entity has class Hots",
    ]


def test_nothing_found() -> None:
    assert render({"type": "table", "columns": ["a"], "data": [], "totalCount": 0}, "table").endswith(
        "\n\n0 rows"
    )


def test_control_characters_never_reach_a_terminal() -> None:
    nasty = vertex("1", "t", "red \x1b[31m text\nnext\u202e line" + "x" * 200)
    for response in (
        {"type": "list", "data": [nasty]},
        {"type": "tree", "data": {"vertices": [nasty], "edges": []}},
        {"type": "table", "columns": ["\x1b"], "data": [{"\x1b": "\x07\u202e"}]},
    ):
        text = render(response, "table")
        assert all(char == "\n" or char.isprintable() for char in text)
        assert max(map(len, text.splitlines())) < WIDEST + 20


@pytest.mark.parametrize("form", ["csv", "json"])
def test_nor_do_they_by_way_of_a_file(form: str) -> None:
    value = "\x1b[2J \x9b31m \x85 \x7f \u202e \u2066 \x00 text\nnext\tone"
    table = {"type": "table", "columns": [value], "data": [{value: value}, {value: [value]}]}
    text = render(table, form)
    assert not set("\x1b\x9b\x85\x7f\u202e\u2066\x00") & set(text)
    assert form == "csv" or json.loads(text) == table


def test_wide_letters_keep_the_columns_straight() -> None:
    rows = [{"a": "日本語", "b": "1"}, {"a": "e\u0301", "b": "2"}, {"a": "日" * WIDEST, "b": "3"}]
    lines = render({"type": "table", "columns": ["a", "b"], "data": rows}, "table").splitlines()
    assert [columns(line) for line in lines[1:5]] == [WIDEST + 2] * 4
    assert lines[4].startswith("日" * ((WIDEST - 1) // 2) + "…")


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "  =1", "\u00a0+1", "＝1", "＠SUM(A1)"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_csv_cell_starts_a_formula(text: str) -> None:
    table = {"type": "table", "columns": ["a", text], "data": [{"a": text, text: -1}]}
    assert list(csv.reader(io.StringIO(render(table, "csv"), newline=""))) == [
        ["a", f"'{text}"],
        [f"'{text}", "-1"],
    ]


def test_csv_of_lists_and_trees() -> None:
    listed = render({"type": "list", "data": [vertex("1", "t", 'a "b", c', ports=[1, 2], open=True)]}, "csv")
    assert list(csv.DictReader(io.StringIO(listed))) == [
        {
            "id": "1",
            "_id": "1",
            "_type": "t",
            "_class": "X",
            "displayName": 'a "b", c',
            "ports": "[1, 2]",
            "open": "true",
        }
    ]
    rows = list(csv.DictReader(io.StringIO(render(TREE, "csv"))))
    assert [row["kind"] for row in rows] == ["entity"] * 5 + ["relationship"] * 4
    assert rows[-1]["fromVertexId"] == "33333333-bbbb"


def test_json_is_the_response() -> None:
    assert json.loads(render(TREE, "json")) == TREE


def test_an_unknown_form() -> None:
    with pytest.raises(InputError, match="xml is not known; expected one of table, tree, csv, json"):
        render(TREE, "xml")

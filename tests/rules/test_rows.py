"""Rows: which changes of an answer make a new row, and what is kept of one for a message."""

from __future__ import annotations

from typing import Any

import pytest

from secgraph.j1ql import parse
from secgraph.rules.rows import Answer, rows_of, rows_wanted


def hashes(query: str, kind: str, *rows: dict[str, Any], name: str = "query0") -> list[int]:
    return [row.hash for row in rows_of(Answer(kind, rows, len(rows)), parse(query), name)]


def item(id_: str, **properties: Any) -> dict[str, Any]:
    return {"id": id_, "entity": {"_id": id_, "_type": ["aws_instance"]}, "properties": properties}


def bound(row: dict[str, Any], **aliases: str) -> dict[str, Any]:
    by_alias = {alias: {"id": id_, "entity": {"_id": id_}} for alias, id_ in aliases.items()}
    return {**row, "_meta": {"byAlias": by_alias}}


SAME = [
    ("FIND Host", "list", item("a", count=1, name="x"), item("a", count=2, name="y")),
    ("FIND Host AS h RETURN h.name", "table", bound({"h.name": "x"}, h="a"), bound({"h.name": "y"}, h="a")),
    ("FIND UNIQUE Host AS h RETURN h.name, h.count", "table", {"h.name": "x", "h.count": 1}, {"h.name": "x"}),
    (
        "FIND UNIQUE Host AS h RETURN h.name, h.updatedOn AS at",
        "table",
        {"h.name": "x", "at": 1},
        {"h.name": "x"},
    ),
    ("FIND UNIQUE Host AS h RETURN h.*", "table", {"h.n": 1, "h._version": 1}, {"h.n": 1, "h._version": 2}),
    (
        "FIND Host AS h RETURN h.region, count(h) AS n",
        "table",
        {"h.region": "x", "n": 1},
        {"h.region": "x", "n": 7},
    ),
    (
        "FIND Host AS h RETURN h.region, count(h)",
        "table",
        {"h.region": "x", "count(h)": 1},
        {"h.region": "x"},
    ),
    ("FIND UNIQUE Host AS h RETURN h", "table", {"h": item("a", name="x")}, {"h": item("a", name="y")}),
]
DIFFERENT = [
    ("FIND Host", "list", item("a"), item("b")),
    ("FIND Host AS h RETURN h.name", "table", bound({"h.name": "x"}, h="a"), bound({"h.name": "x"}, h="b")),
    ("FIND Host AS h RETURN h.name", "table", bound({}, h="a", r="1"), bound({}, h="a", r="2")),
    ("FIND UNIQUE Host AS h RETURN h.name", "table", {"h.name": "x"}, {"h.name": "y"}),
    ("FIND UNIQUE Host AS h RETURN h.name", "table", {"h.name": 1}, {"h.name": "1"}),
    ("FIND Host AS h RETURN h.region, count(h)", "table", {"h.region": "x"}, {"h.region": "y"}),
    ("FIND UNIQUE Host AS h RETURN h.[tag.count]", "table", {"h.tag.count": 1}, {"h.tag.count": 2}),
]


@pytest.mark.parametrize(("query", "kind", "one", "other"), SAME)
def test_what_moves_by_itself_is_not_a_new_row(query: str, kind: str, one: Any, other: Any):
    assert hashes(query, kind, one) == hashes(query, kind, other)


@pytest.mark.parametrize(("query", "kind", "one", "other"), DIFFERENT)
def test_another_thing_is_a_new_row(query: str, kind: str, one: Any, other: Any):
    assert len(set(hashes(query, kind, one, other))) == 2


def test_each_identity_comes_once_and_queries_do_not_share_them():
    assert len(hashes("FIND Host", "list", item("a"), item("a"), item("b"))) == 2
    one = hashes("FIND Host", "list", item("a"), name="query0")
    other = hashes("FIND Host", "list", item("a"), name="query1")
    assert one != other


def test_a_hash_stays_what_it_was():
    """Stored alerts hold these hashes: a change here would open every row anew."""
    assert hashes("FIND Host", "list", item("a")) == [3814977213383622991]


@pytest.mark.parametrize(
    ("row", "facts"),
    [
        (
            {"i.displayName": "web-1", "i.region": "eu-west-1", "g.displayName": "mining", "g.region": "x"},
            {"displayName": "web-1 / mining", "region": "eu-west-1"},
        ),
        (
            {"i.name": "i-1", "i.displayName": "web-1", "g.numericSeverity": 5, "f.numericSeverity": 9.8},
            {"displayName": "web-1", "numericSeverity": 9.8},
        ),
        ({"h.tag.AccountName": "prod"}, {"displayName": "h.tag.AccountName=prod", "tag.AccountName": "prod"}),
        ({"total": 3, "region": "x"}, {"displayName": "total=3, region=x", "total": 3, "region": "x"}),
        (
            {"h": item("a", displayName="web-1", region="x")},
            {"displayName": "web-1", "region": "x", "_id": "a", "_type": ["aws_instance"]},
        ),
    ],
)
def test_a_table_row_is_gathered_by_property(row: dict[str, Any], facts: dict[str, Any]):
    (found,) = rows_of(Answer("table", [row], 1), parse("FIND Host AS h RETURN h.name"), "query0")
    assert found.facts == facts


def test_a_list_item_is_its_properties_over_its_metadata():
    (found,) = rows_of(Answer("list", [item("a", name="x")], 1), parse("FIND Host"), "query0")
    assert found.facts == {"_id": "a", "_type": ["aws_instance"], "name": "x"}


def test_a_tree_is_counted_by_its_start_entities():
    assert str(rows_wanted(parse("FIND Host THAT HAS Finding RETURN TREE"))) == "FIND Host THAT HAS Finding"
    query = parse("FIND Host AS h RETURN h.name")
    assert rows_wanted(query) is query

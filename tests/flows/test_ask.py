"""Asking: pages, cursors, bounds. What queries mean is tested in tests/j1ql."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.adapters.relations.relations import Relations
from secgraph.errors import Position, QueryError
from secgraph.flows.ask import ask, explain
from secgraph.flows.asking import compile_query
from secgraph.graph.model import Entity, Relationship, Value
from secgraph.image.expand import row_of
from secgraph.image.rows import Version

COUNT = 600


@pytest.fixture(scope="module")
def reader() -> Iterator[DuckDBReader]:
    """A hub that has 600 things, each with a moment of its own."""
    with duckdb.connect(":memory:") as connection:
        relations = Relations(connection)
        hub: dict[str, Value] = {"_id": "hub", "_key": "hub", "_type": "hub", "_class": ("Hub",)}
        things: list[dict[str, Value]] = [
            {"_id": f"{n:04}", "_key": str(n), "_type": "thing", "_class": ("Thing",), "size": n, "on": n}
            for n in range(COUNT)
        ]
        edges = [
            Relationship("hub", f"{n:04}", {"_id": f"r{n}", "_class": "HAS", "_type": "x"})
            for n in range(COUNT)
        ]
        shown = [("hub", Entity(hub), edges), *((str(it["_id"]), Entity(it), ()) for it in things)]
        relations.apply([row_of(*each, Version(1, 0)) for each in shown])
        yield DuckDBReader(connection, relations)


def test_pages(reader: DuckDBReader) -> None:
    query = "FIND Thing AS t RETURN t.size ORDER BY t.size DESC"
    pages = [ask(query, reader=reader, now=5)]
    while "cursor" in pages[-1]:
        pages.append(ask(query, reader=reader, now=6, cursor=pages[-1]["cursor"]))
    assert [len(page["data"]) for page in pages] == [250, 250, 100]
    assert [row["t.size"] for page in pages for row in page["data"]] == list(range(COUNT))[::-1]
    assert {page["totalCount"] for page in pages} == {COUNT}


def test_skip_and_limit_reach_over_pages(reader: DuckDBReader) -> None:
    query = "FIND Thing AS t ORDER BY t.size SKIP 10 LIMIT 300"
    first = ask(query, reader=reader, now=0)
    second = ask(query, reader=reader, now=0, cursor=first["cursor"])
    ids = [item["id"] for page in (first, second) for item in page["data"]]
    assert ids == [f"{n:04}" for n in range(10, 310)]
    assert "cursor" not in second
    assert first["totalCount"] == second["totalCount"] == 300


def test_a_page_ends_at_its_bytes_and_has_one_row_at_least(reader: DuckDBReader) -> None:
    query = "FIND Thing AS t RETURN t.size ORDER BY t.size"
    page = ask(query, reader=reader, now=0, page_bytes=100)
    assert 0 < len(page["data"]) < 10
    assert len(json.dumps(page["data"])) <= 110
    following = ask(query, reader=reader, now=0, page_bytes=1, cursor=page["cursor"])
    assert [row["t.size"] for row in following["data"]] == [len(page["data"])]


def test_a_page_of_entities_that_grow_when_they_are_shown_ends_at_its_bytes_too() -> None:
    moments = {f"_{chr(97 + n)}On": 0 for n in range(26)}
    things = [
        Entity({"_id": f"{n:02}", "_type": "thing", "_class": "Thing", "text": text, **moments})
        for n, text in enumerate(["", "\U0001f600" * 200, '"\\' * 200, "\x01" * 200])
    ]
    with duckdb.connect(":memory:") as connection:
        relations = Relations(connection)
        relations.apply([row_of(thing.id, thing, [], Version(1, 0)) for thing in things])
        reader = DuckDBReader(connection, relations)
        for most in range(300, 8_000, 50):
            data = ask("FIND Thing", reader=reader, now=0, page_bytes=most)["data"]
            size = len(json.dumps(data, ensure_ascii=False).encode())
            assert len(data) == 1 or size <= most + len(data)


def test_every_page_is_asked_at_the_moment_of_the_first(reader: DuckDBReader) -> None:
    query = "FIND Thing WITH on < date.now AS t ORDER BY t.size"
    first = ask(query, reader=reader, now=400)
    second = ask(query, reader=reader, now=10, cursor=first["cursor"])
    assert len(first["data"]) + len(second["data"]) == 400


def tampered(cursor: str) -> str:
    token = json.loads(base64.urlsafe_b64decode(cursor))
    return base64.urlsafe_b64encode(json.dumps({**token, "o": 1}).encode()).decode()


@pytest.mark.parametrize(
    "change",
    [tampered, lambda it: it[:-6], lambda _: "no cursor", lambda _: "bnVsbA==", lambda _: "W1tb" * 50_000],
)
def test_a_damaged_cursor_is_refused(reader: DuckDBReader, change: Any) -> None:
    cursor = ask("FIND Thing", reader=reader, now=0)["cursor"]
    with pytest.raises(QueryError, match="does not belong to this query") as caught:
        ask("FIND Thing", reader=reader, now=0, cursor=change(cursor))
    assert caught.value.code == "PARAM"


@pytest.mark.parametrize(
    "place", [{"o": "x"}, {"o": -3}, {"o": 1.5}, {"o": 10**30}, {"o": True}, {"n": 10**30}]
)
def test_a_written_cursor_is_refused(reader: DuckDBReader, place: dict[str, Any]) -> None:
    token = {"o": 1, "n": 0, **place}
    said = ["FIND Thing", [], [], False, False, token["o"], token["n"]]
    token["h"] = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
    cursor = base64.urlsafe_b64encode(json.dumps(token).encode()).decode()
    with pytest.raises(QueryError, match="does not belong to this query"):
        ask("FIND Thing", reader=reader, now=0, cursor=cursor)


FOREIGN: list[dict[str, Any]] = [
    {"text": "FIND thing"},
    {"parameters": {"a": 1}},
    {"text": "FIND {{x}}", "placeholders": {"x": "Thing"}},
    {"include_deleted": True},
    {"row_metadata": True},
]


@pytest.mark.parametrize("other", FOREIGN)
def test_a_cursor_of_another_question_is_refused(reader: DuckDBReader, other: dict[str, Any]) -> None:
    cursor = ask("FIND Thing", reader=reader, now=0)["cursor"]
    with pytest.raises(QueryError, match="does not belong to this query"):
        ask(**{"text": "FIND Thing", "reader": reader, "now": 0, "cursor": cursor, **other})


def test_a_tree_larger_than_a_page_is_refused(reader: DuckDBReader) -> None:
    query = "FIND Hub THAT HAS Thing WITH size < {} RETURN TREE"
    tree = ask(query.format(249), reader=reader, now=0)["data"]
    assert (len(tree["vertices"]), len(tree["edges"])) == (250, 249)
    with pytest.raises(QueryError, match="more than 250 entities") as caught:
        ask(query.format(250), reader=reader, now=0)
    assert caught.value.code == "LIMITS"
    with pytest.raises(QueryError, match="larger than 1,000 bytes"):
        ask(query.format(20), reader=reader, now=0, page_bytes=1000)


def test_everything_at_once_within_a_bound(reader: DuckDBReader) -> None:
    whole = ask("FIND Thing", reader=reader, now=0, page_rows=None, page_bytes=None, max_rows=COUNT)
    assert len(whole["data"]) == whole["totalCount"] == COUNT
    assert "cursor" not in whole
    for query in ("FIND Thing", "FIND Thing AS t RETURN t.size", "FIND Hub THAT HAS Thing RETURN TREE"):
        with pytest.raises(QueryError, match="more than") as caught:
            ask(query, reader=reader, now=0, page_rows=None, page_bytes=None, max_rows=COUNT - 1)
        assert caught.value.code == "LIMITS"


def test_warnings_come_as_messages(reader: DuckDBReader) -> None:
    answer = ask("FIND * THAT HAS Thing", reader=reader, now=0)
    assert answer["messages"] == ["FIND * with steps and without WITH looks at every entity and is slow."]
    assert "messages" not in ask("FIND Hub", reader=reader, now=0)


def test_explain_runs_nothing(reader: DuckDBReader) -> None:
    text = explain("FIND Hub THAT HAS Thing WITH size > 1000", reader=reader, now=0)
    assert text.startswith("query    FIND Hub THAT HAS Thing WITH size > 1000\n")
    assert "list of start entities, by semi joins" in text
    assert "$" in text
    assert "1000.0" in text


def test_a_long_list_is_one_value_of_the_statement(reader: DuckDBReader) -> None:
    parameters = {"sizes": list(range(100, 2000))}
    plan = explain("FIND Thing WITH size = ${sizes}", reader=reader, now=0, parameters=parameters)
    assert "$2" not in plan
    answer = ask("FIND Thing WITH size = ${sizes}", reader=reader, now=0, parameters=parameters)
    assert answer["totalCount"] == COUNT - 100


def test_placeholders_are_filled_and_errors_stand_in_the_saved_text(reader: DuckDBReader) -> None:
    query = "FIND {{what}} AS t WHERE t.size < {{n}} RETURN t.{{p}}"
    values: dict[str, str | float] = {"what": "Thing", "n": 3, "p": "size"}
    answer = ask(query, reader=reader, now=0, placeholders=values)
    assert [row["t.size"] for row in answer["data"]] == [0, 1, 2]
    plan = explain(query, reader=reader, now=0, placeholders=values)
    assert plan.startswith("query    FIND Thing AS t WHERE t.size < 3 RETURN t.size\n")
    for asked in (ask, explain):
        with pytest.raises(QueryError) as caught:
            asked(query, reader=reader, now=0, placeholders={**values, "n": True})
        assert (caught.value.code, caught.value.at) == ("TYPE", Position(1, 35, 5))
        with pytest.raises(QueryError, match="open placeholders: n, p") as caught:
            asked(query, reader=reader, now=0, placeholders={"what": "Thing"})
        assert caught.value.at == Position(1, 35, 5)


META = "FIND Hub AS h RETURN h._type AS [_meta]"


def test_a_column_cannot_take_the_place_of_row_metadata(reader: DuckDBReader) -> None:
    assert ask(META, reader=reader, now=0)["data"] == [{"_meta": "hub"}]
    with pytest.raises(QueryError, match="has a column _meta already") as caught:
        ask(META, reader=reader, now=0, row_metadata=True)
    assert (caught.value.code, caught.value.at.column) == ("DUPLICATE", 22)
    spread = ask(f"{META}, h.*", reader=reader, now=0)
    assert "_meta" in spread["columns"]
    unique = META.replace("FIND", "FIND UNIQUE")
    assert ask(unique, reader=reader, now=0, row_metadata=True)["data"] == [{"_meta": "hub"}]
    with pytest.raises(QueryError, match="has a column _meta already"):
        compile_query(META)


@pytest.mark.parametrize("value", ["\ud800", ["a", "b\udfff"]])
def test_half_a_character_is_refused(reader: DuckDBReader, value: Any) -> None:
    with pytest.raises(QueryError, match="half a character") as caught:
        ask("FIND Thing WITH size = ${x}", reader=reader, now=0, parameters={"x": value})
    assert caught.value.code == "PARAM"

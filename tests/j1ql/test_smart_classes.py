"""Smart classes: what a file may say, and what `#Name` finds with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from secgraph.errors import QueryError, SettingsError
from secgraph.flows.ask import ask, explain
from secgraph.graph.ports import GraphReader
from secgraph.j1ql.server.parameters import Secret
from secgraph.j1ql.server.settings import Server
from secgraph.j1ql.server.smart_classes import MAX_CLASSES, MAX_QUERIES, SmartClasses, smart_classes_of
from tests.j1ql.answers import CONFORMANCE, NOW, Case, lines_of


@pytest.fixture(scope="module")
def reader(draw: Callable[..., GraphReader]) -> GraphReader:
    return draw(**CONFORMANCE["fixture"])


def read(classes: dict[str, Any]) -> SmartClasses:
    return smart_classes_of(json.dumps({"version": 1, "smartClasses": classes}), "smart.json")


def found(reader: GraphReader, query: str, server: Server, **options: Any) -> list[str]:
    answer = ask(query, reader=reader, now=NOW, server=server, **options)
    return sorted(item["id"] for item in answer["data"])


@pytest.mark.parametrize("case", lines_of("smart_classes.jsonl"), ids=lambda case: case["why"])
def test_members(reader: GraphReader, case: Case) -> None:
    server = Server(read(case["classes"]), case.get("stored", {}))
    deleted = case.get("includeDeleted", False)
    assert found(reader, case["query"], server, include_deleted=deleted) == case["members"]
    if "tables" in case:
        sql = explain(case["query"], reader=reader, now=NOW, server=server)
        assert len(re.findall(r"\bsmart\d+ AS (?:MATERIALIZED )?\(", sql)) == case["tables"]


@pytest.mark.parametrize("case", lines_of("smart_classes_refused.jsonl"), ids=lambda case: case["why"])
def test_a_wrong_file_says_where(case: Case) -> None:
    text = case.get("text") or json.dumps({"version": 1, "smartClasses": case["classes"]})
    with pytest.raises(SettingsError) as caught:
        smart_classes_of(text, "smart.json")
    assert case["says"] in str(caught.value)
    assert str(caught.value).startswith("smart.json:")


@pytest.mark.parametrize(
    "classes",
    [{f"C{n}": [] for n in range(MAX_CLASSES + 1)}, {"C": ["FIND A"] * (MAX_QUERIES + 1)}],
)
def test_a_file_has_a_size(classes: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="more than"):
        read(classes)


def test_a_long_chain_of_classes(reader: GraphReader) -> None:
    chain = {f"C{n}": [f"FIND #C{n + 1}"] for n in range(MAX_CLASSES - 1)}
    server = Server(read({**chain, f"C{MAX_CLASSES - 1}": ["FIND Person"]}))
    assert explain("FIND #C0", reader=reader, now=NOW, server=server).count("AS (\n") == MAX_CLASSES + 1
    assert found(reader, "FIND #C180", server) == ["p1", "p2"]


def test_what_a_request_brings_never_reaches_a_class(reader: GraphReader) -> None:
    server = Server(read({"Named": ["FIND User WITH username = ${param.who}"]}))
    for name in ("who", "param.who"):
        with pytest.raises(
            QueryError, match=r"class Named cannot be used: The parameter param\.who is not"
        ) as caught:
            ask("FIND User THAT IS #Named", reader=reader, now=NOW, server=server, parameters={name: "bob"})
        assert (caught.value.code, caught.value.at.column) == ("PARAM", 19)


def test_a_secret_of_a_class_is_not_shown(reader: GraphReader) -> None:
    classes = read({"Named": ["FIND User WITH username = ${param.who}"]})
    server = Server(classes, {"who": Secret("bob")})
    assert found(reader, "FIND #Named", server) == ["u2"]
    assert "bob" not in explain("FIND #Named", reader=reader, now=NOW, server=server)
    assert "bob" not in repr(server)


def test_explain_says_what_a_class_is_made_of(reader: GraphReader) -> None:
    server = Server(read({"A": ["find Person", "find #B"], "B": ["find Host"]}))
    plan = explain("FIND #A", reader=reader, now=NOW, server=server).splitlines()
    assert [line for line in plan if line.startswith("smart ")] == [
        "smart    #B: FIND Host",
        "smart    #A: FIND Person",
        "smart    #A: FIND #B",
    ]

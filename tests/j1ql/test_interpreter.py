"""The interpreter itself: it answers all examples of the specification, and knows nothing of the compiler."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from secgraph.j1ql import parse
from tests.j1ql.answers import (
    CONFORMANCE,
    EXAMPLES,
    HERE,
    NOW,
    SHAPES,
    Answer,
    Case,
    conforming,
    example,
    expected,
    lines_of,
    shown,
)
from tests.j1ql.interpreter import results
from tests.j1ql.interpreter.agreement import response_of
from tests.j1ql.interpreter.filters import World
from tests.j1ql.interpreter.graph import visible

GRAPH = json.loads((HERE / "cases_graph.json").read_text("utf-8"))
TRUTH = lines_of("truth.jsonl")
FILES = sorted((HERE / "interpreter").glob("*.py"))


def answered(case: Case, graph: dict[str, Any], now: int) -> Answer:
    return response_of(answer_to(case, graph, now))


def answer_to(case: Case, graph: dict[str, Any], now: int) -> results.Answer:
    seen = visible(**graph, include_deleted=case.get("includeDeleted", False))
    world = World(seen, now, case.get("params") or case.get("parameters") or {}, results.values_of)
    query = parse(case["query"])
    return results.answer(query, world, row_metadata=case.get("rowMetadata", False))


@pytest.mark.parametrize("case", EXAMPLES, ids=lambda case: case["id"])
def test_example(case: Case) -> None:
    assert conforming(answered(case, CONFORMANCE["fixture"], NOW), case) == example(case)


@pytest.mark.parametrize("case", SHAPES, ids=lambda case: case["id"])
def test_exact_shape(case: Case) -> None:
    response = answered(case, CONFORMANCE["fixture"], NOW)
    assert {name: response.get(name) for name in case["response"]} == case["response"]


@pytest.mark.parametrize("case", lines_of("cases.jsonl"), ids=lambda case: case["why"])
def test_case(case: Case) -> None:
    """Where a case holds the compiler to an order that the language leaves open, the order does not count."""
    found = answer_to(case, GRAPH, case.get("now", 0))
    is_certain = all(len(run) == 1 for run, share in found.shares if share)
    case = {**case, "ordered": case.get("ordered", False) and is_certain}
    assert shown(response_of(found), case) == expected(case)


@pytest.mark.parametrize("test", dict.fromkeys(line["test"] for line in TRUTH))
def test_truth(test: str) -> None:
    wanted = {json.dumps(line["left"]): line for line in TRUTH if line["test"] == test}
    drawn = [
        {"_id": id_, "_key": id_, "_type": "thing", "_class": ["Record"], "p": line["left"]}
        for id_, line in wanted.items()
    ]
    found = answered({"query": f"FIND Record WITH p {test}"}, {"entities": drawn, "relationships": []}, 0)
    assert {item["id"] for item in found["data"]} == {id_ for id_, line in wanted.items() if line["holds"]}


def imported(file: Path) -> set[str]:
    """Every module that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_of_the_language_it_knows_the_nodes_alone(file: Path) -> None:
    ours = {name for name in imported(file) if name.split(".")[0] in ("secgraph", "tests", "duckdb")}
    strange = {name for name in ours if not name.startswith("tests.j1ql.interpreter.")}
    assert strange <= {"secgraph.j1ql.nodes"}

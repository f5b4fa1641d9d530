"""Cases of our own, a line of cases.jsonl each, over the graph drawn in cases_graph.json.

`make test` asks them of a graph in memory, `make test-thorough` of every reader.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.errors import QueryError
from secgraph.flows.ask import ask
from secgraph.graph.ports import GraphReader
from tests.j1ql.answers import HERE, Case, expected, lines_of, shown

GRAPH = json.loads((HERE / "cases_graph.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def reader(draw_on_each: Callable[..., GraphReader]) -> GraphReader:
    return draw_on_each(**GRAPH)


@pytest.fixture(scope="module")
def in_memory(draw: Callable[..., DuckDBReader]) -> GraphReader:
    return draw(**GRAPH)


CASES = lines_of("cases.jsonl")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_case(in_memory: GraphReader, case: Case) -> None:
    check(in_memory, case)


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_case_on_each(reader: GraphReader, case: Case) -> None:
    check(reader, case)


def check(reader: GraphReader, case: Case) -> None:
    answer = ask(
        case["query"],
        reader=reader,
        now=case.get("now", 0),
        parameters=case.get("parameters", {}),
        include_deleted=case.get("includeDeleted", False),
        row_metadata=case.get("rowMetadata", False),
    )
    assert shown(answer, case) == expected(case)


HOSTILE = [
    "' OR 1=1 --",
    '"; DROP TABLE entity; --',
    "$1",
    "?",
    "\\",
    "%_",
    "{0}",
    "\u0000",
    "'||(SELECT 1)||'",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_data(draw: Callable[..., DuckDBReader], text: str) -> None:
    name = text.replace("]", "")
    other = {"_id": "2", "_key": "2", "_type": "t", "_class": ["T"]}
    it = {"_id": "1", "_key": text, "_type": "t", "_class": ["T"], name: text, f"tag.{name}": True}
    edge = {"_id": "3", "_class": text, "_type": "x", "_from": "1", "_to": "2", name: text}
    reader = draw([it, other], [edge])
    written = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    queries = [
        f"FIND T WITH [{name}] = {written}",
        f"FIND T WITH [{name}] ~= ({written} OR {written})",
        f"FIND T AS x THAT RELATES TO AS r T AS y WHERE r.[{name}] = {written} AND x.[{name}] = {written}",
        f"FIND #[{name}]",
        f"FIND T WITH [{name}] = (FIND T AS y RETURN y.[{name}])",
    ]
    for query in queries:
        assert [item["id"] for item in ask(query, reader=reader, now=0)["data"]] == ["1"], query
    table = (
        f"FIND T AS x RETURN x.[{name}] AS [{name}], concat({written}, x.[{name}]) AS c ORDER BY x.[{name}]"
    )
    rows = ask(table, reader=reader, now=0)["data"]
    assert rows == [{name: text, "c": text + text}, {"c": text}]


@pytest.mark.parametrize(
    "function", ["coalesce({}, 1, 'a')", "concat({}, 1)", "merge({}, 1)", "abs({})", "1 + ({})"]
)
def test_deep_nesting_is_bounded(reader: GraphReader, function: str) -> None:
    expression = "m.v"
    for _ in range(12):
        expression = function.format(expression)
    query = f"FIND M AS m RETURN {expression} AS x"
    try:
        assert len(ask(query, reader=reader, now=0)["data"]) == 8
    except QueryError as error:
        assert error.code == "LIMITS"  # noqa: PT017 (either answer is right, a hang is not)

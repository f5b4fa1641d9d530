"""Every conformance example passes through the compiler and DuckDB, or is listed as not yet supported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secgraph.adapters.duckdb_reader import DuckDBReader
from secgraph.errors import QueryError
from secgraph.flows.ask import ask

HERE = Path(__file__).parent
CONFORMANCE: dict[str, Any] = json.loads((HERE / "conformance.json").read_text())
UNSUPPORTED: list[str] = json.loads((HERE / "unsupported.json").read_text())
SHAPES = [json.loads(line) for line in (HERE / "shapes.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def reader(draw: Callable[..., DuckDBReader]) -> DuckDBReader:
    fixture = CONFORMANCE["fixture"]
    return draw(fixture["entities"], fixture["relationships"])


def to_six_decimals(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: to_six_decimals(inner) for name, inner in value.items()}
    return [to_six_decimals(inner) for inner in value] if isinstance(value, list) else value


def comparable(data: Any, *, ordered: bool) -> Any:
    """A set or multiset unless the query sorts."""
    rounded = to_six_decimals(data)
    if isinstance(rounded, dict):
        return {name: sorted(ids) for name, ids in rounded.items()}
    return rounded if ordered else sorted(rounded, key=lambda row: json.dumps(row, sort_keys=True))


def ids_or_rows(answer: dict[str, Any]) -> Any:
    data = answer["data"]
    if answer["type"] == "list":
        return [item["id"] for item in data]
    if answer["type"] == "tree":
        return {part: [item["id"] for item in data[part]] for part in ("vertices", "edges")}
    return data


def answered(reader: DuckDBReader, case: dict[str, Any], **options: Any) -> dict[str, Any]:
    return ask(
        case["query"],
        reader=reader,
        now=CONFORMANCE["now"],
        parameters=case.get("params", {}),
        include_deleted=case.get("includeDeleted", False),
        row_metadata=case.get("rowMetadata", False),
        **options,
    )


@pytest.mark.parametrize("case", CONFORMANCE["examples"], ids=lambda case: case["id"])
def test_example(reader: DuckDBReader, case: dict[str, Any]) -> None:
    if case["id"] in UNSUPPORTED:
        with pytest.raises(QueryError) as caught:
            answered(reader, case)
        assert caught.value.code == "UNSUPPORTED"
        return
    answer = answered(reader, case)
    wanted = case["result"]
    assert answer["type"] == wanted["type"]
    found = comparable(ids_or_rows(answer), ordered=case["ordered"])
    assert found == comparable(wanted["data"], ordered=case["ordered"])


@pytest.mark.parametrize("case", CONFORMANCE["examples"], ids=lambda case: case["id"])
def test_pages_of_two_rows_put_together_are_the_answer(reader: DuckDBReader, case: dict[str, Any]) -> None:
    if case["id"] in UNSUPPORTED or case["result"]["type"] == "tree":
        pytest.skip("has no pages")
    whole = answered(reader, case, page_rows=None)
    page = answered(reader, case, page_rows=2)
    rows = list(page["data"])
    while "cursor" in page:
        page = answered(reader, case, page_rows=2, cursor=page["cursor"])
        assert 0 < len(page["data"]) <= 2
        rows += page["data"]
    assert rows == whole["data"]
    assert whole["totalCount"] == len(rows)


@pytest.mark.parametrize("case", SHAPES, ids=lambda case: case["id"])
def test_exact_shape(reader: DuckDBReader, case: dict[str, Any]) -> None:
    answer = answered(reader, case)
    assert {name: answer[name] for name in ("type", "data")} == case["response"]


@pytest.mark.parametrize("case", CONFORMANCE["errors"], ids=lambda case: case["id"])
def test_error(reader: DuckDBReader, case: dict[str, Any]) -> None:
    with pytest.raises(QueryError) as caught:
        ask(case["query"], reader=reader, now=CONFORMANCE["now"])
    error = caught.value
    assert (error.code, error.at.line, error.at.column) == (case["code"], case["line"], case["column"])

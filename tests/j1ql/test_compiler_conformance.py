"""The examples, errors and exact shapes of the specification, on every reader there is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import pytest

from secgraph.errors import QueryError
from secgraph.flows.ask import ask
from secgraph.graph.ports import GraphReader
from tests.j1ql.answers import CONFORMANCE, ERRORS, EXAMPLES, NOW, SHAPES, Answer, Case, conforming, example


def of_id(case: Case) -> str:
    return str(case["id"])


@pytest.fixture(scope="session")
def reader(draw_on_each: Callable[..., GraphReader]) -> GraphReader:
    return draw_on_each(**CONFORMANCE["fixture"])


@pytest.fixture(scope="session")
def another(draw_on_each: Callable[..., GraphReader]) -> GraphReader:
    return draw_on_each(**CONFORMANCE["fixture"])


def answered(reader: GraphReader, case: Case, **options: Any) -> Answer:
    return ask(
        case["query"],
        reader=reader,
        now=NOW,
        parameters=case.get("params", {}),
        include_deleted=case.get("includeDeleted", False),
        row_metadata=case.get("rowMetadata", False),
        **options,
    )


@pytest.mark.parametrize("case", EXAMPLES, ids=of_id)
def test_example(reader: GraphReader, case: Case) -> None:
    answer = answered(reader, case)
    assert conforming(answer, case) == example(case)
    assert answer.get("totalCount") == (None if answer["type"] == "tree" else len(answer["data"]))


PAGED = [it for it in EXAMPLES if it["result"]["type"] != "tree" and len(it["result"]["data"]) > 2]


@pytest.mark.parametrize("case", PAGED, ids=of_id)
def test_pages_put_together_are_the_answer_whoever_reads_them(
    reader: GraphReader, another: GraphReader, case: Case
) -> None:
    """Each page may come from a reader of its own: the query function loads the table for every page."""
    whole = answered(reader, case, page_rows=None)
    page = answered(reader, case, page_rows=2)
    rows = list(page["data"])
    for one in cycle([another, reader]):
        if "cursor" not in page:
            break
        page = answered(one, case, page_rows=2, cursor=page["cursor"])
        assert 0 < len(page["data"]) <= 2
        rows += page["data"]
    assert rows == whole["data"]
    assert whole["totalCount"] == len(rows) > 2


@pytest.mark.parametrize("case", SHAPES, ids=of_id)
def test_exact_shape(reader: GraphReader, case: Case) -> None:
    assert answered(reader, case) == case["response"]


@pytest.mark.parametrize("case", ERRORS, ids=of_id)
def test_error(reader: GraphReader, case: Case) -> None:
    with pytest.raises(QueryError) as caught:
        ask(case["query"], reader=reader, now=NOW)
    error = caught.value
    assert (error.code, error.at.line, error.at.column) == (case["code"], case["line"], case["column"])

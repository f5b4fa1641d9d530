"""One in ten of the specification's examples and errors, and its exact shapes, from the deployed function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.flows.load import load
from tests.e2e.deployment import Deployment
from tests.j1ql.answers import CONFORMANCE, ERRORS, EXAMPLES, SHAPES, Case, conforming, example
from tests.j1ql.readers import items_written

pytestmark = pytest.mark.e2e

TIMELESS: Final = [case for case in EXAMPLES if "date.now" not in case["query"]]
"""The others speak of the specification's own day; a deployed function goes by the clock."""
WITH_OPTIONS: Final = [case for case in EXAMPLES if "params" in case or "includeDeleted" in case]
ASKED: Final = {case["id"]: case for case in [*TIMELESS[::10], *WITH_OPTIONS]}


@pytest.fixture(scope="module")
def specified(deployment: Deployment) -> Iterator[Deployment]:
    """The deployment with the specification's graph in its table, and nothing else; then as it was."""
    deployment.settle()
    with deployment.emptied() as table:
        graph = DynamoDBGraph(deployment.dynamodb, table)
        load(items_written(**CONFORMANCE["fixture"]), writer=graph)
        deployment.settle()
        yield deployment


def asked(deployment: Deployment, case: Case) -> dict[str, Any]:
    event = {
        "query": case["query"],
        "parameters": case.get("params"),
        "includeDeleted": case.get("includeDeleted"),
        "rowMetadata": case.get("rowMetadata"),
    }
    answer = dict(deployment.invoke("QueryFunction", event))
    for beside in ("image", "complete"):  # told beside what the specification says
        answer.pop(beside, None)
    return answer


@pytest.mark.parametrize("case", ASKED.values(), ids=ASKED)
def test_an_example_has_its_answer(specified: Deployment, case: Case) -> None:
    answer = asked(specified, case)
    assert "error" not in answer, answer
    assert conforming(answer, case) == example(case)


@pytest.mark.parametrize("case", SHAPES, ids=lambda case: case["id"])
def test_an_answer_has_its_shape(specified: Deployment, case: Case) -> None:
    assert asked(specified, case) == case["response"]


@pytest.mark.parametrize("case", ERRORS[::10], ids=lambda case: case["id"])
def test_an_error_has_its_code_and_place(specified: Deployment, case: Case) -> None:
    error = asked(specified, case)["error"]
    assert {name: error[name] for name in ("code", "line", "column")} == {
        name: case[name] for name in ("code", "line", "column")
    }

"""How much a query may ask for, a line of bounds.jsonl each: what fits is answered, more is a LIMITS error.

Nothing can interrupt DuckDB while it plans, so what takes long to plan must not reach it. The property `x`
has values of every kind, the worst case: each comparison with it becomes seven.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.errors import QueryError
from secgraph.flows.ask import ask
from secgraph.graph.relations import Catalogue, Kind
from secgraph.j1ql import parse
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.sql import compiler
from secgraph.j1ql.sql.compilation import MAX_SQL
from secgraph.j1ql.sql.plan import Plan

CASES = [json.loads(line) for line in (Path(__file__).parent / "bounds.jsonl").read_text().splitlines()]
VALUES = ["a", 1, True, ["a", "b"], [1, 2], [True, False], ["a", 1]]


@pytest.fixture(scope="module")
def reader(draw: Callable[..., DuckDBReader]) -> DuckDBReader:
    entities = [
        {"_id": f"e{i}", "_key": f"e{i}", "_type": "a", "_class": ["A"], "x": value, "k": f"k{i}", "n": i}
        for i, value in enumerate(VALUES)
    ]
    relationships = [
        {"_id": f"r{i}", "_class": "V", "_type": "t", "_from": f"e{i}", "_to": f"e{i + 1}"} for i in range(6)
    ]
    return draw(entities, relationships)


@pytest.fixture(scope="module")
def catalogue(reader: DuckDBReader) -> Catalogue:
    return reader.catalogue()


def written(case: dict[str, Any], count: int) -> str:
    parts = case["between"].join(case["each"].replace("{i}", str(place)) for place in range(count))
    return str(case["before"] + parts + case["after"])


def planned(text: str, catalogue: Catalogue) -> Plan:
    return compiler.compile(check(parse(text)), catalogue, now=0, parameters={})


def test_the_worst_property_has_every_kind(catalogue: Catalogue) -> None:
    assert catalogue.entity_properties["x"] == frozenset(Kind)


@pytest.mark.parametrize("case", [it for it in CASES if it["fits"]], ids=lambda case: case["why"])
def test_what_fits_is_answered(reader: DuckDBReader, case: dict[str, Any]) -> None:
    assert "data" in ask(written(case, case["fits"]), reader=reader, now=0)


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_more_is_refused_where_it_becomes_too_much(catalogue: Catalogue, case: dict[str, Any]) -> None:
    text = written(case, case["refused"])
    with pytest.raises(QueryError) as caught:
        planned(text, catalogue)
    error = caught.value
    assert error.code == "LIMITS"
    assert error.at.line == 1
    assert text[error.at.column - 1 :].startswith(case["at"])
    assert error.expected


@pytest.mark.thorough
@pytest.mark.parametrize("case", [it for it in CASES if it["fits"]], ids=lambda case: case["why"])
def test_what_is_accepted_is_no_longer_than_its_bound(catalogue: Catalogue, case: dict[str, Any]) -> None:
    """Nothing escapes the count, also where a part is written several times: what is accepted stays small."""
    for count in (case["fits"], *(case["refused"] * part // 8 for part in (1, 3, 6))):
        try:
            plan = planned(written(case, count), catalogue)
        except QueryError:
            return
        assert len(plan.statement.sql) < 1.2 * MAX_SQL

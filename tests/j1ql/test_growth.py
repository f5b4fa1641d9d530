"""Which step a query that hit a limit is told to have grown at: a line of growth.jsonl each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.errors import Position, QueryError
from secgraph.flows.ask import ask
from secgraph.graph.relations import Catalogue, Rows, Statement
from secgraph.j1ql import parse
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.sql import compiler

HERE = Path(__file__).parent
CASES = [json.loads(line) for line in (HERE / "growth.jsonl").read_text().splitlines()]
FIXTURE = json.loads((HERE / "conformance.json").read_text())["fixture"]
SLOW = "The query ran longer than 30 seconds."


class SlowReader:
    """A reader that ends every query, and counts as the case says."""

    def __init__(self, counts: list[int | None]) -> None:
        self._counts = counts

    def catalogue(self) -> Catalogue:
        return Catalogue()

    def fetch(self, statement: Statement) -> Rows:
        raise QueryError("LIMITS", SLOW, Position(1, 1, 0), expected="less", suggestion="WITH")

    def documents(self, ids: Sequence[int]) -> list[str]:
        raise AssertionError("nothing was found")

    def counts(self, statements: Iterable[Statement]) -> Iterator[int | None]:
        for count, _ in zip(self._counts, statements, strict=False):
            yield count


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_the_step_is_named(case: dict[str, Any]) -> None:
    with pytest.raises(QueryError) as caught:
        ask(case["query"], reader=SlowReader(case["counts"]), now=0)
    error = caught.value
    assert list(astuple(error.at)) == case["at"]
    assert error.message == f"{SLOW} {case['says']}".strip()
    assert (error.code, error.expected, error.suggestion) == ("LIMITS", "less", "WITH")


@pytest.fixture(scope="module")
def reader(draw: Callable[..., DuckDBReader]) -> DuckDBReader:
    return draw(FIXTURE["entities"], FIXTURE["relationships"])


COUNTED = [
    ("FIND User THAT IS Person RETURN Person.name", [3, 3]),
    ("FIND User THAT IS Person THAT OWNS Device", [3, 2, 2]),
    ("FIND User (THAT IS Person)? THAT OWNS Device RETURN TREE", [3, 3, 6, 3]),
    ("FIND User (THAT IS Person)? THAT OWNS Device", [3, 2, 5, 2]),
    ("FIND User (THAT IS Person (THAT OWNS Device)?)? RETURN TREE", [3, 3, 3, 6, 9]),
    ("FIND User THAT !IS Person", [3, 1]),
    ("FIND User AS u THAT !IS Person (THAT OWNS Device)? THAT HAS Finding RETURN u", [3, 3]),
    ("FIND Host THAT HAS Finding WHERE Finding.open = true", [4, 1]),
    ("FIND Host AS h THAT HAS Finding AS f WHERE f.open = true RETURN h", [4, 3, 2]),
    ("FIND Host WHERE Host.platform = 'linux'", [2]),
    ("FIND User WITH email = (FIND Person AS p THAT OWNS Device RETURN p.email)", [2, 2, 2]),
    ("FIND User (THAT IS Person THAT !OWNS Device WITH encrypted = true)? RETURN TREE", [3, 3, 1, 4]),
]


@pytest.mark.parametrize(("query", "expected"), COUNTED)
def test_what_is_counted(reader: DuckDBReader, query: str, expected: list[int]) -> None:
    found = compiler.counts(check(parse(query)), reader.catalogue(), now=0, parameters={})
    assert list(reader.counts(statement for _, statement in found)) == expected

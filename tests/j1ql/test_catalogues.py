"""A catalogue may list more than there is: answers stay the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

import pytest

from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.flows.ask import ask
from secgraph.graph.relations import Catalogue, Link, Rows, Statement
from tests.j1ql.answers import CONFORMANCE, EXAMPLES, NOW, Case, conforming, example


class Lavish:
    """A reader whose catalogue lists every link that there could be, and every sort as deleted."""

    def __init__(self, reader: DuckDBReader) -> None:
        self._reader = reader
        held = reader.catalogue()
        sorts = [sort.number for sort in held.sorts]
        links = frozenset(Link(*it) for it in product(held.verbs, sorts, sorts))
        self._catalogue = replace(held, links=links, deleted=frozenset(sorts))

    def catalogue(self) -> Catalogue:
        return self._catalogue

    def fetch(self, statement: Statement) -> Rows:
        return self._reader.fetch(statement)

    def documents(self, ids: Sequence[int]) -> Sequence[str]:
        return self._reader.documents(ids)

    def counts(self, statements: Iterable[Statement]) -> Iterator[int | None]:
        return self._reader.counts(statements)


@pytest.fixture(scope="module")
def lavish(draw: Callable[..., DuckDBReader]) -> Lavish:
    return Lavish(draw(**CONFORMANCE["fixture"]))


WITH_STEPS = [it for it in EXAMPLES if re.search(r"\bthat\b", it["query"], re.IGNORECASE)]


@pytest.mark.parametrize("case", WITH_STEPS[::2], ids=lambda case: str(case["id"]))
def test_what_is_listed_in_vain_changes_nothing(lavish: Lavish, case: Case) -> None:
    answer = ask(
        case["query"],
        reader=lavish,
        now=NOW,
        parameters=case.get("params", {}),
        include_deleted=case.get("includeDeleted", False),
    )
    assert conforming(answer, case) == example(case)

"""The estate that `make bench` measures on: every event is understood, and every question finds something."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from benchmarks.engines.asked import NOW
from benchmarks.engines.spool import SPAN, start_of
from benchmarks.estate import Estate
from benchmarks.language import language
from benchmarks.questions import QUESTIONS, TITLES, texts
from benchmarks.stamped import items
from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.adapters.relations.relations import Relations
from secgraph.flows.ask import ask
from secgraph.image.expand import expand

ENTITIES = 1_000


@pytest.fixture(scope="module")
def reader() -> Iterator[DuckDBReader]:
    with duckdb.connect(":memory:") as connection:
        relations = Relations(connection)
        relations.apply([expand(item, NOW) for item in items(Estate(ENTITIES), now=NOW, span=SPAN)])
        yield DuckDBReader(connection, relations)


def test_the_same_seed_gives_the_same_texts() -> None:
    assert list(Estate(100).events()) == list(Estate(100).events())
    assert list(Estate(100).events()) != list(Estate(100, seed=8).events())


@pytest.mark.thorough
def test_a_few_instances_have_most_findings(reader: DuckDBReader) -> None:
    query = "Find aws_instance as i that has Finding as f return i._id, count(f) as n order by n desc"
    counts = [row["n"] for row in ask(query, reader=reader, now=NOW, page_rows=None)["data"]]
    assert counts[0] > 10 * counts[len(counts) // 2]
    assert sum(counts[: len(counts) // 10]) > sum(counts) / 3


@pytest.mark.parametrize("name", [name for name in TITLES if name != "Q7"])
def test_every_question_finds_something(reader: DuckDBReader, name: str) -> None:
    text = texts(start_of(ENTITIES))[name]
    data = ask(text, reader=reader, now=NOW, page_rows=None, page_bytes=None)["data"]
    assert data["vertices"] and data["edges"] if isinstance(data, dict) else data


@pytest.mark.thorough
def test_the_language_is_measured_on_the_questions_too() -> None:
    assert [figure.what for figure in language(NOW)][-1] == "language: all three, median query"
    assert set(texts("x")) == set(TITLES) == {*QUESTIONS, "Q8"}

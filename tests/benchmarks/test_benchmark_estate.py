"""The estate that `make bench` measures on: every event is understood, and every question finds something."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.estate import Estate
from benchmarks.language import language
from benchmarks.questions import QUESTIONS, questions
from secgraph.adapters.duckdb_reader import DuckDBReader
from secgraph.adapters.local_graph import LocalGraph
from secgraph.flows.ask import ask
from secgraph.flows.ingest import Delivery, WarmCache, ingest
from secgraph.flows.load import load
from secgraph.graph.loading import items_of

NOW = 1_795_000_000_000
ENTITIES = 1_000


@pytest.fixture(scope="module")
def reader():
    estate = Estate(ENTITIES)
    deliveries = [Delivery(str(number), text, NOW) for number, text in enumerate(estate.events())]
    with LocalGraph.in_memory() as graph:
        reports = ingest(deliveries, writer=graph, quarantine=graph, now=NOW, settings={}, cache=WarmCache())
        assert Counter(report.outcome for report in reports) == {"applied": estate.findings}
        load(items_of(estate.inventory(), now=NOW), writer=graph)
        yield DuckDBReader(graph.connection, graph.relations)


def test_the_same_seed_gives_the_same_texts() -> None:
    assert list(Estate(100).events()) == list(Estate(100).events())
    assert list(Estate(100).events()) != list(Estate(100, seed=8).events())


def test_a_few_instances_have_most_findings(reader: DuckDBReader) -> None:
    query = "Find aws_instance as i that has Finding as f return i._id, count(f) as n order by n desc"
    counts = [row["n"] for row in ask(query, reader=reader, now=NOW, page_rows=None)["data"]]
    assert counts[0] > 10 * counts[len(counts) // 2]
    assert sum(counts[: len(counts) // 10]) > sum(counts) / 3


@pytest.mark.parametrize("name", [name for name in QUESTIONS if not name.startswith("Q7")])
def test_every_question_finds_something(reader: DuckDBReader, name: str) -> None:
    data = ask(QUESTIONS[name], reader=reader, now=NOW, page_rows=None, page_bytes=None)["data"]
    assert data["vertices"] and data["edges"] if isinstance(data, dict) else data


def test_every_figure_is_given(reader: DuckDBReader) -> None:
    figures = list(questions("1k entities", reader, NOW, Estate(ENTITIES).typical.id))
    assert len(figures) == len(QUESTIONS) + 1
    assert [figure.what for figure in language(NOW)][-1] == "language: all three, median query"

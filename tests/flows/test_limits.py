"""A query that grows too large on a real graph: the error names the step, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pytest

from secgraph.adapters.relations.reader import DuckDBReader, Limits, lock_down
from secgraph.adapters.relations.relations import Relations
from secgraph.errors import QueryError
from secgraph.flows.ask import ask
from secgraph.flows.asking import asker
from secgraph.graph.model import Entity, Relationship, Value
from secgraph.image.expand import row_of
from secgraph.image.rows import Version
from secgraph.j1ql.text.caret import caret

LIMITS = Limits(seconds=0.05, counting=20, memory="400MB")
COUNT = 250


def entity(id_: str, class_: str) -> Entity:
    known: dict[str, Value] = {"_id": id_, "_key": id_, "_type": class_.lower(), "_class": (class_,)}
    return Entity({**known, "name": id_})


@pytest.fixture(scope="module")
def reader() -> Iterator[DuckDBReader]:
    """As many hosts as apps: each host runs one of them, and each relates to all."""
    with duckdb.connect(":memory:") as connection:
        relations = Relations(connection)
        hosts = []
        for number in range(COUNT):
            runs = Relationship(f"h{number}", f"a{number}", {"_id": f"r{number}", "_class": "RUNS"})
            sees = [
                Relationship(f"h{number}", f"a{app}", {"_id": f"s{number}-{app}", "_class": "SEES"})
                for app in range(COUNT)
            ]
            hosts.append((f"h{number}", entity(f"h{number}", "Host"), [runs, *sees]))
        apps = [(f"a{number}", entity(f"a{number}", "App"), ()) for number in range(COUNT)]
        relations.apply([row_of(*each, Version(1, 0)) for each in [*hosts, *apps]])
        lock_down(connection, LIMITS)
        yield DuckDBReader(connection, relations, LIMITS)


QUERY = """FIND Host AS h
  THAT RUNS App
  THAT SEES Host THAT SEES App AS a WHERE h.name != a.name
  RETURN a.name"""

WAYS: dict[str, Callable[[DuckDBReader], object]] = {
    "a question": lambda reader: ask(QUERY, reader=reader, now=0),
    "a rule": lambda reader: asker(reader, now=0, clock=lambda: 0)(QUERY, include_deleted=False),
}


@pytest.mark.thorough
@pytest.mark.parametrize("way", WAYS)
def test_the_step_is_named_and_shown(reader: DuckDBReader, way: str) -> None:
    with pytest.raises(QueryError) as caught:
        WAYS[way](reader)
    error = caught.value
    assert error.code == "LIMITS"
    assert error.message == (
        "The query ran longer than 0.05 seconds. Nothing was cut: no answer is given. It grows at step 3, "
        "THAT SEES App: 62,500 paths before it, more than 5,000,000 after it."
    )
    shown = "  THAT SEES Host THAT SEES App AS a WHERE h.name != a.name\n                 ^^^^^^^^^"
    assert caret(error, QUERY) == shown

"""What a statement says it reads is all that it reads: on a reader that holds nothing else it gives the same.

The counts of a query's beginnings, by which a failure is explained, are statements too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from secgraph.adapters.relations.relations import Relations
from secgraph.graph.relations import Link, Reads, Rows, Statement, quoted
from secgraph.j1ql import parse
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.sql import compiler
from secgraph.j1ql.sql.compiler import Options
from tests.j1ql.answers import CONFORMANCE, EXAMPLES, HERE, NOW, Case, lines_of
from tests.j1ql.readers import rows

CASES_GRAPH = json.loads((HERE / "cases_graph.json").read_text("utf-8"))
FIXED = ("id", "owner", "class", "src", "dst", "src_sort", "dst_sort", "deleted", "stated")


class Lean:
    """A graph of which a statement sees the columns, links and texts that it says it reads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, graph: dict[str, Any]) -> None:
        self._connection = connection
        self.relations = Relations(connection)
        self.relations.apply(rows(**graph))

    def full(self, statement: Statement) -> Rows:
        self.relations.ensure(statement.reads)
        return self._run(statement)

    def lean(self, statement: Statement) -> Rows:
        self.relations.ensure(statement.reads)
        for name, select in _seen(statement.reads).items():
            self._connection.execute(f"CREATE TEMP TABLE {name} AS {select}")
        try:
            return self._run(statement)
        finally:
            for name in _seen(statement.reads):
                self._connection.execute(f"DROP TABLE temp.{name}")

    def _run(self, statement: Statement) -> Rows:
        return sorted(
            self._connection.execute(statement.sql, list(statement.parameters)).fetchall(), key=repr
        )


def _seen(reads: Reads) -> dict[str, str]:
    """What to see of each relation, entities last: relationships may be a view of them."""
    entity = ", ".join(["id", "sort", "deleted", *map(quoted, sorted(reads.entity))])
    relationship = ", ".join([*FIXED, *map(quoted, sorted(reads.relationship))])
    assert reads.links is not None
    links = " OR ".join(map(_is_link, sorted(reads.links))) or "FALSE"
    return {
        "relationship": f"SELECT {relationship} FROM memory.main.relationship WHERE {links}",
        "searched": f"SELECT * FROM memory.main.searched WHERE {reads.searched}",
        "entity": f"SELECT {entity} FROM memory.main.entity",
    }


def _is_link(link: Link) -> str:
    verb = link.verb.replace("'", "''")
    return f"(class = '{verb}' AND src_sort = {link.source} AND dst_sort = {link.target})"


@pytest.fixture(scope="module")
def graphs() -> Iterator[dict[str, Lean]]:
    with duckdb.connect(":memory:") as one, duckdb.connect(":memory:") as other:
        yield {"conformance": Lean(one, CONFORMANCE["fixture"]), "cases": Lean(other, CASES_GRAPH)}


ASKED = [("conformance", it) for it in EXAMPLES] + [("cases", it) for it in lines_of("cases.jsonl")]


def statements_of(held: Lean, case: Case) -> Iterator[Statement]:
    catalogue, checked = held.relations.catalogue(), check(parse(case["query"]))
    asked = {
        "now": case.get("now", NOW),
        "parameters": case.get("params", case.get("parameters", {})),
        "options": Options(case.get("includeDeleted", False), case.get("rowMetadata", False)),
    }
    yield compiler.compile(checked, catalogue, **asked).statement
    yield from (statement for _, statement in compiler.counts(checked, catalogue, **asked))


@pytest.mark.parametrize("graph", ["conformance", "cases"])
def test_every_column_is_named(graphs: dict[str, Lean], graph: str) -> None:
    statements = [it for name, case in ASKED if name == graph for it in statements_of(graphs[graph], case)]
    for statement in statements:
        assert set(_COLUMN.findall(statement.sql)) <= _named(statement), statement.sql


@pytest.mark.parametrize(("graph", "case"), ASKED[::15])
def test_nothing_else_is_read(graphs: dict[str, Lean], graph: str, case: Case) -> None:
    for statement in statements_of(graphs[graph], case):
        assert graphs[graph].lean(statement) == graphs[graph].full(statement)


@pytest.mark.thorough
@pytest.mark.parametrize(("graph", "case"), ASKED)
def test_nothing_else_is_read_by_any(graphs: dict[str, Lean], graph: str, case: Case) -> None:
    test_nothing_else_is_read(graphs, graph, case)


_COLUMN = re.compile(r'(\w+)\."((?:[^"]|"")*)"')


def _named(statement: Statement) -> set[tuple[str, str]]:
    """The property columns of `reads`, with any table alias that they may stand behind."""
    aliases = {alias for alias, _ in _COLUMN.findall(statement.sql)}
    return {
        (alias, name.replace('"', '""'))
        for alias in aliases
        for name in (statement.reads.relationship if alias[0] == "r" else statement.reads.entity)
    }


def test_what_no_statement_names_is_not_read(graphs: dict[str, Lean]) -> None:
    """Columns, links and texts each only where they are needed."""
    catalogue = graphs["conformance"].relations.catalogue()

    def reads(query: str) -> Reads:
        return compiler.compile(check(parse(query)), catalogue, now=0, parameters={}).statement.reads

    sorts = {sort.type: sort.number for sort in catalogue.sorts}
    assert reads("FIND User") == Reads()
    link = Link("IS", sorts["okta_user"], sorts["employee"])
    assert reads("FIND User THAT IS Person") == Reads(links=frozenset({link}))
    named = reads("FIND User THAT IS Person WITH lastName = 'x'")
    assert named == Reads(frozenset({"last^name#s"}), links=frozenset({link}))
    assert reads("FIND User THAT IS << Person") == Reads()
    assert reads("FIND 'x y'") == Reads(searched=True)
    assert reads("FIND 'cafe'") == Reads(frozenset({"_id#s"}), searched=True)
    assert reads("FIND User AS u THAT ASSIGNED AS r * RETURN r, u").relationship == frozenset()

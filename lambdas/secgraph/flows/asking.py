"""A reader → the question that rules ask: every row up to a bound, with its true total and row metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from secgraph.flows.ask import ask
from secgraph.flows.asked import Ask
from secgraph.graph.ports import GraphReader
from secgraph.graph.relations import Catalogue
from secgraph.j1ql import parse
from secgraph.j1ql.holes.placeholders import NO_VALUES, Placeholders
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.nodes import Query
from secgraph.j1ql.server.settings import PLAIN, Server
from secgraph.j1ql.sql.compiler import Options, compile  # noqa: A004 (the stage's name)
from secgraph.rules.rows import Answer

ROWS: Final = 10_000
"""Rows of one query that a rule looks at; the total beyond is still counted."""


def asker(reader: GraphReader, *, now: int, clock: Callable[[], int], server: Server = PLAIN) -> Ask:
    """Make the question of one run: all its queries share `now` and what is set on the server; `clock`
    (epoch ms) only measures."""

    def answer(text: str, *, include_deleted: bool, placeholders: Placeholders = NO_VALUES) -> Answer:
        started = clock()
        response = ask(
            text,
            reader=reader,
            now=now,
            server=server,
            include_deleted=include_deleted,
            row_metadata=True,
            placeholders=placeholders,
            page_rows=ROWS,
            page_bytes=None,
            warn=False,
        )
        rows = _rows(response)
        return Answer(response["type"], rows, response.get("totalCount", len(rows)), clock() - started)

    return answer


def compile_query(text: str) -> Query:
    """Parse, check and compile a query against an empty graph, as `rules check` does, with the row metadata
    that rules ask for. Raises QueryError."""
    query = parse(text)
    compile(check(query), Catalogue(), now=0, parameters={}, options=Options(row_metadata=True))
    return query


def _rows(response: Mapping[str, Any]) -> list[Mapping[str, object]]:
    data = response["data"]
    rows: list[Mapping[str, object]] = data["vertices"] if response["type"] == "tree" else data
    return rows

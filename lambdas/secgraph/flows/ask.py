"""Ask: query text → response. parse → check → compile → fetch → documents → result, a page at a
time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secgraph.errors import QueryError
from secgraph.flows.limits import explained
from secgraph.flows.pages import (
    PAGE_BYTES,
    PAGE_ROWS,
    Asked,
    Place,
    bound_bytes,
    bound_rows,
    bound_vertices,
    cut,
)
from secgraph.graph.ports import GraphReader
from secgraph.graph.relations import Rows
from secgraph.j1ql.grammar.parser import parse_filled
from secgraph.j1ql.holes.placeholders import NO_VALUES, Placeholders, filled
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.results.response import named, response
from secgraph.j1ql.server.parameters import NONE, Parameters
from secgraph.j1ql.server.settings import PLAIN, Server
from secgraph.j1ql.sql import compiler
from secgraph.j1ql.sql.compiler import Options
from secgraph.j1ql.sql.plan import Plan, TreeShape
from secgraph.j1ql.warnings.checks import warnings_of


def ask(
    text: str,
    *,
    reader: GraphReader,
    now: int,
    parameters: Parameters = NONE,
    placeholders: Placeholders = NO_VALUES,
    server: Server = PLAIN,
    include_deleted: bool = False,
    row_metadata: bool = False,
    cursor: str | None = None,
    page_rows: int | None = PAGE_ROWS,
    page_bytes: int | None = PAGE_BYTES,
    max_rows: int | None = None,
    warn: bool = True,
) -> dict[str, Any]:
    """Answer a query with a response of j1ql.md section 12; `cursor` is in it while more pages follow.

    `now` is epoch milliseconds; a cursor carries the `now` of the first page on. With `page_rows` and
    `page_bytes` None the whole result comes at once; `max_rows` then bounds it. `placeholders` fills the
    holes of a saved query. Raises QueryError with its place in `text`; LIMITS if the result is larger than
    `max_rows`, or a tree is larger than one page. With `warn`, `messages` say what was probably not meant.
    """
    asked = Asked(text, parameters, placeholders, include_deleted, row_metadata)
    question = filled(text, placeholders)
    with question.placed():
        checked = check(parse_filled(question.text))
        at = asked.place(cursor) if cursor else Place(0, now)
        sizes = [it for it in (page_rows, None if max_rows is None else max_rows + 1) if it is not None]
        catalogue = reader.catalogue()
        options = Options(include_deleted, row_metadata, at.offset, min(sizes, default=None))
        plan = compiler.compile(
            checked, catalogue, now=at.now, parameters=parameters, options=options, server=server
        )
        try:
            rows = reader.fetch(plan.statement)
        except QueryError as error:
            counts = compiler.counts(
                checked, catalogue, now=at.now, parameters=parameters, options=options, server=server
            )
            raise explained(error, counts, reader) from error
        messages = (
            warnings_of(checked, catalogue, now=at.now, parameters=parameters, server=server) if warn else ()
        )
    if isinstance(plan.shape, TreeShape):
        bound_vertices(rows, max_rows if page_rows is None else page_rows)
        answer = response(plan, rows, _documents(plan, rows, reader))
        bound_bytes(answer, page_bytes)
    else:
        documents = _documents(plan, rows, reader)
        answer = response(plan, rows, documents)
        bound_rows(answer, max_rows)
        cut(answer, documents.values(), asked, at, page_rows, page_bytes)
    return {**answer, "messages": list(messages)} if messages else answer


def _documents(plan: Plan, rows: Rows, reader: GraphReader) -> Mapping[int, str]:
    ids = named(plan, rows)
    return dict(zip(ids, reader.documents(ids), strict=True)) if ids else {}


def explain(
    text: str,
    *,
    reader: GraphReader,
    now: int,
    parameters: Parameters = NONE,
    placeholders: Placeholders = NO_VALUES,
    server: Server = PLAIN,
    include_deleted: bool = False,
) -> str:
    """Give the plan, the SQL and the bound values of a query, without running it; `(secret)` stands for
    those of secret parameters. Then its warnings, a `note:` each. Raises QueryError."""
    options = Options(include_deleted=include_deleted)
    question = filled(text, placeholders)
    with question.placed():
        checked = check(parse_filled(question.text))
        catalogue = reader.catalogue()
        plan = compiler.compile(
            checked, catalogue, now=now, parameters=parameters, options=options, server=server
        )
        messages = warnings_of(checked, catalogue, now=now, parameters=parameters, server=server)
    return "\n".join([str(plan), *(["", *(f"note: {it}" for it in messages)] if messages else [])])

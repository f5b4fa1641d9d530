"""Compiler: checked query + catalogue → one SQL statement, the shape of its rows, and a readable plan.

Values enter the SQL as bound parameters only; names as quoted identifiers, and only those that the
catalogue holds: a property that no record has never reaches SQL, it is undefined everywhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from secgraph.graph.relations import Catalogue, Statement
from secgraph.j1ql.meaning import names
from secgraph.j1ql.meaning.names import Checked
from secgraph.j1ql.server.parameters import Known, Parameters
from secgraph.j1ql.server.settings import PLAIN, Server
from secgraph.j1ql.sql import growth
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.describe import described
from secgraph.j1ql.sql.growth import Beginning
from secgraph.j1ql.sql.options import WHOLE, Options
from secgraph.j1ql.sql.plan import Plan
from secgraph.j1ql.sql.query_sql import QuerySql

__all__ = ["Options", "compile", "count", "counts"]


def compile(  # noqa: A001 (the stage's name in the architecture)
    checked: Checked,
    catalogue: Catalogue,
    *,
    now: int,
    parameters: Parameters,
    options: Options = WHOLE,
    server: Server = PLAIN,
) -> Plan:
    """Write the plan of a query. Raises QueryError TYPE, PARAM, SUBQUERY, NAME, DUPLICATE or UNSUPPORTED."""
    compilation = _compilation(catalogue, now, parameters, options, server)
    sql, shape, way = QuerySql(compilation, checked).statement(options)
    statement, secrets = _numbered(_with(compilation, sql), compilation)
    used = [server.smart_classes.defined[name] for name in compilation.smart]
    return Plan(
        statement,
        shape,
        described(checked.query, catalogue, way, used),
        options.offset,
        checked.query.skip or 0,
        checked.query.limit,
        secrets,
    )


def counts(
    checked: Checked,
    catalogue: Catalogue,
    *,
    now: int,
    parameters: Parameters,
    options: Options = WHOLE,
    server: Server = PLAIN,
) -> Iterator[tuple[Beginning, Statement]]:
    """Write the statements that count the beginnings of a query, each when it is asked for. Each gives one
    number, `growth.MOST` + 1 where there are more. Raises QueryError as `compile` does."""
    whole = QuerySql(_compilation(catalogue, now, parameters, options, server), checked)
    for beginning in growth.beginnings(checked.query, by_paths=whole.builds_paths):
        yield (
            beginning,
            count(beginning, catalogue, now=now, parameters=parameters, options=options, server=server),
        )


def count(
    beginning: Beginning,
    catalogue: Catalogue,
    *,
    now: int,
    parameters: Parameters,
    options: Options = WHOLE,
    server: Server = PLAIN,
) -> Statement:
    """Write the statement that counts one beginning of a query. Raises QueryError as `compile` does."""
    compilation = _compilation(catalogue, now, parameters, options, server)
    sql = QuerySql(compilation, names.check(beginning.query)).count(beginning)
    return _numbered(_with(compilation, sql), compilation)[0]


def _compilation(
    catalogue: Catalogue, now: int, parameters: Parameters, options: Options, server: Server
) -> Compilation:
    known = Known(parameters, server.stored)
    known.refuse_shadowing()
    return Compilation(catalogue, now, known, options.include_deleted, server.smart_classes)


_NAME = re.compile(r"\b[a-z]+[0-9]+\b")
"""The name of a common table expression, among others."""


def _with(compilation: Compilation, sql: str) -> str:
    """Put the common table expressions before a SELECT. One that is mentioned more than once is made once:
    DuckDB may else plan it anew for each mention, and what it mentions itself, twice as much each time."""
    if not compilation.ctes:
        return sql
    mentions = Counter(
        name for text in [*(it for _, it in compilation.ctes), sql] for name in _NAME.findall(text)
    )
    tables = [
        f"{name} AS {'MATERIALIZED ' if mentions[name] > 1 else ''}(\n  {text})"
        for name, text in compilation.ctes
    ]
    return "WITH " + ",\n".join(tables) + f"\n{sql}"


_MARK = re.compile(r"""\$([0-9]+)|"(?:[^"]|"")*"|'(?:[^']|'')*'""")
"""A mark; or a quoted name or text, in which nothing is a mark."""


def _numbered(sql: str, compilation: Compilation) -> tuple[Statement, frozenset[int]]:
    """Number the marks in the order of the text; what was bound for a test that fell away is dropped.
    Also give the marks whose values are secret."""
    order: dict[str, int] = {}

    def renumbered(found: re.Match[str]) -> str:
        return f"${order.setdefault(found[1], len(order) + 1)}" if found[1] else found[0]

    text = _MARK.sub(renumbered, sql)
    values = tuple(compilation.bound[int(mark) - 1] for mark in order)
    statement = Statement(text, values, compilation.reads)
    return statement, frozenset(order[it] for it in order if int(it) in compilation.secrets)

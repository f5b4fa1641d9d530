"""Compiler: checked query + catalogue → one SQL statement, the shape of its rows, and a readable plan.

Values enter the SQL as bound parameters only; names as quoted identifiers, and only those that the
catalogue holds: a property that no record has never reaches SQL, it is undefined everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secgraph.errors import QueryError
from secgraph.graph.relations import Catalogue, Statement
from secgraph.j1ql import names, walk
from secgraph.j1ql.compilation import Compilation
from secgraph.j1ql.describe import described
from secgraph.j1ql.frames import Frame, column_of
from secgraph.j1ql.functions import Expressions
from secgraph.j1ql.names import Checked, Target, What
from secgraph.j1ql.nodes import (
    And,
    EntityPattern,
    Expr,
    Filter,
    Path,
    Selector,
    Subquery,
    Tree,
)
from secgraph.j1ql.parameters import Known, Parameters
from secgraph.j1ql.paths import Paths
from secgraph.j1ql.plan import ListShape, Plan, Shape, TreeShape
from secgraph.j1ql.predicates import Filters
from secgraph.j1ql.projections import (
    NO_KEYS,
    Page,
    Table,
    keys_of,
    list_rows,
    list_statement,
    page_of,
)
from secgraph.j1ql.selectors import Matcher
from secgraph.j1ql.server import PLAIN, Server
from secgraph.j1ql.steps import chain_length, has_block
from secgraph.j1ql.trees import Reachable, Records, records_of_paths, tree_statement
from secgraph.j1ql.typed import Typed, property_of


@dataclass(frozen=True, slots=True)
class Options:
    """How a query is asked. `size` is the length of the page, None for everything."""

    include_deleted: bool = False
    row_metadata: bool = False
    offset: int = 0
    size: int | None = None


def compile(  # noqa: A001 (the stage's name in the architecture)
    checked: Checked,
    catalogue: Catalogue,
    *,
    now: int,
    parameters: Parameters,
    options: Options = Options(),
    server: Server = PLAIN,
) -> Plan:
    """Write the plan of a query. Raises QueryError TYPE, PARAM, SUBQUERY, NAME, DUPLICATE or UNSUPPORTED."""
    known = Known(parameters, server.stored)
    known.refuse_shadowing()
    compilation = Compilation(catalogue, now, known, options.include_deleted, server.smart_classes)
    sql, shape, way = _Query(compilation, checked).statement(options)
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


def _with(compilation: Compilation, sql: str) -> str:
    if not compilation.ctes:
        return sql
    tables = ",\n".join(f"{name} AS (\n  {text})" for name, text in compilation.ctes)
    return f"WITH {tables}\n{sql}"


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
    return Statement(text, values), frozenset(order[it] for it in order if int(it) in compilation.secrets)


class _Query:
    """One query or subquery on its way to SQL."""

    def __init__(self, compilation: Compilation, checked: Checked) -> None:
        self._compilation = compilation
        self._checked = checked
        self._query = checked.query
        self._paths = Paths(compilation, self._match)

    def statement(self, options: Options) -> tuple[str, Shape, str]:
        """Give the SQL, the shape of its rows, and in a few words how the result comes about."""
        query = self._query
        page = page_of(query, options.offset, options.size)
        if query.returns is None:
            frame, way = self._starts()
            keys = keys_of(query, self._expressions(frame))
            rows = list_rows(frame, keys)
            return list_statement(self._compilation, rows, keys, page), ListShape(), way
        if isinstance(query.returns, Tree):
            records, way = self._records(page_of(query, 0, None))
            return tree_statement(self._compilation, records, options.size), TreeShape(), way
        table = self._table()
        keys = keys_of(query, table.expressions)
        meta = self._meta() if options.row_metadata and not (table.is_grouped or query.unique) else ()
        sql, shape = table.statement(keys, page, meta)
        way = "table, one row for each group of paths" if table.is_grouped else "table, one row for each path"
        return sql, shape, way

    def values(self) -> str:
        """Write the values of a subquery as rows of `s`, `n` and `b`."""
        table = self._table()
        return table.explode(keys_of(self._query, table.expressions), page_of(self._query, 0, None))

    def ids(self) -> str:
        """Write the ids of what the query finds, as rows of `id`."""
        frame, _ = self._starts()
        return list_rows(frame, NO_KEYS)

    def _table(self) -> Table:
        columns = self._query.returns
        assert isinstance(columns, tuple)  # noqa: S101 (for the type checker)
        frame = self._frame()
        return Table(self._compilation, self._checked, frame, columns, self._where(frame))

    def _meta(self) -> Sequence[tuple[str, Target]]:
        return [(name, it) for name, it in self._checked.bound.items() if it.what is not What.NOTHING]

    # ── paths ─────────────────────────────────────────────────────────────────────────────────────────

    def _frame(self) -> Frame:
        frame = self._paths.walk(self._paths.start(self._query.start), self._query.steps)
        if self._query.where is not None:
            frame.conditions.append(self._where(frame).test(self._query.where))
        return frame

    def _starts(self) -> tuple[Frame, str]:
        """Give the start entities: by semi joins if nothing looks at two records of a path at once."""
        where = self._where_by_record()
        if where is None:
            return self._frame(), "list of the start entities of all paths"
        frame = self._paths.start(self._query.start)
        frame.conditions += where.get("e0", ())
        self._paths.follow(frame, self._query.steps, where)
        return frame, "list of start entities, by semi joins"

    def _records(self, page: Page) -> tuple[Records, str]:
        """Give the records of a tree: without paths if nothing looks at two records of a path at once."""
        where = self._where_by_record()
        if where is None or has_block(self._query.steps):
            frame = self._frame()
            keys = keys_of(self._query, self._expressions(frame))
            return records_of_paths(self._compilation, frame, keys, page), "tree of all paths"
        reachable = Reachable(self._compilation, self._paths, self._match, where)
        start = reachable.start(self._query.start)
        keys = keys_of(self._query, self._expressions(start))
        found = reachable.records(start, self._query.steps, keys, page)
        return found, "tree, by reaching forwards and back"

    def _where_by_record(self) -> dict[str, list[str]] | None:
        scope = self._checked.scope
        ordered = {scope[it] for key in self._query.order for it in walk.selectors_in(key.expression)}
        if any(it.what is not What.NOTHING and it != Target(What.ENTITY, 0) for it in ordered):
            return None
        always = chain_length(self._query.steps)
        tests: dict[str, list[str]] = {}
        for part in _conjuncts(self._query.where):
            targets = {scope[path.selector or ""] for path in walk.paths(part)}
            records = {it for it in targets if it.what is not What.NOTHING}
            if len(records) > 1 or any(it.what is What.BLOCK or it.number > always for it in records):
                return None
            record = column_of(next(iter(records), Target(What.ENTITY, 0)))
            tests.setdefault(record, []).append(self._filters(self._beside).test(part))
        return tests

    # ── filters ───────────────────────────────────────────────────────────────────────────────────────

    def _match(self, alias: str, pattern: EntityPattern) -> list[str]:
        def typed(path: Expr) -> Typed:
            assert isinstance(path, Path)  # noqa: S101 (for the type checker: WITH has only paths)
            return property_of(alias, path.property, self._compilation.catalogue.entity_properties)

        return Matcher(self._compilation, alias, self._filters(typed), self._members).tests(pattern)

    def _where(self, frame: Frame) -> Filters:
        return self._filters(self._expressions(frame).typed)

    def _beside(self, path: Expr) -> Typed:
        """Give a property in WHERE where the record's table stands right beside the test."""
        assert isinstance(path, Path)  # noqa: S101 (for the type checker: WHERE has only paths)
        target = self._checked.scope[path.selector or ""]
        if target.what is What.NOTHING:
            return Typed()
        catalogue = self._compilation.catalogue
        is_edge = target.what is What.RELATIONSHIP
        held = catalogue.relationship_properties if is_edge else catalogue.entity_properties
        return property_of(column_of(target), path.property, held)

    def _filters(self, typed: Callable[[Expr], Typed]) -> Filters:
        return Filters(self._compilation, typed, self._subquery)

    def _expressions(self, frame: Frame) -> Expressions:
        return Expressions(self._compilation, frame, self._checked.scope, {})

    def _subquery(self, subquery: Subquery) -> str:
        inner = _Query(self._compilation, names.check(subquery.query))
        return self._compilation.cte("values", inner.values())

    def _members(self, selector: Selector) -> str | None:
        """Name the table of the members of `#Name`, made once in a statement, after those that it is made
        of; None if the server has no such class."""
        name, made = selector.smart or "", self._compilation.smart
        for each in self._compilation.smart_classes.needed(name):
            if each.name in made:
                continue
            try:
                with self._compilation.without_request():
                    found = [_Query(self._compilation, checked).ids() for checked in each.queries]
            except QueryError as error:
                message = f"The smart class {each.name} cannot be used: {error.message}"
                raise QueryError(error.code, message, selector.at, expected=error.expected) from error
            union = "\n  UNION\n  ".join(found) or "SELECT id FROM entity WHERE FALSE"
            made[each.name] = self._compilation.cte("smart", union)
        return made.get(name)


def _conjuncts(filter_: Filter | None) -> Sequence[Filter]:
    if filter_ is None:
        return ()
    return filter_.items if isinstance(filter_, And) else (filter_,)

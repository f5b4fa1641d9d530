"""One query or subquery → the SQL of its result, its values or ids, or of the size of a beginning of it."""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Callable, Sequence

from secgraph.errors import QueryError
from secgraph.j1ql import walk
from secgraph.j1ql.meaning import names
from secgraph.j1ql.meaning.names import Checked, Target, What
from secgraph.j1ql.nodes import And, EntityPattern, Expr, Filter, Path, Selector, Subquery, Tree
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.frames import NOWHERE, Frame, column_of
from secgraph.j1ql.sql.functions import Expressions
from secgraph.j1ql.sql.growth import MOST, Beginning
from secgraph.j1ql.sql.options import Options
from secgraph.j1ql.sql.paths import Paths
from secgraph.j1ql.sql.plan import ListShape, Shape, TreeShape
from secgraph.j1ql.sql.predicates import Filters
from secgraph.j1ql.sql.projections import NO_KEYS, Page, Table, keys_of, list_rows, list_statement, page_of
from secgraph.j1ql.sql.selectors import Matched, Matcher, is_tested
from secgraph.j1ql.sql.trees import Reachable, Records, records_of_paths, tree_statement
from secgraph.j1ql.sql.typed import Typed
from secgraph.j1ql.steps import chain_length, has_block


class QuerySql:
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

    @property
    def builds_paths(self) -> bool:
        """Whether something looks at two records of a path at once; else sets of entities will do."""
        returns = self._query.returns
        is_table = returns is not None and not isinstance(returns, Tree)
        is_tree_of_paths = returns is not None and has_block(self._query.steps)
        return is_table or is_tree_of_paths or self._where_by_record() is None

    def count(self, it: Beginning) -> str:
        """Write how many paths, or entities at its end, a beginning has."""
        start = self._paths.start(self._query.start)
        if it.where:
            found = self._frame().select(["1"])
        elif it.by_paths:
            found = self._paths.take(start, it.steps).select(["1"])
        else:
            where = self._where_by_record() or NOWHERE
            start.conditions += where.get("e0", ())
            first = self._compilation.cte("reached", start.select(["e0.id AS far"]))
            found = f"SELECT 1 FROM {self._paths.reach(first, start.near, it.steps, where)}"
        most = self._compilation.bind_count(MOST + 1)
        return f"SELECT count(*) FROM ({found} LIMIT {most})"

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
        if is_tested(self._query.start) or "e0" in where:
            frame = self._paths.gathered(frame, self._query.steps, where)
        self._paths.follow(frame, self._query.steps, where)
        return frame, "list of start entities, by semi joins"

    def _records(self, page: Page) -> tuple[Records, str]:
        """Give the records of a tree: without paths if nothing looks at two records of a path at once."""
        where = self._where_by_record()
        if where is None or has_block(self._query.steps):
            frame = self._frame()
            keys = keys_of(self._query, self._expressions(frame))
            return records_of_paths(self._compilation, frame, keys, page), "tree of all paths"
        reachable = Reachable(self._compilation, self._paths, where)
        start = reachable.start(self._query.start)
        keys = keys_of(self._query, self._expressions(start))
        found = reachable.records(start, self._query.steps, keys, page)
        return found, "tree, by reaching forwards and back"

    def _where_by_record(self) -> dict[str, list[str]] | None:
        """Give the tests of WHERE by the record that they look at; None if one looks at two, or ORDER BY at
        another than the start."""
        scope = self._checked.scope
        ordered = {scope[it] for key in self._query.order for it in walk.selectors_in(key.expression)}
        if any(it.what is not What.NOTHING and it != Target(What.ENTITY, 0) for it in ordered):
            return None
        parts = [(self._looked_at(part), part) for part in _conjuncts(self._query.where)]
        tests: dict[str, list[str]] = {}
        if any(target is None for target, _ in parts):
            return None
        for target, part in parts:
            if target is not None:
                tests.setdefault(column_of(target), []).append(self._filters(self._beside).test(part))
        return tests

    def _looked_at(self, part: Filter) -> Target | None:
        """Give the one record that a test looks at, if every path has it; the start if it looks at none."""
        always = chain_length(self._query.steps)
        targets = {self._checked.scope[path.selector or ""] for path in walk.paths(part)}
        records = {it for it in targets if it.what is not What.NOTHING}
        if len(records) > 1 or any(it.what is What.BLOCK or it.number > always for it in records):
            return None
        return next(iter(records), Target(What.ENTITY, 0))

    # ── filters ───────────────────────────────────────────────────────────────────────────────────────

    def _match(self, alias: str, pattern: EntityPattern) -> Matched:
        def typed(path: Expr) -> Typed:
            assert isinstance(path, Path)  # noqa: S101 (for the type checker: WITH has only paths)
            return self._compilation.property_of(alias, path.property)

        return Matcher(self._compilation, alias, self._filters(typed), self._members).matched(pattern)

    def _where(self, frame: Frame) -> Filters:
        return self._filters(self._expressions(frame).typed)

    def _beside(self, path: Expr) -> Typed:
        """Give a property in WHERE where the record's table stands right beside the test."""
        assert isinstance(path, Path)  # noqa: S101 (for the type checker: WHERE has only paths)
        target = self._checked.scope[path.selector or ""]
        if target.what is What.NOTHING:
            return Typed()
        is_edge = target.what is What.RELATIONSHIP
        return self._compilation.property_of(column_of(target), path.property, is_edge=is_edge)

    def _filters(self, typed: Callable[[Expr], Typed]) -> Filters:
        return Filters(self._compilation, typed, self._subquery)

    def _expressions(self, frame: Frame) -> Expressions:
        return Expressions(self._compilation, frame, self._checked.scope, {})

    def _subquery(self, subquery: Subquery) -> str:
        inner = QuerySql(self._compilation, names.check(subquery.query))
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
                    found = [QuerySql(self._compilation, checked).ids() for checked in each.queries]
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

"""Paths → the rows of a list, a table or a tree (j1ql.md sections 12 to 14).

Rows hold ids and values only; what else a relationship needs is joined to the rows of the page, not to all
paths.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secgraph.errors import Position, QueryError
from secgraph.graph.relations import Kind
from secgraph.j1ql.meaning.names import Checked, Target, What
from secgraph.j1ql.nodes import Column, Filter, Query
from secgraph.j1ql.printing import column_name
from secgraph.j1ql.sql.columns import Item, by_name, cells, item_of
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.frames import Frame, column_of
from secgraph.j1ql.sql.functions import Expressions
from secgraph.j1ql.sql.plan import (
    METADATA,
    RELATIONSHIP,
    Cells,
    EntityCells,
    RelationshipCells,
    TableShape,
    ValueCells,
)
from secgraph.j1ql.sql.predicates import Filters
from secgraph.j1ql.sql.typed import RecordOf, Typed, sort_keys
from secgraph.j1ql.walk import is_aggregate

_LISTS = frozenset({Kind.STRINGS, Kind.NUMBERS, Kind.BOOLEANS})

MAX_JOINS = 20
"""Most relationships that are joined to a page for what its rows show. Each may be a view of four tables, and
the time to plan them grows with the cube."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows to give: `start` of them are passed over, at most `size` given (None: all)."""

    start: int
    size: int | None

    @property
    def is_part(self) -> bool:
        """Tell whether rows may be left out."""
        return bool(self.start) or self.size is not None

    def sql(self, compilation: Compilation) -> str:
        """Write LIMIT and OFFSET."""
        size = "" if self.size is None else f" LIMIT {compilation.bind_count(self.size)}"
        return size + (f" OFFSET {compilation.bind_count(self.start)}" if self.start else "")


def page_of(query: Query, offset: int, size: int | None) -> Page:
    """Put a page of the result together with the query's own SKIP and LIMIT."""
    left = None if query.limit is None else max(query.limit - offset, 0)
    sizes = [it for it in (left, size) if it is not None]
    return Page((query.skip or 0) + offset, min(sizes) if sizes else None)


@dataclass(frozen=True, slots=True)
class Keys:
    """ORDER BY as columns `k0`, `k1`, … of the rows, and how to sort by them."""

    columns: list[str]
    order: list[str]

    def by(self, ties: Sequence[str]) -> str:
        """Write ORDER BY with what settles ties."""
        keys = [*self.order, *ties]
        return f" ORDER BY {', '.join(keys)}" if keys else ""


NO_KEYS = Keys([], [])


def keys_of(query: Query, expressions: Expressions) -> Keys:
    """Write the sort keys; undefined comes last both ways."""
    columns: list[str] = []
    order: list[str] = []
    for key in query.order:
        found = sort_keys(expressions.item(key.expression))
        expressions.compilation.spend(found, key.at)
        for sql in found:
            name = f"k{len(columns)}"
            columns.append(f"{sql} AS {name}")
            order.append(f"{name} {'DESC' if key.descending else 'ASC'} NULLS LAST")
    return Keys(columns, order)


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────


def list_rows(frame: Frame, keys: Keys) -> str:
    """Write the distinct start entities; the first path of each counts for the order."""
    start = f"{frame.columns['e0']} AS id"
    if frame.is_of_starts:
        return frame.select([start, *keys.columns])
    if not keys.columns:
        return frame.select([f"DISTINCT {start}"])
    paths = path_columns(frame)
    rows = frame.select([start, *keys.columns, *(f"{sql} AS {name}" for name, sql in paths)])
    first = keys.by([name for name, _ in paths])
    return f"SELECT * FROM ({rows}) QUALIFY row_number() OVER (PARTITION BY id{first}) = 1"


def list_statement(compilation: Compilation, rows: str, keys: Keys, page: Page) -> str:
    """Write the whole statement of a list."""
    order = keys.by(["id"])
    paged = _paged(compilation, rows, order, page)
    return f"SELECT page.total, page.id\nFROM {paged} AS page{order}"


def path_columns(frame: Frame) -> list[tuple[str, str]]:
    """List the columns that identify a path and put the paths in order."""
    return [(f"o_{name}", sql) for name, sql in frame.columns.items() if name[0] != "b"]


def _paged(compilation: Compilation, rows: str, order: str, page: Page) -> str:
    """Name the table of the page, each row with the count of all. (Counted by a window they would all have
    to be kept in order first.)"""
    name = compilation.cte("rows", rows)
    counted = f"SELECT *, (SELECT count(*) FROM {name}) AS total FROM {name}"
    return compilation.cte("page", f"{counted}{order}{page.sql(compilation)}")


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────


class Table:
    """Writes the rows of a table. `meta` asks for the records of every row."""

    def __init__(
        self,
        compilation: Compilation,
        checked: Checked,
        frame: Frame,
        columns: tuple[Column, ...],
        filters: Filters,
    ) -> None:
        self._compilation = compilation
        self._checked = checked
        self._frame = frame
        self._columns = columns
        self.is_grouped = any(is_aggregate(column.item) for column in columns)
        grouping = frozenset(column.item for column in columns if not is_aggregate(column.item))
        self._items: list[Item] = []
        plain = Expressions(compilation, frame, checked.scope, {})
        beside = replace(plain, grouping=grouping if self.is_grouped else None)
        for column in columns:
            aggregate = is_aggregate(column.item)
            item = item_of(beside if aggregate else plain, column)
            written = [sql for _, sql in cells("", item.value)]
            # An aggregate is planned in the rows and in the groups; a key also as what settles ties.
            compilation.spend(written * (1 if not self.is_grouped else 2 if aggregate else 3), column.at)
            self._items.append(item)
        self.expressions = Expressions(
            compilation,
            frame,
            checked.scope,
            {it.name: it.value for it in by_name(self._items)},
            beside.grouping,
        )
        self._shown = by_name(self._items)
        self._filters = filters

    def rows(self, keys: Keys, meta: Sequence[tuple[str, Target]]) -> str:
        """Write all rows: columns `c0_s` …, sort keys, and what settles ties; then HAVING and UNIQUE."""
        query = self._checked.query
        shown = [f"{sql} AS {name}" for name, sql in self._cells()]
        ties = [f"{sql} AS {name}" for name, sql in self._ties()]
        records = [f"{self._record(target).id} AS m{place}" for place, (_, target) in enumerate(meta)]
        having = None if query.having is None else self._having(query.having)
        if self.is_grouped:
            return self._of_groups([*shown, *keys.columns, *ties, *records], having)
        if having is not None:
            self._frame.conditions.append(having)
        sql = self._frame.select([*shown, *keys.columns, *ties, *records])
        if query.unique:
            names = ", ".join(name for name, _ in self._cells())
            partition = f"PARTITION BY {names}" if names else ""
            first = keys.by([name for name, _ in self._ties()])
            return f"SELECT * FROM ({sql}) QUALIFY row_number() OVER ({partition}{first}) = 1"
        return sql

    def _of_groups(self, columns: Sequence[str], having: str | None) -> str:
        """Write one row for each group; without a key `()` makes one, also where no column is an aggregate
        of SQL. HAVING becomes a column: in DuckDB's own, a lambda's variable is taken for one."""
        kept = [] if having is None else [f"{having} AS kept"]
        sql = self._frame.select([*columns, *kept] or ["NULL AS nothing"])
        sql += f"\n  GROUP BY {', '.join(self._groups()) or '()'}"
        return f"SELECT * FROM ({sql}) WHERE kept" if kept else sql

    def statement(self, keys: Keys, page: Page, meta: Sequence[tuple[str, Target]]) -> tuple[str, TableShape]:
        """Write the whole statement and tell the shape of its rows."""
        if meta:
            self._refuse_metadata_column()
        order = keys.by([name for name, _ in self._ties()])
        paged = _paged(self._compilation, self.rows(keys, meta), order, page)
        joins: list[str] = []
        selected = ["page.total"]
        shapes: list[Cells] = []
        for place, item in enumerate(self._shown):
            shapes.append(self._output(item, f"c{place}", selected, joins))
            _bound(joins, item.at)
        records: list[EntityCells | RelationshipCells] = []
        for place, (name, target) in enumerate(meta):
            records.append(_record_cells(_what(target), name, f"m{place}", selected, joins))
            _bound(joins, self._columns[-1].at)
        tables = "\n".join([f"FROM {paged} AS page", *joins])
        return f"SELECT {', '.join(selected)}\n{tables}{order}", TableShape(tuple(shapes), tuple(records))

    def _refuse_metadata_column(self) -> None:
        for column in self._columns:
            if column_name(column) == METADATA:
                message = f"With row metadata every row has a column {METADATA} already."
                raise QueryError(
                    "DUPLICATE", message, column.at, expected="another column name", suggestion="AS meta"
                )

    def explode(self, keys: Keys, page: Page) -> str:
        """Write the values of the one column as rows of `s`, `n` and `b`, lists flattened."""
        order = keys.by([name for name, _ in self._ties()])
        paged = self._compilation.cte("rows", self.rows(keys, ()))
        if page.is_part:
            part = f"SELECT * FROM {paged}{order}{page.sql(self._compilation)}"
            paged = self._compilation.cte("page", part)
        value = self._shown[0].value
        parts = value.parts if isinstance(value, Typed) else {}
        selects = ["SELECT NULL::VARCHAR AS s, NULL::DOUBLE AS n, NULL::BOOLEAN AS b WHERE FALSE"]
        for kind in parts:
            letter = kind.value.removeprefix("l")
            if kind is not Kind.MIXED:
                cell = f"c0_{kind.value}"
                inner = f"unnest({cell})" if kind in _LISTS else cell
                selects.append(f"SELECT {inner} AS {letter} FROM {paged}")
        return "\n  UNION ALL BY NAME\n  ".join(selects)

    def _having(self, filter_: Filter) -> str:
        return Filters(self._compilation, self.expressions.typed, self._filters.subquery).test(filter_)

    def _cells(self) -> list[tuple[str, str]]:
        return [cell for place, item in enumerate(self._shown) for cell in cells(f"c{place}", item.value)]

    def _ties(self) -> list[tuple[str, str]]:
        """Rows stand in the order of their paths, groups in the order of their values."""
        if not self.is_grouped:
            return path_columns(self._frame)
        return [(f"g{place}", sql) for place, sql in enumerate(self._groups())]

    def _groups(self) -> list[str]:
        pairs = zip(self._columns, self._items, strict=True)
        keys = [item.value for column, item in pairs if not is_aggregate(column.item)]
        found = list(dict.fromkeys(sql for value in keys for _, sql in cells("", value)))
        return found or (["NULL::INTEGER"] if keys else [])

    def _record(self, target: Target) -> RecordOf:
        return RecordOf(_what(target), self._frame.columns[column_of(target)])

    def _output(self, item: Item, column: str, selected: list[str], joins: list[str]) -> Cells:
        if isinstance(item.value, RecordOf):
            cells = _record_cells(item.value.what, item.name, column, selected, joins)
            return replace(cells, spread=item.spread)
        for kind in item.value.parts:
            cell = f"page.{column}_{kind.value}"
            selected.append(f"to_json({cell})::VARCHAR" if kind in _LISTS else cell)
        return ValueCells(item.name, tuple(item.value.parts))


def _what(target: Target) -> What:
    return What.RELATIONSHIP if target.what is What.RELATIONSHIP else What.ENTITY


def _record_cells(
    what: What, name: str, column: str, selected: list[str], joins: list[str]
) -> EntityCells | RelationshipCells:
    """Write the cells of a whole record whose id stands in a column of the page."""
    if what is What.ENTITY:
        selected.append(f"page.{column}")
        return EntityCells(name)
    edge = f"x_{column}"
    joins.append(f"LEFT JOIN relationship AS {edge} ON {edge}.id = page.{column}")
    selected += [f"{edge}.{it}" for it in RELATIONSHIP]
    return RelationshipCells(name)


def _bound(joins: Sequence[str], at: Position) -> None:
    if len(joins) > MAX_JOINS:
        message = "Up to here the rows show too many whole relationships."
        raise QueryError("LIMITS", message, at, expected="fewer of them", suggestion="return properties")

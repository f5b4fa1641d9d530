"""Results: the paths after WHERE → a list, a table or a tree (sections 12 to 14, 16)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from secgraph.j1ql.nodes import Column, Everything, Expr, Key, Query, Tree
from tests.j1ql.interpreter.expressions import Row, canonical, has_aggregate
from tests.j1ql.interpreter.filters import World, holds
from tests.j1ql.interpreter.graph import Entity, Relationship
from tests.j1ql.interpreter.order import Runs, firsts, in_runs, shares
from tests.j1ql.interpreter.paths import Names, Path, paths_of
from tests.j1ql.interpreter.shapes import by_alias, record, shape
from tests.j1ql.interpreter.values import Value, identity, members


class UndeterminedError(Exception):
    """A subquery's LIMIT cuts among equals, so that its values are anybody's guess."""


@dataclass(frozen=True)
class Branch:
    """What a start entity brings into a tree."""

    entities: tuple[Entity, ...]
    relationships: tuple[Relationship, ...]


@dataclass(frozen=True)
class Answer:
    """What the answer consists of: runs whose order is free, in order, and how many of each it has.

    Items of a list and rows of a table stand as the response shows them; of a tree it is Branches.
    """

    type: str
    shares: list[tuple[list[Any], int]]
    columns: list[str] | None = None
    """The names of a table's columns; `x.` stands for all those of `x.*`."""


def answer(query: Query, world: World, *, row_metadata: bool = False) -> Answer:
    if isinstance(query.returns, tuple):
        rows = firsts_if_unique(query, table(query, world))
        names = list(dict.fromkeys(map(column_name, query.returns)))
        with_metadata = row_metadata and not query.unique and not is_grouped(query)
        shown = [[shown_row(row, with_metadata) for row in run] for run in rows]
        return Answer("table", shares(shown, query.skip, query.limit), names)
    paths = found(query, world)
    runs = in_runs(paths, lambda path: keys(query.order, row_of(path, query, world)), descending(query))
    starts = [[path.start for path in run] for run in firsts(runs, lambda path: path.start)]
    if isinstance(query.returns, Tree):
        branches = [[branch(entity, paths) for entity in run] for run in starts]
        return Answer("tree", shares(branches, query.skip, query.limit))
    items = [[record(entity) for entity in run] for run in starts]
    return Answer("list", shares(items, query.skip, query.limit))


def values_of(query: Query, world: World) -> list[Value]:
    """The values of a subquery's one column, lists flattened."""
    rows = firsts_if_unique(query, table(query, world))
    values: list[Value] = []
    for run, share in shares(rows, query.skip, query.limit):
        found = [list(row.cells.values()) for row in run]
        if 0 < share < len(run) and len({identity(cells) for cells in found}) > 1:
            raise UndeterminedError
        values += [member for cells in found[:share] for cell in cells for member in members(cell)]
    return values


def found(query: Query, world: World) -> list[Path]:
    """The paths that WHERE keeps."""
    where = query.where
    paths = paths_of(query, world)
    return [path for path in paths if where is None or holds(where, row_of(path, query, world).value, world)]


def row_of(path: Path, query: Query, world: World) -> Row:
    return Row([path], Names.of(query), world, {})


def branch(start: Entity, paths: Sequence[Path]) -> Branch:
    hops = [hop for path in paths if path.start is start for hop in path.taken]
    return Branch((start, *(hop[2] for hop in hops)), tuple(hop[1] for hop in hops))


def keys(order: Sequence[Key], row: Row) -> list[Value]:
    return [row.value(key.expression) for key in order]


def descending(query: Query) -> list[bool]:
    return [key.descending for key in query.order]


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Cells:
    """A row of the table: its defined cells by column, and what its expressions are asked of."""

    row: Row
    cells: dict[str, Value]


def table(query: Query, world: World) -> Runs[Cells]:
    """The rows that HAVING keeps, sorted."""
    columns = columns_of(query)
    names, having = Names.of(query), query.having
    unset = dict.fromkeys(map(column_name, columns))
    rows = []
    for paths in groups(query, world):
        cells = dict(cells_of(columns, Row(paths, names, world, {})))
        row = Row(paths, names, world, unset | cells)
        if having is None or holds(having, row.value, world):
            rows.append(Cells(row, cells))
    return in_runs(rows, lambda it: keys(query.order, it.row), descending(query))


def groups(query: Query, world: World) -> list[list[Path]]:
    """The paths of each row: one, or with aggregates all whose plain items are equal."""
    paths = found(query, world)
    if not is_grouped(query):
        return [[path] for path in paths]
    plain = [column.item for column in columns_of(query) if not has_aggregate(column.item)]
    if not plain:
        return [paths]
    found_groups: dict[object, list[Path]] = {}
    for path in paths:
        row = row_of(path, query, world)
        key = tuple(identity(value_of(item, row)) for item in plain)
        found_groups.setdefault(key, []).append(path)
    return list(found_groups.values())


def value_of(item: Expr | Everything, row: Row) -> Value:
    if not isinstance(item, Everything):
        return row.value(item)
    return row.names.record(item.selector, row.paths[0]) if row.paths else None


def cells_of(columns: Sequence[Column], row: Row) -> Iterator[tuple[str, Value]]:
    """The defined cells; a later one replaces an earlier one of the same name."""
    for column in columns:
        value = value_of(column.item, row)
        if value is not None and isinstance(column.item, Everything):
            yield from ((f"{column.item.selector}.{name}", it) for name, it in value.properties.items())
        elif value is not None:
            yield column_name(column), value


def firsts_if_unique(query: Query, rows: Runs[Cells]) -> Runs[Cells]:
    """UNIQUE drops rows equal in every column; with aggregates it changes nothing."""
    if not query.unique or is_grouped(query):
        return rows
    return firsts(rows, lambda it: frozenset((name, identity(value)) for name, value in it.cells.items()))


def shown_row(row: Cells, with_metadata: bool) -> dict[str, Any]:
    shown = {name: shape(value) for name, value in row.cells.items()}
    if with_metadata:
        shown["_meta"] = {"byAlias": by_alias(row.row.names.bound(row.row.paths[0]))}
    return shown


def columns_of(query: Query) -> tuple[Column, ...]:
    assert isinstance(query.returns, tuple)
    return query.returns


def column_name(column: Column) -> str:
    if column.name is not None:
        return column.name
    return f"{column.item.selector}." if isinstance(column.item, Everything) else canonical(column.item)


def is_grouped(query: Query) -> bool:
    return any(has_aggregate(column.item) for column in columns_of(query))

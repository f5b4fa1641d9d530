"""Items of RETURN → columns of a table; those of one name are put together (j1ql.md section 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secgraph.errors import Position, QueryError
from secgraph.j1ql.nodes import START, Column, Everything
from secgraph.j1ql.printing import column_name
from secgraph.j1ql.sql.functions import LONGEST, Expressions
from secgraph.j1ql.sql.scalars import coalesced
from secgraph.j1ql.sql.typed import RecordOf, Typed
from secgraph.j1ql.text.advice import short


@dataclass(frozen=True, slots=True)
class Item:
    """One column of RETURN: its name, its SQL, and whether it spreads over all properties (`x.*`)."""

    name: str
    value: Typed | RecordOf
    spread: bool = False
    at: Position = START


def item_of(expressions: Expressions, column: Column) -> Item:
    """Write an item of RETURN."""
    if isinstance(column.item, Everything):
        return Item(column_name(column), expressions.record(column.item.selector), True, column.at)
    return Item(column_name(column), expressions.item(column.item), at=column.at)


def cells(column: str, value: Typed | RecordOf) -> list[tuple[str, str]]:
    """List the SQL columns of an item with their names: one of a record, of a value one for each kind."""
    if isinstance(value, RecordOf):
        return [(column, value.id)]
    return [(f"{column}_{kind.value}", sql) for kind, sql in value.parts.items()]


def by_name(items: Sequence[Item]) -> list[Item]:
    """Put columns of one name together: the last defined value counts."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.name, []).append(item)
    return [item for same in found.values() for item in _joined(same)]


def _joined(same: Sequence[Item]) -> list[Item]:
    """Join items of one name. Values are joined at once: two by two they would double each time."""
    values = [item.value for item in reversed(same) if isinstance(item.value, Typed)]
    if len(values) == len(same):
        return _bounded([replace(same[-1], value=coalesced(values) if len(values) > 1 else values[0])])
    joined: list[Item] = []
    for item in same:
        joined = _bounded(_together(joined, item))
    return joined


def _bounded(joined: list[Item]) -> list[Item]:
    if sum(len(sql) for item in joined for _, sql in cells("", item.value)) > LONGEST:
        message = f"Too many items of RETURN share the column {short(joined[-1].name)}."
        raise QueryError("LIMITS", message, joined[-1].at, expected="other column names")
    return joined


def _together(earlier: Sequence[Item], later: Item) -> list[Item]:
    """Join what is of one sort; a value and a record stay apart, of which one at most is defined in a row."""
    apart: list[Item] = []
    value = later.value
    for item in earlier:
        if isinstance(value, Typed) and isinstance(item.value, Typed):
            value = coalesced([value, item.value])
        elif (
            isinstance(value, RecordOf) and isinstance(item.value, RecordOf) and value.what is item.value.what
        ):
            value = RecordOf(value.what, f"coalesce({value.id}, {item.value.id})")
        else:
            apart.append(replace(item, value=_where_undefined(later.value, item.value)))
    return [*apart, replace(later, value=value)]


def _where_undefined(later: Typed | RecordOf, value: Typed | RecordOf) -> Typed | RecordOf:
    defined = later.defined if isinstance(later, Typed) else f"{later.id} IS NOT NULL"
    if isinstance(value, RecordOf):
        return RecordOf(value.what, f"CASE WHEN NOT ({defined}) THEN {value.id} END")
    return Typed({kind: f"CASE WHEN NOT ({defined}) THEN {sql} END" for kind, sql in value.parts.items()})

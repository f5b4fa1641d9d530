"""Items of RETURN → columns of a table; those of one name are put together (j1ql.md section 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secgraph.j1ql.functions import Expressions
from secgraph.j1ql.nodes import Column, Everything
from secgraph.j1ql.printing import column_name
from secgraph.j1ql.scalars import coalesced
from secgraph.j1ql.typed import RecordOf, Typed


@dataclass(frozen=True, slots=True)
class Item:
    """One column of RETURN: its name, its SQL, and whether it spreads over all properties (`x.*`)."""

    name: str
    value: Typed | RecordOf
    spread: bool = False


def item_of(expressions: Expressions, column: Column) -> Item:
    """Write an item of RETURN."""
    if isinstance(column.item, Everything):
        return Item(column_name(column), expressions.record(column.item.selector), spread=True)
    return Item(column_name(column), expressions.item(column.item))


def cells(column: str, value: Typed | RecordOf) -> list[tuple[str, str]]:
    """List the SQL columns of an item with their names: one of a record, of a value one for each kind."""
    if isinstance(value, RecordOf):
        return [(column, value.id)]
    return [(f"{column}_{kind.value}", sql) for kind, sql in value.parts.items()]


def by_name(items: Sequence[Item]) -> list[Item]:
    """Put columns of one name together: the last defined value counts."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found[item.name] = _together(found.get(item.name, ()), item)
    return [item for same in found.values() for item in same]


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

"""Aggregates → SQL over a group of paths; each looks at distinct records or values (j1ql.md section 13)."""

from __future__ import annotations

from collections.abc import Sequence

from secgraph.graph.relations import Kind
from secgraph.j1ql.sql.scalars import finite
from secgraph.j1ql.sql.typed import SCALAR_AND_LIST, UNDEFINED, RecordOf, Typed


def total(function: str, value: Typed, records: list[str]) -> Typed:
    """sum and avg, once for each distinct combination of the records that the argument names."""
    members = _members(value, Kind.NUMBER, Kind.NUMBERS)
    if members is None:
        return Typed({Kind.NUMBER: "0::DOUBLE"}) if function == "sum" else UNDEFINED
    fields = ", ".join(f"i{place}: {record}" for place, record in enumerate(records))
    once = f"list(DISTINCT {{v: {members}{', ' if fields else ''}{fields}}}) FILTER ({members} IS NOT NULL)"
    numbers = f"list_sort(flatten(list_transform({once}, lambda x: x.v)))"
    found = f"list_{function}({numbers})"
    return Typed({Kind.NUMBER: finite(f"coalesce({found}, 0)" if function == "sum" else found)})


def _members(value: Typed, scalar: Kind, members: Kind) -> str | None:
    """Give the values of one type as a list: the list itself, or the one value."""
    one = value.parts.get(scalar)
    many = value.parts.get(members)
    if one is None:
        return many
    single = f"CASE WHEN {one} IS NOT NULL THEN [{one}] END"
    return single if many is None else f"coalesce({single}, {many})"


def count(value: Typed | RecordOf, *, rows_differ: bool) -> str:
    """Count distinct records, or distinct defined values, lists member by member. `rows_differ` says that
    no two rows have the same record: then nobody need compare them."""
    if isinstance(value, RecordOf):
        return f"count({value.id})" if rows_differ else f"count(DISTINCT {value.id})"
    counts = []
    for scalar, members in SCALAR_AND_LIST:
        if members in value.parts:
            listed = _members(value, scalar, members)
            several = f"flatten(list({listed}) FILTER ({listed} IS NOT NULL))"
            counts.append(f"coalesce(len(list_distinct({several})), 0)")
        elif scalar in value.parts:
            counts.append(f"count(DISTINCT {value.parts[scalar]})")
    return " + ".join(counts) or "0"


def extreme(function: str, value: Typed) -> Typed:
    """min and max: of the numbers, or of the strings if there is no number."""
    found = {}
    for scalar, members in SCALAR_AND_LIST[:2]:
        sides = [value.parts[scalar]] if scalar in value.parts else []
        if members in value.parts:
            sides.append(f"list_{function}({value.parts[members]})")
        if sides:
            found[scalar] = f"{function}({_least(function, sides)})"
    if len(found) == 2:
        found[Kind.STRING] = f"CASE WHEN {found[Kind.NUMBER]} IS NULL THEN {found[Kind.STRING]} END"
    return Typed(found)


def _least(function: str, sides: Sequence[str]) -> str:
    """One record has either the scalar or the list, so the other side is NULL and does not count."""
    if len(sides) == 1:
        return sides[0]
    return f"{'least' if function == 'min' else 'greatest'}({', '.join(sides)})"

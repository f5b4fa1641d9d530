"""Aggregates: count, sum, avg, min, max over a group of paths (section 13)."""

from __future__ import annotations

from secgraph.j1ql.nodes import Call, Expr, Record
from secgraph.j1ql.nodes import Path as Property
from tests.j1ql.interpreter.expressions import Row, calculated, parts
from tests.j1ql.interpreter.values import Value, identity, is_number, members


def aggregate(call: Call, group: Row) -> Value:
    if call.star:
        return len(group.paths)
    (argument,) = call.arguments
    if call.function == "count":
        return len({identity(it) for row in group.each() for it in members(row.value(argument))})
    values = once_for_each_record(argument, group)
    numbers = sorted(float(value) for value in values if is_number(value))
    if call.function in ("min", "max"):
        candidates: list[Value] = numbers or sorted(value for value in values if isinstance(value, str))
        return candidates[0 if call.function == "min" else -1] if candidates else None
    if call.function == "avg" and not numbers:
        return None
    # Smallest first: a sum of doubles depends on the order of its terms.
    return calculated(lambda: sum(numbers, 0.0) / (len(numbers) if call.function == "avg" else 1))


def once_for_each_record(argument: Expr, group: Row) -> list[Value]:
    """The values of the argument, once for each distinct combination of the records that it names; lists
    member by member."""
    found = {}
    for row in group.each():
        named = [part.selector or "" for part in parts(argument) if isinstance(part, Property | Record)]
        records = tuple(row.names.record(selector, row.paths[0]) for selector in named)
        found[records] = members(row.value(argument))
    return [value for values in found.values() for value in values]

"""Values and how they compare (section 5)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from secgraph.j1ql.nodes import Op

Value = Any
"""A string, a number, a boolean, a list of those, a whole record; None is undefined."""


def members(value: Value) -> list[Value]:
    """The values on a side of a comparison: none, one, or several."""
    return [] if value is None else value if isinstance(value, list) else [value]


def is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def type_of(value: Value) -> str:
    if is_number(value):
        return "number"
    return "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "record"


def identity(value: Value) -> Hashable:
    """What two values share if and only if they are the same value; types never convert."""
    if value is None:
        return None
    if isinstance(value, list):
        return ("list", *map(identity, value))
    return (type_of(value), float(value) + 0.0 if is_number(value) else value)  # -0.0 and 0.0 are one


def satisfies(op: Op, one: Value, other: Value) -> bool:
    """A positive operator between two single values."""
    if type_of(one) != type_of(other):
        return False
    if op is Op.EQ or (op is Op.CONTAINS and not isinstance(one, str)):
        return bool(one == other)
    if isinstance(one, str):
        texts = {Op.CONTAINS: other in one, Op.STARTS: one.startswith(other), Op.ENDS: one.endswith(other)}
        return texts[op] if op in texts else in_order(op, one, other)
    return is_number(one) and in_order(op, one, other)


def in_order(op: Op, one: Value, other: Value) -> bool:
    """Numbers by size, strings by code point."""
    match op:
        case Op.GT:
            return bool(one > other)
        case Op.LT:
            return bool(one < other)
        case Op.GE:
            return bool(one >= other)
    return op is Op.LE and bool(one <= other)

"""Expressions: arithmetic and functions over the records of a path, or of a group of paths (section 13)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from secgraph.j1ql.nodes import (
    Arithmetic,
    Call,
    Everything,
    Expr,
    Literal,
    Moment,
    Name,
    Negative,
    Record,
)
from secgraph.j1ql.nodes import Path as Property
from tests.j1ql.interpreter.filters import World
from tests.j1ql.interpreter.moments import milliseconds
from tests.j1ql.interpreter.paths import Names, Path
from tests.j1ql.interpreter.values import Value, identity, is_number, members

AGGREGATES = {"count", "sum", "avg", "min", "max"}


@dataclass(frozen=True)
class Row:
    """What an expression is asked of: one path, or with aggregates a group of paths."""

    paths: Sequence[Path]
    names: Names
    world: World
    columns: Mapping[str, Value]
    """The columns of the row, which HAVING and ORDER BY may name."""

    def each(self) -> list[Row]:
        """The rows of the single paths, without columns: what an aggregate looks at."""
        return [replace(self, paths=[path], columns={}) for path in self.paths]

    def value(self, expression: Expr) -> Value:
        text = expression.name if isinstance(expression, Name) else canonical(expression)
        if text in self.columns:
            return self.columns[text]
        match expression:
            case Literal():
                return expression.value
            case Moment():
                return milliseconds(expression, self.world.now)
            case Record():
                return self._record(expression.selector)
            case Property():
                record = self._record(expression.selector or "")
                return None if record is None else record.properties.get(expression.property)
            case Negative():
                return calculated(lambda one: -one, self.value(expression.operand))
            case Arithmetic():
                function = OPERATORS[expression.operator]
                return calculated(function, self.value(expression.left), self.value(expression.right))
            case Call():
                return self._call(expression)
        raise KeyError(text)

    def _record(self, selector: str) -> Value:
        """In a group every path has the same record, where the language lets it be named."""
        return self.names.record(selector, self.paths[0]) if self.paths else None

    def _call(self, call: Call) -> Value:
        if call.function in AGGREGATES:
            from tests.j1ql.interpreter.aggregates import aggregate  # the two call each other

            return aggregate(call, self)
        arguments = [self.value(argument) for argument in call.arguments]
        if call.function in LISTED:
            return LISTED[call.function](arguments)
        return calculated(ROUNDINGS[call.function], arguments[0])


# ── arithmetic ────────────────────────────────────────────────────────────────────────────────────────


def calculated(function: Callable[..., float], *operands: Value) -> float | None:
    """Undefined for anything but numbers, and for what no number comes of."""
    if not all(map(is_number, operands)):
        return None
    try:
        found = function(*map(float, operands))
    except (ArithmeticError, ValueError):
        return None
    return found if isinstance(found, float) and math.isfinite(found) else None


def half_away(number: float) -> float:
    """The nearest whole number, halves away from zero."""
    whole = float(math.trunc(number))
    return whole + math.copysign(1.0, number) if abs(number - whole) >= 0.5 else whole


OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one / other,
    "^": math.pow,
}
ROUNDINGS: Mapping[str, Callable[[float], float]] = {
    "abs": abs,
    "sqrt": math.sqrt,
    "ceil": lambda number: float(math.ceil(number)),
    "floor": lambda number: float(math.floor(number)),
    "round": half_away,
}

# ── functions of several values ───────────────────────────────────────────────────────────────────────


def coalesce(values: Sequence[Value]) -> Value:
    return next((value for value in values if value is not None), None)


def concat(values: Sequence[Value]) -> str | None:
    return None if all(value is None for value in values) else "".join(map(text, values))


def merge(values: Sequence[Value]) -> list[Value]:
    """All defined values, lists flattened, first occurrences kept."""
    return list({identity(member): member for value in values for member in members(value)}.values())


def text(value: Value) -> str:
    """Numbers in shortest decimal form, lists joined by commas."""
    if value is None or isinstance(value, list):
        return ",".join(map(text, members(value)))
    if is_number(value):
        whole = float(value).is_integer() and abs(value) < 1e16
        return str(int(value)) if whole else repr(float(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


LISTED: Mapping[str, Callable[[Sequence[Value]], Value]] = {
    "coalesce": coalesce,
    "concat": concat,
    "merge": merge,
}

# ── what an expression consists of ────────────────────────────────────────────────────────────────────


def parts(expression: Expr | Everything) -> list[Expr | Everything]:
    """The expression and all that stands in it."""
    inner: Sequence[Expr] = ()
    if isinstance(expression, Call):
        inner = expression.arguments
    elif isinstance(expression, Negative):
        inner = (expression.operand,)
    elif isinstance(expression, Arithmetic):
        inner = (expression.left, expression.right)
    return [expression, *(part for it in inner for part in parts(it))]


def has_aggregate(expression: Expr | Everything) -> bool:
    return any(isinstance(part, Call) and part.function in AGGREGATES for part in parts(expression))


def canonical(expression: Expr) -> str:
    """The name of a column without AS: the canonical text, the brackets of property names dropped."""
    text = str(expression)
    for part in parts(expression):
        if isinstance(part, Property):
            text = text.replace(str(part), f"{part.selector}.{part.property}")
    return text

"""Types: Query → nothing, or the TYPE or SUBQUERY error that shows without data (sections 5, 13, 16)."""

from __future__ import annotations

from secgraph.errors import QueryError
from secgraph.j1ql.nodes import (
    Call,
    Comparison,
    Everything,
    Expr,
    Literal,
    Moment,
    Op,
    Query,
    Record,
    Regex,
    Right,
    Subquery,
)
from secgraph.j1ql.signatures import AGGREGATES, SIGNATURES
from secgraph.j1ql.walk import comparisons, expressions, filters, inside, members

MAX_AGGREGATES = 50
"""Most aggregates in one query: the time to plan them grows with the third power."""

_ORDERING = frozenset({Op.GT, Op.LT, Op.GE, Op.LE})
_EDGES = frozenset({Op.STARTS, Op.NOT_STARTS, Op.ENDS, Op.NOT_ENDS})
_CONTAINS = frozenset({Op.CONTAINS, Op.NOT_CONTAINS})
_EQUALITY = frozenset({Op.EQ, Op.NE})


def check_types(query: Query) -> None:
    """Raises QueryError TYPE or SUBQUERY at the first value or argument that can never fit."""
    for found in filters(query):
        for comparison in comparisons(found):
            _check_comparison(comparison)
    aggregates = 0
    for item in expressions(query):
        for part in inside(item):
            if isinstance(part, Call):
                _check_call(part)
                aggregates += part.function in AGGREGATES
                _bound_aggregates(part, aggregates)


def _bound_aggregates(call: Call, count: int) -> None:
    if count > MAX_AGGREGATES:
        message = f"A query takes {MAX_AGGREGATES} aggregates at most."
        raise QueryError("LIMITS", message, call.at, expected="fewer aggregates")


def _check_comparison(comparison: Comparison) -> None:
    if isinstance(comparison.right, Subquery):
        _check_subquery(comparison.op, comparison.right)
        check_types(comparison.right.query)
        return
    for value in members(comparison.right):
        expected = refusal(comparison.op, value)
        if expected and isinstance(value, Literal | Regex | Moment):
            message = f"{comparison.op.value} cannot compare with {value}; it takes {expected}."
            raise QueryError("TYPE", message, value.at, expected=expected)


def refusal(op: Op, value: Right) -> str:
    """What `op` takes instead of `value`, or empty if it takes it. Properties and parameters are known
    later only."""
    constant = isinstance(value, Literal) and (value.value is None or isinstance(value.value, bool))
    if op in _ORDERING and (constant or isinstance(value, Regex)):
        return "a number, a date or a string"
    if op in _CONTAINS and isinstance(value, Literal) and value.value is None:
        return "a string, a number, a boolean or a regular expression"
    text = isinstance(value, Literal) and isinstance(value.value, str)
    if op in _EDGES and isinstance(value, Literal | Moment) and not text:
        return "a string or a regular expression"
    return ""


def _check_subquery(op: Op, found: Subquery) -> None:
    if op not in _EQUALITY:
        message = f"{op.value} cannot compare with a subquery."
        raise QueryError("SUBQUERY", message, found.at, expected="= or != before a subquery")
    columns = found.query.returns
    single = isinstance(columns, tuple) and len(columns) == 1
    if single and isinstance(columns, tuple) and not isinstance(columns[0].item, Record | Everything):
        return
    message = "A subquery returns exactly one column, which is a value and not a whole record."
    raise QueryError("SUBQUERY", message, found.at, expected="a query that returns one column")


def _check_call(call: Call) -> None:
    signature = SIGNATURES[call.function]
    if call.star and not signature.star:
        message = f"Only count takes *; {call.function} takes {signature.arguments}."
        raise QueryError("TYPE", message, call.at, expected="a property", suggestion="count(*)")
    count = len(call.arguments)
    if not call.star and (count < signature.least or (signature.most is not None and count > signature.most)):
        message = f"{call.function} takes {signature.arguments}, not {count}."
        raise QueryError("TYPE", message, call.at, expected=signature.arguments)
    for argument in call.arguments:
        _check_argument(call.function, argument)


def _check_argument(function: str, argument: Expr) -> None:
    signature = SIGNATURES[function]
    if isinstance(argument, Record) and not signature.record:
        message = f"{function} takes values, and {argument.selector} is a whole record."
        suggestion = f"{argument.selector}.name"
        raise QueryError("TYPE", message, argument.at, expected="a property", suggestion=suggestion)
    if not signature.aggregate:
        return
    for part in inside(argument):
        if isinstance(part, Call) and part.function in AGGREGATES:
            message = f"{part.function} is an aggregate and cannot stand inside {function}."
            raise QueryError("TYPE", message, part.at, expected="an expression without aggregates")

"""Conditions: the `when` of an operation as JSON in, a frozen condition out; then (condition, input) → bool.

Two forms (rules.md section 2): a template string with one expression, `{{queries.query0.total > 0}}`, and
the prefix array `["AND" | "OR", clause…]` of `[leftPath, operator, right]`, right perhaps a template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from secgraph.rules.expressions.budget import Budget
from secgraph.rules.expressions.evaluate import Scope, contains, evaluate
from secgraph.rules.expressions.lexer import ExpressionError
from secgraph.rules.expressions.lookup import follow, look_up
from secgraph.rules.expressions.nodes import Expr, Template
from secgraph.rules.expressions.values import equal, in_order, truth
from secgraph.rules.fields import Json, kind, shown
from secgraph.rules.template import read as read_template
from secgraph.rules.template import value_of

OPERATORS: Final = (">", ">=", "<", "<=", "=", "==", "!=", "contains")
MAX_DEPTH: Final = 20
MAX_CLAUSES: Final = 200
MAX_PATH: Final = 1_000
"""Characters of the left side of a clause."""

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class AnyTotal:
    """Some query of the rule has rows: what holds where a rule states no condition."""


@dataclass(frozen=True, slots=True)
class Clause:
    """`path operator right`; the path is dotted and leads into the evaluation input."""

    path: str
    operator: str
    right: Scalar | Template


@dataclass(frozen=True, slots=True)
class Holds:
    """`{{expression}}`: its value counts as true. `notes` say what its author may not have meant."""

    expression: Expr
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AllHold:
    """Every item holds."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class SomeHold:
    """Some item holds."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class NotRun:
    """A condition that is of no type that this version evaluates."""

    reason: str


Condition = AnyTotal | Clause | Holds | AllHold | SomeHold | NotRun


class ConditionError(ValueError):
    """A condition that no version could evaluate; the text says why and what to write."""


def read(when: Json) -> Condition:
    """Read the `when` of an operation: one condition, or an array of them that must all hold.

    A bare string or prefix array is taken as the `condition` of a FILTER. Raises ConditionError.
    """
    if isinstance(when, list) and all(isinstance(item, dict) for item in when):
        if not when:
            raise ConditionError("is an empty array; leave it out or give a condition")
        return AllHold(tuple(_filter(item) for item in when))
    return _filter(when)


def _filter(raw: Json) -> Condition:
    if not isinstance(raw, dict):
        return _form(raw)
    type_ = raw.get("type", "FILTER")
    if type_ != "FILTER":
        return NotRun(f"a condition of type {shown(type_)} does not run in this version")
    if "condition" not in raw:
        raise ConditionError('has no `condition`; write {"type": "FILTER", "condition": …}')
    return _form(raw["condition"])


def _form(raw: Json) -> Condition:
    if isinstance(raw, str):
        return _template(raw)
    if isinstance(raw, list):
        return _prefix(raw, MAX_DEPTH, [MAX_CLAUSES])
    raise ConditionError(f"is {kind(raw)}; write a template string or a prefix array")


def _template(text: str) -> Condition:
    read = _read(text)
    if read.single is None:
        raise ConditionError(
            f"is {shown(text)}; write one expression in braces, such as {{{{queries.query0.total > 0}}}}"
        )
    return Holds(read.single, read.notes)


def _read(text: str) -> Template:
    try:
        return read_template(text.strip())
    except ExpressionError as error:
        raise ConditionError(str(error)) from error


def _prefix(raw: list[Json], depth: int, budget: list[int]) -> Condition:
    """Read a prefix array. `budget` holds how many clauses may still come."""
    if depth == 0:
        raise ConditionError(f"nests deeper than {MAX_DEPTH} levels; write it flatter")
    budget[0] -= 1
    if budget[0] < 0:
        raise ConditionError(f"has more than {MAX_CLAUSES} clauses; split the rule")
    if raw and raw[0] in ("AND", "OR"):
        items = tuple(_clause(item, depth, budget) for item in raw[1:])
        if not items:
            raise ConditionError(f"has {raw[0]!r} without clauses; add [leftPath, operator, right]")
        return AllHold(items) if raw[0] == "AND" else SomeHold(items)
    return _comparison(raw)


def _clause(raw: Json, depth: int, budget: list[int]) -> Condition:
    if not isinstance(raw, list):
        raise ConditionError(f"has {shown(raw)} where a clause is due; write [leftPath, operator, right]")
    return _prefix(raw, depth - 1, budget)


def _comparison(raw: list[Json]) -> Condition:
    if len(raw) != 3 or not isinstance(raw[0], str):
        raise ConditionError(
            f'has {shown(raw)} where a clause is due; write ["AND" or "OR", …] or [leftPath, operator, right]'
        )
    path, operator, right = raw
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise ConditionError(f"has the operator {shown(operator)}; write one of {' '.join(OPERATORS)}")
    if isinstance(right, list | dict):
        raise ConditionError(f"compares with {kind(right)}; compare with a string, a number or true or false")
    path = str(path).strip()
    if "{{" in path or len(path) > MAX_PATH:
        raise ConditionError(f"has {shown(path)} on the left; write a path such as queries.query0.total")
    return Clause(path, operator, _read(right) if isinstance(right, str) and "{{" in right else right)


# ── use ───────────────────────────────────────────────────────────────────────────────────────────────


def parts(condition: Condition) -> Iterator[Clause | Holds]:
    """Give the comparisons and expressions in a condition."""
    if isinstance(condition, Clause | Holds):
        yield condition
    elif isinstance(condition, AllHold | SomeHold):
        for item in condition.items:
            yield from parts(item)


def expressions(condition: Condition) -> list[Expr]:
    """Give the expressions in a condition."""
    found: list[Expr] = []
    for part in parts(condition):
        if isinstance(part, Holds):
            found.append(part.expression)
        elif isinstance(part.right, Template):
            found += [each for each in part.right.parts if not isinstance(each, str)]
    return found


def notes(condition: Condition) -> list[str]:
    """Give what the author of a condition may not have meant."""
    held = [part.notes if isinstance(part, Holds) else () for part in parts(condition)]
    return [note for each in held for note in each]


def reasons(condition: Condition) -> tuple[str, ...]:
    """List why a condition does not run; empty if it does."""
    if isinstance(condition, NotRun):
        return (condition.reason,)
    if isinstance(condition, AllHold | SomeHold):
        return tuple(reason for item in condition.items for reason in reasons(item))
    return ()


def holds(
    condition: Condition,
    given: Mapping[str, object],
    *,
    templates: Mapping[str, Template] = MappingProxyType({}),
    budget: Budget | None = None,
) -> bool:
    """Tell whether a condition holds for an evaluation input. Raises EvaluationError, and ValueError for one
    that does not run."""
    return _holds(condition, Scope(given, templates, budget or Budget()))


def _holds(condition: Condition, scope: Scope) -> bool:
    match condition:
        case AnyTotal():
            queries = scope.names.get("queries")
            values = queries.values() if isinstance(queries, Mapping) else ()
            return any(in_order(look_up("total", query), ">", 0) for query in values)
        case Clause():
            return _compare(condition, scope)
        case Holds(expression):
            return truth(evaluate(expression, scope))
        case AllHold(items):
            return all(_holds(item, scope) for item in items)
        case SomeHold(items):
            return any(_holds(item, scope) for item in items)
        case NotRun(reason):
            raise ValueError(reason)


def _compare(clause: Clause, scope: Scope) -> bool:
    left = follow(clause.path, scope.names)
    right = value_of(clause.right, scope) if isinstance(clause.right, Template) else clause.right
    match clause.operator:
        case "=" | "==":
            return equal(left, right, scope.budget)
        case "!=":
            return not equal(left, right, scope.budget)
        case "contains":
            return contains(left, right, scope.budget)
    return in_order(left, clause.operator, right)

"""Conditions: the `when` of an operation as JSON in, a frozen condition out; then (condition, input) → bool.

Two forms (rules.md section 2): a template string with one comparison, `{{queries.query0.total > 0}}`, and
the prefix array `["AND" | "OR", clause…]` of `[leftPath, operator, right]`. What is well formed and needs
more than that (the template language) becomes NotRun with the reason, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.rules.fields import Json, kind, shown

OPERATORS: Final = (">", ">=", "<", "<=", "=", "==", "!=", "contains")
MAX_DEPTH: Final = 20
MAX_CLAUSES: Final = 200

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class AnyTotal:
    """Some query of the rule has rows: what holds where a rule states no condition."""


@dataclass(frozen=True, slots=True)
class Clause:
    """`path operator right`; the path is dotted and leads into the evaluation input."""

    path: str
    operator: str
    right: Scalar


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
    """A condition that is well formed as far as can be seen and that this version does not evaluate."""

    reason: str


Condition = AnyTotal | Clause | AllHold | SomeHold | NotRun


class ConditionError(ValueError):
    """A condition that no version could evaluate; the text says why and what to write."""


_TEMPLATE = re.compile(
    r"""\s*\{\{\s*
    (?P<path>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)\s*
    (?P<operator>==|!=|>=|<=|>|<)\s*
    (?P<right>-?\d+(?:\.\d+)?|'[^'\\{}]*'|"[^"\\{}]*"|true|false|null)\s*
    \}\}\s*""",
    re.VERBOSE | re.ASCII,
)
_WORDS: Final[Mapping[str, Scalar]] = {"true": True, "false": False, "null": None}


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
    found = _TEMPLATE.fullmatch(text)
    if not found:
        return NotRun(
            f"the condition {shown(text)} needs the template language, which does not run in this version; "
            "a single comparison such as {{queries.query0.total > 0}} does"
        )
    return Clause(found["path"], found["operator"], _literal(found["right"]))


def _literal(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "'\"":
        return text[1:-1]
    return float(text) if "." in text else int(text)


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
    if isinstance(right, str) and "{{" in right:
        return NotRun(f"the template {shown(right)} in a condition does not run in this version")
    return Clause(str(path).strip(), operator, right)


# ── use ───────────────────────────────────────────────────────────────────────────────────────────────


def clauses(condition: Condition) -> tuple[Clause, ...]:
    """List the comparisons in a condition."""
    if isinstance(condition, Clause):
        return (condition,)
    if isinstance(condition, AllHold | SomeHold):
        return tuple(clause for item in condition.items for clause in clauses(item))
    return ()


def reasons(condition: Condition) -> tuple[str, ...]:
    """List why a condition does not run; empty if it does."""
    if isinstance(condition, NotRun):
        return (condition.reason,)
    if isinstance(condition, AllHold | SomeHold):
        return tuple(reason for item in condition.items for reason in reasons(item))
    return ()


def holds(condition: Condition, given: Mapping[str, object]) -> bool:
    """Tell whether a condition holds for an evaluation input. Raises ValueError for one that does not run."""
    match condition:
        case AnyTotal():
            queries = given.get("queries")
            values = queries.values() if isinstance(queries, Mapping) else ()
            return any(_compare(look_up("total", query), ">", 0) for query in values)
        case Clause(path, operator, right):
            return _compare(look_up(path, given), operator, right)
        case AllHold(items):
            return all(holds(item, given) for item in items)
        case SomeHold(items):
            return any(holds(item, given) for item in items)
        case NotRun(reason):
            raise ValueError(reason)


def look_up(path: str, value: object) -> object:
    """Follow a dotted path; None where it leads nowhere. A name may itself hold dots: longest first."""
    if isinstance(value, Mapping):
        if path in value:
            return value[path]
        for cut in range(len(path) - 1, 0, -1):
            if path[cut] == "." and path[:cut] in value:
                return look_up(path[cut + 1 :], value[path[:cut]])
        return None
    if isinstance(value, list | tuple):
        head, _, tail = path.partition(".")
        if head == "length" and not tail:
            return len(value)
        if head.isascii() and head.isdigit() and int(head) < len(value):
            return look_up(tail, value[int(head)]) if tail else value[int(head)]
    return None


def _compare(left: object, operator: str, right: Scalar) -> bool:
    """Compare without converting: values of different types are unequal and have no order."""
    match operator:
        case "=" | "==":
            return _equal(left, right)
        case "!=":
            return not _equal(left, right)
        case "contains":
            if isinstance(left, str):
                return isinstance(right, str) and right in left
            return isinstance(left, list | tuple) and any(_equal(item, right) for item in left)
    if isinstance(left, str) and isinstance(right, str):
        return _ordered(left, operator, right)
    if _is_number(left) and _is_number(right):
        return _ordered(left, operator, right)
    return False


def _equal(left: object, right: Scalar) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(left: object, operator: str, right: object) -> bool:
    a: float = left  # type: ignore[assignment]  # both are numbers or both strings, as checked above
    b: float = right  # type: ignore[assignment]
    return {">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[operator]

"""Evaluation: an expression and a scope → its value. No names but those of the scope, no methods, no ends of
the host: a value is JSON or a place of a secret.

What has no value is null and goes on being null; only a limit, a secret that is looked into and a template
that is not there are errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from secgraph.graph.search import is_double
from secgraph.rules.expressions.budget import Budget, EvaluationError
from secgraph.rules.expressions.lookup import follow, look_up
from secgraph.rules.expressions.nodes import (
    Array,
    Binary,
    Choice,
    Expr,
    Index,
    Literal,
    Name,
    Object,
    Property,
    Relative,
    Template,
    Transform,
    Unary,
    Where,
)
from secgraph.rules.expressions.values import (
    Foreign,
    Own,
    Piece,
    Sealed,
    Text,
    equal,
    in_order,
    is_number,
    joined,
    number,
    open_,
    own,
    pieces_of,
    truth,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may see. `element` is what `.name` belongs to inside a filter."""

    names: Mapping[str, object]
    templates: Mapping[str, Template] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    element: object = None

    def with_names(self, names: Mapping[str, object]) -> Scope:
        """Add names, or lay them over those there are."""
        return replace(self, names={**self.names, **names})


def evaluate(node: Expr, scope: Scope) -> object:
    """Give the value of an expression. Raises EvaluationError."""
    scope.budget.enter()
    value = _EVALUATORS[type(node)](node, scope)
    scope.budget.leave()
    return value


def text(template: Template, scope: Scope) -> Text:
    """Give the text of a template; what comes from the graph stays marked as foreign."""
    found: list[Piece] = []
    for part in template.parts:
        if isinstance(part, str):
            scope.budget.write(len(part))
            found.append(Own(part))
        else:
            found += pieces_of(evaluate(part, scope), scope.budget)
    return Text(found)


# ── names ─────────────────────────────────────────────────────────────────────────────────────────────


def _literal(node: Literal, _: Scope) -> object:
    return own(node.value) if isinstance(node.value, str) else node.value


def _name(node: Name, scope: Scope) -> object:
    return scope.names.get(node.name)


def _relative(node: Relative, scope: Scope) -> object:
    return look_up(node.name, scope.element)


def _property(node: Property, scope: Scope) -> object:
    """Follow the whole chain of names at once, since a name may hold dots."""
    names = [node.name]
    subject = node.subject
    while isinstance(subject, Property):
        names.append(subject.name)
        subject = subject.subject
    if isinstance(subject, Relative):
        return look_up(".".join([subject.name, *reversed(names)]), scope.element)
    if isinstance(subject, Name):
        return follow(".".join([subject.name, *reversed(names)]), scope.names)
    return look_up(".".join(reversed(names)), evaluate(subject, scope))


def _index(node: Index, scope: Scope) -> object:
    subject, key = evaluate(node.subject, scope), open_(evaluate(node.key, scope))
    if isinstance(subject, list | tuple) and is_number(key):
        return subject[key] if isinstance(key, int) and 0 <= key < len(subject) else None
    return look_up(str(key), subject) if isinstance(key, str) else None


def _where(node: Where, scope: Scope) -> object:
    subject = evaluate(node.subject, scope)
    items = subject if isinstance(subject, list | tuple) else [] if subject is None else [subject]
    scope.budget.elements(len(items))
    return [item for item in items if truth(evaluate(node.test, replace(scope, element=item)))]


# ── values made ───────────────────────────────────────────────────────────────────────────────────────


def _array(node: Array, scope: Scope) -> object:
    return [evaluate(item, scope) for item in node.items]


def _object(node: Object, scope: Scope) -> object:
    return {key: evaluate(value, scope) for key, value in node.entries}


def _transform(node: Transform, scope: Scope) -> object:
    from secgraph.rules.expressions.transforms import apply  # they evaluate templates in turn

    arguments = [evaluate(argument, scope) for argument in node.arguments]
    return apply(node.name, evaluate(node.subject, scope), arguments, scope)


def _choice(node: Choice, scope: Scope) -> object:
    test = evaluate(node.test, scope)
    if not truth(test):
        return evaluate(node.otherwise, scope)
    return test if node.then is None else evaluate(node.then, scope)


# ── operators ─────────────────────────────────────────────────────────────────────────────────────────


def _unary(node: Unary, scope: Scope) -> object:
    value = open_(evaluate(node.operand, scope))
    if node.operator == "!":
        return not truth(value)
    return _reckon("-", 0, value)


def _binary(node: Binary, scope: Scope) -> object:
    left = evaluate(node.left, scope)
    if node.operator in ("&&", "||"):
        return evaluate(node.right, scope) if truth(left) == (node.operator == "&&") else left
    right = evaluate(node.right, scope)
    match node.operator:
        case "==":
            return equal(left, right, scope.budget)
        case "!=":
            return not equal(left, right, scope.budget)
        case "in":
            return contains(right, left, scope.budget)
        case "+" if any(isinstance(side, str | Sealed) for side in (left, right)):
            sides = [pieces_of(left, scope.budget), pieces_of(right, scope.budget)]
            return _text(joined(sides, (), scope.budget))
        case "+" | "-" | "*" | "/" | "//" | "%" | "^":
            return _reckon(node.operator, open_(left), open_(right))
    return in_order(left, node.operator, right)


def contains(whole: object, part: object, budget: Budget) -> bool:
    """Whether `part` is an element of a list, or stands in a text."""
    whole, part = open_(whole), open_(part)
    if isinstance(whole, str):
        return isinstance(part, str) and str(part) in str(whole)
    return isinstance(whole, list | tuple) and any(equal(item, part, budget) for item in whole)


def _text(pieces: tuple[Piece, ...]) -> str:
    """A text that is foreign altogether needs no marks."""
    if all(isinstance(piece, Foreign) for piece in pieces):
        return "".join(piece.text for piece in pieces)
    return Text(pieces)


def _reckon(operator: str, left: object, right: object) -> object:
    """Reckon with two numbers; null for what are none, and where the result is none (a division by 0)."""
    if not (is_number(left) and is_number(right)):
        return None
    a: float = left  # type: ignore[assignment]  # as just checked
    b: float = right  # type: ignore[assignment]
    try:
        result = _RECKONERS[operator](a, b)
    except (ZeroDivisionError, ValueError):
        return None
    except OverflowError:
        result = math.inf
    if math.isnan(result):
        return None
    if not is_double(result):
        raise EvaluationError(f"`{operator}` gives a number that is too large")
    return number(result)


_RECKONERS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: math.floor(a / b),
    "%": math.fmod,
    "^": math.pow,  # in doubles: whole numbers without end would be a way to stop the machine
}

_EVALUATORS: Final[Mapping[type, Callable[[Any, Scope], object]]] = {
    Literal: _literal,
    Array: _array,
    Object: _object,
    Name: _name,
    Relative: _relative,
    Property: _property,
    Index: _index,
    Where: _where,
    Transform: _transform,
    Unary: _unary,
    Binary: _binary,
    Choice: _choice,
}

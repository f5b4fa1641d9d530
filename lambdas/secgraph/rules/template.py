"""Templates: text with expressions in `{{ }}` in, a frozen Template out; then (template, context) → value.

A text that is exactly one expression keeps the type of its value. Otherwise the values become text, and the
place where it lands (escaping.py) escapes what came from the graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Final

from secgraph.rules.escaping import Place, Written, verbatim
from secgraph.rules.expressions.budget import Budget, EvaluationError
from secgraph.rules.expressions.evaluate import Scope, evaluate, text
from secgraph.rules.expressions.lexer import CLOSE, scan
from secgraph.rules.expressions.nodes import Expr, Template
from secgraph.rules.expressions.parser import read as read_expression
from secgraph.rules.expressions.values import KEY, Sealed, Text, plain
from secgraph.rules.fields import Json

OPEN: Final = "{{"
NO_TEMPLATES: Final[Mapping[str, Template]] = MappingProxyType({})
MAX_DEPTH: Final = 20
"""Deepest nesting of JSON that holds templates."""

Shape = Template | None | bool | int | float | tuple["Shape", ...] | Mapping[str, "Shape"]
"""JSON whose strings are templates; arrays are tuples."""


def read(text: str) -> Template:
    """Read a text with expressions. Raises ExpressionError with the place in the text."""
    parts: list[str | Expr] = []
    notes: list[str] = []
    done = 0
    while (start := text.find(OPEN, done)) >= 0:
        if start > done:
            parts.append(text[done:start])
        tokens, end = scan(text, start + len(OPEN), embedded=True)
        parts.append(read_expression(text, tokens, notes))
        done = end + len(CLOSE)
    if done < len(text):
        parts.append(text[done:])
    return Template(tuple(parts), tuple(notes))


def render(
    template: Template,
    context: Mapping[str, object],
    *,
    place: Place,
    templates: Mapping[str, Template] = NO_TEMPLATES,
    budget: Budget | None = None,
) -> Json:
    """Give the text of a template as it is to stand in `place`; sealed (effects.py) if it holds secrets.
    Raises EvaluationError."""
    return rendered(template, Scope(context, templates, budget or Budget()), place)


def rendered(template: Template, scope: Scope, place: Place) -> Json:
    """Give the text of a template as it is to stand in `place`."""
    return placed(written_of(template, scope), scope, place)


def placed(written: Written, scope: Scope, place: Place) -> Json:
    """Give what a template wrote as it is to stand in `place`; sealed if it holds secrets."""
    return _sealed(place(written, scope.budget))


def written_of(template: Template, scope: Scope) -> Written:
    """Give the parts of a template, its expressions evaluated."""
    written: list[tuple[bool, object]] = []
    for part in template.parts:
        if isinstance(part, str):
            scope.budget.write(len(part))
            written.append((True, part))
        else:
            written.append((False, evaluate(part, scope)))
    return written


def value_of(template: Template, scope: Scope) -> object:
    """Give the value of a template: of any type if it is one expression, else a text with its pieces."""
    single = template.single
    return text(template, scope) if single is None else evaluate(single, scope)


def json_of(value: object, scope: Scope) -> Json:
    """Give a value as JSON, sealed where a secret stands in a text."""
    match value:
        case Text() | Sealed():
            return _sealed(verbatim([(False, value)], scope.budget))
        case Mapping() as held if KEY not in held:
            return {str(key): json_of(item, scope) for key, item in held.items()}
        case list() | tuple() as items:
            return [json_of(item, scope) for item in items]
    scope.budget.write(len(value) if isinstance(value, str) else 1)
    found: Json = plain(value, scope.budget)  # type: ignore[assignment]  # as its name says
    return found


def filled(shape: Shape, scope: Scope) -> Json:
    """Give JSON with its templates filled in; each string that is one expression keeps its type."""
    match shape:
        case Template():
            return json_of(value_of(shape, scope), scope)
        case tuple():
            return [filled(item, scope) for item in shape]
        case Mapping():
            return {key: filled(item, scope) for key, item in shape.items()}
    return shape


def open_text(found: Json) -> str:
    """Give a rendered text that holds no secret. Raises EvaluationError."""
    if not isinstance(found, str):
        raise EvaluationError(
            "holds a secret parameter; secrets may only stand in the endpoint, headers and body of a WEBHOOK "
            "and in the webhookUrl of a SEND_SLACK_MESSAGE"
        )
    return found


def has_secret(found: Json) -> bool:
    """Whether a sealed text is somewhere inside."""
    if isinstance(found, dict):
        return KEY in found or any(map(has_secret, found.values()))
    return isinstance(found, list) and any(map(has_secret, found))


def _sealed(pieces: list[str | Sealed]) -> Json:
    if not any(isinstance(piece, Sealed) for piece in pieces):
        return "".join(piece for piece in pieces if isinstance(piece, str))
    merged: list[Json] = []
    for kind, group in groupby(pieces, type):
        if kind is Sealed:
            merged += [_place(piece) for piece in group if isinstance(piece, Sealed)]
        elif text_ := "".join(piece for piece in group if isinstance(piece, str)):
            merged.append(text_)
    return {KEY: merged}


def _place(piece: Sealed) -> Json:
    return {"param": piece.name, "as": piece.form} if piece.form else {"param": piece.name}

"""Transforms: a value and arguments → another value. What is no list counts as a list of itself, null as
one of nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from secgraph.j1ql.text.advice import nearest, short
from secgraph.rules.expressions.budget import EvaluationError
from secgraph.rules.expressions.evaluate import Scope, text
from secgraph.rules.expressions.lookup import look_up
from secgraph.rules.expressions.nodes import Template
from secgraph.rules.expressions.values import Text, joined, open_, own, pieces_of, shown

MAX_MAPPED: Final = 40_000
"""Characters that mapTemplate gives, as many as Slack takes; what is left over is counted in a last text."""
ITEM: Final = "item"


def apply(name: str, value: object, arguments: Sequence[object], scope: Scope) -> object:
    """Give what a transform makes of a value. Raises EvaluationError."""
    return _TRANSFORMS[name](value, arguments, scope)


def _map_template(value: object, arguments: Sequence[object], scope: Scope) -> object:
    """Give the text of a template for each item. An answer of any size makes a text that can be sent: what
    does not fit is counted and not shown."""
    template = _template(arguments[0], scope)
    items = _items(value, scope)
    scope.budget.enter_template()
    found: list[Text] = []
    left = MAX_MAPPED
    for index, item in enumerate(items):
        made = text(template, scope.with_names({ITEM: item, "itemIndex": index, "itemCount": len(items)}))
        left -= len(made)
        if left < 0 and found:
            found.append(own(f"… and {len(items) - index} more"))
            break
        found.append(made)
    scope.budget.leave_template()
    return found


def _template(name: object, scope: Scope) -> Template:
    name = open_(name)
    if isinstance(name, str) and str(name) in scope.templates:
        return scope.templates[str(name)]
    raise EvaluationError(no_template(name, scope.templates))


def no_template(name: object, templates: Mapping[str, object]) -> str:
    """Say that there is no such template, and which there are."""
    shown_ = f"`{short(name)}`" if isinstance(name, str) else "what is no text"
    near = nearest(name, templates) if isinstance(name, str) else None
    there = ", ".join(templates) or "none; write it into `templates`"
    return f"mapTemplate asks for {shown_}, and the rule has {f'`{near}`' if near else there}"


def _map_property(value: object, arguments: Sequence[object], scope: Scope) -> object:
    """One name gives a list of values, several a list of objects."""
    names = _names(arguments)
    items = _items(value, scope)
    scope.budget.step(len(items) * len(names))
    if len(names) == 1:
        return [look_up(names[0], item) for item in items]
    return [{name: look_up(name, item) for name in names} for item in items]


def _unique(value: object, arguments: Sequence[object], scope: Scope) -> object:
    """Give the values of a property, each once; an array property counts with each of its elements."""
    (name,) = _names(arguments)
    found: dict[str, object] = {}
    for item in _items(value, scope):
        held = look_up(name, item)
        scope.budget.step()
        for each in held if isinstance(held, list | tuple) else [held]:
            if each is not None:
                found.setdefault(f"{type(each).__name__} {shown(each, scope.budget)}", each)
    return list(found.values())


def _merge(value: object, arguments: Sequence[object], scope: Scope) -> object:
    """Put lists behind each other."""
    found = [item for each in (value, *arguments) for item in _items(each, scope)]
    scope.budget.elements(len(found))
    return found


def _join(value: object, arguments: Sequence[object], scope: Scope) -> object:
    separator = pieces_of(arguments[0], scope.budget) if arguments else own(",").pieces
    texts = [pieces_of(item, scope.budget) for item in _items(value, scope)]
    return Text(joined(texts, separator, scope.budget))


def _length(value: object, _: Sequence[object], scope: Scope) -> object:
    """Count the elements of a list, the characters of a text, the names of an object; null has none."""
    scope.budget.step()
    value = open_(value)
    return len(value) if isinstance(value, str | list | tuple | Mapping) else 0 if value is None else None


def _items(value: object, scope: Scope) -> Sequence[object]:
    items = value if isinstance(value, list | tuple) else [] if value is None else [value]
    scope.budget.elements(len(items))
    return items


def _names(arguments: Sequence[object]) -> list[str]:
    names = [str(open_(argument)) for argument in arguments if isinstance(argument, str)]
    if len(names) != len(arguments):
        raise EvaluationError("names a property by what is no text; write it in quotes")
    return names


_TRANSFORMS: Final[Mapping[str, Callable[[object, Sequence[object], Scope], object]]] = {
    "mapTemplate": _map_template,
    "mapProperty": _map_property,
    "merge": _merge,
    "join": _join,
    "uniquePropertyValues": _unique,
    "length": _length,
}

"""Verdict: a rule and what its queries gave in, each condition with the values that it looks at out.

It runs the operations as `act` does, and nothing comes of them: an operation may set what a later one tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.errors import PackError
from secgraph.j1ql.server.parameters import NONE, Parameters
from secgraph.j1ql.text.advice import short
from secgraph.rules.acting import Acting, Ask, no_way_to_ask
from secgraph.rules.condition import (
    AllHold,
    AnyTotal,
    Clause,
    Condition,
    Holds,
    NotRun,
    SomeHold,
    holds,
)
from secgraph.rules.expressions import uses
from secgraph.rules.expressions.budget import EvaluationError
from secgraph.rules.expressions.evaluate import Scope
from secgraph.rules.expressions.lookup import follow
from secgraph.rules.expressions.nodes import Literal, Template
from secgraph.rules.expressions.values import Sealed, Text, shown
from secgraph.rules.operation import evaluation_input
from secgraph.rules.rule import Rule

VALUE: Final = 80
TEXT: Final = 160


@dataclass(frozen=True, slots=True)
class Tested:
    """One test of a condition: its text, whether it holds, and what the paths in it lead to, as text."""

    text: str
    holds: bool
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Operated:
    """One operation: whether its condition holds, and the tests in it. `place` is where it stands."""

    place: str
    holds: bool
    tests: tuple[Tested, ...]


def verdict(
    rule: Rule,
    queries: Mapping[str, Mapping[str, object]],
    *,
    parameters: Parameters = NONE,
    ask: Ask = no_way_to_ask,
) -> tuple[Operated, ...]:
    """Say of each operation whether it acts, and by which values. `queries` is as for `act`.

    Raises PackError for a parameter that is missing and a condition that cannot be evaluated.
    """
    given = evaluation_input(rule, queries, parameters=parameters)
    acting = Acting(ask)
    found = []
    for index, operation in enumerate(rule.operations):
        place = f"operations[{index}]"
        scope = Scope(given, rule.templates)
        try:
            tests = tuple(_tested(operation.when, scope))
            fires = holds(operation.when, given, templates=rule.templates)
        except (EvaluationError, ValueError) as error:
            raise PackError(str(error), f"{place}.when") from error
        found.append(Operated(place, fires, tests))
        if fires:
            acting.run(operation.actions, scope, place, given)
    return tuple(found)


def _tested(condition: Condition, scope: Scope) -> Iterator[Tested]:
    if isinstance(condition, AllHold | SomeHold):
        for item in condition.items:
            yield from _tested(item, scope)
        return
    paths = tuple(_paths(condition, scope))
    yield Tested(
        short(_text(condition), TEXT),
        holds(condition, scope.names, templates=scope.templates),
        {path: _value(follow(path, scope.names)) for path in paths},
    )


def _paths(condition: Condition, scope: Scope) -> Iterator[str]:
    """Name what a test looks at, each once."""
    match condition:
        case AnyTotal():
            queries = scope.names.get("queries")
            yield from (f"queries.{name}.total" for name in (queries if isinstance(queries, Mapping) else ()))
        case Clause(path, _, right):
            yield path
            if isinstance(right, Template):
                parts = [part for part in right.parts if not isinstance(part, str)]
                yield from dict.fromkeys(".".join(it) for part in parts for it in uses.paths(part))
        case Holds(expression):
            yield from dict.fromkeys(".".join(it) for it in uses.paths(expression))


def _text(condition: Condition) -> str:
    match condition:
        case Clause(path, operator, right):
            return f"{path} {operator} {right if isinstance(right, Template) else Literal(right)}"
        case Holds(expression):
            return str(expression)
        case NotRun(reason):
            return reason
    return "any query has rows"


def _value(value: object) -> str:
    """Write a value for people: of a list how long it is, of a secret nothing."""
    if isinstance(value, Sealed) or (isinstance(value, Text) and value.sealed):
        return "(secret)"
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple):
        return f"{len(value)} items"
    if isinstance(value, Mapping):
        return f"an object of {', '.join(map(str, list(value)[:5]))}"
    return short(f"'{shown(value)}'" if isinstance(value, str) else shown(value), VALUE)

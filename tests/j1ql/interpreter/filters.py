"""Filters: WITH, WHERE and HAVING → true or false; there is no third truth value (sections 5, 15, 16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from secgraph.j1ql.nodes import (
    AllOf,
    And,
    AnyOf,
    Expr,
    Filter,
    Literal,
    Moment,
    Op,
    Or,
    Parameter,
    Query,
    Regex,
    Right,
    Subquery,
)
from secgraph.j1ql.nodes import Path as Property
from tests.j1ql.interpreter.graph import Graph
from tests.j1ql.interpreter.moments import milliseconds
from tests.j1ql.interpreter.regexes import matches
from tests.j1ql.interpreter.values import Value, identity, members, satisfies

Look = Callable[[Expr], Value]
"""What the left side of a comparison, or a property on the right, has for a value."""


@dataclass(frozen=True)
class World:
    """What a query is asked of: the graph, the moment, the parameters; and how a subquery is answered."""

    graph: Graph
    now: int
    parameters: Mapping[str, Value]
    values_of: Callable[[Query, World], list[Value]]


def named(test: Filter) -> set[str]:
    """The properties that a filter names, on either side."""
    if isinstance(test, And | Or):
        return set().union(*(named(item) for item in test.items))
    sides: list[Expr | Right] = [test.left, test.right]
    if isinstance(test.right, AnyOf | AllOf):
        sides += test.right.items
    return {side.property for side in sides if isinstance(side, Property)}


def holds(test: Filter, look: Look, world: World) -> bool:
    match test:
        case And():
            return all(holds(item, look, world) for item in test.items)
        case Or():
            return any(holds(item, look, world) for item in test.items)
    negative = test.op.value.startswith("!")
    op = Op(test.op.value.removeprefix("!"))
    return compares(look(test.left), op, test.right, look, world) != negative


def compares(left: Value, op: Op, right: Right, look: Look, world: World) -> bool:
    """A positive operator against all that may stand on the right."""
    match right:
        case AnyOf():
            return any(compares(left, op, item, look, world) for item in right.items)
        case AllOf():
            return all(compares(left, op, item, look, world) for item in right.items)
        case Literal(value=None):
            return left is None
        case Regex():
            return any(isinstance(it, str) and matches(right, op, it) for it in members(left))
        case Subquery():
            found = {identity(it) for it in world.values_of(right.query, world)}
            return any(identity(it) in found for it in members(left))
        case Parameter():
            return stands_for(left, op, parameter(right.name, world), look, world)
    others = members(look(right)) if isinstance(right, Property) else [constant(right, world)]
    return any(satisfies(op, one, other) for one in members(left) for other in others)


def constant(right: Literal | Moment, world: World) -> Value:
    return milliseconds(right, world.now) if isinstance(right, Moment) else right.value


def parameter(name: str, world: World) -> Value:
    known = world.parameters
    return known[name] if name in known else known[name.removeprefix("param.")]


def stands_for(left: Value, op: Op, value: Value, look: Look, world: World) -> bool:
    """A list acts as an OR-list; an empty one matches nothing."""
    if isinstance(value, list):
        return any(compares(left, op, Literal(item), look, world) for item in value)
    return compares(left, op, Literal(value), look, world)

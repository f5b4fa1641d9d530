"""Walk: iterate over the parts of filters and expressions, in the order they are written."""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.j1ql.nodes import (
    AllOf,
    And,
    AnyOf,
    Arithmetic,
    Block,
    Call,
    Comparison,
    EntityPattern,
    Everything,
    Expr,
    Filter,
    Negative,
    Or,
    Parameter,
    Path,
    Query,
    Record,
    Right,
    Step,
    Subquery,
)
from secgraph.j1ql.signatures import AGGREGATES


def comparisons(found: Filter | None) -> Iterator[Comparison]:
    """Every comparison of a filter."""
    if isinstance(found, And | Or):
        for item in found.items:
            yield from comparisons(item)
    elif found is not None:
        yield found


def members(right: Right) -> Iterator[Right]:
    """The single values of a right side, lists opened."""
    if isinstance(right, AllOf | AnyOf):
        for item in right.items:
            yield from members(item)
    else:
        yield right


def paths(found: Filter | None) -> Iterator[Path]:
    """Every property that a filter names, on both sides."""
    for comparison in comparisons(found):
        sides = (comparison.left, *members(comparison.right))
        yield from (side for side in sides if isinstance(side, Path))


def entities(query: Query) -> Iterator[EntityPattern]:
    """The start entity and every target, blocks and negated tails included."""
    yield query.start
    yield from _targets(query.steps)


def _targets(steps: tuple[Step, ...]) -> Iterator[EntityPattern]:
    for step in steps:
        if isinstance(step, Block):
            yield from _targets(step.steps)
        else:
            yield step.target


def filters(query: Query) -> Iterator[Filter]:
    """Every WITH, then WHERE and HAVING."""
    found = [*(entity.filter for entity in entities(query)), query.where, query.having]
    yield from (item for item in found if item is not None)


def subqueries(query: Query) -> Iterator[Subquery]:
    """The subqueries that stand directly in this query."""
    for found in filters(query):
        yield from subqueries_in(found)


def subqueries_in(found: Filter | None) -> Iterator[Subquery]:
    """The subqueries that stand directly in a filter."""
    yield from (it.right for it in comparisons(found) if isinstance(it.right, Subquery))


def parameters(query: Query) -> Iterator[Parameter]:
    """The parameters of this query and of its subqueries."""
    for found in filters(query):
        for comparison in comparisons(found):
            yield from (it for it in members(comparison.right) if isinstance(it, Parameter))
    for nested in subqueries(query):
        yield from parameters(nested.query)


def expressions(query: Query) -> Iterator[Expr | Everything]:
    """The items of RETURN, the left sides of HAVING and the keys of ORDER BY."""
    if isinstance(query.returns, tuple):
        yield from (column.item for column in query.returns)
    yield from (it.left for it in comparisons(query.having))
    yield from (key.expression for key in query.order)


def inside(
    found: Expr | Everything, *, aggregates: frozenset[str] = frozenset()
) -> Iterator[Expr | Everything]:
    """`found` and every expression in it; calls of `aggregates` come alone, without their arguments."""
    yield found
    for part in _operands(found, aggregates):
        yield from inside(part, aggregates=aggregates)


def is_aggregate(found: Expr | Everything) -> bool:
    """Whether an aggregate stands in it."""
    return any(isinstance(part, Call) and part.function in AGGREGATES for part in inside(found))


def selectors_in(found: Expr) -> list[str]:
    """The selectors that an expression names, each once, in order."""
    named = (part.selector for part in inside(found) if isinstance(part, Path | Record))
    return list(dict.fromkeys(name for name in named if name))


def _operands(found: Expr | Everything, aggregates: frozenset[str]) -> tuple[Expr, ...]:
    match found:
        case Call():
            return () if found.function in aggregates else found.arguments
        case Negative():
            return (found.operand,)
        case Arithmetic():
            return (found.left, found.right)
    return ()

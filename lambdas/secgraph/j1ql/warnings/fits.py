"""Fits: values and kinds → the types that they compare as (j1ql.md section 5: types never convert)."""

from __future__ import annotations

from secgraph.graph.relations import Kind
from secgraph.j1ql.nodes import Comparison, Literal, Moment, Regex, Right, Subquery
from secgraph.j1ql.sql.predicates import NEGATIVE
from secgraph.j1ql.sql.typed import SCALAR_AND_LIST
from secgraph.j1ql.walk import members


def types_of(kinds: frozenset[Kind]) -> list[Kind]:
    """The scalar types that values and members of these kinds have."""
    return [scalar for scalar, listed in SCALAR_AND_LIST if scalar in kinds or listed in kinds]


def type_of(value: Right) -> Kind | None:
    """The type that a value is compared as; None of `undefined` and of what is not known here."""
    if isinstance(value, Moment):
        return Kind.NUMBER
    if isinstance(value, Regex):
        return Kind.STRING
    if isinstance(value, Literal) and value.value is not None:
        kinds = {bool: Kind.BOOLEAN, str: Kind.STRING}
        return kinds.get(type(value.value), Kind.NUMBER)
    return None


def fitting(comparison: Comparison) -> list[Kind] | None:
    """The kinds that a property must have for a comparison to be true; None if it may be true of any, or of
    a record without the property."""
    if comparison.op in NEGATIVE or isinstance(comparison.right, Subquery):
        return None
    types = [type_of(value) for value in members(comparison.right)]
    if None in types:
        return None
    return [kind for pair in SCALAR_AND_LIST for kind in pair if pair[0] in types]

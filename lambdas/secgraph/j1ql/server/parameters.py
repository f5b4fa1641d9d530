"""Parameters: `${name}` → the value that it stands for (j1ql.md section 15).

`${param.name}` is a value stored on the server. Where none of that name is stored, one that the request
brought takes its place, so that saved queries run on a laptop too; a stored one is never shadowed.
`${name}` is a variable of the request alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeGuard

from secgraph.errors import Position, QueryError
from secgraph.graph.model import Scalar
from secgraph.graph.search import is_double
from secgraph.j1ql.nodes import AnyOf, Literal, Parameter
from secgraph.j1ql.text.advice import nearest
from secgraph.j1ql.text.lexer import has_half_character

PlainValue = Scalar | Sequence[Scalar] | None

STORED = "param."
"""How the name of a stored parameter begins in a query."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value to compare with that is shown nowhere: not by explain, in errors, logs, cursors or its repr.

    Rows whose own property has this value show it all the same, if the query returns that property.
    """

    value: PlainValue

    def __repr__(self) -> str:
        return "Secret(…)"


ParameterValue = PlainValue | Secret
Parameters = Mapping[str, ParameterValue]
NONE: Parameters = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Known:
    """The parameters of one query: those of the request under the names that it gave, and the stored ones
    without `param.`."""

    request: Parameters = field(default_factory=lambda: NONE, repr=False)
    stored: Parameters = field(default_factory=lambda: NONE, repr=False)

    def refuse_shadowing(self) -> None:
        """Raises QueryError PARAM if the request brings a value under the name of a stored one."""
        for name in self.request:
            if name.startswith(STORED) and name.removeprefix(STORED) in self.stored:
                message = f"{name} is stored on the server, and a request cannot set it."
                at = Position(1, 1, 0)
                raise QueryError("PARAM", message, at, expected="the parameter left out of the request")

    def find(self, parameter: Parameter) -> ParameterValue:
        """The value of a parameter. Raises QueryError PARAM if there is none."""
        name = parameter.name
        own = name.removeprefix(STORED)
        if name.startswith(STORED) and own in self.stored:
            return self.stored[own]
        for given in (name, own):
            if given in self.request:
                return self.request[given]
        names = sorted({*self.request, *(f"{STORED}{stored}" for stored in self.stored)})
        raise QueryError(
            "PARAM",
            f"The parameter {name} is not defined.",
            parameter.at,
            expected="a defined parameter",
            suggestion=nearest(name, names) or ", ".join(names),
        )


def as_item(parameter: Parameter, value: object) -> Literal | AnyOf:
    """A value as an item of a filter; a list acts as an OR-list. Raises QueryError PARAM; it quotes none."""
    if value is None or _is_scalar(value):
        _refuse_broken(parameter, (value,))
        return Literal(value, parameter.at)
    if isinstance(value, list | tuple) and all(_is_scalar(item) for item in value):
        _refuse_broken(parameter, value)
        return AnyOf(tuple(Literal(item, parameter.at) for item in value))
    message = f"The parameter {parameter.name} is neither text, number, boolean nor a list of those."
    expected = "a string, a number, a boolean or a list of those"
    raise QueryError("PARAM", message, parameter.at, expected=expected)


def _refuse_broken(parameter: Parameter, values: Iterable[object]) -> None:
    if any(isinstance(value, str) and has_half_character(value) for value in values):
        message = f"The parameter {parameter.name} holds half a character (a lone surrogate)."
        raise QueryError("PARAM", message, parameter.at, expected="text of whole characters")


def _is_scalar(value: object) -> TypeGuard[Scalar]:
    return isinstance(value, str) or (isinstance(value, int | float) and is_double(value))

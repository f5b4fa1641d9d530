"""What every stage of one compilation shares: catalogue, moment, parameters, bound values, CTEs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from secgraph.errors import QueryError
from secgraph.graph.model import Scalar
from secgraph.graph.relations import Bound, Catalogue, Cell
from secgraph.graph.search import is_double
from secgraph.j1ql.lexer import has_half_character
from secgraph.j1ql.nodes import AnyOf, Literal, Parameter

ParameterValue = Scalar | Sequence[Scalar] | None
Parameters = Mapping[str, ParameterValue]

STORED = "param."
"""`${param.name}` is stored on the server, `${name}` comes with the request (j1ql.md section 15)."""


@dataclass(slots=True)
class Compilation:
    """The surroundings of a query while SQL is written for it."""

    catalogue: Catalogue
    now: int
    parameters: Parameters
    include_deleted: bool
    bound: list[Bound] = field(default_factory=list)
    ctes: list[tuple[str, str]] = field(default_factory=list)
    _marks: dict[tuple[type, Cell], str] = field(default_factory=dict)

    def bind(self, value: Cell) -> str:
        """Bind a value and give its mark; a value's text never enters the SQL."""
        kept = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        mark = self._marks.get((type(kept), kept))
        if mark is None:
            self.bound.append(kept)
            mark = self._marks[type(kept), kept] = f"${len(self.bound)}"
        return mark

    def bind_list(self, values: list[str] | list[float]) -> str:
        """Bind values of one type as one list: a mark for each of thousands would take minutes to plan."""
        self.bound.append(values)
        return f"${len(self.bound)}"

    def bind_count(self, count: int) -> str:
        """Bind a number of rows, which SQL wants as an integer."""
        self.bound.append(count)
        return f"${len(self.bound)}"

    def cte(self, prefix: str, sql: str) -> str:
        """Add a common table expression and give its name."""
        name = f"{prefix}{len(self.ctes)}"
        self.ctes.append((name, sql))
        return name

    def value_of(self, parameter: Parameter) -> Literal | AnyOf:
        """Give what a parameter stands for; a list acts as an OR-list. Raises QueryError PARAM."""
        name = parameter.name
        found = self.parameters.get(name, self)
        if found is self and name.startswith(STORED):
            found = self.parameters.get(name.removeprefix(STORED), self)
        self._refuse_broken(parameter, found)
        if found is None or _is_scalar(found):
            return Literal(found, parameter.at)
        if isinstance(found, list | tuple) and all(_is_scalar(item) for item in found):
            return AnyOf(tuple(Literal(item, parameter.at) for item in found))
        raise self._not_usable(parameter, is_missing=found is self)

    def _refuse_broken(self, parameter: Parameter, found: object) -> None:
        texts = found if isinstance(found, list | tuple) else (found,)
        if any(isinstance(text, str) and has_half_character(text) for text in texts):
            message = f"The parameter {parameter.name} holds half a character (a lone surrogate)."
            raise QueryError("PARAM", message, parameter.at, expected="text of whole characters")

    def _not_usable(self, parameter: Parameter, *, is_missing: bool) -> QueryError:
        if is_missing:
            return QueryError(
                "PARAM",
                f"The parameter {parameter.name} is not defined.",
                parameter.at,
                expected="a defined parameter",
                suggestion=", ".join(sorted(self.parameters)),
            )
        return QueryError(
            "PARAM",
            f"The parameter {parameter.name} is neither text, number, boolean nor a list of those.",
            parameter.at,
            expected="a string, a number, a boolean or a list of those",
        )


def _is_scalar(value: object) -> TypeGuard[Scalar]:
    return isinstance(value, str) or (isinstance(value, int | float) and is_double(value))

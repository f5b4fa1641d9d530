"""Expressions of RETURN, HAVING and ORDER BY → typed SQL: arithmetic, functions, aggregates (section 13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from secgraph.errors import QueryError
from secgraph.graph.relations import Kind
from secgraph.j1ql.meaning.names import Target, What
from secgraph.j1ql.moments import resolve
from secgraph.j1ql.nodes import (
    START,
    Arithmetic,
    Call,
    Everything,
    Expr,
    Literal,
    Moment,
    Name,
    Negative,
    Path,
    Record,
)
from secgraph.j1ql.printing import expression_text
from secgraph.j1ql.signatures import AGGREGATES
from secgraph.j1ql.sql import aggregates
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.frames import Frame, column_of, record_property
from secgraph.j1ql.sql.scalars import LISTED, finite
from secgraph.j1ql.sql.typed import UNDEFINED, RecordOf, Typed
from secgraph.j1ql.walk import selectors_in

LONGEST = 20_000
"""Characters of SQL that one expression may become."""
_ROUNDINGS = frozenset({"abs", "sqrt", "ceil", "floor", "round"})


@dataclass(frozen=True, slots=True)
class Expressions:
    """Writes expressions over the paths of a frame. `names` holds the result columns, for bare words."""

    compilation: Compilation
    frame: Frame
    scope: Mapping[str, Target]
    names: Mapping[str, Typed | RecordOf]
    grouping: frozenset[Expr | Everything] | None = None
    """The grouping items of a grouped query: what may stand outside aggregates. None if not grouped."""

    def item(self, expression: Expr) -> Typed | RecordOf:
        """Give the SQL of an expression, of a result column or of a whole record."""
        named = self.names.get(
            expression.name if isinstance(expression, Name) else expression_text(expression)
        )
        if named is not None:
            return named
        return self.record(expression.selector) if isinstance(expression, Record) else self._typed(expression)

    def typed(self, expression: Expr) -> Typed:
        """Give the SQL of an expression that is a value. Raises QueryError TYPE for a whole record."""
        found = self.item(expression)
        if isinstance(found, Typed):
            return found
        at = expression.at if isinstance(expression, Name | Record) else START
        raise QueryError(
            "TYPE", "A whole record cannot be calculated or compared with.", at, expected="a property"
        )

    def _typed(self, expression: Expr) -> Typed:
        found = self._written(expression)
        if sum(map(len, found.parts.values())) > LONGEST:
            message = "This expression is too long or too deeply nested."
            raise QueryError("LIMITS", message, expression.at, expected="a shorter expression")
        return found

    def _written(self, expression: Expr) -> Typed:
        match expression:
            case Literal():
                return self._literal(expression)
            case Moment():
                return self._number(
                    f"{self.compilation.bind(resolve(expression, self.compilation.now))}::DOUBLE"
                )
            case Path():
                return self._path(expression)
            case Negative():
                return self._number(f"(-{self.typed(expression.operand).number})")
            case Arithmetic():
                return self._arithmetic(expression)
            case Call():
                return self._call(expression)
        raise QueryError(
            "NAME", f"No result column is named {expression}.", START, expected="a result column"
        )

    def _path(self, path: Path) -> Typed:
        """Give a property. In a grouped query it belongs to a record that is one for the whole group."""
        target = self.scope[path.selector or ""]
        found = record_property(self.compilation, self.frame, target, path.property)
        whole = (Record(path.selector or ""), Everything(path.selector or ""))
        if self.grouping is None or path in self.grouping or not self.grouping.intersection(whole):
            return found
        return Typed({kind: f"any_value({sql})" for kind, sql in found.parts.items()})

    def record(self, selector: str) -> RecordOf:
        """Give the whole record that a selector stands for."""
        target = self.scope[selector]
        if target.what is What.NOTHING:
            return RecordOf(What.ENTITY, "NULL::BIGINT")
        what = What.RELATIONSHIP if target.what is What.RELATIONSHIP else What.ENTITY
        return RecordOf(what, self.frame.columns[column_of(target)])

    def _literal(self, literal: Literal) -> Typed:
        value = literal.value
        if value is None:
            return UNDEFINED
        if isinstance(value, bool):
            return Typed({Kind.BOOLEAN: f"{self.compilation.bind(value)}::BOOLEAN"}, always=True)
        if isinstance(value, str):
            return Typed({Kind.STRING: f"{self.compilation.bind(value)}::VARCHAR"}, always=True)
        return Typed({Kind.NUMBER: f"{self.compilation.bind(value)}::DOUBLE"}, always=True)

    def _number(self, sql: str) -> Typed:
        return Typed({Kind.NUMBER: sql})

    def _arithmetic(self, it: Arithmetic) -> Typed:
        left, right = self.typed(it.left).number, self.typed(it.right).number
        if it.operator == "^":
            return self._number(finite(f"pow({left}, {right})"))
        divisor = f"nullif({right}, 0)" if it.operator == "/" else right
        return self._number(finite(f"({left} {it.operator} {divisor})"))

    def _call(self, call: Call) -> Typed:
        if call.function in AGGREGATES:
            return self._aggregate(call)
        arguments = [self.typed(argument) for argument in _spliced(call)]
        if call.function in _ROUNDINGS:
            return self._number(finite(f"{call.function}({arguments[0].number})"))
        return LISTED[call.function](arguments)

    def _aggregate(self, call: Call) -> Typed:
        """Give an aggregate; its argument is seen path by path, so nothing in it is grouped or named."""
        if call.star:
            return self._number("count(*)::DOUBLE")
        inside = Expressions(self.compilation, self.frame, self.scope, {})
        argument = call.arguments[0]
        if call.function == "count":
            counted = aggregates.count(inside.item(argument), rows_differ=self.frame.is_of_starts)
            return self._number(f"({counted})::DOUBLE")
        value = inside.typed(argument)
        if call.function in ("min", "max"):
            return aggregates.extreme(call.function, value)
        records = [inside.record(selector).id for selector in selectors_in(argument)]
        return aggregates.total(call.function, value, records)


def _spliced(call: Call) -> Iterator[Expr]:
    """List the arguments; coalesce, concat and merge mean the same with their own calls opened up."""
    for argument in call.arguments:
        if isinstance(argument, Call) and argument.function == call.function in LISTED:
            yield from _spliced(argument)
        else:
            yield argument

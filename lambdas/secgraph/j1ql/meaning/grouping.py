"""Grouping: may HAVING, ORDER BY and mixed columns say what they say? (j1ql.md sections 13 and 14)."""

from __future__ import annotations

from dataclasses import dataclass

from secgraph.errors import QueryError
from secgraph.j1ql.meaning.scopes import Scope
from secgraph.j1ql.nodes import Column, Everything, Expr, Literal, Moment, Name, Path, Query, Record
from secgraph.j1ql.printing import column_name, expression_text
from secgraph.j1ql.signatures import AGGREGATES
from secgraph.j1ql.text.advice import nearest
from secgraph.j1ql.walk import comparisons, inside, is_aggregate


@dataclass(frozen=True, slots=True)
class Grouping:
    """The columns of a query, and which of them are the key of the groups."""

    scope: Scope
    columns: tuple[Column, ...]
    names: frozenset[str]
    open: frozenset[str]
    """Selectors of `x.*`: each of their properties is a column."""
    grouped: bool
    keys: frozenset[Expr | Everything]

    @classmethod
    def of(cls, query: Query, scope: Scope) -> Grouping:
        """Sort the columns of `query`; a list and a tree have none."""
        columns = query.returns if isinstance(query.returns, tuple) else ()
        plain = frozenset(column.item for column in columns if not is_aggregate(column.item))
        names = frozenset(column_name(column) for column in columns)
        spread = frozenset(column.item.selector for column in columns if isinstance(column.item, Everything))
        return cls(scope, columns, names, spread, any(is_aggregate(it.item) for it in columns), plain)

    def check(self, query: Query) -> None:
        """Raises QueryError NAME at the first expression that speaks of no column, aggregate or key."""
        for column in self.columns:
            if is_aggregate(column.item):
                self._outside(column.item)
        for comparison in comparisons(query.having):
            self._having(comparison.left)
        for key in query.order:
            self._order(key.expression)

    def _is_column(self, found: Expr) -> bool:
        text = found.name if isinstance(found, Name) else expression_text(found)
        selector, dot, _ = text.partition(".")
        return text in self.names or (isinstance(found, Path | Name) and dot == "." and selector in self.open)

    def _having(self, left: Expr) -> None:
        if self._is_column(left):
            return
        if self.grouped and is_aggregate(left):
            self._outside(left)
            return
        if is_aggregate(left):
            message = "HAVING can use an aggregate only if RETURN has one, for only then are there groups."
            raise QueryError("NAME", message, left.at, expected="a result column")
        raise self._no_column(left, "HAVING")

    def _order(self, found: Expr) -> None:
        if self._is_column(found) or (self.grouped and found in self.keys):
            return
        if isinstance(found, Name):
            raise self._no_column(found, "ORDER BY")
        if self.grouped and not is_aggregate(found):
            message = "Rows are grouped, so ORDER BY takes a column, an aggregate or a plain item of RETURN."
            expected = "a result column, an aggregate or a grouping item"
            raise QueryError("NAME", message, found.at, expected=expected)
        if not self.grouped and is_aggregate(found):
            message = "ORDER BY can use an aggregate only if RETURN has one, for only then are there groups."
            raise QueryError("NAME", message, found.at, expected="a result column or a property")
        if all(isinstance(part, Literal | Moment) for part in inside(found)):
            message = "This sorts by the same value everywhere."
            raise QueryError("NAME", message, found.at, expected="a result column or a property")
        self._outside(found)

    def _outside(self, found: Expr | Everything) -> None:
        """Beside an aggregate only what is the same in the whole group may stand."""
        if not self.grouped:
            return
        for part in inside(found, aggregates=AGGREGATES):
            if isinstance(part, Path | Record) and not self._is_key(part):
                text = expression_text(part)
                message = f"{text} stands beside an aggregate, so it must be an item of RETURN of its own."
                raise QueryError(
                    "NAME", message, part.at, expected="a grouping item", suggestion=f"{text}, …"
                )

    def _is_key(self, part: Path | Record) -> bool:
        selector = part.selector or ""
        return part in self.keys or Record(selector) in self.keys or Everything(selector) in self.keys

    def _no_column(self, found: Expr, clause: str) -> QueryError:
        text = found.name if isinstance(found, Name) else expression_text(found)
        names = [column_name(it) for it in self.columns if not isinstance(it.item, Everything)]
        same = [column_name(it) for it in self.columns if it.item == found]
        message = f"There is no result column {text}"
        message += f"; the columns are {', '.join(names)}." if names else f"; {clause} finds no columns here."
        if clause == "ORDER BY" and text.upper() in ("ASC", "DESC"):
            message = f"{text} stands directly after its column or property, without a comma."
            return QueryError("NAME", message, found.at, expected="a result column")
        called = [name for name in names if name.startswith(f"{text.lower()}(")]
        suggestion = next(iter(same + called), None) or nearest(text, names) or self._property(text, clause)
        return QueryError("NAME", message, found.at, expected="a result column", suggestion=suggestion)

    def _property(self, text: str, clause: str) -> str:
        """ORDER BY also takes a property: propose it of the first entity."""
        first = text if self.scope.known(text) else self.scope.first()
        if clause != "ORDER BY" or self.grouped or not first:
            return ""
        return f"{first}.{'displayName' if first == text else text}"

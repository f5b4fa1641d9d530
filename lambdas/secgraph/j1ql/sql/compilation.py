"""What every stage of one compilation shares: catalogue, moment, parameters, bound values, CTEs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from secgraph.errors import Position, QueryError
from secgraph.graph.relations import Bound, Catalogue, Cell, Link, Reads, column, quoted
from secgraph.j1ql.nodes import AnyOf, Literal, Parameter
from secgraph.j1ql.server.parameters import Known, Secret, as_item
from secgraph.j1ql.server.smart_classes import DEFAULT, SmartClasses
from secgraph.j1ql.sql.typed import Typed

MAX_SQL = 150_000
"""Most characters of SQL that filters, columns and sort keys may become: DuckDB plans about as many in a
second, and nothing can interrupt it meanwhile."""


@dataclass(slots=True)
class Compilation:
    """The surroundings of a query while SQL is written for it."""

    catalogue: Catalogue
    now: int
    parameters: Known
    include_deleted: bool
    smart_classes: SmartClasses = DEFAULT
    smart: dict[str, str] = field(default_factory=dict)
    """Smart classes already written → the common table expressions with the ids of their members."""
    bound: list[Bound] = field(default_factory=list, repr=False)
    secrets: set[int] = field(default_factory=set)
    """The marks, by number, whose values must not be shown."""
    ctes: list[tuple[str, str]] = field(default_factory=list)
    links: frozenset[Link] = frozenset()
    """What the hops may take."""
    searched: bool = False
    """Whether full text is looked at."""
    _entity: set[str] = field(default_factory=set)
    _relationship: set[str] = field(default_factory=set)
    """The property columns that are named."""
    _marks: dict[tuple[type, Cell, bool], str] = field(default_factory=dict, repr=False)
    _in_secret: bool = False
    _spent: int = 0

    @property
    def reads(self) -> Reads:
        """Tell what the SQL written so far reads."""
        return Reads(frozenset(self._entity), frozenset(self._relationship), self.links, self.searched)

    def property_of(self, alias: str, name: str, *, is_edge: bool = False) -> Typed:
        """Give the property `name` of the record at a table alias, over the columns that exist."""
        catalogue = self.catalogue
        held = catalogue.relationship_properties if is_edge else catalogue.entity_properties
        columns = {kind: column(name, kind) for kind in sorted(held.get(name, ()), key=lambda it: it.value)}
        (self._relationship if is_edge else self._entity).update(columns.values())
        return Typed({kind: f"{alias}.{quoted(it)}" for kind, it in columns.items()})

    def bind(self, value: Cell) -> str:
        """Bind a value and give its mark; a value's text never enters the SQL."""
        kept = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        key = type(kept), kept, self._in_secret  # a mark shared with a secret would tell that it is equal
        if key not in self._marks:
            self._marks[key] = self._mark(kept)
        return self._marks[key]

    def bind_list(self, values: list[str] | list[float]) -> str:
        """Bind values of one type as one list: a mark for each of thousands would take minutes to plan."""
        return self._mark(values)

    def bind_count(self, count: int) -> str:
        """Bind a number of rows, which SQL wants as an integer."""
        return self._mark(count)

    def _mark(self, value: Bound) -> str:
        self.bound.append(value)
        if self._in_secret:
            self.secrets.add(len(self.bound))
        return f"${len(self.bound)}"

    def spend(self, texts: Iterable[str], at: Position) -> None:
        """Count what a part of the query has become in SQL. Raises QueryError LIMITS at the part with which
        the query as a whole becomes too large to plan."""
        self._spent += sum(map(len, texts))
        if self._spent > MAX_SQL:
            message = "Up to here the query asks for more than can be planned in time."
            raise QueryError("LIMITS", message, at, expected="a shorter query", suggestion="split it")

    def cte(self, prefix: str, sql: str) -> str:
        """Add a common table expression and give its name."""
        name = f"{prefix}{len(self.ctes)}"
        self.ctes.append((name, sql))
        return name

    @contextmanager
    def using(self, parameter: Parameter) -> Iterator[Literal | AnyOf]:
        """Give what a parameter stands for; a list acts as an OR-list. Raises QueryError PARAM.

        While it is used, what is bound is marked as secret if it is, and no error quotes it.
        """
        found = self.parameters.find(parameter)
        if not isinstance(found, Secret):
            yield as_item(parameter, found)
            return
        self._in_secret = True
        try:
            yield as_item(parameter, found.value)
        except QueryError as error:
            message = f"The value of the secret parameter {parameter.name} does not fit here."
            raise QueryError(error.code, message, parameter.at, expected=error.expected) from None
        finally:
            self._in_secret = False

    @contextmanager
    def without_request(self) -> Iterator[None]:
        """Write SQL that must not depend on who asks: the variables of the request are unknown meanwhile."""
        known = self.parameters
        self.parameters = Known(stored=known.stored)
        try:
            yield
        finally:
            self.parameters = known

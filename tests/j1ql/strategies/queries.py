"""Queries: the whole text, and the graph and the options to ask it with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.j1ql.strategies.choices import BYTES, Choices
from tests.j1ql.strategies.columns import Columns
from tests.j1ql.strategies.filters import Filters
from tests.j1ql.strategies.graphs import Graph, graph
from tests.j1ql.strategies.literals import Literals
from tests.j1ql.strategies.steps import Steps, properties_in


@dataclass(frozen=True)
class Questions:
    """Queries, the graph that they are asked of, and how."""

    texts: list[str]
    graph: Graph
    include_deleted: bool
    row_metadata: bool


def questions_of(drawn_bytes: bytes) -> Questions:
    """Several queries at a graph, for storing it takes longer than asking: one or two of any
    form, and two that look closely at a comparison, at aggregates or at expressions."""
    choices = Choices(drawn_bytes)
    drawn = graph(choices)
    writer = Writer(choices, drawn)
    texts = [writer.query() for _ in range(choices.of(1, 2))]
    if choices.chance(9):
        texts += [writer.comparison(), choices.of(writer.aggregates, writer.expressions)()]
    return Questions(texts, drawn, choices.chance(1), choices.chance(1))


QUESTIONS: Final = BYTES.map(questions_of)


class Writer:
    """Writes whole queries."""

    def __init__(self, choices: Choices, graph: Graph) -> None:
        self._choices = choices
        self._graph = graph
        self._literals = Literals(choices, graph.values())
        self._filters = Filters(choices, self._literals, self._subquery)

    def query(self) -> str:
        choices = self._choices
        steps = Steps(choices, self._filters, self._graph)
        pattern = steps.write()
        names = steps.names()
        columns = Columns(choices, self._literals, names)
        where = ""
        if names and choices.chance(4):
            paths = [it.path(choices) for it in choices.some(names, 1, 3)]
            where = f" WHERE {self._filters.conditions(paths, paths)}"
        form = choices.of("list", "list", "tree", "tree", "table", "table", "grouped", "grouped", "grouped")
        unique = "UNIQUE " if choices.chance(2) else ""
        if form == "list" or not names:
            rest = self._page(columns if names else None)
        elif form == "tree":
            rest = f" RETURN TREE{self._page(columns)}"
        else:
            rest = self._table(columns, is_grouped=form == "grouped")
        return f"FIND {unique}{pattern}{where}{rest}"

    def comparison(self) -> str:
        """All entities, or those of a row with a relationship, for which one comparison holds."""
        choices = self._choices
        names = Steps(choices, self._filters, self._graph)
        form = choices.of("WITH", "WHERE", "both")
        if form == "WITH":
            return f"FIND * WITH {self._filters.conditions(properties_in(self._graph.entities))}"
        pattern = names.pair() if form == "both" else names.single()
        paths = [it.path(choices) for it in names.names() for _ in range(2)]
        where = self._filters.comparison(choices.among(paths), paths, is_join=choices.chance(3))
        return f"FIND {pattern} WHERE {where} RETURN {', '.join(f'{it.name}._id' for it in names.names())}"

    def aggregates(self) -> str:
        """Aggregates over entities, or over pairs of them, as a whole or by a property."""
        choices = self._choices
        steps = Steps(choices, self._filters, self._graph)
        pattern = choices.of(steps.single, steps.pair)()
        columns = Columns(choices, self._literals, steps.names())
        items = [columns.aggregate() for _ in range(choices.count(1, 2))]
        key = choices.of("", f"{columns.path()} AS k, ")
        return f"FIND {pattern} RETURN {key}{', '.join(items)}"

    def expressions(self) -> str:
        """Expressions over entities, or over pairs of them."""
        choices = self._choices
        steps = Steps(choices, self._filters, self._graph)
        pattern = choices.of(steps.single, steps.pair)()
        columns = Columns(choices, self._literals, steps.names())
        return f"FIND {pattern} RETURN {columns.number()}, {columns.value()}"

    def _page(self, columns: Columns | None) -> str:
        """ORDER BY, SKIP and LIMIT of a list or tree."""
        keys = [columns.path(), columns.value()] if columns else []
        return self._order(keys) + self._paging()

    def _table(self, columns: Columns, *, is_grouped: bool) -> str:
        choices = self._choices
        items = columns.grouped() if is_grouped else columns.plain()
        named = [it.name for it in items if it.name and not it.is_record]
        having = ""
        if choices.chance(2):
            lefts = [*named, columns.aggregate()] if is_grouped else named
            having = f" HAVING {self._having(lefts)}" if lefts else ""
        keys = [*named, columns.aggregate()] if is_grouped else [*named, columns.value()]
        if is_grouped:
            keys += [it.expression for it in items if it.is_path]
        order = self._order(keys, [it.name for it in items if it.is_record and it.name])
        returned = ", ".join(it.text for it in items)
        return f" RETURN {returned}{having}{order}{self._paging()}"

    def _having(self, lefts: Sequence[str]) -> str:
        choices = self._choices
        tests = [self._filters.comparison(left, in_having=True) for left in choices.some(lefts, 1, 2)]
        return choices.of(" AND ", " OR ").join(tests)

    def _order(self, keys: Sequence[str], records: Sequence[str] = ()) -> str:
        """A whole record may come last only: how records stand to each other is left open."""
        choices = self._choices
        if not keys or not choices.chance(4):
            return ""
        chosen = choices.some(keys, 1, 2)
        if records and choices.chance(3):
            chosen.append(choices.among(records))
        return " ORDER BY " + ", ".join(f"{key}{choices.of('', ' DESC', ' ASC')}" for key in chosen)

    def _paging(self) -> str:
        choices = self._choices
        skip = f" SKIP {choices.count(0, 2)}" if choices.chance(1) else ""
        limit = f" LIMIT {choices.count(1, 4)}" if choices.chance(2) else ""
        return skip + limit

    def _subquery(self) -> str:
        """A query of one column, without steps; what LIMIT leaves is certain."""
        choices = self._choices
        inner = Filters(choices, self._literals, lambda: "FIND A AS z RETURN z.p")
        with_ = f" WITH {inner.conditions(properties_in(self._graph.entities))}" if choices.chance(2) else ""
        start = f"FIND {choices.of('A', 'B', '*', 'a')}{with_} AS s"
        path = f"s.{choices.of('p', 'q', 'n', 's', '_id', '_type', 'nope')}"
        return choices.of(
            f"{start} RETURN {path}",
            f"{start} RETURN {path}",
            f"{start} THAT V AS r * AS t WHERE t.p != s.p RETURN {choices.of('r', 't', 's')}.p",
            f"{start} RETURN {path} ORDER BY s._id LIMIT 2",
            f"{start} RETURN {choices.of('min', 'max', 'sum')}({path})",
            f"{start} RETURN merge({path}, s.q)",
        )

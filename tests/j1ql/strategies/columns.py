"""Columns: expressions, aggregates and the items of RETURN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.j1ql.strategies.choices import Choices
from tests.j1ql.strategies.literals import Literals, quoted
from tests.j1ql.strategies.steps import Named

ROUNDINGS = ("round", "abs", "ROUND", "sqrt", "ceil", "floor")
LISTED = ("coalesce", "concat", "merge")
COLUMN_NAMES = ("c1", "c2", "c3", "c4", "my col", "x-y")


@dataclass(frozen=True)
class Item:
    """An item of RETURN. `name` is how HAVING and ORDER BY may call it, empty if they may not."""

    text: str
    expression: str
    name: str = ""
    is_record: bool = False
    is_path: bool = False


def callable_items(items: list[Item]) -> list[Item]:
    """A column that shows a record here and a value there has no name to compare or sort by."""
    records = {it.name.strip("'[]") for it in items if it.is_record}
    mixed = records & {it.name.strip("'[]") for it in items if not it.is_record}
    return [replace(it, name="") if it.name.strip("'[]") in mixed else it for it in items]


class Columns:
    """Writes expressions over the names of a query."""

    def __init__(self, choices: Choices, literals: Literals, names: Sequence[Named]) -> None:
        self._choices = choices
        self._literals = literals
        self._names = names

    def path(self) -> str:
        return self._choices.among(self._names).path(self._choices)

    def number_path(self) -> str:
        """A property that holds numbers mostly."""
        return f"{self._choices.among(self._names).name}.{self._choices.of('n', 'n', 'n', 'p', 'createdOn')}"

    def record(self) -> str:
        return self._choices.among(self._names).name

    def value(self, depth: int = 0) -> str:
        """Any expression that holds a property."""
        form = self._choices.of("path", "path", "number", "listed") if depth < 2 else "path"
        if form == "number":
            return self.number(depth)
        if form == "listed":
            arguments = [self.value(depth + 1), *self._choices.some((self.path(), self._constant()), 0, 2)]
            return f"{self._choices.among(LISTED)}({', '.join(arguments)})"
        return self.path()

    def number(self, depth: int = 0) -> str:
        """An expression of numbers that holds a property."""
        choices = self._choices
        form = choices.of("path", "arithmetic", "rounding", "path", "minus") if depth < 2 else "path"
        if form == "arithmetic":
            one, other = self.number(depth + 1), choices.of(self.number_path(), self._number())
            sides = (one, other) if choices.chance(7) else (other, one)
            return f"({sides[0]} {choices.among('+-*/^')} {sides[1]})"
        if form == "rounding":
            return f"{choices.among(ROUNDINGS)}({self.number(depth + 1)})"
        return f"-{self.number(depth + 1)}" if form == "minus" else self.number_path()

    def _number(self) -> str:
        return self._choices.of("2", "1", "0.5", "3", "0", "10", "date.now", "1e300")

    def _constant(self) -> str:
        return self._choices.of("'none'", "1", "0.5", "true", "'a'", "', '", "date.now - 1 day")

    def aggregate(self) -> str:
        """An aggregate, mostly of one property."""
        choices = self._choices
        form = choices.of("record", "record", "count", "number", "number", "star", "extreme")
        if form == "record":
            return f"count({self.record()})"
        if form == "count":
            return f"count({self.value(1)})"
        if form == "number":
            return f"{choices.of('sum', 'avg', 'SUM')}({choices.of(self.number_path(), self.number(1))})"
        if form == "star":
            return "count(*)"
        return f"{choices.of('min', 'max')}({choices.of(self.number_path(), self.path(), self.value(1))})"

    def calculated(self, keys: Sequence[str]) -> str:
        """An aggregate within an expression, perhaps beside a grouping item."""
        choices = self._choices
        one = self.aggregate()
        beside = choices.of(self._number(), self.aggregate(), *(keys[:1] or ("1",)))
        return choices.of(
            f"{one} * {beside}",
            f"round({one})",
            f"(1 - {one} / {beside}) * 100",
            f"concat('n=', {one})",
            f"coalesce({one}, {beside})",
            f"merge({one}, {beside})",
            f"-{one}",
        )

    # ── items ─────────────────────────────────────────────────────────────────────────────────────────

    def plain(self) -> list[Item]:
        """The items of a table without aggregates."""
        return callable_items([self._plain_item() for _ in range(self._choices.count(1, 3))])

    def grouped(self) -> list[Item]:
        """Items with at least one aggregate."""
        choices = self._choices
        keys = [self._plain_item() for _ in range(choices.of(0, 1, 1, 2))]
        beside = [it.expression for it in keys if it.is_path]
        counted = [
            self._named(self.calculated(beside) if choices.chance(2) else self.aggregate())
            for _ in range(choices.count(1, 2))
        ]
        return callable_items([*keys, *counted] if choices.chance(8) else [*counted, *keys])

    def _plain_item(self) -> Item:
        choices = self._choices
        form = choices.of("path", "path", "path", "value", "value", "record", "spread")
        if form == "record":
            return replace(self._named(self.record()), is_record=True)
        if form == "spread":
            return Item(f"{self.record()}.*", "")
        if form == "path":
            return replace(self._named(self.path()), is_path=True)
        return self._named(self.value())

    def _named(self, expression: str) -> Item:
        """The item with AS, or called by its own text."""
        if not self._choices.chance(4):
            return Item(expression, expression, expression)
        name = self._choices.among(COLUMN_NAMES)
        spelt = name if name.isidentifier() else self._choices.of(quoted(name), f"[{name}]")
        return Item(f"{expression} AS {spelt}", expression, spelt)

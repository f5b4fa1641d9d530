"""Filters: comparisons of every operator with every kind of value, joined by AND and OR."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.j1ql.strategies.choices import Choices
from tests.j1ql.strategies.literals import EDGES, EQUAL, OPERATORS, ORDERS, Literals

KINDS = ("text", "number", "text", "number", "boolean", "undefined", "regex", "moment")
ALL_OPERATORS = tuple(dict.fromkeys(operator for each in OPERATORS.values() for operator in each))


class Filters:
    """Writes filters. `subquery` writes one, and is asked for it only where it may stand."""

    def __init__(self, choices: Choices, literals: Literals, subquery: Callable[[], str]) -> None:
        self._choices = choices
        self._literals = literals
        self._subquery = subquery

    def conditions(self, lefts: Sequence[str], others: Sequence[str] = (), *, nested: bool = True) -> str:
        """A filter over properties `lefts`; `others` may stand on the right (in WHERE)."""
        choices = self._choices
        tests = [self._test(lefts, others, nested) for _ in range(choices.of(1, 1, 1, 1, 2, 2, 3))]
        return "".join(
            test if not place else f" {choices.of('AND', 'OR', 'OR', 'OR')} {test}"
            for place, test in enumerate(tests)
        )

    def _test(self, lefts: Sequence[str], others: Sequence[str], nested: bool) -> str:
        if nested and self._choices.chance(1):
            return f"({self.conditions(lefts, others, nested=False)})"
        return self.comparison(self._choices.among(lefts), others)

    def comparison(
        self, left: str, others: Sequence[str] = (), *, in_having: bool = False, is_join: bool = False
    ) -> str:
        choices = self._choices
        if is_join:
            return f"{left} {choices.among(ALL_OPERATORS)} {choices.among(others)}"
        form = choices.of("value", "value", "value", "value", "list", "list", "list", "special", "parameter")
        if form == "list":
            return self._list(left, others)
        if form == "parameter":
            operator = choices.among(ALL_OPERATORS)
            return f"{left} {operator} {self._literals.parameter(operator)}"
        if form == "special" and not in_having:
            return self._special(left, others)
        kind = self._literals.kind(left, KINDS)
        return f"{left} {choices.among(OPERATORS[kind])} {self._literals.of(kind, left)}"

    def _special(self, left: str, others: Sequence[str]) -> str:
        """A property on both sides, a subquery, a moment on the left."""
        choices = self._choices
        if others and choices.chance(6):
            return f"{left} {choices.among(ALL_OPERATORS)} {choices.among(others)}"
        if choices.chance(6):
            return f"{left} {choices.among(EQUAL)} ({self._subquery()})"
        return f"{self._literals.moment()} {choices.among(ORDERS)} {left}"

    def _list(self, left: str, others: Sequence[str]) -> str:
        operator = self._choices.among(ALL_OPERATORS)
        kinds: tuple[str, ...]
        if operator in EQUAL:
            kinds = KINDS
        elif operator in EDGES:
            kinds = ("text", "regex")
        elif operator in ORDERS:
            kinds = ("text", "number", "moment")
        else:
            kinds = ("text", "number", "boolean", "regex")
        return f"{left} {operator} {self._values(kinds, left, others, depth=0)}"

    def _values(self, kinds: Sequence[str], left: str, others: Sequence[str], depth: int) -> str:
        """`(a OR b AND (c OR d))`, of one item to three."""
        choices = self._choices
        items = []
        for place in range(choices.of(2, 2, 3, 1)):
            if place:
                items.append(choices.of("OR", "OR", "AND"))
            if depth < 2 and choices.chance(1):
                items.append(self._values(kinds, left, others, depth + 1))
            elif others and choices.chance(1):
                items.append(choices.among(others))
            else:
                items.append(self._literals.of(self._literals.kind(left, kinds), left))
        return f"({' '.join(items)})"

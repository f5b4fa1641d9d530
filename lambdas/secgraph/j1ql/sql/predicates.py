"""Comparisons and filters → SQL tests (j1ql.md section 5).

A test is true exactly where J1QL says true; where J1QL says false it is false or NULL. SQL's AND and OR
keep that, and every negation is written `IS NOT TRUE`, so no third truth value ever shows.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secgraph.errors import Position, QueryError
from secgraph.graph.relations import Kind
from secgraph.j1ql.moments import resolve
from secgraph.j1ql.nodes import (
    AllOf,
    And,
    AnyOf,
    Comparison,
    Expr,
    Filter,
    Item,
    Literal,
    Moment,
    Op,
    Or,
    Parameter,
    Path,
    Regex,
    Right,
    Subquery,
)
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.typed import SCALAR_AND_LIST, Typed, all_of, any_of

NEGATIVE = {
    Op.NE: Op.EQ,
    Op.NOT_CONTAINS: Op.CONTAINS,
    Op.NOT_STARTS: Op.STARTS,
    Op.NOT_ENDS: Op.ENDS,
}
"""Each negative operator and the positive one that it negates exactly."""

MANY = 20
"""From this many values of a type on, `= (a OR b …)` looks into a list instead of comparing one by one."""

ORDERINGS = frozenset({Op.GT, Op.LT, Op.GE, Op.LE})
_TEXT_TESTS = {Op.CONTAINS: "contains", Op.STARTS: "starts_with", Op.ENDS: "ends_with"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Writes filters. `typed` gives the SQL of a left side or of a path on the right, `subquery` the name
    of the CTE that holds a subquery's values in columns `s`, `n` and `b`."""

    compilation: Compilation
    typed: Callable[[Expr], Typed]
    subquery: Callable[[Subquery], str]

    def test(self, filter_: Filter) -> str:
        """Give the SQL test of a whole filter."""
        if isinstance(filter_, And):
            return all_of([self.test(item) for item in filter_.items])
        if isinstance(filter_, Or):
            return any_of([self.test(item) for item in filter_.items])
        return self._comparison(filter_)

    def _comparison(self, it: Comparison) -> str:
        left = self.typed(it.left)
        positive = NEGATIVE.get(it.op)
        test = self._right(left, positive or it.op, it.right, it.at)
        self.compilation.spend([test], it.at)
        return f"({test}) IS NOT TRUE" if positive else test

    def _right(self, left: Typed, op: Op, right: Right, at: Position) -> str:
        if isinstance(right, Subquery):
            return self._in_subquery(left, op, right)
        return self._item(left, op, right, at)

    def _item(self, left: Typed, op: Op, item: Item, at: Position) -> str:
        if isinstance(item, Parameter):
            with self.compilation.using(item) as value:
                return self._item(left, op, value, at)
        if isinstance(item, AnyOf):
            return self._any_of(left, op, item, at)
        if isinstance(item, AllOf):
            return all_of([self._item(left, op, inner, at) for inner in item.items])
        if isinstance(item, Regex):
            return self._regex(left, op, item)
        if isinstance(item, Path):
            return _pairs(left, op, self.typed(item))
        if isinstance(item, Moment):
            return self._number(left, op, resolve(item, self.compilation.now), item.at)
        return self._literal(left, op, item)

    def _any_of(self, left: Typed, op: Op, several: AnyOf, at: Position) -> str:
        """Test against one value after the other; against many of a type, for equality, at once."""
        values = [it.value for it in several.items if isinstance(it, Literal)]
        texts = [value for value in values if isinstance(value, str)]
        numbers = [float(it) for it in values if isinstance(it, int | float) and not isinstance(it, bool)]
        tests: list[str] = []
        listed: list[type] = []
        if op is Op.EQ and len(texts) >= MANY:
            tests.append(_in_list(left, Kind.STRING, self.compilation.bind_list(texts)))
            listed.append(str)
        if op is Op.EQ and len(numbers) >= MANY:
            tests.append(_in_list(left, Kind.NUMBER, self.compilation.bind_list(numbers)))
            listed += [int, float]
        rest = [it for it in several.items if not (isinstance(it, Literal) and type(it.value) in listed)]
        return any_of([*tests, *(self._item(left, op, inner, at) for inner in rest)])

    def _literal(self, left: Typed, op: Op, literal: Literal) -> str:
        value = literal.value
        if value is None:
            if op is not Op.EQ:
                raise _type_error(f"{op.value} cannot compare with undefined.", literal.at, op)
            return f"NOT {left.defined}" if left.parts else "TRUE"
        if isinstance(value, bool):
            if op not in (Op.EQ, Op.CONTAINS):
                raise _type_error(f"{op.value} cannot compare with {str(value).lower()}.", literal.at, op)
            return _equal(left, Kind.BOOLEAN, Kind.BOOLEANS, self.compilation.bind(value))
        if isinstance(value, str):
            return self._string(left, op, value)
        return self._number(left, op, value, literal.at)

    def _string(self, left: Typed, op: Op, value: str) -> str:
        mark = self.compilation.bind(value)
        if op is Op.EQ:
            return _equal(left, Kind.STRING, Kind.STRINGS, mark)
        if op in ORDERINGS:
            return _ordered(left, Kind.STRING, Kind.STRINGS, op, mark)
        return _each_string(left, lambda text: f"{_TEXT_TESTS[op]}({text}, {mark})")

    def _number(self, left: Typed, op: Op, value: float, at: Position) -> str:
        if op in (Op.STARTS, Op.ENDS):
            raise _type_error(f"{op.value} cannot compare with a number.", at, op)
        mark = self.compilation.bind(value)
        if op in ORDERINGS:
            return _ordered(left, Kind.NUMBER, Kind.NUMBERS, op, mark)
        return _equal(left, Kind.NUMBER, Kind.NUMBERS, mark)

    def _regex(self, left: Typed, op: Op, regex: Regex) -> str:
        if op in ORDERINGS:
            raise _type_error(f"{op.value} cannot compare with a regular expression.", regex.at, op)
        before = r"\A(?:" if op is Op.STARTS else "(?:"
        after = r")\z" if op is Op.ENDS else ")"
        flag = "(?i)" if regex.ignore_case else ""
        mark = self.compilation.bind(f"{flag}{before}{regex.pattern}{after}")
        return _each_string(left, lambda text: f"regexp_matches({text}, {mark})")

    def _in_subquery(self, left: Typed, op: Op, subquery: Subquery) -> str:
        if op is not Op.EQ:
            raise QueryError(
                "SUBQUERY", f"{op.value} cannot compare with a subquery.", subquery.at, expected="= or !="
            )
        found = self.subquery(subquery)
        tests = []
        for scalar, members in SCALAR_AND_LIST:
            column = scalar.value
            if scalar in left.parts:
                values = f"SELECT {column} FROM {found} WHERE {column} IS NOT NULL"
                tests.append(f"{left.parts[scalar]} IN ({values})")
            if members in left.parts:
                listed = f"SELECT list({column}) FROM {found} WHERE {column} IS NOT NULL"
                tests.append(f"list_has_any({left.parts[members]}, ({listed}))")
        return any_of(tests)


def _in_list(left: Typed, scalar: Kind, mark: str) -> str:
    values = f"{mark}::{scalar.sql}[]"
    members = dict(SCALAR_AND_LIST)[scalar]
    tests = [f"{left.parts[scalar]} IN (SELECT unnest({values}))"] if scalar in left.parts else []
    if members in left.parts:
        tests.append(f"list_has_any({left.parts[members]}, {values})")
    return any_of(tests)


def _equal(left: Typed, scalar: Kind, members: Kind, mark: str) -> str:
    tests = []
    if scalar in left.parts:
        tests.append(f"{left.parts[scalar]} = {mark}")
    if members in left.parts:
        tests.append(f"list_contains({left.parts[members]}, {mark})")
    return any_of(tests)


def _ordered(left: Typed, scalar: Kind, members: Kind, op: Op, mark: str) -> str:
    tests = []
    if scalar in left.parts:
        tests.append(f"{left.parts[scalar]} {op.value} {mark}")
    if members in left.parts:
        tests.append(f"{_best(left.parts[members], op)} {op.value} {mark}")
    return any_of(tests)


def _best(members: str, op: Op) -> str:
    """Give the member of a list that is likeliest to stand on the left of `op`."""
    return f"{'list_max' if op in (Op.GT, Op.GE) else 'list_min'}({members})"


def _worst(members: str, op: Op) -> str:
    return f"{'list_min' if op in (Op.GT, Op.GE) else 'list_max'}({members})"


def _each_string(left: Typed, test: Callable[[str], str]) -> str:
    tests = []
    if Kind.STRING in left.parts:
        tests.append(test(left.parts[Kind.STRING]))
    if Kind.STRINGS in left.parts:
        tests.append(_some(left.parts[Kind.STRINGS], "m", test))
    return any_of(tests)


def _some(members: str, name: str, test: Callable[[str], str]) -> str:
    return f"len(list_filter({members}, lambda {name}: {test(name)})) > 0"


def _pairs(left: Typed, op: Op, right: Typed) -> str:
    """Test property against property: some member of the left with some member of the right."""
    tests = []
    for scalar, members in SCALAR_AND_LIST:
        rule = _pair_rule(op, scalar)
        if rule is None:
            continue
        for left_kind in (scalar, members):
            for right_kind in (scalar, members):
                if left_kind in left.parts and right_kind in right.parts:
                    sides = left.parts[left_kind], right.parts[right_kind]
                    tests.append(rule(*sides, left_kind is members, right_kind is members))
    return any_of(tests)


PairRule = Callable[[str, str, bool, bool], str]


def _pair_rule(op: Op, scalar: Kind) -> PairRule | None:
    if op is Op.EQ or (op is Op.CONTAINS and scalar is not Kind.STRING):
        return _equal_pair
    if op in ORDERINGS:
        return _ordered_pair(op) if scalar is not Kind.BOOLEAN else None
    return _text_pair(_TEXT_TESTS[op]) if scalar is Kind.STRING else None


def _equal_pair(left: str, right: str, left_is_list: bool, right_is_list: bool) -> str:
    if left_is_list:
        return f"list_has_any({left}, {right})" if right_is_list else f"list_contains({left}, {right})"
    return f"list_contains({right}, {left})" if right_is_list else f"{left} = {right}"


def _ordered_pair(op: Op) -> PairRule:
    def rule(left: str, right: str, left_is_list: bool, right_is_list: bool) -> str:
        first = _best(left, op) if left_is_list else left
        second = _worst(right, op) if right_is_list else right
        return f"{first} {op.value} {second}"

    return rule


def _text_pair(function: str) -> PairRule:
    def rule(left: str, right: str, left_is_list: bool, right_is_list: bool) -> str:
        def against(one: str) -> str:
            if right_is_list:
                return _some(right, "r", lambda other: f"{function}({one}, {other})")
            return f"{function}({one}, {right})"

        return _some(left, "l", against) if left_is_list else against(left)

    return rule


def _type_error(message: str, at: Position, op: Op) -> QueryError:
    expected = "a number, a date or a string" if op in ORDERINGS else "a string"
    return QueryError("TYPE", message, at, expected=expected)

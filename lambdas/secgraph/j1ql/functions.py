"""Expressions of RETURN, HAVING and ORDER BY → typed SQL: arithmetic, functions, aggregates (section 13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from secgraph.errors import QueryError
from secgraph.graph.relations import Kind
from secgraph.j1ql.compilation import Compilation
from secgraph.j1ql.moments import resolve
from secgraph.j1ql.names import Target, What
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
from secgraph.j1ql.paths import Frame, column_of, record_property
from secgraph.j1ql.printing import expression_text
from secgraph.j1ql.signatures import AGGREGATES
from secgraph.j1ql.typed import SCALAR_AND_LIST, UNDEFINED, RecordOf, Typed, any_of

_NUMBERS = "('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')"
_SHORT = 60
_LONGEST = 20_000
"""Characters of SQL that one expression may become."""
_ROUNDINGS = frozenset({"abs", "sqrt", "ceil", "floor", "round"})


def has_aggregate(expression: object) -> bool:
    """Tell whether an aggregate stands anywhere in an expression."""
    return any(isinstance(node, Call) and node.function in AGGREGATES for node in _nodes(expression))


def selectors_in(expression: object) -> list[str]:
    """List the selectors that an expression names, each once, in order."""
    named = [
        node.selector for node in _nodes(expression) if isinstance(node, Path | Record) and node.selector
    ]
    return list(dict.fromkeys(named))


def _nodes(expression: object) -> Iterator[object]:
    yield expression
    if isinstance(expression, Call):
        inner: Sequence[object] = expression.arguments
    elif isinstance(expression, Arithmetic):
        inner = (expression.left, expression.right)
    elif isinstance(expression, Negative):
        inner = (expression.operand,)
    else:
        inner = ()
    for node in inner:
        yield from _nodes(node)


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
        if sum(map(len, found.parts.values())) > _LONGEST:
            raise QueryError(
                "LIMITS", "This expression is too deeply nested.", START, expected="a shorter expression"
            )
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
                return self._number(f"-{self.typed(expression.operand).number}")
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
            return Typed({Kind.BOOLEAN: f"{self.compilation.bind(value)}::BOOLEAN"})
        if isinstance(value, str):
            return Typed({Kind.STRING: f"{self.compilation.bind(value)}::VARCHAR"})
        return self._number(f"{self.compilation.bind(value)}::DOUBLE")

    def _number(self, sql: str) -> Typed:
        return Typed({Kind.NUMBER: sql})

    def _arithmetic(self, it: Arithmetic) -> Typed:
        left, right = self.typed(it.left).number, self.typed(it.right).number
        if it.operator == "^":
            return self._number(_finite(f"pow({left}, {right})"))
        divisor = f"nullif({right}, 0)" if it.operator == "/" else right
        return self._number(_finite(f"({left} {it.operator} {divisor})"))

    def _call(self, call: Call) -> Typed:
        if call.function in AGGREGATES:
            return _Aggregates(Expressions(self.compilation, self.frame, self.scope, {})).call(call)
        arguments = [self.typed(argument) for argument in _spliced(call)]
        if call.function in _ROUNDINGS:
            return self._number(_finite(f"{call.function}({arguments[0].number})"))
        return _LISTED[call.function](arguments)


def _spliced(call: Call) -> Iterator[Expr]:
    """List the arguments; coalesce, concat and merge mean the same with their own calls opened up."""
    for argument in call.arguments:
        if isinstance(argument, Call) and argument.function == call.function in _LISTED:
            yield from _spliced(argument)
        else:
            yield argument


@dataclass(frozen=True, slots=True)
class _Aggregates:
    """Aggregates over a group of paths; each looks at distinct records or values, not at paths."""

    inside: Expressions

    def call(self, call: Call) -> Typed:
        if call.star:
            return Typed({Kind.NUMBER: "count(*)::DOUBLE"})
        argument = call.arguments[0]
        if call.function == "count":
            return Typed({Kind.NUMBER: f"({_count(self.inside.item(argument))})::DOUBLE"})
        value = self.inside.typed(argument)
        if call.function in ("min", "max"):
            return _extreme(call.function, value)
        return self._total(call.function, value, self._records(argument))

    def _records(self, argument: Expr) -> list[str]:
        return [self.inside.record(selector).id for selector in selectors_in(argument)]

    def _total(self, function: str, value: Typed, records: list[str]) -> Typed:
        """sum and avg, once for each distinct combination of the records that the argument names."""
        members = _members(value, Kind.NUMBER, Kind.NUMBERS)
        if members is None:
            return Typed({Kind.NUMBER: "0::DOUBLE"}) if function == "sum" else UNDEFINED
        fields = ", ".join(f"i{place}: {record}" for place, record in enumerate(records))
        once = (
            f"list(DISTINCT {{v: {members}{', ' if fields else ''}{fields}}}) FILTER ({members} IS NOT NULL)"
        )
        numbers = f"list_sort(flatten(list_transform({once}, lambda x: x.v)))"
        total = f"list_{function}({numbers})"
        return Typed({Kind.NUMBER: _finite(f"coalesce({total}, 0)" if function == "sum" else total)})


def _members(value: Typed, scalar: Kind, members: Kind) -> str | None:
    """Give the values of one type as a list: the list itself, or the one value."""
    one = value.parts.get(scalar)
    many = value.parts.get(members)
    if one is None:
        return many
    single = f"CASE WHEN {one} IS NOT NULL THEN [{one}] END"
    return single if many is None else f"coalesce({single}, {many})"


def _count(value: Typed | RecordOf) -> str:
    if isinstance(value, RecordOf):
        return f"count(DISTINCT {value.id})"
    counts = []
    for scalar, members in SCALAR_AND_LIST:
        if members in value.parts:
            listed = _members(value, scalar, members)
            several = f"flatten(list({listed}) FILTER ({listed} IS NOT NULL))"
            counts.append(f"coalesce(len(list_distinct({several})), 0)")
        elif scalar in value.parts:
            counts.append(f"count(DISTINCT {value.parts[scalar]})")
    return " + ".join(counts) or "0"


def _extreme(function: str, value: Typed) -> Typed:
    """min and max: of the numbers, or of the strings if there is no number."""
    found = {}
    for scalar, members in SCALAR_AND_LIST[:2]:
        sides = [value.parts[scalar]] if scalar in value.parts else []
        if members in value.parts:
            sides.append(f"list_{function}({value.parts[members]})")
        if sides:
            found[scalar] = f"{function}({_least(function, sides)})"
    if len(found) == 2:
        found[Kind.STRING] = f"CASE WHEN {found[Kind.NUMBER]} IS NULL THEN {found[Kind.STRING]} END"
    return Typed(found)


def _least(function: str, sides: Sequence[str]) -> str:
    """One record has either the scalar or the list, so the other side is NULL and does not count."""
    if len(sides) == 1:
        return sides[0]
    return f"{'least' if function == 'min' else 'greatest'}({', '.join(sides)})"


def _finite(sql: str) -> str:
    """Make infinities and "not a number" undefined."""
    return _with(sql, "CASE WHEN isfinite({0}) THEN {0} END")


def _with(sql: str, body: str) -> str:
    """Put SQL into the places of `body`, by a lambda if it is long: nested expressions must not double at
    every level. (NULLIF and COALESCE of DuckDB do just that inside.)"""
    if len(sql) <= _SHORT:
        return body.format(sql)
    return f"list_transform([{sql}], lambda v: {body.format('v')})[1]"


def coalesced(values: Sequence[Typed]) -> Typed:
    """Give the first defined value."""
    values = [value for value in values if value.parts]
    kinds = dict.fromkeys(kind for value in values for kind in value.parts)
    if len(kinds) == 1:
        kind = next(iter(kinds))
        return Typed({kind: f"coalesce({', '.join(it.parts[kind] for it in values)})"})
    return Typed(
        {
            kind: "CASE "
            + " ".join(f"WHEN {it.defined} THEN {it.parts.get(kind, 'NULL')}" for it in values)
            + " END"
            for kind in kinds
        }
    )


def _concatenated(values: Sequence[Typed]) -> Typed:
    texts = [_text(value) for value in values if value.parts]
    if not texts:
        return UNDEFINED
    some = any_of([value.defined for value in values if value.parts])
    return Typed({Kind.STRING: f"CASE WHEN {some} THEN concat({', '.join(texts)}) END"})


def _text(value: Typed) -> str:
    """Write a value as text: numbers in shortest decimal form, lists joined by commas."""
    texts = []
    for kind, sql in value.parts.items():
        if kind is Kind.STRING:
            texts.append(sql)
        elif kind is Kind.NUMBER:
            texts.append(_decimal(sql))
        elif kind is Kind.BOOLEAN:
            texts.append(f"{sql}::VARCHAR")
        elif kind is Kind.MIXED:
            texts.insert(0, f"array_to_string({_mixed_texts(sql)}, ',')")
        else:
            member = _decimal("m") if kind is Kind.NUMBERS else "m::VARCHAR"
            texts.append(f"array_to_string(list_transform({sql}, lambda m: {member}), ',')")
    return f"coalesce({', '.join(texts)})" if len(texts) > 1 else texts[0]


def _mixed_texts(sql: str) -> str:
    number = _decimal("(m->>'$')::DOUBLE")
    return (
        f"list_transform(from_json({sql}, '[\"JSON\"]'), lambda m: "
        f"CASE WHEN json_type(m) IN {_NUMBERS} THEN {number} ELSE m->>'$' END)"
    )


def _decimal(sql: str) -> str:
    return _with(
        sql,
        "CASE WHEN abs({0}) < 1e15 AND {0} = trunc({0}) THEN {0}::BIGINT::VARCHAR ELSE {0}::VARCHAR END",
    )


def _merged(values: Sequence[Typed]) -> Typed:
    """One list of all values, first occurrences kept: gathered as JSON texts, since types may differ."""
    lists = [f"coalesce({_json_members(kind, sql)}, [])" for it in values for kind, sql in _outer_parts(it)]
    if not lists:
        return Typed({Kind.MIXED: "'[]'"})
    everything = f"list_concat({', '.join(lists)})" if len(lists) > 1 else lists[0]
    distinct = (
        f"list_transform([{everything}], lambda a: list_filter(a, lambda x, i: list_position(a, x) = i))[1]"
    )
    return Typed({Kind.MIXED: f"'[' || array_to_string({distinct}, ',') || ']'"})


def _outer_parts(value: Typed) -> Iterator[tuple[Kind, str]]:
    """The parts that hold the value itself: of a mixed list the JSON, not the lists by type."""
    mixed = value.parts.get(Kind.MIXED)
    for kind, sql in value.parts.items():
        if mixed is not None and kind in (Kind.STRINGS, Kind.NUMBERS, Kind.BOOLEANS):
            yield kind, f"CASE WHEN {mixed} IS NULL THEN {sql} END"
        else:
            yield kind, sql


def _json_members(kind: Kind, sql: str) -> str:
    if kind is Kind.MIXED:
        number = "to_json((m->>'$')::DOUBLE)::VARCHAR"
        return (
            f"list_transform(from_json({sql}, '[\"JSON\"]'), lambda m: CASE WHEN json_type(m) IN "
            f"{_NUMBERS} THEN {number} ELSE m::VARCHAR END)"
        )
    if kind in (Kind.STRING, Kind.NUMBER, Kind.BOOLEAN):
        return f"CASE WHEN {sql} IS NOT NULL THEN [to_json({sql})::VARCHAR] END"
    return f"list_transform({sql}, lambda m: to_json(m)::VARCHAR)"


_LISTED: Mapping[str, Callable[[Sequence[Typed]], Typed]] = {
    "coalesce": coalesced,
    "concat": _concatenated,
    "merge": _merged,
}

"""Functions of values → typed SQL: coalesce, concat, merge, and what keeps arithmetic finite (section 13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from secgraph.graph.relations import Kind
from secgraph.j1ql.sql.typed import SCALAR_AND_LIST, UNDEFINED, Typed, any_of

_NUMBERS = "('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')"
_SHORT = 60


def finite(sql: str) -> str:
    """Make infinities and "not a number" undefined."""
    return _with(sql, "CASE WHEN isfinite({0}) THEN {0} END")


def _with(sql: str, body: str) -> str:
    """Put SQL into the places of `body`, by a lambda if it is long: nested expressions must not double at
    every level. (NULLIF and COALESCE of DuckDB do just that inside.)"""
    if len(sql) <= _SHORT:
        return body.format(sql)
    return f"list_transform([{sql}], lambda v: {body.format('v')})[1]"


def coalesced(values: Sequence[Typed]) -> Typed:
    """Give the first defined value; what stands after one that is always defined is never seen."""
    values = [value for value in values if value.parts]
    certain = next((place for place, value in enumerate(values) if value.always), len(values))
    values = values[: certain + 1]
    if len(values) == 1:
        return values[0]
    always = any(value.always for value in values)
    kinds = dict.fromkeys(kind for value in values for kind in value.parts)
    if len(kinds) == 1:
        kind = next(iter(kinds))
        return Typed({kind: f"coalesce({', '.join(it.parts[kind] for it in values)})"}, always)
    return Typed(
        {
            kind: "CASE "
            + " ".join(f"WHEN {it.defined} THEN {it.parts.get(kind, 'NULL')}" for it in values)
            + " END"
            for kind in kinds
        },
        always,
    )


def _concatenated(values: Sequence[Typed]) -> Typed:
    texts = [_text(value) for value in values if value.parts]
    if not texts:
        return UNDEFINED
    if any(value.always for value in values):
        return Typed({Kind.STRING: f"concat({', '.join(texts)})"}, always=True)
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
        "CASE WHEN abs({0}) < 1e16 AND {0} = trunc({0}) THEN {0}::BIGINT::VARCHAR ELSE {0}::VARCHAR END",
    )


def _merged(values: Sequence[Typed]) -> Typed:
    """One list of all values, first occurrences kept: of one type as it is, else gathered as JSON texts."""
    parts = [part for it in values for part in _outer_parts(it)]
    if not parts:
        return Typed({Kind.STRINGS: "CAST([] AS VARCHAR[])"}, always=True)
    for scalar, members in SCALAR_AND_LIST:
        if all(kind in (scalar, members) for kind, _ in parts):
            return Typed({members: _distinct([_listed(kind, sql) for kind, sql in parts])}, always=True)
    return _by_type(_distinct([f"coalesce({_json_members(kind, sql)}, [])" for kind, sql in parts]))


def _listed(kind: Kind, sql: str) -> str:
    is_scalar = kind in (Kind.STRING, Kind.NUMBER, Kind.BOOLEAN)
    return f"CASE WHEN {sql} IS NOT NULL THEN [{sql}] ELSE [] END" if is_scalar else f"coalesce({sql}, [])"


def _distinct(lists: Sequence[str]) -> str:
    everything = f"list_concat({', '.join(lists)})" if len(lists) > 1 else lists[0]
    return (
        f"list_transform([{everything}], lambda a: list_filter(a, lambda x, i: list_position(a, x) = i))[1]"
    )


def _by_type(texts: str) -> Typed:
    """Give a list of JSON texts as a property that holds it would stand in its columns (`kinds_of`)."""

    def written(body: str) -> str:
        return f"list_transform([{texts}], lambda a: {body})[1]"

    def members(kind: Kind) -> str:
        it = f"list_filter(a, lambda m: {_IS_OF[kind]})"
        values = f"list_transform({it}, lambda m: (m::JSON->>'$')::{kind.sql.removesuffix('[]')})"
        wanted = f"len({it}) > 0" + (" OR len(a) = 0" if kind is Kind.STRINGS else "")
        return written(f"CASE WHEN {wanted} THEN {values} END")

    several = " + ".join(f"(len(list_filter(a, lambda m: {test})) > 0)::INTEGER" for test in _IS_OF.values())
    mixed = written(f"CASE WHEN {several} > 1 THEN '[' || array_to_string(a, ',') || ']' END")
    return Typed({**{kind: members(kind) for kind in _IS_OF}, Kind.MIXED: mixed}, always=True)


_IS_OF = {
    Kind.STRINGS: "starts_with(m, '\"')",
    Kind.NUMBERS: "m NOT IN ('true', 'false') AND NOT starts_with(m, '\"')",
    Kind.BOOLEANS: "m IN ('true', 'false')",
}
"""Whether a JSON text `m` is of the type of a list."""


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


LISTED: Mapping[str, Callable[[Sequence[Typed]], Typed]] = {
    "coalesce": coalesced,
    "concat": _concatenated,
    "merge": _merged,
}

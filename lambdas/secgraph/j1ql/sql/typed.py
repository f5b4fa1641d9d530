"""A J1QL value as SQL sees it. In: properties of a table alias. Out: SQL expressions, one for each kind.

J1QL never converts types, so a value that may be a string here and a number there stays apart in SQL too:
`Typed` holds one expression for each Kind, at most one of which is not NULL in any row (a mixed list also
fills the lists of its kinds). A property that no record has is the empty Typed: always undefined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from secgraph.graph.relations import Kind
from secgraph.j1ql.meaning.names import What

SCALAR_AND_LIST = ((Kind.NUMBER, Kind.NUMBERS), (Kind.STRING, Kind.STRINGS), (Kind.BOOLEAN, Kind.BOOLEANS))
"""The three types of J1QL, in the order in which ORDER BY ranks them."""


@dataclass(frozen=True, slots=True)
class Typed:
    """SQL expressions by kind."""

    parts: Mapping[Kind, str] = field(default_factory=lambda: MappingProxyType({}))
    always: bool = False
    """Whether it is defined in every row; then no SQL need ask."""

    @property
    def defined(self) -> str:
        """Give the SQL test for "not undefined"."""
        tests = [f"{sql} IS NOT NULL" for sql in self.parts.values()]
        return "TRUE" if self.always else any_of(tests)

    @property
    def number(self) -> str:
        """Give the SQL of the value as a number, NULL if it is none."""
        return self.parts.get(Kind.NUMBER, "NULL::DOUBLE")


UNDEFINED = Typed()


@dataclass(frozen=True, slots=True)
class RecordOf:
    """A whole record: an entity or a relationship, by the SQL of its dense id (NULL if there is none)."""

    what: What
    id: str


def any_of(tests: list[str]) -> str:
    """Join SQL tests by OR; none of them is false."""
    return f"({' OR '.join(tests)})" if len(tests) > 1 else (tests[0] if tests else "FALSE")


def all_of(tests: list[str]) -> str:
    """Join SQL tests by AND; none of them is true."""
    return f"({' AND '.join(tests)})" if len(tests) > 1 else (tests[0] if tests else "TRUE")


def sort_keys(value: Typed | RecordOf) -> list[str]:
    """List the SQL expressions that order a value as j1ql.md section 14 has it: numbers before strings
    before booleans before records, lists by their first member. All NULL where it is undefined."""
    if isinstance(value, RecordOf):
        return [value.id]
    firsts = [(place, _first(value, kinds)) for place, kinds in enumerate(SCALAR_AND_LIST)]
    present = [(place, sql) for place, sql in firsts if sql is not None]
    if len(present) < 2:
        return [sql for _, sql in present]
    ranks = " ".join(f"WHEN {sql} IS NOT NULL THEN {place}" for place, sql in present)
    return [f"CASE {ranks} END", *(sql for _, sql in present)]


_JSON_TYPES = {
    Kind.NUMBER: "'BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE'",
    Kind.STRING: "'VARCHAR'",
    Kind.BOOLEAN: "'BOOLEAN'",
}


def _first(value: Typed, kinds: tuple[Kind, Kind]) -> str | None:
    """Give the value, or the first member of the list that it is, if of this type."""
    scalar, members = kinds
    found = [value.parts[scalar]] if scalar in value.parts else []
    if members in value.parts:
        first = f"{value.parts[members]}[1]"
        mixed = value.parts.get(Kind.MIXED)
        if mixed is not None:
            inside = f"CASE WHEN json_type({mixed}, '$[0]') IN ({_JSON_TYPES[scalar]}) THEN {first} END"
            first = f"CASE WHEN {mixed} IS NULL THEN {first} ELSE {inside} END"
        found.append(first)
    return f"coalesce({', '.join(found)})" if len(found) > 1 else (found[0] if found else None)

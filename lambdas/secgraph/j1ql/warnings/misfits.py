"""Misfits: comparisons + the kinds of values there are → why they can never be true (section 17).

A comparison with a value of a type that a property never has is always false, its negation always true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from secgraph.errors import QueryError
from secgraph.graph.relations import Kind
from secgraph.j1ql.moments import epoch_ms, iso, resolve
from secgraph.j1ql.nodes import (
    START,
    And,
    AnyOf,
    Comparison,
    Filter,
    Literal,
    Moment,
    Op,
    Parameter,
    Path,
    Regex,
    Right,
)
from secgraph.j1ql.server.parameters import Known, Secret, as_item
from secgraph.j1ql.sql.predicates import ORDERINGS
from secgraph.j1ql.text.advice import short
from secgraph.j1ql.walk import members
from secgraph.j1ql.warnings.absences import no_names
from secgraph.j1ql.warnings.fits import type_of, types_of
from secgraph.j1ql.warnings.holders import Holders, Holdings

HoldersOf: TypeAlias = Callable[[Path], Holders | None]
"""Whose property a path is; None if nobody is there."""

_WORDS = {
    Kind.STRING: ("text", "text"),
    Kind.NUMBER: ("a number", "numbers"),
    Kind.BOOLEAN: ("true or false", "true and false"),
}
"""A type, as one value and as many."""

_LISTS = frozenset({Kind.STRINGS, Kind.NUMBERS, Kind.BOOLEANS, Kind.MIXED})
_NAMED = {"_type": "type", "_class": "class"}
_BOOLEANS = {"true": "true", "false": "false", "yes": "true", "no": "false"}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)

_SHOWN = 60
"""Longest value or comparison that a sentence quotes."""


@dataclass(frozen=True, slots=True)
class Misfits:
    """Judges comparisons whose properties are there. `now` is what `date.now` means, in epoch ms."""

    holdings: Holdings
    now: int
    parameters: Known

    def of(self, it: Comparison, holders_of: HoldersOf) -> Iterator[str]:
        """Judge one comparison of WITH or WHERE, other than with a subquery."""
        assert isinstance(it.left, Path)  # noqa: S101 (for the type checker)
        holders = holders_of(it.left)
        kinds = holders.kinds(it.left.property) if holders else frozenset()
        if holders is None or not kinds:
            return
        if isinstance(it.right, Path):
            other = holders_of(it.right)
            yield from _unlike(it.left, kinds, it.right, other.kinds(it.right.property) if other else kinds)
        elif not any(isinstance(value, Path) for value in members(it.right)):
            yield from self._mismatch(it, it.left, holders.subject, kinds)
        if it.left.property in _NAMED and it.op in (Op.EQ, Op.NE) and holders.are_entities:
            yield from self._written_names(it.left.property, it.right)

    def of_all(self, joined: And, holders_of: HoldersOf) -> Iterator[str]:
        """Say which of the tests joined by AND leave no number between them. A list may satisfy both, each
        by another member."""
        tightest: dict[tuple[Path, bool], _Bound] = {}
        for item in joined.items:
            bound = _bound(item, self.now)
            if bound is None or not _is_single(bound.path, holders_of):
                continue
            other = tightest.get((bound.path, not bound.is_lower))
            if other is not None and bound.excludes(other):
                yield f"{short(other.text, _SHOWN)} AND {short(bound.text, _SHOWN)} exclude each other."
            before = tightest.get((bound.path, bound.is_lower))
            if before is None or bound.is_tighter(before):
                tightest[bound.path, bound.is_lower] = bound

    def _mismatch(self, it: Comparison, path: Path, subject: str, kinds: frozenset[Kind]) -> Iterator[str]:
        """Say so if none of the values is of a type that the property has in these kinds."""
        held = types_of(kinds)
        given = [(each, type_) for each in self._given(it.right) if (type_ := type_of(each.value))]
        if not given or not held or any(type_ in held for _, type_ in given):
            return
        first, type_ = given[0]
        what = f"{short(subject, _SHOWN)} has {_WORDS[type_][0]} in {short(path.property)}"
        remedy = "" if first.is_hidden else _remedy(first.value, held, it.op, self.now)
        yield f"No {what}, only {_only(kinds)}{remedy}."

    def _given(self, right: Right) -> Iterator[_Given]:
        """The values of a right side, but none that are secret."""
        for value in members(right):
            if isinstance(value, Literal | Regex | Moment):
                yield _Given(value)
            elif isinstance(value, Parameter):
                found = self.parameters.find(value)
                item = Literal(None) if isinstance(found, Secret) else as_item(value, found)
                literals = item.items if isinstance(item, AnyOf) else (item,)
                yield from (_Given(it, is_hidden=True) for it in literals if isinstance(it, Literal))

    def _written_names(self, property_: str, right: Right) -> Iterator[str]:
        """Judge the names that `_type` or `_class` is compared with."""
        what, sorts = _NAMED[property_], self.holdings.catalogue.sorts
        known = {name for it in sorts for name in (it.classes if what == "class" else (it.type,))}
        values = [it.value for it in members(right) if isinstance(it, Literal)]
        names = [value for value in values if isinstance(value, str) and value not in known]
        yield from no_names(names, self.holdings, what)


@dataclass(frozen=True, slots=True)
class _Given:
    """A value on the right side; hidden if it came as a parameter."""

    value: Literal | Regex | Moment
    is_hidden: bool = False


def _unlike(
    left: Path, left_kinds: frozenset[Kind], right: Path, right_kinds: frozenset[Kind]
) -> Iterator[str]:
    """Say so if two properties never have a type in common."""
    if right_kinds and not set(types_of(left_kinds)) & set(types_of(right_kinds)):
        first = f"{short(str(left))} is only {_only(left_kinds)}"
        yield f"{first} and {short(str(right))} only {_only(right_kinds)}, so they never match."


def _only(kinds: frozenset[Kind]) -> str:
    if kinds == {Kind.STRINGS}:
        return "lists of text or empty lists"  # nobody knows of which type an empty list is
    return " and ".join(_WORDS[type_][1] for type_ in types_of(kinds))


def _remedy(value: Literal | Regex | Moment, held: Sequence[Kind], op: Op, now: int) -> str:
    if isinstance(value, Moment):
        text = f"; dates kept as text compare with text, such as '{iso(resolve(value, now))}'"
        return text if Kind.STRING in held else ""
    if not isinstance(value, Literal) or value.value is None:
        return ""
    if isinstance(value.value, str):
        meant = _unquoted(value.value, held)
    elif Kind.STRING in held and (op not in ORDERINGS):
        meant = f"'{value}'"
    else:
        meant = ""
    return f"; try {meant}" if meant else ""


def _unquoted(text: str, held: Sequence[Kind]) -> str:
    """`'true'` → `true`, `'7'` → `7`, `'2024-02-01'` → `date(2024-02-01)`, as the property has such."""
    if Kind.BOOLEAN in held and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if Kind.NUMBER not in held or len(text) > _SHOWN:
        return ""
    if _NUMBER.fullmatch(text):
        return text
    try:
        epoch_ms(text, START)
    except QueryError:
        return ""
    return f"date({text})"


# ── ranges ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Bound:
    """`path > number` (a lower bound) or `path < number`; strict without `=`."""

    path: Path
    number: float
    is_lower: bool
    is_strict: bool
    text: str

    def excludes(self, other: _Bound) -> bool:
        """Whether no number keeps both, of which one is a lower and one an upper bound."""
        lower, upper = (self, other) if self.is_lower else (other, self)
        return lower.number > upper.number or (
            lower.number == upper.number and (lower.is_strict or upper.is_strict)
        )

    def is_tighter(self, other: _Bound) -> bool:
        """Whether it leaves less than the other on the same side."""
        return self.number > other.number if self.is_lower else self.number < other.number


def _bound(item: Filter, now: int) -> _Bound | None:
    if not isinstance(item, Comparison) or item.op not in ORDERINGS or not isinstance(item.left, Path):
        return None
    value = item.right
    if isinstance(value, Moment):
        number: float = resolve(value, now)
    elif isinstance(value, Literal) and isinstance(value.value, int | float):
        number = value.value  # true and false are refused after these operators
    else:
        return None
    is_lower, is_strict = item.op in (Op.GT, Op.GE), item.op in (Op.GT, Op.LT)
    return _Bound(item.left, number, is_lower, is_strict, str(item))


def _is_single(path: Path, holders_of: HoldersOf) -> bool:
    """Whether a property is a number somewhere and a list nowhere."""
    holders = holders_of(path)
    kinds = holders.kinds(path.property) if holders else frozenset()
    return Kind.NUMBER in kinds and not kinds & _LISTS

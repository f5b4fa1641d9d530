"""Misfits: comparisons + the kinds of values there are → why they can never be true (j1ql.md section 17).

Types never convert, so 7 and '7' differ; a comparison with a value of a type that a property never has is
always false, and its negation always true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from secgraph.errors import QueryError
from secgraph.graph.relations import Kind
from secgraph.j1ql.advice import short
from secgraph.j1ql.moments import epoch_ms, iso, resolve
from secgraph.j1ql.nodes import START, Comparison, Filter, Literal, Moment, Op, Path, Regex, Right, Subquery
from secgraph.j1ql.predicates import NEGATIVE, ORDERINGS
from secgraph.j1ql.typed import SCALAR_AND_LIST
from secgraph.j1ql.walk import members

_WORDS = {
    Kind.STRING: ("text", "text"),
    Kind.NUMBER: ("a number", "numbers"),
    Kind.BOOLEAN: ("true or false", "true and false"),
}
"""A type, as one value and as many."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)

_SHOWN = 60
"""Longest value or comparison that a sentence quotes."""


def types_of(kinds: frozenset[Kind]) -> list[Kind]:
    """The scalar types that values and members of these kinds have."""
    return [scalar for scalar, listed in SCALAR_AND_LIST if scalar in kinds or listed in kinds]


def type_of(value: Right) -> Kind | None:
    """The type that a value is compared as; None of `undefined` and of what is not known here."""
    if isinstance(value, Moment):
        return Kind.NUMBER
    if isinstance(value, Regex):
        return Kind.STRING
    if isinstance(value, Literal) and value.value is not None:
        kinds = {bool: Kind.BOOLEAN, str: Kind.STRING}
        return kinds.get(type(value.value), Kind.NUMBER)
    return None


def fitting(comparison: Comparison) -> list[Kind] | None:
    """The kinds that a property must have for a comparison to be true; None if it may be true of any, or of
    a record without the property."""
    if comparison.op in NEGATIVE or isinstance(comparison.right, Subquery):
        return None
    types = [type_of(value) for value in members(comparison.right)]
    if None in types:
        return None
    return [kind for pair in SCALAR_AND_LIST for kind in pair if pair[0] in types]


@dataclass(frozen=True, slots=True)
class Given:
    """A value on the right side; `shown` stands for it if it came as a parameter."""

    value: Literal | Regex | Moment
    shown: str = ""


def mismatch(
    subject: str, comparison: Comparison, given: Sequence[Given], kinds: frozenset[Kind], now: int
) -> str | None:
    """Say that none of the values is of a type that the property has in these kinds; None if one is."""
    wanted = [(each, type_of(each.value)) for each in given]
    typed = [(each, type_) for each, type_ in wanted if type_ is not None]
    held = types_of(kinds)
    if not typed or not held or any(type_ in held for _, type_ in typed):
        return None
    first, type_ = typed[0]
    assert isinstance(comparison.left, Path)  # noqa: S101 (for the type checker: values stand beside paths)
    what = f"{short(subject)} has {_WORDS[type_][0]} in {short(comparison.left.property)}"
    remedy = "" if first.shown else _remedy(first.value, held, comparison.op, now)
    return f"No {what}, only {_only(kinds)}{remedy}."


def unlike(left: Path, left_kinds: frozenset[Kind], right: Path, right_kinds: frozenset[Kind]) -> str | None:
    """Say that two properties never have a type in common; None if they may."""
    if not (left_kinds and right_kinds) or set(types_of(left_kinds)) & set(types_of(right_kinds)):
        return None
    sides = (
        f"{short(str(left))} is only {_only(left_kinds)} and {short(str(right))} only {_only(right_kinds)}"
    )
    return f"{sides}, so they never match."


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
    if Kind.BOOLEAN in held and text.lower() in ("true", "false"):
        return text.lower()
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


def reversed_ranges(items: Sequence[Filter], is_single: Callable[[Path], bool], now: int) -> Iterator[str]:
    """Say which of the tests joined by AND leave no number between them. A list may satisfy both, each by
    another member: `is_single` tells that a property never is one."""
    tightest: dict[tuple[Path, bool], _Bound] = {}
    for item in items:
        bound = _bound(item, now)
        if bound is None or not is_single(bound.path):
            continue
        other = tightest.get((bound.path, not bound.is_lower))
        if other is not None and bound.excludes(other):
            yield f"{short(other.text, _SHOWN)} AND {short(bound.text, _SHOWN)} exclude each other."
        before = tightest.get((bound.path, bound.is_lower))
        if before is None or bound.is_tighter(before):
            tightest[bound.path, bound.is_lower] = bound


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

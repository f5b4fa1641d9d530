"""Values of expressions: what texts are made of, when values are equal, in order or true, and what they say.

A value is null, a boolean, a number, a text, a list, an object, or a Sealed. Text from the graph is hostile
and a plain str. Text that the rule's author or the deployment wrote is a Text, which knows that of each of
its pieces; so escaping happens once, at the end, and touches what is foreign only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from secgraph.graph.search import decimal
from secgraph.rules.expressions.budget import Budget, EvaluationError

MAX_EXACT: Final = 2**53
"""Whole numbers up to here are exact in a double, and kept whole."""
MAX_NESTED: Final = 50
"""Deepest nesting of a value that is kept for later."""
KEY: Final = "$sealed"


@dataclass(frozen=True, slots=True)
class Own:
    """A piece of text by the rule's author or the deployment."""

    text: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A piece of text that came from the graph."""

    text: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """The place of a secret parameter; whoever sends the text fills it in, written as `form` says
    (effects.py)."""

    name: str
    form: str = ""

    @property
    def text(self) -> str:
        """Nothing: a secret shows nowhere."""
        return ""


Piece = Own | Foreign | Sealed


class Text(str):
    """A text that knows its pieces; as a str it is all of them as they are, secrets left out."""

    pieces: tuple[Piece, ...]

    def __new__(cls, pieces: Sequence[Piece]) -> Text:
        """Put pieces together."""
        made = super().__new__(cls, "".join(piece.text for piece in pieces))
        made.pieces = tuple(pieces)
        return made

    @property
    def sealed(self) -> bool:
        """Whether a secret is part of it."""
        return any(isinstance(piece, Sealed) for piece in self.pieces)


def own(text: str) -> Text:
    """Mark a text as not foreign."""
    return Text((Own(text),))


def number(value: float) -> int | float:
    """Give a number in its one form: whole where it is whole and exact."""
    if isinstance(value, int) and abs(value) <= MAX_EXACT:
        return value
    double = float(value)
    return int(double) if double.is_integer() and abs(double) <= MAX_EXACT else double


def is_number(value: object) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def open_(value: object) -> object:
    """Give a value that an operator may look at. Raises EvaluationError for a secret."""
    if isinstance(value, Sealed) or (isinstance(value, Text) and value.sealed):
        raise EvaluationError("looks into a secret parameter; a secret can only be put into a text")
    return value


def truth(value: object) -> bool:
    """Whether a value counts as true: not null, false, 0, nor an empty text, list or object."""
    return bool(open_(value))


def equal(left: object, right: object, budget: Budget) -> bool:
    """Compare without converting: values of different types are unequal. Lists and objects by content."""
    budget.step()
    left, right = open_(left), open_(right)
    if isinstance(left, str) and isinstance(right, str):
        return str(left) == str(right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(equal(a, b, budget) for a, b in zip(left, right, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(left[key], right[key], budget) for key in left)
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def in_order(left: object, operator: str, right: object) -> bool:
    """Compare with `>`, `>=`, `<` or `<=`; only two numbers and two texts have an order."""
    left, right = open_(left), open_(right)
    if not ((isinstance(left, str) and isinstance(right, str)) or (is_number(left) and is_number(right))):
        return False
    a: float = left  # type: ignore[assignment]  # both are numbers or both texts, as just checked
    b: float = right  # type: ignore[assignment]
    return {">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[operator]


def secret_in(value: object, budget: Budget, depth: int = MAX_NESTED) -> bool:
    """Whether a secret stands anywhere in a value. Raises EvaluationError for one that nests too deeply."""
    budget.step()
    if depth == 0:
        raise EvaluationError(f"nests lists and objects deeper than {MAX_NESTED} levels; write it flatter")
    match value:
        case Text():
            return value.sealed
        case Mapping():
            return any(secret_in(item, budget, depth - 1) for item in value.values())
        case list() | tuple():
            return any(secret_in(item, budget, depth - 1) for item in value)
    return isinstance(value, Sealed)


def pieces_of(value: object, budget: Budget) -> tuple[Piece, ...]:
    """Give the text of a value: nothing for null, a list with commas, an object as JSON."""
    match value:
        case Text():
            found = value.pieces
        case Sealed():
            found = (value,)
        case None:
            return ()
        case bool() | int() | float():
            found = (Own(shown(value)),)  # digits and words of ours, which end and begin nothing anywhere
        case list() | tuple() if not any(isinstance(item, Mapping | list | tuple) for item in value):
            return joined([pieces_of(item, budget) for item in value], (Own(","),), budget)
        case _:
            found = (Foreign(shown(value, budget)),)
    budget.write(sum(len(piece.text) for piece in found))
    return found


def shown(value: object, budget: Budget | None = None) -> str:
    """Give the text of a value that holds no secret."""
    match value:
        case str():
            return str(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return decimal(value)
    return json.dumps(plain(value, budget or Budget()), ensure_ascii=False)


def joined(texts: Sequence[Sequence[Piece]], separator: Sequence[Piece], budget: Budget) -> tuple[Piece, ...]:
    """Put texts together with a separator between."""
    budget.write(sum(len(piece.text) for piece in separator) * max(0, len(texts) - 1))
    found: list[Piece] = []
    for number_, text in enumerate(texts):
        found += [*separator, *text] if number_ else text
    return tuple(found)


def plain(value: object, budget: Budget) -> object:
    """Give a value as plain JSON. Raises EvaluationError for a secret in it, and for a reserved name."""
    budget.step()
    match open_(value):
        case Mapping() as held:
            if KEY in held:
                raise EvaluationError(f"holds an object with the name {KEY}, which is reserved; rename it")
            return {str(key): plain(item, budget) for key, item in held.items()}
        case list() | tuple() as items:
            return [plain(item, budget) for item in items]
        case str() as text:
            return str(text)
        case found:
            return found

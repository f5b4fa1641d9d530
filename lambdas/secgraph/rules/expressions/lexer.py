"""Lexer: text of a template from an expression's first character on → its tokens, up to the closing `}}`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from secgraph.errors import Position

MISSPELT: Final = {
    "=": "==",
    "===": "==",
    "!==": "!=",
    "<>": "!=",
    "=>": ">=",
    "=<": "<=",
    "&": "&&",
    "**": "^",
    "??": "?:",
}
"""Operators of other languages → what is written here."""


class ExpressionError(ValueError):
    """A text that no version could evaluate: what is wrong, what to write, and where."""

    def __init__(self, message: str, at: Position) -> None:
        line = f"line {at.line}, " if at.line > 1 else ""
        super().__init__(f"{line}column {at.column}: {message}")
        self.message = message
        self.at = at


class Kind(Enum):
    """What sort of token it is."""

    NAME = "name"
    NUMBER = "number"
    TEXT = "text"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is what is written, `value` what a quoted text means. `start` counts characters from 0."""

    kind: Kind
    text: str
    value: str
    start: int


_BLANK: Final = re.compile(r"\s*")
_TOKEN: Final = re.compile(
    r"""(?P<NAME>(?:[^\W\d]|\$)[\w$]*)
    |(?P<NUMBER>[0-9]+(?:\.[0-9]+)?)
    |(?P<TEXT>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")
    |(?P<SYMBOL>===|!==|==|!=|<=|>=|=>|=<|<>|&&|\|\||//|\*\*|\?\?|[-+*/%^!?:.,|()\[\]{}<>=&])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\([\\'\"])")
CLOSE: Final = "}}"


def scan(text: str, start: int, *, embedded: bool) -> tuple[tuple[Token, ...], int]:
    """Give the tokens from `start` on and where they end: of an embedded expression at the `}}` that closes
    no object of its own, else at the end of the text. Raises ExpressionError."""
    tokens: list[Token] = []
    offset = _skip(text, start)
    depth = 0
    while not _over(text, offset, embedded and depth == 0):
        found = _TOKEN.match(text, offset)
        if found is None:
            raise _stray(text, offset)
        kind = Kind[str(found.lastgroup)]
        written = found[0]
        depth += (written == "{") - (written == "}")
        value = _ESCAPE.sub(r"\1", written[1:-1]) if kind is Kind.TEXT else written
        tokens.append(Token(kind, written, value, offset))
        offset = _skip(text, found.end())
    tokens.append(Token(Kind.END, "", "", offset))
    if embedded and not text.startswith(CLOSE, offset):
        raise ExpressionError("`{{` is never closed; write `}}` after the expression", place(text, start - 2))
    return tuple(tokens), offset


def place(text: str, offset: int, length: int = 1) -> Position:
    """Say where a character stands, line and column from 1."""
    line = text.count("\n", 0, offset) + 1
    return Position(line, offset - text.rfind("\n", 0, offset), length)


def _skip(text: str, offset: int) -> int:
    found = _BLANK.match(text, offset)
    return found.end() if found else offset


def _over(text: str, offset: int, closes: bool) -> bool:
    return offset >= len(text) or (closes and text.startswith(CLOSE, offset))


def _stray(text: str, offset: int) -> ExpressionError:
    char = text[offset]
    if char in "'\"":
        return ExpressionError(f"a text is never closed; write {char} behind it", place(text, offset))
    if char in "‘’“”":
        return ExpressionError(f"{char} is no quote here; write ' or \"", place(text, offset))
    return ExpressionError(
        f"{char!r} is no part of the expression language; take it out", place(text, offset)
    )

"""Cursor: where the parser stands in the tokens of an expression, and how it says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from secgraph.j1ql.text.advice import short
from secgraph.rules.expressions.lexer import MISSPELT, ExpressionError, Kind, Token, place

MAX_DEPTH: Final = 80
"""Deepest nesting of brackets, operators and chains of an expression."""
MAX_PARTS: Final = 2_000
ENGLISH: Final = {"and": "&&", "or": "||", "not": "!", "AND": "&&", "OR": "||", "NOT": "!"}


@dataclass(slots=True)
class Cursor:
    """Where the parser stands. `filters` says of each open bracket of a list whether `.name` was in it."""

    text: str
    tokens: tuple[Token, ...]
    notes: list[str]
    index: int = 0
    depth: int = 0
    parts: int = 0
    filters: list[bool] = field(default_factory=list)

    @property
    def token(self) -> Token:
        """The token not yet read."""
        return self.tokens[self.index]

    def take(self) -> Token:
        """Read one token; the end stays."""
        token = self.token
        self.index = min(self.index + 1, len(self.tokens) - 1)
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise self.error(f"has more than {MAX_PARTS} parts; split it into templates")
        return token

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.token.kind is Kind.END

    def at(self, symbol: str) -> bool:
        """Whether this symbol comes next."""
        return self.token.kind is Kind.SYMBOL and self.token.text == symbol

    def symbol(self, symbol: str) -> bool:
        """Read this symbol if it comes next."""
        found = self.at(symbol)
        if found:
            self.take()
        return found

    def expect(self, symbol: str, expected: str = "") -> None:
        """Read this symbol or raise; `expected` says in words what is due."""
        if not self.symbol(symbol):
            raise self.unexpected(expected or f"`{symbol}`")

    def enter(self) -> None:
        """One level deeper; errors end the parse, so only success needs to go up."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"nests deeper than {MAX_DEPTH} levels; split it into templates")

    def error(self, message: str, token: Token | None = None) -> ExpressionError:
        """An error at a token, or at the next one."""
        token = token or self.token
        return ExpressionError(message, place(self.text, token.start, len(token.text)))

    def unexpected(self, expected: str) -> ExpressionError:
        """An error at the next token, which is not what is due."""
        written = self.token.text
        if meant := MISSPELT.get(written) or ENGLISH.get(written):
            return self.error(f"`{written}` is no operator here; write `{meant}`")
        shown = f"`{short(written)}`" if written else "the end"
        return self.error(f"expected {expected}, but found {shown}")

"""Cursor: where the parser stands in the tokens, what it may still spend, and how it says what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from secgraph.errors import Position, QueryError
from secgraph.j1ql.nodes import Query
from secgraph.j1ql.text.advice import short
from secgraph.j1ql.text.lexer import RESERVED, Kind, Token

MAX_DEPTH = 50
"""Deepest nesting of brackets, lists, blocks, subqueries and operators."""

SUBQUERY_DEPTH = 5
"""A subquery counts as so many levels: a query is deep in itself."""

MAX_HOPS = 50
MAX_BLOCKS = 25
MAX_SUBQUERIES = 15
"""Most THATs, optional blocks and subqueries in one query text: beyond, planning takes seconds."""


AFTER_SELECTOR = "WITH, AS, THAT, WHERE, RETURN …"
AFTER_FILTER = "AS, THAT, WHERE, RETURN …"
AFTER_ALIAS = "THAT, WHERE, RETURN …"
AFTER_BLOCK = "AS, THAT, (, WHERE, RETURN …"
"""What may follow the parts of an entity, and an optional block."""


@dataclass(slots=True)
class Cursor:
    """`after` says in words what may follow the part read last, for errors at the next token."""

    tokens: tuple[Token, ...]
    nested_query: Callable[[Cursor], Query]
    index: int = 0
    depth: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    after: str = ""

    @property
    def token(self) -> Token:
        """The token not yet read."""
        return self.tokens[self.index]

    def ahead(self, count: int = 1) -> Token:
        """The token `count` places on; the end repeats."""
        return self.tokens[min(self.index + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Read one token; the end stays."""
        token = self.token
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def at_word(self, *keywords: str) -> bool:
        """Whether one of these keywords comes next."""
        return self.token.keyword in keywords

    def at_symbol(self, text: str) -> bool:
        """Whether this symbol comes next."""
        return self.token.kind is Kind.SYMBOL and self.token.text == text

    def at_name(self) -> bool:
        """Whether a word comes next that may be a name."""
        return is_name(self.token)

    def word(self, keyword: str) -> Token | None:
        """Read this keyword if it comes next."""
        return self.take() if self.at_word(keyword) else None

    def symbol(self, text: str) -> Token | None:
        """Read this symbol if it comes next."""
        return self.take() if self.at_symbol(text) else None

    def expect(self, text: str, expected: str, suggestion: str = "", message: str = "") -> Token:
        """Read this symbol or raise."""
        if self.at_symbol(text):
            return self.take()
        if text == ")" and self.token.kind is Kind.END:
            raise self.error(expected, "A bracket is opened and never closed.", suggestion=suggestion or ")")
        raise self.error(expected, message, suggestion=suggestion)

    def span(self, first: Token) -> Position:
        """From `first` to the token read last."""
        return Position(first.at.line, first.at.column, self.tokens[self.index - 1].end - first.start)

    def stretch(self, first: Token, last: Token) -> Position:
        """From `first` to `last`, read or not."""
        return Position(first.at.line, first.at.column, last.end - first.start)

    def written(self, first: int, last: int) -> str:
        """The tokens from number `first` to before `last` as they are written, blanks shrunk to one."""
        tokens = self.tokens[first:last]
        gaps = ["", *(" " * (after.start > before.end) for before, after in pairwise(tokens))]
        return "".join(gap + token.text for gap, token in zip(gaps, tokens, strict=False))

    def path_at(self, index: int) -> str:
        """The property that begins at token `index`, as written."""
        last = index
        while last + 2 < len(self.tokens) and self.tokens[last + 1].text == ".":
            last += 2
        return self.written(index, last + 1)

    def path_before(self, index: int) -> str:
        """The property that ends before token `index`, as written."""
        first = index - 1
        while first > 1 and self.tokens[first - 1].text == ".":
            first -= 2
        return self.written(first, index)

    def enter(self, levels: int = 1) -> None:
        """One level deeper; errors end the parse, so only success needs `leave`."""
        self.depth += levels
        if self.depth > MAX_DEPTH:
            message = f"The query nests deeper than {MAX_DEPTH} levels; split it."
            raise self.error("a simpler query", message, code="LIMITS")

    def one_more(self, parts: str, most: int, token: Token) -> None:
        """Count one of the parts that a query may have `most` of; `token` is where it begins."""
        self.counts[parts] += 1
        if self.counts[parts] > most:
            message = f"The query has more than {most} {parts}; split it."
            raise self.error("a shorter query", message, token=token, code="LIMITS")

    def leave(self, levels: int = 1) -> None:
        """One level up."""
        self.depth -= levels

    def error(
        self,
        expected: str,
        message: str = "",
        *,
        suggestion: str = "",
        token: Token | None = None,
        at: Position | None = None,
        code: str = "SYNTAX",
    ) -> QueryError:
        """An error at `at`, or at `token`, or at the next token. Without a message it says what was expected
        and found, or that a word stands twice."""
        token = token or self.token
        if not message and token is self.token and self.repeats():
            before = self.tokens[self.index - 1]
            message, suggestion = f"{shown(token)} stands twice here.", token.text
            at = self.stretch(before, token)
        message = message or f"Expected {expected}, but found {shown(token)}."
        return QueryError(code, message, at or token.at, expected=expected, suggestion=suggestion)

    def repeats(self) -> bool:
        """Whether the next token is the one before it once more."""
        before = self.tokens[self.index - 1] if self.index else self.token
        word = self.token.kind in (Kind.WORD, Kind.STRING, Kind.NUMBER, Kind.OPERATOR)
        same = before.text == self.token.text or (before.keyword and before.keyword == self.token.keyword)
        return word and before is not self.token and bool(same) and self.ahead().text != "."


def is_name(token: Token) -> bool:
    """Whether the word may name a class, a type, a verb or a selector."""
    return token.kind is Kind.WORD and token.keyword not in RESERVED


def shown(token: Token) -> str:
    """The token as an error names it, cut to a readable length."""
    if token.kind is Kind.END:
        return "the end of the query"
    return short(token.text)


def last_step(cursor: Cursor) -> str:
    """The step that was read last, from its THAT on, as written; empty if there is none."""
    for index in range(cursor.index - 1, -1, -1):
        if cursor.tokens[index].keyword == "THAT":
            return short(cursor.written(index, cursor.index), 200)
    return ""

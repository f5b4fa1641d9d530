"""Holes: saved query text → its placeholders `{{ name }}` and where they stand (j1ql.md section 15).

A hole comes before everything else of the language: its name may hold quotes or comment marks. To see what
it stands in, plain letters of the same length take its place and the lexer reads the rest. What is inside a
comment is no hole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from secgraph.errors import Position, QueryError
from secgraph.j1ql.text.lexer import Source, Token, scan


@dataclass(frozen=True, slots=True)
class Hole:
    """`{{ name }}` at code points `start` to `end` of the text."""

    name: str
    at: Position
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes. `tokens` are those of the text with letters in its holes, up to `error` if it has
    one; `comments` are the holes that stand in comments."""

    text: str
    holes: tuple[Hole, ...]
    comments: tuple[Hole, ...]
    tokens: tuple[Token, ...]
    error: QueryError | None = None

    @classmethod
    def of(cls, text: str) -> Template:
        """Find the holes of a text."""
        found = _written(text)
        if not found:
            return cls(text, (), (), ())
        tokens, error = _read(_plain(text, found))
        outside = _outside(found, tokens, whole=error is None)
        kept = tuple(hole for hole in found if hole not in outside)
        return cls(text, kept, tuple(outside), tokens, error and _shown(error, text, found))

    @property
    def names(self) -> list[str]:
        """The names of the holes, each once, in order."""
        return list(dict.fromkeys(hole.name for hole in self.holes))

    def refuse_open(self, given: Iterable[str] = ()) -> None:
        """Raises QueryError PARAM at the first hole that has no value, if any; it lists them all."""
        filled = frozenset(given)
        open_ = [hole for hole in self.holes if hole.name not in filled]
        if not open_:
            return
        names = list(dict.fromkeys(hole.name for hole in open_))
        what = "placeholder" if len(names) == 1 else "placeholders"
        raise QueryError(
            "PARAM",
            f"The query still has open placeholders: {', '.join(names)}; fill them before running it.",
            open_[0].at,
            expected=f"a value for {what} {', '.join(names)}",
        )


def holes(text: str) -> tuple[Hole, ...]:
    """Every hole of a saved query in the order of the text, one for each use; none in comments."""
    return Template.of(text).holes


def refuse_open(text: str) -> None:
    """Raises QueryError PARAM if the text has holes: a saved query is filled before it is read."""
    if "{{" in text:
        Template.of(text).refuse_open()


_HOLE = re.compile(r"\{\{([^{}]+)\}\}")
_DATE = re.compile(r"date\s*\(\s*\Z", re.IGNORECASE)
_NEAR = 100
"""So many code points before a hole are looked at; more blanks than that after `date(` nobody writes."""


def _written(text: str) -> list[Hole]:
    source = Source(text)
    return [
        Hole(found[1].strip(), source.at(found.start(), len(found[0])), found.start(), found.end())
        for found in _HOLE.finditer(text)
        if found[1].strip()
    ]


def _plain(text: str, found: Sequence[Hole]) -> str:
    """The text with a word in place of each hole; in `date(…)` with digits, as its text is no word."""
    pieces, done = [], 0
    for hole in found:
        before = text[max(done, hole.start - _NEAR) : hole.start]
        letter = "1" if _DATE.search(before) else "x"
        pieces += [text[done : hole.start], letter * (hole.end - hole.start)]
        done = hole.end
    return "".join([*pieces, text[done:]])


def _read(text: str) -> tuple[tuple[Token, ...], QueryError | None]:
    tokens: list[Token] = []
    try:
        for token in scan(text):
            tokens.append(token)  # one by one: what comes before an error counts
    except QueryError as error:
        return tuple(tokens), error
    return tuple(tokens), None


def _outside(found: Sequence[Hole], tokens: Sequence[Token], *, whole: bool) -> list[Hole]:
    """The holes between tokens: there are only comments. Past an error nobody knows."""
    outside = []
    place = 0
    for hole in found:
        while place < len(tokens) and tokens[place].end <= hole.start:
            place += 1
        between = whole if place == len(tokens) else tokens[place].start >= hole.end
        if between:
            outside.append(hole)
    return outside


def _shown(error: QueryError, text: str, found: Sequence[Hole]) -> QueryError:
    """The error as it stands in the text itself: line ends in the names of holes move the place, and the
    stretch that a message quotes may hold a hole."""
    plain = _plain(text, found)
    start = Source(plain).offset(error.at)
    end = start + error.at.length
    message = error.message
    if end > start and start < len(text):
        message = message.replace(plain[start:end], text[start:end])
    at = Source(text).at(start, error.at.length)
    return QueryError(error.code, message, at, expected=error.expected, suggestion=error.suggestion)

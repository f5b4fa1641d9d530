"""Insertions: values and the places of their holes → what to write there (j1ql.md section 15).

What is written never ends the token that it stands in and never begins another one:

string   the text, with `\\`, `'` and `"` escaped; curly quotes around it become straight ones
regex    the text as a pattern of itself
[name]   the text, if it holds no `]`
date(…)  digits and signs of a date
name     an identifier that is no word of the language; so is every hole that letters touch
value    a quoted text, a number or a boolean: after an operator, in a list, as an item of RETURN, …
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from secgraph.errors import QueryError
from secgraph.graph.search import decimal, is_double
from secgraph.j1ql.holes.template import Hole, Template
from secgraph.j1ql.nodes import Literal
from secgraph.j1ql.text.advice import short
from secgraph.j1ql.text.lexer import KEYWORDS, Kind, Token, has_half_character

HoleValue = str | int | float | bool
Placeholders = Mapping[str, HoleValue]
"""Values by the name of their hole."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` goes in the place of code points `start` to `end`."""

    start: int
    end: int
    text: str


Filled = Sequence[tuple[Hole, HoleValue]]
"""The holes of one token with their values, in order."""


def edits(template: Template, values: Placeholders) -> list[Edit]:
    """What to change so that every hole holds its value, in the order of the text. `values` has one for
    each. Raises QueryError PARAM at the hole whose value cannot stand there."""
    found = [Edit(hole.start, hole.end, " ") for hole in template.comments]
    context = _Context()
    remaining = list(reversed(template.holes))
    for before, token, after in _neighbours(template.tokens):
        held: list[tuple[Hole, HoleValue]] = []
        while remaining and remaining[-1].end <= token.end:
            hole = remaining.pop()
            held.append((hole, _checked(hole, values[hole.name])))
        if held:
            found += _of_token(template.text, token, held, before, context.is_value(before, after), after)
        context.pass_by(before, token, after)
    return sorted(found, key=lambda edit: edit.start)


def _neighbours(tokens: Sequence[Token]) -> Iterator[tuple[Token | None, Token, Token]]:
    before: Token | None = None
    for token, after in pairwise(tokens):
        yield before, token, after
        before = token


def _of_token(
    text: str, token: Token, held: Filled, before: Token | None, is_value: bool, after: Token
) -> Iterator[Edit]:
    hole, value = held[0]
    match token.kind:
        case Kind.STRING:
            yield from _in_string(text, token, held)
        case Kind.REGEX:
            yield from _in_regex(text, token, held)
        case Kind.BRACKET:
            yield from _in_brackets(held)
        case Kind.PARAMETER:
            raise _refused(hole, "A placeholder cannot be part of a parameter's name.", "a name as it is")
        case Kind.DATE:
            yield from _in_date(token, held)
        case Kind.WORD | Kind.NUMBER if is_value and (hole.start, hole.end) == (token.start, token.end):
            yield Edit(hole.start, hole.end, _literal(value, after))
        case _:
            yield from _in_name(text, token, held, before)


# ── what stands around a word ─────────────────────────────────────────────────────────────────────────


class _Context:
    """Reads the tokens up to a hole that stands alone, to tell whether a value or a name is due there."""

    def __init__(self) -> None:
        self._clause = "FIND"
        self._lists = False
        self._outer: list[tuple[str, bool]] = []

    def is_value(self, before: Token | None, after: Token) -> bool:
        """Whether a value stands between these two tokens."""
        if before is None:
            return True
        if before.text == "." or after.text == "." or after.kind is Kind.BRACKET:
            return False
        if before.kind is Kind.NUMBER:
            return False
        if self._clause not in _NAMES_THINGS:
            return after.text != "("
        return before.kind in _OPERATORS or self._lists or before.text in ("+", "-")

    def pass_by(self, before: Token | None, token: Token, after: Token) -> None:
        """Go on behind `token`."""
        if token.kind is Kind.SYMBOL and token.text == "(":
            self._outer.append((self._clause, self._lists))
            operator = before is not None and before.kind in _OPERATORS
            subquery = after.keyword == "FIND"
            self._lists = (operator or self._lists) and not subquery
        elif token.kind is Kind.SYMBOL and token.text == ")" and self._outer:
            self._clause, self._lists = self._outer.pop()
        elif token.keyword in _CLAUSES and after.kind is not Kind.OPERATOR:
            self._clause = token.keyword


_OPERATORS = frozenset({Kind.OPERATOR, Kind.MISSPELT})
_NAMES_THINGS = frozenset({"FIND", "THAT", "WITH", "WHERE"})
"""The clauses in which a word alone names something; in the others a column may be a quoted text too."""
_CLAUSES = _NAMES_THINGS | {"RETURN", "HAVING", "ORDER", "SKIP", "LIMIT"}


# ── what is written ───────────────────────────────────────────────────────────────────────────────────


def _in_string(text: str, token: Token, held: Filled) -> Iterator[Edit]:
    if text[token.start] not in "'\"":
        # Nothing escapes a curly quote. The straight one ends this string too, so none stands in it bare.
        straight = "'" if text[token.start] in "‘’" else '"'
        yield Edit(token.start, token.start + 1, straight)
        yield Edit(token.end - 1, token.end, straight)
    for hole, value in held:
        # A backslash before the hole stands for itself, and must not come to escape what follows.
        lone = "\\" if _ends_in_backslash(text, token.start, hole.start) else ""
        yield Edit(hole.start, hole.end, lone + _QUOTING.sub(r"\\\g<0>", _text(value)))


def _in_regex(text: str, token: Token, held: Filled) -> Iterator[Edit]:
    for hole, value in held:
        written = _text(value)
        before = text[max(token.start + 1, hole.start - _NEAR) : hole.start]
        if _ends_in_backslash(text, token.start, hole.start) or _UNFINISHED.search(before):
            message = "Here this text would change what the regular expression before it means."
            raise _refused(hole, message, "the placeholder in another place")
        if not written:
            message = "An empty text cannot stand in a regular expression."
            raise _refused(hole, message, "a text that is not empty")
        escaped = _SPECIAL.sub(r"\\\g<0>", written)
        yield Edit(hole.start, hole.end, escaped.replace("\n", "\\n").replace("\r", "\\r"))


def _in_brackets(held: Filled) -> Iterator[Edit]:
    for hole, value in held:
        written = _text(value)
        if not written or "]" in written:
            message = f"{_shown(written)} cannot be part of a name in brackets."
            raise _refused(hole, message, "a text that is not empty and holds no ]")
        yield Edit(hole.start, hole.end, written)


def _in_date(token: Token, held: Filled) -> Iterator[Edit]:
    for hole, value in held:
        written = _text(value)
        pattern = _DATE_BEGIN if hole.start == token.start else _DATE_PART
        if not pattern.fullmatch(written):
            raise _refused(hole, f"{_shown(written)} is no part of a date.", "a date such as 2024-02-01")
        yield Edit(hole.start, hole.end, written)


def _in_name(text: str, token: Token, held: Filled, before: Token | None) -> Iterator[Edit]:
    """A name, of which holes are parts or the whole."""
    name, done = "", token.start
    for hole, value in held:
        if not isinstance(value, str) or not _WORD_PART.fullmatch(value):
            raise _no_name(hole, _text(value), before)
        name, done = name + text[done : hole.start] + value, hole.end
    name += text[done : token.end]
    first = held[0][0]
    if not _IDENTIFIER.fullmatch(name):
        raise _no_name(first, name, before)
    if _is_taken(name, text, token, before):
        raise _refused(first, f"{name} is a word of the language.", "another name")
    if before is not None and before.kind is Kind.NUMBER and before.end == token.start:
        yield Edit(token.start, token.start, " ")  # else 7 and e5 would become one number
    yield from (Edit(hole.start, hole.end, str(value)) for hole, value in held)


def _is_taken(name: str, text: str, token: Token, before: Token | None) -> bool:
    """Whether the name has a meaning of its own here: `date.now` is a moment, and no property of `date`."""
    if before is not None and before.text == ".":
        near = max(0, token.start - _NEAR)
        return name.lower() == "now" and _AFTER_DATE.search(text, near, token.start) is not None
    return name.upper() in KEYWORDS or name.lower() == "date"


def _literal(value: HoleValue, after: Token) -> str:
    """`-2 ^ 2` is -4: a negative number keeps its sign in brackets there."""
    written = str(Literal(value))
    return f"({written})" if written.startswith("-") and after.text == "^" else written


def _text(value: HoleValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else decimal(value)


def _ends_in_backslash(text: str, start: int, end: int) -> bool:
    """Whether the last character of a string or regex is a backslash that no other one escapes."""
    count = 0
    while end - count - 1 > start and text[end - count - 1] == "\\":
        count += 1
    return count % 2 == 1


_NEAR = 30
_QUOTING = re.compile(r"[\\'\"]")
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$/:-]")
_UNFINISHED = re.compile(r"\\x[0-9A-Fa-f]?\Z|\(\?[A-Za-z-]*\Z|\{[0-9,]*\Z|\[:\^?[A-Za-z]*\Z")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD_PART = re.compile(r"[A-Za-z0-9_]+")
_AFTER_DATE = re.compile(r"\bdate\s*\.\s*\Z", re.IGNORECASE)
_DATE_BEGIN = re.compile(r"[0-9][0-9TtZz:.+-]*")
_DATE_PART = re.compile(r"[0-9TtZz:.+-]+")

# ── what is refused ───────────────────────────────────────────────────────────────────────────────────


def _checked(hole: Hole, value: object) -> HoleValue:
    if isinstance(value, str):
        if has_half_character(value):
            message = f"The value of {hole.name} holds half a character (a lone surrogate)."
            raise _refused(hole, message, "text of whole characters")
        return value
    if isinstance(value, int | float) and is_double(value):
        return value
    message = f"The value of {hole.name} is neither text nor number nor boolean."
    raise _refused(hole, message, "a string, a number or a boolean")


def _no_name(hole: Hole, written: str, before: Token | None) -> QueryError:
    bracketed = before is not None and (before.text in (".", "#") or before.keyword == "WITH")
    suggestion = f"[{{{{{hole.name}}}}}] in the query, which takes any name" if bracketed else ""
    message = f"A name is due here, and {_shown(written)} is none."
    return _refused(hole, message, "letters, digits and _, no digit first", suggestion)


def _refused(hole: Hole, message: str, expected: str, suggestion: str = "") -> QueryError:
    return QueryError("PARAM", message, hole.at, expected=expected, suggestion=suggestion)


def _shown(written: str) -> str:
    return repr(short(written))

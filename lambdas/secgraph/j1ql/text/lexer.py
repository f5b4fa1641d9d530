"""Lexer: query text without holes → tokens (j1ql.md section 2). Raises QueryError LEX or LIMITS."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from secgraph.errors import Position, QueryError
from secgraph.j1ql.text.strays import stray, unclosed

MAX_TEXT = 64 * 1024
"""Longest query text in code points."""

_RESERVED = "FIND UNIQUE WITH AND OR THAT AS WHERE RETURN HAVING ORDER SKIP LIMIT TRUE FALSE UNDEFINED NULL"
RESERVED = frozenset(_RESERVED.split())
"""Keywords that cannot be an unquoted alias."""

KEYWORDS = RESERVED | {"RELATES", "TO", "TREE", "BY", "ASC", "DESC"}

COMPARISONS = ("!~=", "!^=", "!$=", "<=", ">=", "!=", "~=", "^=", "$=", "=", ">", "<")
MISSPELT = {
    **dict.fromkeys(("==", "===", ":="), "="),
    **dict.fromkeys(("<>", "!==", "=!"), "!="),
    **dict.fromkeys(("=~", "~", "~==", "*="), "~="),
    **dict.fromkeys(("!~", "!=~", "~!="), "!~="),
    "=>": ">=",
    "=<": "<=",
    "=^": "^=",
}
"""Operators of other languages → what J1QL writes."""


class Kind(Enum):
    """What sort of token it is; the value names it in messages."""

    WORD = "name"
    BRACKET = "bracketed name"
    STRING = "text"
    NUMBER = "number"
    REGEX = "regular expression"
    DATE = "date"
    PARAMETER = "parameter"
    OPERATOR = "operator"
    MISSPELT = "unknown operator"
    SYMBOL = "symbol"
    END = "end of query"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is the source, `value` what it means (quotes, brackets and escapes taken off).

    `keyword` is the upper-case keyword, or empty for every other token and directly after a dot.
    `start` counts code points from 0.
    """

    kind: Kind
    text: str
    value: str
    at: Position
    start: int
    keyword: str = ""

    @property
    def end(self) -> int:
        """The code point just past this token."""
        return self.start + len(self.text)


class Source:
    """The text and its line starts: turns offsets into positions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))]

    def at(self, start: int, length: int = 1) -> Position:
        """The position of `length` code points from offset `start`."""
        line = bisect_right(self._starts, start)
        return Position(line, start - self._starts[line - 1] + 1, length)

    def offset(self, at: Position) -> int:
        """The offset at which a position begins."""
        return self._starts[at.line - 1] + at.column - 1

    def error(self, message: str, start: int, length: int, expected: str, suggestion: str = "") -> QueryError:
        """A LEX error here."""
        return QueryError("LEX", message, self.at(start, length), expected=expected, suggestion=suggestion)


_BLANK = re.compile(r"(?:[\s\u200b-\u200d\u2060\ufeff]|//[^\r\n]*|/\*(?s:.*?)\*/)+")
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: no encoding has it, so no database can be asked for it."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PART = re.compile(r"[A-Za-z0-9_]+")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BRACKET = re.compile(r"\[([^\]]+)\]")
_PARAMETER = re.compile(r"\$\{\s*([^\s{}'\"]+)\s*\}")
_REGEX = re.compile(r"/((?:[^/\\\[\r\n]|\\[^\r\n]|\[\^?\]?(?:[^\]\\\r\n]|\\[^\r\n])*+\])++)/([A-Za-z0-9_]*)")
_DATE = re.compile(r"(\s*\(\s*)([0-9+-][^()\r\n]*)")
_SYMBOLS = {*MISSPELT, *COMPARISONS, ">>", "<<", *"()|,.*+-/^!#?;"}
_SYMBOL = re.compile("|".join(map(re.escape, sorted(_SYMBOLS, key=len, reverse=True))))
"""The longest match wins."""
_ESCAPE = re.compile(r"\\([\\'\"])")
_INSIDE = r"(?:[^{0}\\]|\\[\\'\"]?)*+"
_STRINGS = {
    opener: re.compile(f"{opener}({_INSIDE.format(closers)})[{closers}]")
    for opener, closers in (("'", "'"), ('"', '"'), *((c, "'‘’") for c in "‘’"), *((c, '"“”') for c in "“”"))
}
"""Opening quote → the whole string. Curly quotes come from documents: they open like the straight ones and
are closed by either shape. A backslash escapes `\\`, `'` and `"` only, so that Windows paths survive."""


def tokenize(text: str) -> tuple[Token, ...]:
    """The tokens of `text`, the last of kind END just past the last one before it."""
    return tuple(scan(text))


def scan(text: str) -> Iterator[Token]:
    """The tokens one by one, so that those before an error are known too."""
    if len(text) > MAX_TEXT:
        message = f"The query is longer than {MAX_TEXT} characters; split it."
        raise QueryError("LIMITS", message, Position(1, 1, 1), expected="a shorter query")
    source = Source(text)
    if broken := _SURROGATE.search(text):
        raise _stray(source, broken.start())
    before: Token | None = None
    offset = _skip(text, 0)
    while offset < len(text):
        found = _scan(source, offset, before)
        yield from found
        before = found[-1]
        offset = _skip(text, before.end)
    end = before.end if before else 0
    yield Token(Kind.END, "", "", source.at(end, 0), end)


def has_half_character(text: str) -> bool:
    """Whether a lone surrogate stands in it."""
    return _SURROGATE.search(text) is not None


def _skip(text: str, offset: int) -> int:
    found = _BLANK.match(text, offset)
    return found.end() if found else offset


def _scan(source: Source, offset: int, before: Token | None) -> list[Token]:
    """The next token; `date` followed by `(` and a digit also brings the bracket and the raw date."""
    text, first = source.text, source.text[offset]
    after_dot = before is not None and before.text == "."
    word = (_PART if after_dot else _WORD).match(text, offset)
    if word:
        token = _token(source, Kind.WORD, word[0], word[0], offset, keyword=not after_dot)
        return [token, *_date(source, token)] if word[0].lower() == "date" and not after_dot else [token]
    if first in _STRINGS:
        return [_string(source, offset)]
    if first == "[":
        return [_bracket(source, offset)]
    if number := _NUMBER.match(text, offset):
        return [_token(source, Kind.NUMBER, number[0], number[0], offset)]
    if first == "/":
        return [_slash(source, offset, before)]
    if text.startswith("${", offset):
        return [_parameter(source, offset)]
    return [_symbol(source, offset)]


def _token(source: Source, kind: Kind, text: str, value: str, start: int, keyword: bool = False) -> Token:
    upper = text.upper() if keyword and text.upper() in KEYWORDS else ""
    return Token(kind, text, value, source.at(start, len(text)), start, upper)


def _date(source: Source, word: Token) -> list[Token]:
    """The raw text of `date(2024-05-31T20:00-05:00)`, which follows no other rule of the language."""
    found = _DATE.match(source.text, word.end)
    if not found:
        return []
    inside = found.start(2)
    raw = found[2].rstrip()
    bracket = word.end + found[1].index("(")
    if source.text[found.end() : found.end() + 1] != ")":
        raise source.error("This date has no closing bracket.", bracket, 1, "closing )")
    return [
        _token(source, Kind.SYMBOL, "(", "(", bracket),
        _token(source, Kind.DATE, raw, raw, inside),
    ]


def _string(source: Source, offset: int) -> Token:
    found = _STRINGS[source.text[offset]].match(source.text, offset)
    if not found:
        wrong = unclosed(source.text, offset)
        raise source.error(wrong.message, wrong.start, wrong.length, "closing quote", wrong.suggestion)
    return _token(source, Kind.STRING, found[0], _ESCAPE.sub(r"\1", found[1]), offset)


def _bracket(source: Source, offset: int) -> Token:
    found = _BRACKET.match(source.text, offset)
    if not found:
        message = "This name in brackets is empty or has no closing bracket."
        raise source.error(message, offset, 1, "a name and closing ]")
    return _token(source, Kind.BRACKET, found[0], found[1], offset)


def _slash(source: Source, offset: int, before: Token | None) -> Token:
    """A regex where a value may stand, a division anywhere else."""
    if source.text.startswith("/*", offset):
        raise source.error("This comment has no closing */.", offset, 2, "closing */")
    if not (before and (before.kind is Kind.OPERATOR or before.text == "(" or _joins(before))):
        return _symbol(source, offset)
    found = _REGEX.match(source.text, offset)
    if not found:
        raise source.error("This regular expression has no closing /.", offset, 1, "closing /")
    if found[2] not in ("", "i"):
        message = f"A regular expression takes the flag i only, not {found[2]}."
        raise source.error(message, found.start(2), len(found[2]), "i or nothing")
    return _token(source, Kind.REGEX, found[0], found[1], offset)


def _joins(token: Token) -> bool:
    return token.keyword in ("AND", "OR")


def _parameter(source: Source, offset: int) -> Token:
    found = _PARAMETER.match(source.text, offset)
    if not found:
        message = "A parameter is written ${name}, and this one has no name or no closing brace."
        raise source.error(message, offset, 2, "a parameter such as ${name}")
    return _token(source, Kind.PARAMETER, found[0], found[1], offset)


def _symbol(source: Source, offset: int) -> Token:
    found = _SYMBOL.match(source.text, offset)
    if not found:
        raise _stray(source, offset)
    text = found[0]
    kind = Kind.OPERATOR if text in COMPARISONS else Kind.MISSPELT if text in MISSPELT else Kind.SYMBOL
    return _token(source, kind, text, text, offset)


def _stray(source: Source, offset: int) -> QueryError:
    wrong = stray(source.text, offset)
    expected = "a name, a value or an operator"
    return source.error(wrong.message, wrong.start, wrong.length, expected, wrong.suggestion)

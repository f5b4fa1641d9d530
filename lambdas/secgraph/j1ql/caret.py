"""Caret: QueryError and query text → text for a person, the fault marked in its line, or a dict for JSON."""

from __future__ import annotations

import re
import unicodedata

from secgraph.errors import QueryError

WIDTH = 100
"""Most characters of a source line that are shown; a longer one is cut around the fault."""

_LINES = re.compile(r"\r\n|\r|\n")


def render_error(error: QueryError, text: str) -> str:
    """The message with code and position, the source line, the caret, and what to write instead.

    Control characters of the query never reach the terminal.
    """
    at = error.at
    hints = [
        f"expected {error.expected}" if error.expected else "",
        f"try {error.suggestion}" if error.suggestion else "",
    ]
    lines = [
        f"{error.code} at line {at.line}, column {at.column}: {_plain(error.message)}",
        *(f"  {line}" for line in caret(error, text).split("\n")),
        _plain("; ".join(hint for hint in hints if hint)),
    ]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def error_object(error: QueryError, text: str) -> dict[str, str | int]:
    """The error for JSON, its parts by name; `caret` holds two lines."""
    return {
        "code": error.code,
        "message": error.message,
        "line": error.at.line,
        "column": error.at.column,
        "length": error.at.length,
        "expected": error.expected,
        "suggestion": error.suggestion,
        "caret": caret(error, text),
    }


def caret(error: QueryError, text: str) -> str:
    """The source line and, under it, one `^` for each column of the fault (at least one)."""
    line = _LINES.split(text)[error.at.line - 1]
    start = error.at.column - 1
    first = max(0, start - WIDTH // 2) if len(line) > WIDTH else 0
    shown = line[first : first + WIDTH]
    marked = line[start : min(start + max(error.at.length, 1), first + WIDTH)]
    return f"{_plain(shown)}\n{' ' * _columns(line[first:start])}{'^' * max(_columns(marked), 1)}"


def _plain(text: str) -> str:
    """Every kind of blank as a blank, other unprintable characters as a replacement mark."""
    return "".join(map(_plain_character, text))


def _plain_character(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\ufffd"


def _columns(text: str) -> int:
    """How many terminal columns the text takes: wide letters two, combining marks none."""
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

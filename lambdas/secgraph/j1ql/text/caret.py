"""Caret: QueryError and query text → text for a person, the fault marked in its line, or a dict for JSON."""

from __future__ import annotations

import re

from secgraph.errors import QueryError
from secgraph.j1ql.text.terminal import columns, plain

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
        f"{error.code} at line {at.line}, column {at.column}: {plain(error.message)}",
        *(f"  {line}" for line in caret(error, text).split("\n")),
        plain("; ".join(hint for hint in hints if hint)),
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
    return f"{plain(shown)}\n{' ' * columns(line[first:start])}{'^' * max(columns(marked), 1)}"

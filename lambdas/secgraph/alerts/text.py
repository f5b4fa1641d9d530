"""Text from findings, tags and rules made fit for people: any string in, one clean bounded line out."""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_INDENT: Final = 8
_CONTROL: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control and format characters (they reorder or hide text), lone surrogates, line and paragraph ends."""


def line(value: object, limit: int) -> str:
    """Give one line of at most `limit` characters: no control characters, blanks collapsed, `…` at a cut."""
    text = value if isinstance(value, str) else str(value)
    kept = "".join(" " if unicodedata.category(char) in _CONTROL else char for char in text[: 4 * limit])
    clean = " ".join(kept.split())
    if len(clean) > limit or len(text) > 4 * limit:
        return f"{clean[: limit - 1].rstrip()}…"
    return clean


def paragraph(value: str, limit: int) -> str:
    """Give text that keeps its line ends and indents, each line clean, at most `limit` characters in all."""
    lines = [_indent(each) + line(each, limit) for each in value[: 4 * limit].splitlines()]
    text = "\n".join(each.rstrip() for each in lines).strip("\n")
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _indent(text: str) -> str:
    return " " * min(MAX_INDENT, len(text) - len(text.lstrip(" ")))


def ascii_line(value: str, limit: int) -> str:
    """Give one line of printable ASCII of at most `limit` characters, accents dropped, `?` for the rest."""
    plain = unicodedata.normalize("NFKD", line(value, 4 * limit).replace("…", "..."))
    kept = "".join(char for char in plain if not unicodedata.combining(char))
    text = " ".join("".join(char if " " <= char <= "~" else "?" for char in kept).split())
    return text if len(text) <= limit else f"{text[: limit - 3].rstrip()}..."

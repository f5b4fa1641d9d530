"""Terminal: untrusted text → text that only shows itself, and how many columns it takes."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """Every kind of blank as a blank; escapes, bidirectional marks and the like as a replacement mark."""
    return "".join(map(_plain_character, text))


def columns(text: str) -> int:
    """How many terminal columns the text takes: wide letters two, combining marks none."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def cut(text: str, most: int) -> str:
    """The text, shortened with `…` if it takes more than `most` columns."""
    if columns(text) <= most:
        return text
    kept, taken = 0, 1
    while (taken := taken + _columns_of(text[kept])) <= most:
        kept += 1
    return text[:kept] + "…"


def padded(text: str, width: int) -> str:
    """The text with blanks after it up to `width` columns."""
    return text + " " * (width - columns(text))


def _plain_character(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\ufffd"


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

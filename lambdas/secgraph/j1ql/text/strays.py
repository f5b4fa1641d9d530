"""Strays: text that the lexer cannot read → what its writer meant (j1ql.md section 17).

A text without its quote, a character of another language. Everything here is offsets into the query text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stray:
    """What is wrong with `length` code points from `start`, and what to put in their place, if known."""

    message: str
    start: int
    length: int
    suggestion: str = ""


_APOSTROPHE = re.compile(r"'([^'\"\r\n]*\w)'(\w[^'\"\r\n=<>]*)$")
_CLOSED_ONLY = re.compile(r"(?:[=<>(]|\bOR|\bAND)\s*([\w.*/:@-]+)$", re.IGNORECASE)
_ENDS = re.compile(
    r"\s*(?:$|[\r\n),]|\b(?:AND|OR|THAT|AS|WITH|WHERE|RETURN|HAVING|ORDER|SKIP|LIMIT)\b)", re.IGNORECASE
)
_QUOTES = "'\"‘’“”"
_STRAIGHT = {**dict.fromkeys("‘’", "'"), **dict.fromkeys("“”", '"')}
_OTHER_QUOTE = re.compile(f"[^{_QUOTES}]*([{_QUOTES}])(?=[\\s),;]|$)")
_LOOKED_AT = 2_000
"""Most characters on either side of a fault that are looked at: advice may not cost more than an answer."""


def unclosed(text: str, start: int) -> Stray:
    """The fault at the quote at `start`, which nothing closes."""
    opener, quote = text[start], _STRAIGHT.get(text[start], text[start])
    rest, before = text[start + 1 :][:_LOOKED_AT], text[max(0, start - _LOOKED_AT) : start]
    if found := _APOSTROPHE.search(before):
        message = "A quote inside a text ends it; put this text in the other kind of quotes."
        return Stray(message, start - len(found[0]), len(found[0]) + 1, f'"{found[1]}\'{found[2]}"')
    if found := _CLOSED_ONLY.search(before):
        word = found[1]
        return Stray(
            "This text has no opening quote.", start - len(word), len(word) + 1, f"{quote}{word}{quote}"
        )
    escaped = rest.find(f"\\{quote}")
    if escaped >= 0:
        message = "A backslash before a quote belongs to the text; to end a text with one, write two."
        return Stray(message, start, escaped + 3, f"{quote}{rest[:escaped]}\\\\{quote}")
    if found := _OTHER_QUOTE.match(rest):
        content = rest[: found.start(1)]
        message = f"This text opens with {opener}, which {found[1]} does not close."
        return Stray(message, start, len(content) + 2, f"{quote}{content}{quote}")
    end = _ENDS.search(rest)
    content = rest[: end.start()] if end else ""
    suggestion = f"{quote}{content}{quote}" if content else ""
    return Stray("This text has no closing quote.", start, 1 + len(content or rest), suggestion)


_NAME = re.compile(r"[\w.:@-]*$"), re.compile(r"[\w.:@-]*")
_PLACEHOLDER = re.compile(r"(?:\$\(?|\{|:)\s*([A-Za-z_][\w.]*)\s*[)}]?")
_BACKTICKS = re.compile(r"`([^`'\r\n]*)`")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}(?::\d{2}){0,2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})?")
_COMPARES = re.compile(r"[=<>(]\s*$|\b(?:OR|AND)\s+$", re.IGNORECASE)


def stray(text: str, at: int) -> Stray:
    """The fault at the character at `at`, which begins nothing."""
    character = text[at]
    before = text[max(0, at - _LOOKED_AT) : at]
    if character == "&":
        return Stray("Conditions are joined by AND.", at, 1 + text.startswith("&&", at), "AND")
    if character == "`" and (found := _BACKTICKS.match(text, at)):
        value = bool(_COMPARES.search(before))
        message = f"{'Texts stand in single or double quotes' if value else 'Names stand in [ ]'}, not in `."
        return Stray(message, at, len(found[0]), f"'{found[1]}'" if value else f"[{found[1]}]")
    if character in "${:" and _COMPARES.search(before) and (found := _PLACEHOLDER.match(text, at)):
        message = "A value that comes with the request is written ${name}."
        return Stray(message, at, len(found[0]), f"${{{found[1]}}}")
    if character == ":" and (day := _day_around(text, at)):
        return day
    return _named(text, at, before)


def _day_around(text: str, at: int) -> Stray | None:
    """`2024-01-01T00:00Z` without `date( )`: the colon is where it stops being arithmetic."""
    first = max(0, at - len("2024-01-01T00"))
    found = _DAY.match(text, first)
    if not found or not first <= at < found.end():
        return None
    return Stray(f"A moment is written date({found[0]}).", first, len(found[0]), f"date({found[0]})")


def _named(text: str, at: int, before: str) -> Stray:
    """A character of a name that needs brackets, or one that means nothing anywhere."""
    character = text[at]
    left, right = _NAME
    head, tail = left.search(before), right.match(text, at + 1)
    name = f"{head[0] if head else ''}{character}{tail[0] if tail else ''}"
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    message = f"The character {shown} has no meaning here; put names that hold it in brackets: [name]."
    if character == ":" and not name.strip(":").partition(":")[2]:
        return Stray("J1QL compares with =.", at, 1 + text.startswith(":=", at), "=")
    named = len(name) > 1 and (character in ":@" or character.isalnum())
    if not named:
        return Stray(message, at, 1)
    return Stray(message, at - len(head[0] if head else ""), len(name), f"[{name}]")

"""Regexes: does `/pattern/` match a text, by Python's `re`? (section 5)

The syntax is RE2's. What means something else in `re` is rewritten: `\\d \\w \\s \\b` are ASCII in RE2, `$`
is the very end of the text, `\\z` is written `\\Z`, and a flag in front holds for the whole pattern.
"""

from __future__ import annotations

import re

from secgraph.j1ql.nodes import Op, Regex

SETS = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
WORD = f"[{SETS['w']}]"
BOUNDARY = f"(?:(?<={WORD})(?!{WORD})|(?<!{WORD})(?={WORD}))"
POSIX = {"[:alpha:]": "A-Za-z", "[:digit:]": "0-9", "[:alnum:]": "0-9A-Za-z", "[:space:]": r"\t\n\v\f\r "}
PIECE = re.compile(r"\[:\w+:\]|\\.|.", re.DOTALL)


def matches(regex: Regex, op: Op, text: str) -> bool:
    """`=` and `~=` anywhere, `^=` from the start, `$=` up to the end."""
    ignores_case = regex.ignore_case or regex.pattern.startswith("(?i)")
    body = f"(?:{rewritten(regex.pattern.removeprefix('(?i)'))})"
    sought = rf"\A{body}" if op is Op.STARTS else rf"{body}\Z" if op is Op.ENDS else body
    return re.search(sought, text, re.IGNORECASE if ignores_case else re.NOFLAG) is not None


def rewritten(pattern: str) -> str:
    found, in_class = "", False
    for piece in PIECE.findall(pattern):
        found += inside_class(piece) if in_class else outside_class(piece)
        if piece == "[" and not in_class:
            in_class = True
        elif piece == "]":
            in_class = False
    return found


def outside_class(piece: str) -> str:
    if len(piece) > 2:  # `[:x` at the start of a class that is not one of the named ones
        raise NotImplementedError(piece)
    special = {"$": r"\Z", r"\z": r"\Z", r"\b": BOUNDARY}
    if piece[0] == "\\" and piece[1].lower() in SETS:
        return f"[{'^' if piece[1].isupper() else ''}{SETS[piece[1].lower()]}]"
    return special.get(piece, piece)


def inside_class(piece: str) -> str:
    if piece[0] == "\\" and piece[1].lower() in SETS:
        if piece[1].isupper():
            raise NotImplementedError(piece)
        return SETS[piece[1]]
    return POSIX[piece] if len(piece) > 2 else r"\[" if piece == "[" else piece

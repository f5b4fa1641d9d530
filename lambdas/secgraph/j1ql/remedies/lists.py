"""Lists: values as people write them elsewhere, `['a', 'b']` or `'a', 'b'` → J1QL, for suggestions."""

from __future__ import annotations

import re

from secgraph.j1ql.text.advice import short
from secgraph.j1ql.text.cursor import Cursor, is_name
from secgraph.j1ql.text.lexer import Kind, Token

_LONGEST = 200
"""Most characters of a list in a suggestion."""

_SEPARATOR = re.compile(r"\s*(?:,|\||\bOR\b)\s*", re.IGNORECASE)
_PLAIN = re.compile(r"""'[^']*'|"[^"]*"|-?\d+(?:\.\d+)?|true|false""")
_SIGNS = re.compile(r"([\\/.^$*+?()\[\]{}|])")


def value_text(token: Token) -> str:
    """The value that a token is or was meant to be: a bare word gets quotes. Empty for everything else."""
    if token.kind in (Kind.STRING, Kind.NUMBER, Kind.REGEX, Kind.PARAMETER):
        return token.text
    if token.keyword in ("TRUE", "FALSE", "UNDEFINED", "NULL"):
        return token.text.lower()
    return f"'{token.text}'" if is_name(token) else ""


def list_from(cursor: Cursor, index: int, *, neither: bool = False) -> str:
    """The list whose first value is token `index`: OR stands for commas, bars and blanks, and for AND too
    where none of the values may be (`neither`)."""
    values: list[str] = []
    joints: list[str] = []
    sign = ""
    for token in cursor.tokens[index:]:
        if token.text in (",", "|") or token.keyword in ("AND", "OR"):
            joint = "AND" if token.keyword == "AND" and not neither else "OR"
            joints += [joint] if len(joints) < len(values) else []
        elif token.text == "-":
            sign = "-"
        elif text := value_text(token):
            joints += ["OR"] * (len(values) - len(joints))
            values.append(sign + text)
            sign = ""
        else:
            break
    first, *others = values or [""]
    listed = first + "".join(f" {joint} {value}" for joint, value in zip(joints, others, strict=False))
    return f"({short(listed, _LONGEST)})" if listed else ""


def bracketed(token: Token) -> str:
    """`['a', 2, c]` → `('a' OR 2 OR 'c')`; one value needs no list."""
    items = [item for item in _SEPARATOR.split(token.value.strip()) if item]
    texts = [item if _PLAIN.fullmatch(item) else f"'{item}'" for item in items]
    return f"({short(' OR '.join(texts), _LONGEST)})" if len(texts) > 1 else "".join(texts)


def in_slashes(pattern: str, flag: str = "") -> str:
    """A pattern of another language as a regex literal."""
    return "/" + pattern.replace("/", r"\/") + "/" + flag


def literal(text: str) -> str:
    """The pattern that matches `text` and nothing else; it fits between slashes."""
    return _SIGNS.sub(r"\\\1", text)

"""No FIND: a query that begins otherwise → what it is in J1QL, as far as that can be seen (section 17)."""

from __future__ import annotations

from itertools import takewhile

from secgraph.errors import QueryError
from secgraph.j1ql.text.advice import nearest, short
from secgraph.j1ql.text.cursor import Cursor, is_name
from secgraph.j1ql.text.lexer import Token

_VERBS = frozenset(
    {"GET", "SHOW", "LIST", "MATCH", "SEARCH", "FETCH", "QUERY", "RETRIEVE", "DISPLAY", "COUNT"}
)


def no_find(cursor: Cursor) -> QueryError:
    """The error at the first token, which is neither FIND nor a quoted text."""
    token = cursor.token
    word = token.text.upper()
    if word == "SELECT":
        message = "J1QL has no SELECT: FIND names what is searched, RETURN the columns."
        return cursor.error("FIND", message, suggestion=_selected(cursor))
    if word in _VERBS or nearest(word, ["FIND"]):
        return cursor.error("FIND", "A query begins with FIND.", suggestion="FIND")
    starts = is_name(token) or token.text in ("#", "*", "(") or token.keyword == "UNIQUE"
    suggestion = f"FIND {short(token.text)} …" if starts else "FIND"
    return cursor.error("FIND", "A query begins with FIND.", suggestion=suggestion)


def _selected(cursor: Cursor) -> str:
    """`SELECT name, age FROM User WHERE …` → `FIND User RETURN User.name, User.age`; conditions are left to
    the writer, who then gets advice on them."""
    listed = list(takewhile(lambda token: token.text.upper() != "FROM", cursor.tokens))
    source = cursor.tokens[min(len(listed) + 1, len(cursor.tokens) - 1)]
    if not is_name(source):
        return "FIND"
    unique = "UNIQUE " if any(token.text.upper() == "DISTINCT" for token in listed) else ""
    columns = [f"{source.text}.{token.text}" for token in listed[1:] if _is_column(token)]
    returned = f" RETURN {', '.join(columns)}" if columns else ""
    return short(f"FIND {unique}{source.text}{returned}", 200)


def _is_column(token: Token) -> bool:
    return is_name(token) and token.text.upper() not in ("DISTINCT", "ALL", "TOP")

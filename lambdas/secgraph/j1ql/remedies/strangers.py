"""Strangers: a word that continues nothing → what its writer meant: a keyword with a slip, a word of SQL, a
verb without THAT, a condition without WITH, an alias without AS (section 17)."""

from __future__ import annotations

from secgraph.errors import QueryError
from secgraph.j1ql.nodes import Query
from secgraph.j1ql.signatures import SIGNATURES
from secgraph.j1ql.text.advice import nearest
from secgraph.j1ql.text.cursor import (
    AFTER_ALIAS,
    AFTER_FILTER,
    AFTER_SELECTOR,
    Cursor,
    is_name,
    shown,
)
from secgraph.j1ql.text.lexer import KEYWORDS, Kind, Token

_NEVER_MEANT = frozenset({"TRUE", "FALSE", "UNDEFINED", "NULL", "AS"})
"""Keywords that a stray word is no slip of: values never stand there, and HAS, so near to AS, is a verb."""

_SYNONYMS = {
    **dict.fromkeys(("WHICH", "WHO", "WHOSE"), "THAT"),
    **dict.fromkeys(("OFFSET", "FROM"), "SKIP"),
    **dict.fromkeys(("TOP", "FIRST", "FETCH", "TAKE"), "LIMIT"),
    "ORDERBY": "ORDER BY",
    "SORTBY": "ORDER BY",
    "DESCENDING": "DESC",
    "ASCENDING": "ASC",
}
"""Words of other languages → the keyword of this one."""

_ARTICLES = frozenset({"A", "AN", "THE", "ALL", "ANY", "EACH", "EVERY", "SOME"})


def stranger(cursor: Cursor, query: Query) -> QueryError:
    """The error at the next token, a word."""
    return (
        _known(cursor, query)
        or _condition(cursor, query)
        or _negated(cursor)
        or _slip(cursor)
        or _in_return(cursor, query)
        or _relationship(cursor)
    )


def misspelt_unique(cursor: Cursor) -> QueryError | None:
    """`FIND UNIQEU User`: with a slip the word is read as a type, and the next token is left over."""
    before, leader = (cursor.tokens[max(0, cursor.index - count)] for count in (1, 2))
    if leader.keyword != "FIND" or not nearest(before.text, ["UNIQUE"]):
        return None
    return cursor.error("UNIQUE or a class", suggestion="UNIQUE", token=before)


def _known(cursor: Cursor, query: Query) -> QueryError | None:
    """The word, or the one before it, is a word of SQL or English."""
    word, follows, before = cursor.token.text.upper(), cursor.ahead(), cursor.tokens[cursor.index - 1]
    if word == "GROUP" and follows.keyword == "BY":
        message = "Remove GROUP BY: the plain items of RETURN group."
        return cursor.error(cursor.after, message, suggestion="RETURN with the plain items")
    if word == "SORT" and follows.keyword == "BY":
        at = cursor.stretch(cursor.token, follows)
        return cursor.error(cursor.after, "J1QL writes ORDER BY.", suggestion="ORDER BY", at=at)
    if word == "OPTIONAL" and follows.keyword == "THAT":
        message = "A hop is made optional by brackets around all of it and ? after them."
        return cursor.error(cursor.after, message, suggestion="(THAT … )?")
    if word in _SYNONYMS and _fits(_SYNONYMS[word], query):
        message = f"J1QL writes {_SYNONYMS[word]} for {shown(cursor.token)}."
        return cursor.error(cursor.after, message, suggestion=_SYNONYMS[word])
    return _led(cursor, query, before)


def _fits(keyword: str, query: Query) -> bool:
    """Whether this keyword may stand here: THAT before WHERE and RETURN, the others after the steps."""
    late = query.where is not None or query.returns is not None
    return not late if keyword == "THAT" else True


def _led(cursor: Cursor, query: Query, before: Token) -> QueryError | None:
    """The word before it was read as a class or a column and is none."""
    word = before.text.upper()
    both = cursor.stretch(before, cursor.token)
    if word == "DISTINCT":
        message = "Rows that are equal are shown once by FIND UNIQUE."
        if query.returns is None:
            return cursor.error("UNIQUE or a class", message, suggestion="UNIQUE", token=before)
        return cursor.error("UNIQUE after FIND", message, suggestion="FIND UNIQUE", token=before)
    if word in _ARTICLES and cursor.after == AFTER_SELECTOR:
        message = f"{before.text} is read as a class or type here; leave it out."
        return cursor.error("a class or a type", message, suggestion=cursor.token.text, at=both)
    if query.returns is not None and before.text.lower() in SIGNATURES:
        name = before.text.lower()
        argument = cursor.path_at(cursor.index)
        message = f"The argument of {name} stands in brackets."
        return cursor.error("(", message, suggestion=f"{name}({argument})", at=both)
    return None


def _condition(cursor: Cursor, query: Query) -> QueryError | None:
    """`FIND Host active = true`: a test whose WITH, AND or WHERE is missing."""
    path = cursor.path_at(cursor.index)
    operator = cursor.ahead(2 * path.count(".") + 1)
    if operator.kind not in (Kind.OPERATOR, Kind.MISSPELT):
        return _column(cursor, path) if "." in path and query.returns is None and not query.order else None
    if cursor.after == AFTER_SELECTOR:
        message, suggestion = "A condition on an entity begins with WITH.", f"WITH {path}"
    elif cursor.after == AFTER_FILTER or (query.where is not None and query.returns is None):
        message, suggestion = "Conditions are joined by AND or OR.", f"AND {path}"
    elif cursor.after == AFTER_ALIAS:
        selector = "" if "." in path else f"{cursor.tokens[cursor.index - 1].text}."
        message, suggestion = "After an alias a condition begins with WHERE.", f"WHERE {selector}{path}"
    else:
        return None
    return cursor.error(cursor.after, message, suggestion=suggestion)


def _column(cursor: Cursor, path: str) -> QueryError:
    message = "The columns of the result are asked for by RETURN."
    return cursor.error(cursor.after, message, suggestion=f"RETURN {path}")


def _negated(cursor: Cursor) -> QueryError | None:
    """`THAT IS NOT Person`, `THAT NOT HAS x`, `THAT DOES NOT HAVE x`: J1QL negates by ! before the verb."""
    one, two, three = (cursor.tokens[max(0, cursor.index - count)] for count in (1, 2, 3))
    word = cursor.token.text
    if one.text.upper() == "NOT" and two.text.upper() in ("DOES", "DO") and three.keyword == "THAT":
        first, verb = three, "HAS" if word.upper() == "HAVE" else word
        at, rest = cursor.stretch(first, cursor.token), ""
    elif one.text.upper() == "NOT" and three.keyword == "THAT":
        at, verb, rest = cursor.stretch(three, cursor.token), two.text, f" {word}"
    elif two.text.upper() == "NOT" and three.keyword == "THAT":
        at, verb, rest = cursor.stretch(three, cursor.token), one.text, f" {word}"
    else:
        return None
    message = "A relationship is negated by ! before its verb."
    return cursor.error("a verb", message, suggestion=f"THAT !{verb}{rest}", at=at)


def _slip(cursor: Cursor) -> QueryError | None:
    word = cursor.token.text
    keyword = nearest(word, KEYWORDS - _NEVER_MEANT) if len(word) > 2 else None
    return cursor.error(cursor.after, suggestion=keyword) if keyword else None


def _in_return(cursor: Cursor, query: Query) -> QueryError | None:
    """After RETURN, WHERE or ORDER BY no relationship follows: a comma, a quote or an AS is missing."""
    if query.where is None and query.returns is None and not query.order:
        return None
    token, before, leader = cursor.token, *(cursor.tokens[cursor.index - count] for count in (1, 2))
    path = cursor.path_at(cursor.index)
    if leader.keyword == "AS" and query.returns is not None and "." not in path:
        message = "A column name of several words is quoted."
        at = cursor.stretch(before, token)
        return cursor.error(cursor.after, message, suggestion=f"'{before.value} {path}'", at=at)
    if "." in path and query.returns is not None:
        message = "The items are separated by commas."
        return cursor.error(cursor.after, message, suggestion=f", {path}")
    plain = query.returns is not None and query.limit is None and not query.order
    return cursor.error(cursor.after, suggestion=f"AS {token.text}" if plain else "")


def _relationship(cursor: Cursor) -> QueryError:
    word, follows = cursor.token.text, cursor.ahead()
    if follows.keyword == "THAT":
        at = cursor.stretch(cursor.token, follows)
        return cursor.error(cursor.after, "THAT stands before the verb.", suggestion=f"THAT {word}", at=at)
    if is_name(follows) or follows.text in ("(", "*", "#", ">>", "<<", "!") or follows.kind is Kind.STRING:
        message = f"A relationship such as {shown(cursor.token)} is introduced by THAT."
        return cursor.error(cursor.after, message, suggestion=f"THAT {word}")
    if cursor.after == AFTER_ALIAS:
        before = cursor.tokens[cursor.index - 1]
        at = cursor.stretch(before, cursor.token)
        return cursor.error(cursor.after, "An alias is one word.", suggestion=f"{before.text}_{word}", at=at)
    return cursor.error(cursor.after, suggestion=f"AS {word}")

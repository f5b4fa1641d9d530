"""Leftovers: a token that continues nothing → the error that says what its writer meant (section 17)."""

from __future__ import annotations

from secgraph.errors import QueryError
from secgraph.j1ql.advice import nearest
from secgraph.j1ql.cursor import AFTER_FILTER, AFTER_SELECTOR, Cursor, is_name, shown
from secgraph.j1ql.lexer import KEYWORDS, Kind
from secgraph.j1ql.nodes import Query, Tree

_ORDER = ("THAT", "WHERE", "RETURN", "HAVING", "ORDER", "SKIP", "LIMIT")
_SHOWN = {"ORDER": "ORDER BY"}
_NEVER_MEANT = frozenset({"TRUE", "FALSE", "UNDEFINED", "NULL", "AS"})
"""Keywords that a stray word is no slip of: values never stand there, and HAS, so near to AS, is a verb."""


def leftover(cursor: Cursor, query: Query) -> QueryError:
    """The error at the next token, after everything that belongs to `query` was read."""
    token = cursor.token
    if token.keyword in _ORDER:
        return _misplaced(cursor, query)
    if token.keyword == "WITH":
        message = "WITH belongs directly after a class or type, before AS."
        return cursor.error(cursor.after, message, suggestion="WITH goes before AS")
    if token.text == "(":
        return cursor.error(cursor.after)
    if token.text in (",", "|") and cursor.after == AFTER_FILTER:
        suggestion = "AND" if token.text == "," else "OR"
        return cursor.error(cursor.after, "Conditions are joined by AND or OR.", suggestion=suggestion)
    if token.text == "," and cursor.after == AFTER_SELECTOR:
        message = "Several classes or types are written (A|B)."
        return cursor.error(cursor.after, message, suggestion="|")
    if token.kind is Kind.WORD and not token.keyword:
        return _word(cursor, query)
    return cursor.error(cursor.after)


def _misplaced(cursor: Cursor, query: Query) -> QueryError:
    """A clause out of order: it belongs before the first clause that is already there and comes later."""
    keyword = cursor.token.keyword
    present = _present(query)
    shown_keyword = _SHOWN.get(keyword, keyword)
    if keyword == "HAVING" and isinstance(query.returns, Tree | None):
        message = "HAVING filters result columns, so it follows the columns of RETURN."
        return cursor.error(cursor.after, message, suggestion="WHERE")
    later = [clause for clause in present if _ORDER.index(clause) > _ORDER.index(keyword)]
    if keyword in present:
        twice = {"WHERE": "AND", "RETURN": ",", "HAVING": "AND", "ORDER": ","}
        message = f"There is one {shown_keyword} already."
        return cursor.error(cursor.after, message, suggestion=twice.get(keyword, ""))
    if not later:
        return cursor.error(cursor.after)
    advice = f"{shown_keyword} goes before {_SHOWN.get(later[0], later[0])}"
    return cursor.error(
        "end of query" if isinstance(query.returns, Tree) else cursor.after, f"{advice}.", suggestion=advice
    )


def _present(query: Query) -> list[str]:
    there = {
        "WHERE": query.where is not None,
        "RETURN": query.returns is not None,
        "HAVING": query.having is not None,
        "ORDER": bool(query.order),
        "SKIP": query.skip is not None,
        "LIMIT": query.limit is not None,
    }
    return [clause for clause in _ORDER if there.get(clause)]


def _word(cursor: Cursor, query: Query) -> QueryError:
    """A stray word: a keyword with a slip, GROUP BY, a verb without THAT, an alias without AS."""
    word, follows = cursor.token.text, cursor.ahead()
    if word.upper() == "GROUP" and follows.keyword == "BY":
        message = "Remove GROUP BY: the plain items of RETURN group."
        return cursor.error(cursor.after, message, suggestion="RETURN with the plain items")
    keyword = nearest(word, KEYWORDS - _NEVER_MEANT)
    if keyword and len(word) > 2:
        return cursor.error(cursor.after, suggestion=keyword)
    if query.where is not None or query.returns is not None or query.order:
        return cursor.error(cursor.after, suggestion=f"AS {word}" if query.returns else "")
    if is_name(follows) or follows.text in ("(", "*", "#", ">>", "<<", "!") or follows.kind is Kind.STRING:
        message = f"A relationship such as {shown(cursor.token)} is introduced by THAT."
        return cursor.error(cursor.after, message, suggestion=f"THAT {word}")
    return cursor.error(cursor.after, suggestion=f"AS {word}")

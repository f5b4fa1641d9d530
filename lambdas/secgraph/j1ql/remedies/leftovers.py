"""Leftovers: a token that continues nothing → the error that says what its writer meant (section 17).

Clauses out of order and signs stand here, words in strangers.
"""

from __future__ import annotations

from secgraph.errors import QueryError
from secgraph.j1ql.nodes import Query, Tree
from secgraph.j1ql.remedies.noproperty import repeated_value
from secgraph.j1ql.remedies.strangers import misspelt_unique, stranger
from secgraph.j1ql.text.advice import short
from secgraph.j1ql.text.cursor import (
    AFTER_ALIAS,
    AFTER_BLOCK,
    AFTER_FILTER,
    AFTER_SELECTOR,
    Cursor,
    is_name,
    last_step,
)
from secgraph.j1ql.text.lexer import Kind, Token

_ORDER = ("THAT", "WHERE", "RETURN", "HAVING", "ORDER", "SKIP", "LIMIT")
_SHOWN = {"ORDER": "ORDER BY"}


def leftover(cursor: Cursor, query: Query) -> QueryError:
    """The error at the next token, after everything that belongs to `query` was read."""
    token = cursor.token
    if cursor.repeats():
        return cursor.error(cursor.after)
    if misspelt := misspelt_unique(cursor):
        return misspelt
    if token.keyword in _ORDER:
        return _misplaced(cursor, query)
    if token.keyword:
        return _keyword(cursor)
    if token.kind is Kind.END:
        return cursor.error(cursor.after, "This query in brackets is not closed.", suggestion=")")
    if token.kind is Kind.WORD:
        return stranger(cursor, query)
    if token.kind is Kind.NUMBER and cursor.tokens[cursor.index - 1].text.upper() in ("TOP", "FIRST"):
        message = f"The number of results stands at the end of the query: LIMIT {token.text}."
        return cursor.error(cursor.after, message, suggestion=f"LIMIT {token.text}")
    if token.kind in (Kind.STRING, Kind.NUMBER) and cursor.after == AFTER_FILTER:
        return repeated_value(cursor, cursor.after) or cursor.error(cursor.after)
    return _sign(cursor, query)


# ── keywords ──────────────────────────────────────────────────────────────────────────────────────────


def _keyword(cursor: Cursor) -> QueryError:
    keyword = cursor.token.keyword
    if keyword == "WITH" and cursor.after == AFTER_BLOCK:
        message = "An optional block takes no WITH; filter inside it, or in WHERE."
        return cursor.error(cursor.after, message, suggestion="WHERE")
    if keyword == "WITH":
        message = "WITH belongs directly after a class or type, before AS."
        return cursor.error(cursor.after, message, suggestion="WITH goes before AS")
    if keyword in ("AND", "OR"):
        return _joint(cursor)
    if keyword == "FIND":
        message = "A query has one FIND; the next query is asked on its own."
        return cursor.error(cursor.after, message)
    if keyword == "RELATES":
        message = "A relationship is introduced by THAT."
        return cursor.error(cursor.after, message, suggestion="THAT RELATES")
    if keyword == "TREE":
        return cursor.error(cursor.after, "A tree is asked for by RETURN TREE.", suggestion="RETURN TREE")
    if keyword == "TO" and cursor.tokens[cursor.index - 1].text.upper() == "RELATED":
        return cursor.error(cursor.after, "Any relationship is RELATES TO.", suggestion="THAT RELATES TO")
    if keyword == "AS":
        return cursor.error(cursor.after, "There is an alias already.")
    return cursor.error(cursor.after)


def _joint(cursor: Cursor) -> QueryError:
    """AND or OR where no condition stands before it: a class, a step, or a filter without its word."""
    follows, third = cursor.ahead(), cursor.ahead(2)
    if follows.keyword == "THAT":
        message = "Steps follow each other without AND; each goes on from the entity before it."
        return cursor.error(cursor.after, message, suggestion="THAT")
    compared = third.kind in (Kind.OPERATOR, Kind.MISSPELT) or third.text == "."
    if is_name(follows) and compared and cursor.after in (AFTER_SELECTOR, AFTER_ALIAS):
        word = "WITH" if cursor.after == AFTER_SELECTOR else "WHERE"
        return cursor.error(cursor.after, f"The first condition follows {word}.", suggestion=word)
    if is_name(follows) and (is_name(third) or third.text in ("(", "*")):
        message = "The next relationship is introduced by THAT."
        return cursor.error(cursor.after, message, suggestion="THAT")
    return _several(cursor) if cursor.after == AFTER_SELECTOR else cursor.error(cursor.after)


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


# ── signs ─────────────────────────────────────────────────────────────────────────────────────────────


def _sign(cursor: Cursor, query: Query) -> QueryError:
    text = cursor.token.text
    if text == ")":
        return cursor.error(cursor.after, "This bracket closes nothing.")
    if text in (",", "|"):
        return _listed(cursor, query)
    if text == "-":
        return _dash(cursor)
    if text == "?" and cursor.after in (AFTER_SELECTOR, AFTER_FILTER, AFTER_ALIAS):
        step = last_step(cursor)
        message = "A hop is made optional by brackets around all of it and ? after them."
        return cursor.error(cursor.after, message, suggestion=f"({step})?" if step else "")
    if text == "#" and is_name(cursor.ahead()):
        return _hash(cursor)
    if text == "." and cursor.after == AFTER_SELECTOR and is_name(cursor.ahead()):
        message = "A property of this entity is tested after WITH."
        return cursor.error(cursor.after, message, suggestion=f"WITH {cursor.ahead().text}")
    if text == "!" and cursor.ahead().keyword == "THAT" and is_name(cursor.ahead(2)):
        suggestion = f"THAT !{cursor.ahead(2).text}"
        return cursor.error(cursor.after, "The ! stands before the verb.", suggestion=suggestion)
    if text in ("+", "*", "/", "^") and cursor.after == AFTER_FILTER:
        message = "Arithmetic stands in RETURN, HAVING and ORDER BY, not in WITH or WHERE."
        return cursor.error(cursor.after, message)
    return cursor.error(cursor.after)


def _listed(cursor: Cursor, query: Query) -> QueryError:
    """A comma or a bar where no list is."""
    text, follows = cursor.token.text, cursor.ahead()
    if cursor.after == AFTER_FILTER:
        suggestion = "AND" if text == "," else "OR"
        return cursor.error(cursor.after, "Conditions are joined by AND or OR.", suggestion=suggestion)
    if cursor.after == AFTER_SELECTOR:
        return _several(cursor)
    if cursor.after == AFTER_ALIAS and not query.steps:
        message = "A query starts at one entity and goes on from there by THAT and a relationship."
        return cursor.error(cursor.after, message, suggestion="THAT RELATES TO")
    if query.limit is not None and follows.kind is Kind.NUMBER:
        message = "LIMIT says how many, SKIP after how many."
        return cursor.error(cursor.after, message, suggestion=f"SKIP {query.limit} LIMIT {follows.text}")
    if text == "|" and query.returns is not None:
        second = cursor.index + 1 + (follows.text == "|")
        parts = f"{cursor.path_before(cursor.index)}, {cursor.path_at(second)}"
        message = "Texts are put together by concat."
        return cursor.error(cursor.after, message, suggestion=f"concat({parts})")
    return cursor.error(cursor.after)


def _several(cursor: Cursor) -> QueryError:
    """`FIND A, B`, `FIND A OR B`: several classes at one place."""
    before, follows = cursor.tokens[cursor.index - 1], cursor.ahead()
    message = "Several classes or types are written (A|B)."
    if not (is_name(before) and is_name(follows)):
        return cursor.error(cursor.after, message, suggestion="|")
    names, index = [before.text], cursor.index
    while _separates(cursor.tokens[index]) and is_name(cursor.tokens[index + 1]):
        names.append(cursor.tokens[index + 1].text)
        index += 2
    return cursor.error(cursor.after, message, suggestion=short(f"({'|'.join(names)})", 200))


def _separates(token: Token) -> bool:
    return token.text in (",", "|") or token.keyword in ("AND", "OR")


def _dash(cursor: Cursor) -> QueryError:
    """A hyphen in a name, a comment of SQL, an arrow of Cypher."""
    before, follows = cursor.tokens[cursor.index - 1], cursor.ahead()
    if follows.text == "-":
        return cursor.error(cursor.after, "A comment begins with //.", suggestion="//")
    if follows.kind is Kind.BRACKET:
        message = "A relationship is introduced by THAT; its arrow is >> or << after the verb."
        return cursor.error(cursor.after, message, suggestion=f"THAT {follows.value.strip(':').upper()} >>")
    if not is_name(follows) or before.end != cursor.token.start:
        return cursor.error(cursor.after)
    leader = cursor.tokens[cursor.index - 2]
    if leader.text == "#":
        message, name = "This name needs brackets.", f"#[{before.text}-{follows.text}]"
    elif leader.keyword == "AS" and cursor.after not in (AFTER_ALIAS, AFTER_SELECTOR):
        message, name = (
            "A column name with other than letters, digits and _ is quoted.",
            f"'{before.text}-{follows.text}'",
        )
    else:
        message, name = "This name holds letters, digits and _ only.", f"{before.text}_{follows.text}"
    first = leader if leader.text == "#" else before
    return cursor.error(cursor.after, message, suggestion=name, at=cursor.stretch(first, follows))


def _hash(cursor: Cursor) -> QueryError:
    follows = cursor.ahead()
    if cursor.token.end != follows.start:
        return cursor.error(cursor.after, "A comment begins with //.", suggestion="//")
    message = "A selector takes one smart class, before its class; another one is a condition."
    return cursor.error(cursor.after, message, suggestion=f"WITH tag.{follows.text} = true")

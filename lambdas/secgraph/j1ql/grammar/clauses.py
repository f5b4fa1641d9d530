"""Clauses after the steps: WHERE, RETURN, HAVING, ORDER BY, SKIP, LIMIT (j1ql.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from secgraph.j1ql.grammar.expressions import expression, key
from secgraph.j1ql.grammar.filters import conditions
from secgraph.j1ql.grammar.values import Clause, number
from secgraph.j1ql.nodes import Column, Everything, Filter, Key, Record, Tree
from secgraph.j1ql.text.cursor import Cursor, is_name, shown
from secgraph.j1ql.text.lexer import Kind

MAX_COLUMNS = 250
"""Most items of RETURN and most keys of ORDER BY: beyond, planning takes longer than answering."""

MAX_COUNT = 2**53
"""Largest SKIP and LIMIT: what a double holds exactly."""


@dataclass(slots=True)
class Clauses:
    """What stands after the steps, filled in the order of the grammar."""

    where: Filter | None = None
    returns: Tree | tuple[Column, ...] | None = None
    having: Filter | None = None
    order: tuple[Key, ...] = ()
    skip: int | None = None
    limit: int | None = None


def clauses(cursor: Cursor) -> Clauses:
    """Read the clauses that are there; what is left over is the caller's to refuse."""
    found = Clauses()
    if cursor.word("WHERE"):
        found.where = conditions(cursor, Clause.WHERE)
        cursor.after = "AND, OR, RETURN, ORDER BY, SKIP, LIMIT or end of query"
    if cursor.word("RETURN"):
        found.returns = _returns(cursor)
        if isinstance(found.returns, tuple) and cursor.word("HAVING"):
            found.having = conditions(cursor, Clause.HAVING)
            cursor.after = "AND, OR, ORDER BY, SKIP, LIMIT or end of query"
    if cursor.at_word("ORDER"):
        found.order = _order(cursor)
    _paging(cursor, found)
    return found


def _returns(cursor: Cursor) -> Tree | tuple[Column, ...]:
    token = cursor.token
    if cursor.at_word("TREE") and not _continues(cursor):
        cursor.take()
        cursor.after = "end of query"
        return Tree(token.at)
    columns = [_column(cursor)]
    while cursor.symbol(","):
        _bound(cursor, len(columns), "RETURN")
        columns.append(_column(cursor))
    return tuple(columns)


def _bound(cursor: Cursor, count: int, clause: str) -> None:
    if count >= MAX_COLUMNS:
        message = f"{clause} takes {MAX_COLUMNS} items at most."
        raise cursor.error("fewer items", message, code="LIMITS")


def _continues(cursor: Cursor) -> bool:
    """Whether `tree` is the alias of a record here: `tree.x`, `tree[x]`, `tree AS t`, `tree, y`."""
    follows = cursor.ahead()
    return follows.text in (".", ",") or follows.kind is Kind.BRACKET or follows.keyword == "AS"


def _column(cursor: Cursor) -> Column:
    first = cursor.token
    if cursor.at_symbol("*"):
        message = "RETURN * is not known; return TREE, or every property of a record with x.*."
        raise cursor.error("a property, a record or TREE", message, suggestion="TREE, or x.*")
    item = expression(cursor)
    if isinstance(item, Record) and cursor.symbol("."):
        cursor.take()
        cursor.after = "a comma, HAVING, ORDER BY, SKIP, LIMIT or end of query"
        if cursor.at_word("AS"):
            message = f"{item.selector}.* is many columns, which cannot share one name."
            raise cursor.error("a comma or end of query", message)
        return Column(Everything(item.selector, cursor.span(first)), None, cursor.span(first))
    cursor.after = "a comma, AS, HAVING, ORDER BY, SKIP, LIMIT or end of query"
    name = _column_name(cursor) if cursor.word("AS") else None
    return Column(item, name, cursor.span(first))


def _column_name(cursor: Cursor) -> str:
    token = cursor.token
    if not (is_name(token) or token.kind in (Kind.STRING, Kind.BRACKET)):
        suggestion = f"'{token.text}'" if token.keyword else ""
        raise cursor.error("a column name, quoted unless it is a plain word", suggestion=suggestion)
    cursor.after = "a comma, HAVING, ORDER BY, SKIP, LIMIT or end of query"
    return cursor.take().value


def _order(cursor: Cursor) -> tuple[Key, ...]:
    cursor.take()
    if not cursor.word("BY"):
        raise cursor.error("BY", suggestion=f"BY {cursor.token.text}" if cursor.at_name() else "BY")
    keys = [_key(cursor)]
    while cursor.symbol(","):
        _bound(cursor, len(keys), "ORDER BY")
        keys.append(_key(cursor))
    cursor.after = "a comma, ASC, DESC, SKIP, LIMIT or end of query"
    return tuple(keys)


def _key(cursor: Cursor) -> Key:
    first = cursor.token
    if cursor.at_word("ASC", "DESC") and is_name(cursor.ahead()) and not cursor.ahead().keyword:
        message = f"{first.text} stands after what it sorts."
        suggestion = f"{cursor.path_at(cursor.index + 1)} {first.text}"
        raise cursor.error("a column or a property", message, suggestion=suggestion)
    found = key(cursor)
    at = cursor.span(first)
    descending = cursor.word("DESC") is not None
    if not descending:
        cursor.word("ASC")
    return Key(found, descending, at)


def _paging(cursor: Cursor, found: Clauses) -> None:
    while cursor.at_word("SKIP", "LIMIT"):
        if cursor.at_word("SKIP") and found.skip is None:
            found.skip = _count(cursor, 0)
        elif cursor.at_word("LIMIT") and found.limit is None:
            found.limit = _count(cursor, 1)
        else:
            return
        cursor.after = "end of query"


def _count(cursor: Cursor, least: int) -> int:
    cursor.take()
    first = cursor.token
    expected = f"a whole number of {least} or more"
    negative = cursor.symbol("-") is not None
    if cursor.token.kind is not Kind.NUMBER:
        raise cursor.error(expected)
    written = shown(cursor.token)
    value = number(cursor)
    if negative or value < least or not value.is_integer() or value > MAX_COUNT:
        message = f"Expected {expected}, but found {'-' * negative}{written}."
        raise cursor.error(expected, message, token=first, code="RANGE")
    return int(value)

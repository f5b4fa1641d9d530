"""Filters of WITH, WHERE and HAVING: tests joined by AND and OR (j1ql.md sections 3 and 5)."""

from __future__ import annotations

from secgraph.j1ql.grammar.expressions import key
from secgraph.j1ql.grammar.values import Clause, is_moment, right, where_path, whole_moment, with_path
from secgraph.j1ql.nodes import And, Comparison, Expr, Filter, Op, Or, Path
from secgraph.j1ql.remedies.noproperty import is_foreign, no_property
from secgraph.j1ql.remedies.operators import operator
from secgraph.j1ql.text.cursor import Cursor
from secgraph.j1ql.text.lexer import Kind

_MIRRORED = {">": Op.LT, "<": Op.GT, ">=": Op.LE, "<=": Op.GE}
"""The operator seen from the other side: a moment may stand left (section 5)."""


def conditions(cursor: Cursor, clause: Clause) -> Filter:
    """`filter`: AND binds tighter than OR; neither nests directly in itself."""
    choices: list[Filter] = []
    while not choices or cursor.word("OR"):
        found = _all(cursor, clause)
        choices += found.items if isinstance(found, Or) else (found,)
    return Or(tuple(choices)) if len(choices) > 1 else choices[0]


def _all(cursor: Cursor, clause: Clause) -> Filter:
    tests: list[Filter] = []
    while not tests or cursor.word("AND"):
        found = _test(cursor, clause)
        tests += found.items if isinstance(found, And) else (found,)
    return And(tuple(tests)) if len(tests) > 1 else tests[0]


def _test(cursor: Cursor, clause: Clause) -> Filter:
    if cursor.at_symbol("(") and not (clause is Clause.HAVING and _is_arithmetic(cursor)):
        return _group(cursor, clause)
    first = cursor.token
    if clause is not Clause.HAVING and is_moment(cursor):
        return _moment_first(cursor, clause)
    left = _left(cursor, clause)
    op = operator(cursor, cursor.span(first).length)
    return Comparison(left, op, right(cursor, clause), first.at)


def _group(cursor: Cursor, clause: Clause) -> Filter:
    cursor.enter()
    cursor.take()
    found = conditions(cursor, clause)
    if cursor.at_name():
        message = "Conditions are joined by AND or OR."
        raise cursor.error("AND, OR or )", message, suggestion=f"AND {cursor.path_at(cursor.index)}")
    cursor.expect(")", "AND, OR or )")
    cursor.leave()
    return found


def _is_arithmetic(cursor: Cursor) -> bool:
    """Whether the bracket belongs to an expression, `(a + b) * 2 > 1`: then no test stands inside it."""
    depth = 0
    for token in cursor.tokens[cursor.index :]:
        depth += (token.text == "(") - (token.text == ")")
        if token.kind is Kind.OPERATOR or depth == 0:
            return depth == 0
    return False


def _moment_first(cursor: Cursor, clause: Clause) -> Comparison:
    """`date.now - 7 days > lastSeenOn`, turned round."""
    first = cursor.token
    value = whole_moment(cursor)
    mirrored = _MIRRORED.get(cursor.token.text)
    if mirrored is None:
        raise cursor.error("<, >, <= or >=")
    cursor.take()
    return Comparison(_property(cursor, clause), mirrored, value, first.at)


def _left(cursor: Cursor, clause: Clause) -> Path | Expr:
    return key(cursor) if clause is Clause.HAVING else _property(cursor, clause)


def _property(cursor: Cursor, clause: Clause) -> Path:
    token, follows = cursor.token, cursor.ahead()
    named = follows.kind is Kind.OPERATOR or follows.text == "."
    if token.kind is Kind.BRACKET:
        return with_path(cursor) if clause is Clause.WITH else where_path(cursor)
    if token.kind is Kind.WORD and (named or not (token.keyword or is_foreign(cursor))):
        return with_path(cursor) if clause is Clause.WITH else where_path(cursor)
    raise no_property(cursor, "a property" if clause is Clause.WITH else "selector.property")

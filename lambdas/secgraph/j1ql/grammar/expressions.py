"""Expressions of RETURN, HAVING and ORDER BY: arithmetic, functions, properties (j1ql.md section 13)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from secgraph.j1ql.grammar.values import CONSTANTS, is_moment, moment, number, parts
from secgraph.j1ql.nodes import Arithmetic, Call, Expr, Literal, Name, Negative, Path, Record
from secgraph.j1ql.text.cursor import Cursor, is_name
from secgraph.j1ql.text.lexer import Kind

EXPECTED = "a property such as x.name, a value or a function"
_OPERATORS = ("+", "-", "*", "/", "^")


def key(cursor: Cursor) -> Expr:
    """The left side of HAVING or a key of ORDER BY: a column name (bare, quoted or in brackets) or `expr`."""
    token = cursor.token
    follows = cursor.ahead()
    alone = follows.text not in (".", "(", *_OPERATORS) and follows.kind is not Kind.BRACKET
    word = is_name(token) or (token.keyword != "" and follows.kind is Kind.OPERATOR)
    if alone and (word or token.kind in (Kind.STRING, Kind.BRACKET)):
        return Name(token.value, cursor.take().at)
    return _single(cursor, expression(cursor))


def expression(cursor: Cursor) -> Expr:
    """`expr`, or a whole record standing alone."""
    return _chain(cursor, ("+", "-"), _term)


def _term(cursor: Cursor) -> Expr:
    return _chain(cursor, ("*", "/"), _unary)


def _chain(cursor: Cursor, operators: tuple[str, str], operand: Callable[[Cursor], Expr]) -> Expr:
    """Operands joined to the left. A chain counts as nesting, for its tree is as deep as it is long."""
    first, depth = cursor.token, cursor.depth
    left = operand(cursor)
    while cursor.at_symbol(operators[0]) or cursor.at_symbol(operators[1]):
        cursor.enter()
        operator = cursor.take().text
        left, right = _single(cursor, left), _single(cursor, operand(cursor))
        left = Arithmetic(operator, left, right, cursor.span(first))
    cursor.depth = depth
    return left


def _unary(cursor: Cursor) -> Expr:
    first = cursor.token
    if not cursor.symbol("-"):
        return _power(cursor)
    cursor.enter()
    operand = _single(cursor, _unary(cursor))
    cursor.leave()
    return Negative(operand, cursor.span(first))


def _power(cursor: Cursor) -> Expr:
    """`^` binds to the right and before a minus: `-2 ^ 2` is -4, `2 ^ -1` a half."""
    first = cursor.token
    base = _atom(cursor)
    if not cursor.symbol("^"):
        return base
    cursor.enter()
    exponent = _single(cursor, _unary(cursor))
    cursor.leave()
    return Arithmetic("^", _single(cursor, base), exponent, cursor.span(first))


def _single(cursor: Cursor, found: Expr) -> Expr:
    """`found`, which must have one value: a whole record cannot be reckoned with or sorted by."""
    if isinstance(found, Record):
        message = f"{found.selector} is a whole record; name one of its properties."
        error = cursor.error("a property such as x.name", message, suggestion=f"{found.selector}.name")
        error.at = found.at
        raise error
    return found


def _atom(cursor: Cursor) -> Expr:
    token = cursor.token
    if is_moment(cursor):
        return moment(cursor)
    if token.keyword in ("TRUE", "FALSE"):
        return Literal(CONSTANTS[token.keyword], cursor.take().at)
    if token.kind is Kind.NUMBER:
        return Literal(number(cursor), token.at)
    if token.kind is Kind.STRING:
        return Literal(token.value, cursor.take().at)
    if cursor.at_symbol("("):
        return _group(cursor)
    if token.keyword == "UNIQUE":
        message = "UNIQUE stands once, after FIND; it then holds for whole rows."
        raise cursor.error(EXPECTED, message, suggestion="FIND UNIQUE")
    if not is_name(token):
        raise cursor.error(EXPECTED)
    return _call(cursor) if cursor.ahead().text == "(" else _reference(cursor)


def _group(cursor: Cursor) -> Expr:
    cursor.enter()
    cursor.take()
    found = _single(cursor, expression(cursor))
    message = "The items stand without brackets, separated by commas." if cursor.at_symbol(",") else ""
    cursor.expect(")", ")", message=message)
    cursor.leave()
    return found


def _reference(cursor: Cursor) -> Path | Record:
    """`x.name`, or `x` alone. `x.*` is taken up to `x`; RETURN looks for the rest."""
    first = cursor.token
    if cursor.ahead().text == "." and cursor.ahead(2).text == "*":
        return Record(cursor.take().value, first.at)
    selector, *names = parts(cursor)
    return Path(selector, ".".join(names), cursor.span(first)) if names else Record(selector, first.at)


def _call(cursor: Cursor) -> Call:
    """A function. Whether it exists and takes such arguments is asked later (names, types)."""
    first = cursor.take()
    cursor.enter()
    cursor.take()
    _refuse_distinct(cursor, first.text)
    arguments: list[Expr] = []
    star = cursor.symbol("*") is not None
    if cursor.at_symbol(")") and not star:
        message = f"{first.text} needs something between its brackets."
        raise cursor.error(EXPECTED, message, suggestion="count(*)" if first.text.lower() == "count" else "")
    if not star:
        arguments.append(expression(cursor))
        while cursor.symbol(","):
            arguments.append(expression(cursor))
    message = f"The bracket of {first.text} is not closed." if cursor.token.keyword else ""
    cursor.expect(")", ")" if star else "a comma or )", suggestion=")" if message else "", message=message)
    cursor.leave()
    return Call(first.value.lower(), tuple(arguments), star, cursor.span(first))


def _refuse_distinct(cursor: Cursor, function: str) -> None:
    token, follows = cursor.token, cursor.ahead()
    if token.text.lower() != "distinct" or not (is_name(follows) or follows.text == "("):
        return
    name = function.lower()
    suggestion = f"{name}({_rest(cursor)})"
    note = ", which is distinct already" if name == "count" else ""
    message = f"DISTINCT is no word of J1QL; {name} takes each record or value once."
    raise cursor.error("a selector", message, suggestion=suggestion + note)


def _rest(cursor: Cursor) -> str:
    """The tokens after the next one up to a closing bracket."""
    following = cursor.tokens[cursor.index + 1 :]
    return "".join(token.text for token in takewhile(lambda token: token.text != ")", following))

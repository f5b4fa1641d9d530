"""Parser: the text of an expression → its tree. Raises ExpressionError with place and remedy."""

from __future__ import annotations

from typing import Final

from secgraph.graph.search import is_double
from secgraph.j1ql.text.advice import nearest, short
from secgraph.rules.expressions.cursor import ENGLISH, Cursor
from secgraph.rules.expressions.lexer import Kind, Token, place, scan
from secgraph.rules.expressions.nodes import (
    LEVELS,
    Array,
    Binary,
    Choice,
    Expr,
    Index,
    Literal,
    Name,
    Object,
    Property,
    Relative,
    Transform,
    Unary,
    Where,
)
from secgraph.rules.expressions.signatures import TRANSFORMS, takes
from secgraph.rules.expressions.values import number

MAX_DIGITS: Final = 40
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}


def parse(text: str) -> Expr:
    """Read an expression that is the whole of a text. Raises ExpressionError."""
    tokens, _ = scan(text, 0, embedded=False)
    return read(text, tokens, [])


def read(text: str, tokens: tuple[Token, ...], notes: list[str]) -> Expr:
    """Read the tokens of one expression inside `text`. Raises ExpressionError; `notes` takes what an author
    may have meant differently."""
    cursor = Cursor(text, tokens, notes)
    if cursor.at_end():
        raise cursor.error("an expression is due here, such as queries.query0.total")
    found = _choice(cursor)
    if not cursor.at_end():
        raise cursor.unexpected("an operator or the end")
    return found


# ── operators ─────────────────────────────────────────────────────────────────────────────────────────


def _choice(cursor: Cursor) -> Expr:
    cursor.enter()
    found = _binary(cursor, 0)
    if cursor.symbol("?"):
        then = None if cursor.at(":") else _choice(cursor)
        cursor.expect(":", "`:` and what the value is otherwise")
        found = Choice(found, then, _choice(cursor))
    cursor.depth -= 1
    return found


def _binary(cursor: Cursor, floor: int) -> Expr:
    """Operators that bind at least as tightly as `floor`. A chain is a tree as deep as it is long."""
    depth, grouped = cursor.depth, cursor.at("(")
    left = _unary(cursor)
    while (level := _level(cursor.token)) >= max(floor, 1):
        cursor.enter()
        token = cursor.take()
        if token.text == "&&" and isinstance(left, Binary) and left.operator == "||" and not grouped:
            line = place(cursor.text, token.start)
            cursor.notes.append(
                f"column {line.column}: `||` before `&&` is read from left to right, as JEXL does; "
                "write brackets around what belongs together"
            )
        left, grouped = Binary(token.text, left, _binary(cursor, level + 1)), False
    cursor.depth = depth
    return left


def _level(token: Token) -> int:
    operator = token.kind is Kind.SYMBOL or (token.kind is Kind.NAME and token.text == "in")
    return LEVELS.get(token.text, 0) if operator else 0


def _unary(cursor: Cursor) -> Expr:
    for operator in ("!", "-"):
        if cursor.at(operator):
            cursor.enter()
            token = cursor.take()
            negative = token.text == "-" and cursor.token.kind is Kind.NUMBER
            found = _postfix(cursor, _number(cursor, -1)) if negative else Unary(operator, _unary(cursor))
            cursor.depth -= 1
            return found
    return _postfix(cursor, _primary(cursor))


# ── what follows a value ──────────────────────────────────────────────────────────────────────────────


def _postfix(cursor: Cursor, found: Expr) -> Expr:
    depth = cursor.depth
    while True:
        if cursor.symbol("."):
            found = Property(found, _property(cursor))
        elif cursor.at("["):
            found = _bracket(cursor, found)
        elif cursor.symbol("|"):
            found = _transform(cursor, found)
        else:
            cursor.depth = depth
            return found
        cursor.enter()


def _property(cursor: Cursor) -> str:
    if cursor.token.kind is Kind.NUMBER:
        raise cursor.unexpected(f"a name (an element is `[{cursor.token.text}]`)")
    if cursor.token.kind is not Kind.NAME:
        raise cursor.unexpected("the name of a property")
    return cursor.take().text


def _bracket(cursor: Cursor, subject: Expr) -> Expr:
    cursor.take()
    cursor.filters.append(False)
    inner = _choice(cursor)
    cursor.expect("]")
    return Where(subject, inner) if cursor.filters.pop() else Index(subject, inner)


def _transform(cursor: Cursor, subject: Expr) -> Expr:
    token = cursor.token
    if token.kind is not Kind.NAME:
        raise cursor.unexpected("the name of a transform, such as join (`||` is or)")
    if token.text not in TRANSFORMS:
        meant = nearest(token.text, TRANSFORMS)
        advice = f"write {meant}" if meant else f"there are {', '.join(TRANSFORMS)}"
        raise cursor.error(f"`{short(token.text)}` is no transform; {advice}")
    cursor.take()
    arguments = _list(cursor, ")") if cursor.symbol("(") else ()
    least, most = TRANSFORMS[token.text]
    if len(arguments) < least or (most is not None and len(arguments) > most):
        raise cursor.error(f"{token.text} takes {takes(token.text)}", token)
    return Transform(subject, token.text, arguments)


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


def _primary(cursor: Cursor) -> Expr:
    token = cursor.token
    match token.kind:
        case Kind.TEXT:
            return Literal(cursor.take().value)
        case Kind.NUMBER:
            return _number(cursor, 1)
        case Kind.NAME if token.text not in ENGLISH and token.text != "in":
            cursor.take()
            return Literal(_WORDS[token.text]) if token.text in _WORDS else Name(token.text)
    if cursor.symbol("("):
        found = _choice(cursor)
        cursor.expect(")")
        return found
    if cursor.symbol("["):
        return Array(_list(cursor, "]"))
    if cursor.symbol("{"):
        return _object(cursor)
    if cursor.at("."):
        return _relative(cursor)
    raise cursor.unexpected("a value")


def _relative(cursor: Cursor) -> Expr:
    if not cursor.filters:
        raise cursor.error("`.name` is a property of a list's elements; it stands inside [ ] after a list")
    cursor.take()
    cursor.filters[-1] = True
    return Relative(_property(cursor))


def _number(cursor: Cursor, sign: int) -> Expr:
    token = cursor.token
    if len(token.text) > MAX_DIGITS:
        raise cursor.error(f"has more than {MAX_DIGITS} digits; write a shorter number")
    value = float(token.text) if "." in token.text else int(token.text)
    if not is_double(value):
        raise cursor.error("is too large a number; write a smaller one")
    cursor.take()
    return Literal(number(sign * value))


def _list(cursor: Cursor, end: str) -> tuple[Expr, ...]:
    """Read what stands between commas, up to and with `end`."""
    found: list[Expr] = []
    while not cursor.at(end):
        found.append(_choice(cursor))
        if not cursor.at(end):
            cursor.expect(",", f"`,` or `{end}`")
    cursor.take()
    return tuple(found)


def _object(cursor: Cursor) -> Expr:
    found: list[tuple[str, Expr]] = []
    while not cursor.at("}"):
        token = cursor.token
        if token.kind not in (Kind.NAME, Kind.TEXT):
            raise cursor.unexpected("a key")
        cursor.take()
        cursor.expect(":")
        found.append((token.value, _choice(cursor)))
        if not cursor.at("}"):
            cursor.expect(",", "`,` or `}`")
    cursor.take()
    return Object(tuple(found))

"""No property: what stands where a test has to begin → the error that says how to begin it (section 17)."""

from __future__ import annotations

from secgraph.errors import QueryError
from secgraph.j1ql.remedies.lists import list_from, value_text
from secgraph.j1ql.remedies.operators import NEGATED
from secgraph.j1ql.text.advice import short
from secgraph.j1ql.text.cursor import Cursor, is_name
from secgraph.j1ql.text.lexer import Kind, Token

_MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "=": "=", "!=": "!="}


def is_foreign(cursor: Cursor) -> bool:
    """Whether a word comes next that other languages put before a test: NOT, EXISTS."""
    if cursor.token.text.upper() == "EXISTS":
        return is_name(cursor.ahead()) or cursor.ahead().text == "("
    return cursor.token.text.upper() == "NOT"


def no_property(cursor: Cursor, expected: str) -> QueryError:
    """The error at the next token, which begins no test."""
    token, follows = cursor.token, cursor.ahead()
    if token.text.upper() == "NOT" or token.text == "!":
        message = "J1QL has no NOT; turn the operator round, such as != for =."
        return cursor.error(expected, message, suggestion=_denied(cursor))
    if token.text.upper() == "EXISTS":
        name = cursor.path_at(cursor.index + 1 + (follows.text == "("))
        message = "J1QL has no EXISTS; a property that is there is != undefined."
        return cursor.error(expected, message, suggestion=f"{name} != undefined")
    if token.text == "#" and follows.kind is Kind.WORD:
        message = "A smart class stands before a class; in a filter it is a tag."
        return cursor.error(expected, message, suggestion=f"tag.{follows.text} = true")
    if token.keyword == "THAT":
        message = "A step follows without AND or OR before it."
        return cursor.error(expected, message, suggestion="THAT")
    return _of_comparison(cursor, expected) or cursor.error(expected)


def _of_comparison(cursor: Cursor, expected: str) -> QueryError | None:
    """A value or an operator where a test begins: turned round, or the rest of the test before."""
    token, follows, third = cursor.token, cursor.ahead(), cursor.ahead(2)
    if token.kind in (Kind.STRING, Kind.NUMBER) and follows.kind is Kind.OPERATOR:
        return _turned(cursor, expected, third)
    if cursor.tokens[cursor.index - 1].keyword not in ("AND", "OR"):
        return None
    left, _ = _left_before(cursor, cursor.index - 1)
    if left and token.kind is Kind.OPERATOR:
        message = f"Every test names its property: {left} {token.text} …"
        suggestion = short(f"{left} {token.text} {follows.text}".rstrip(), 200)
        return cursor.error(expected, message, suggestion=suggestion)
    return repeated_value(cursor, expected) if value_text(token) else None


def repeated_value(cursor: Cursor, expected: str) -> QueryError | None:
    """The error at a value after a whole test, `state = 'a' OR 'b'`; None if that test is not plain."""
    left, sign = _left_before(cursor, cursor.index)
    if not left:
        return None
    listed = list_from(cursor, sign + 1, neither=cursor.tokens[sign].text.startswith("!"))
    meant = f"{left} {cursor.tokens[sign].text} {listed}"
    message = f"Several values of one property are written {meant}."
    return cursor.error(expected, message, suggestion=meant)


def _turned(cursor: Cursor, expected: str, third: Token) -> QueryError:
    """`2 < cores` → `cores > 2`; `"name" = 'x'` → `name = 'x'`."""
    token, sign = cursor.token, cursor.ahead().text
    message = "The property stands on the left, the value on the right."
    suggestion = ""
    if is_name(third) and sign in _MIRRORED:
        suggestion = f"{cursor.path_at(cursor.index + 2)} {_MIRRORED[sign]} {token.text}"
    elif token.kind is Kind.STRING and value_text(third):
        message = "A property stands without quotes, or in square brackets."
        name = token.value if token.value.replace(".", "").isidentifier() else f"[{token.value}]"
        suggestion = f"{name} {sign} {third.text}"
    return cursor.error(expected, message, suggestion=short(suggestion, 200))


def _left_before(cursor: Cursor, end: int) -> tuple[str, int]:
    """The property of the test that ends before token `end`, and where its operator stands; empty if more
    than plain values stand between."""
    for index in range(end - 1, 1, -1):
        token = cursor.tokens[index]
        if token.kind is Kind.OPERATOR:
            return cursor.path_before(index), index
        if not (value_text(token) or token.keyword in ("AND", "OR")):
            break
    return "", 0


def _denied(cursor: Cursor) -> str:
    """`NOT active = true` → `active != true`, `!active` → `active != true`, as far as it is that simple."""
    count = 1 + (cursor.ahead().text == "(")
    path = cursor.path_at(cursor.index + count)
    after = count + path.count(".") * 2 + 1
    sign, value = cursor.ahead(after), cursor.ahead(after + 1)
    if not is_name(cursor.ahead(count)):
        return "!="
    if sign.kind is Kind.OPERATOR:
        turned = NEGATED.get(sign.text, "")
        single = cursor.ahead(after + 2).keyword not in ("AND", "OR") or count == 1
        return f"{path} {turned} {value.text}" if turned and value_text(value) and single else "!="
    return f"{path} != true" if sign.text not in (".", "(") and not value_text(sign) else "!="

"""No value: what stands where a value is due → the error that says what to write there (section 17)."""

from __future__ import annotations

import re

from secgraph.errors import QueryError
from secgraph.j1ql.moments import UNITS
from secgraph.j1ql.remedies.lists import bracketed, in_slashes, list_from
from secgraph.j1ql.text.advice import LONGEST, distance, short
from secgraph.j1ql.text.cursor import Cursor, is_name, shown
from secgraph.j1ql.text.lexer import COMPARISONS, Kind, Token

EXPECTED = "a value"

SHORT_UNITS = {"d": "days", "h": "hours", "w": "weeks", "y": "years"}
"""How people shorten units, and what J1QL calls them. `m` may be minutes or months."""

_WORDS = {"yes": "true", "no": "false", **dict.fromkeys(("none", "nil", "missing", "unset"), "undefined")}
_NOW = frozenset({"now", "today", "sysdate", "current_timestamp", "getdate"})
_DAY = re.compile(r"\d{4}-\d{2}(-\d{2}(T[0-9:.]+(Z|[+-]\d{2}:\d{2})?)?)?")


def no_value(cursor: Cursor, *, in_with: bool) -> QueryError:
    """The error at the next token, which begins no value. `in_with`: properties cannot be values here."""
    token = cursor.token
    if token.kind is Kind.BRACKET:
        message = "A list of values stands in round brackets, joined by OR or AND."
        return cursor.error(EXPECTED, message, suggestion=bracketed(token))
    if token.keyword == "FIND":
        inner = cursor.written(cursor.index, len(cursor.tokens) - 1)
        message = "A query inside a query stands in brackets."
        return cursor.error(EXPECTED, message, suggestion=short(f"({inner})", 200))
    before = cursor.tokens[cursor.index - 1]
    if token.kind is Kind.OPERATOR and before.text + token.text in COMPARISONS:
        sign = before.text + token.text
        message = f"{sign} is written without a blank."
        return cursor.error(EXPECTED, message, suggestion=sign, at=cursor.stretch(before, token))
    if token.kind is not Kind.WORD or token.keyword:
        return cursor.error(EXPECTED)
    return _word(cursor, in_with=in_with)


def _word(cursor: Cursor, *, in_with: bool) -> QueryError:
    token, follows = cursor.token, cursor.ahead()
    if error := _moment(cursor):
        return error
    if meant := _WORDS.get(token.text.lower()):
        message = f"J1QL has no {token.text}; write {meant}."
        return cursor.error(EXPECTED, message, suggestion=meant)
    if follows.text == "(":
        return _call(cursor)
    if follows.kind is Kind.OPERATOR:
        message = "In the brackets of a list stand values only, not tests."
        value = cursor.ahead(2)
        at = cursor.stretch(token, value)
        return cursor.error(EXPECTED, message, suggestion=value.text, at=at)
    return _unquoted(cursor, in_with=in_with)


def _moment(cursor: Cursor) -> QueryError | None:
    """Words that mean the present, and a date without brackets."""
    token, one, two = cursor.token, cursor.ahead(1), cursor.ahead(2)
    word = token.text.lower()
    last = None
    if word in _NOW or (len(word) < LONGEST and distance(word, "date.now", 1) <= 1):
        last = two if one.text == "(" and two.text == ")" else token
    elif word == "date" and one.text in (".", "-") and is_name(two):
        last = two
    elif word == "date" and (day := day_from(cursor, cursor.index + 1)):
        message = "The day of a date stands in brackets."
        return cursor.error(EXPECTED, message, suggestion=f"date({day})")
    if last is None:
        return None
    at = cursor.stretch(token, last)
    return cursor.error(EXPECTED, "The present moment is written date.now.", suggestion="date.now", at=at)


def _call(cursor: Cursor) -> QueryError:
    token, argument = cursor.token, cursor.ahead(2)
    message = "Functions stand in RETURN, HAVING and ORDER BY, not in WITH or WHERE."
    if argument.kind is not Kind.STRING:
        return cursor.error(EXPECTED, message)
    if token.text.lower() in ("regex", "regexp", "re", "rx"):
        message = "A regular expression stands between slashes."
        return cursor.error(EXPECTED, message, suggestion=in_slashes(argument.value))
    if _DAY.fullmatch(argument.value):
        message = "A moment is written date(…), without quotes."
        return cursor.error(EXPECTED, message, suggestion=f"date({argument.value})")
    return cursor.error(EXPECTED, message)


def _unquoted(cursor: Cursor, *, in_with: bool) -> QueryError:
    """A word without quotes. One with dots is no value in WITH; it may be meant as a property."""
    first = last = cursor.token
    count = 0
    while cursor.ahead(count + 1).text == "." and cursor.ahead(count + 2).kind is Kind.WORD:
        count += 2
        last = cursor.ahead(count)
    text = cursor.written(cursor.index, cursor.index + count + 1)
    way = ", or compare properties in WHERE" if in_with and count else ""
    message = f"{short(text)} is no value; quote it{way}."
    return cursor.error(EXPECTED, message, suggestion=f"'{text}'", at=cursor.stretch(first, last))


def day_from(cursor: Cursor, index: int) -> str:
    """The date that the tokens from number `index` on spell, `2024-01-31`, or empty."""
    found = _DAY.match(cursor.written(index, index + 5))
    return found[0] if found else ""


def refuse_length(cursor: Cursor) -> None:
    """Raises QueryError at a number that is followed by a unit, or that begins a date: both need `date`."""
    if day := day_from(cursor, cursor.index):
        last = cursor.ahead(2 * day.count("-"))
        message = f"A moment is written date({day})."
        at = cursor.stretch(cursor.token, last)
        raise cursor.error(EXPECTED, message, suggestion=f"date({day})", at=at)
    unit = cursor.ahead()
    shortened = SHORT_UNITS.get(unit.text.lower()) if unit.start == cursor.token.end else None
    if not is_name(unit) or not (shortened or unit.text.lower() in UNITS):
        return
    amount = f"{cursor.token.text} {shortened or unit.text}"
    message = f"{amount} is a length of time; a moment is counted from now: date.now - {amount}."
    at = cursor.stretch(_signed(cursor), unit)
    raise cursor.error(EXPECTED, message, suggestion=f"date.now - {amount}", at=at)


def _signed(cursor: Cursor) -> Token:
    before = cursor.tokens[cursor.index - 1]
    return before if before.text == "-" else cursor.token


def open_list(cursor: Cursor, opening: Token) -> QueryError:
    """The error inside a list of values at what neither joins the next value nor closes the list."""
    if cursor.token.kind is Kind.END:
        return cursor.error("OR, AND or )", "This list of values is not closed.", suggestion=")")
    joined = cursor.token.text in (",", "|") or cursor.token.kind in (Kind.STRING, Kind.NUMBER)
    suggestion = list_from(cursor, cursor.tokens.index(opening) + 1) if joined else ""
    message = "The values of a list are joined by OR or AND." if joined else ""
    return cursor.error("OR, AND or )", message, suggestion=suggestion)


def undated(cursor: Cursor) -> QueryError:
    """The error after a moment at a sign or a word that no length of time follows."""
    message = f"After {shown(cursor.token)} stands a number and a unit, such as 7 days."
    return cursor.error("a number and a unit, such as 7 days", message)

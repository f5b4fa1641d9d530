"""Values: right sides of comparisons with their lists, moments and parameters; property paths (section 3)."""

from __future__ import annotations

from enum import Enum

from secgraph.errors import Position, QueryError
from secgraph.j1ql.moments import EXPECTED_UNIT, UNITS, epoch_ms
from secgraph.j1ql.nodes import (
    AllOf,
    AnyOf,
    Item,
    Literal,
    Moment,
    Offset,
    Parameter,
    Path,
    Regex,
    Right,
    Subquery,
)
from secgraph.j1ql.regexes import RegexError, check_pattern
from secgraph.j1ql.remedies.novalue import SHORT_UNITS, no_value, open_list, refuse_length, undated
from secgraph.j1ql.text.advice import nearest
from secgraph.j1ql.text.cursor import MAX_SUBQUERIES, SUBQUERY_DEPTH, Cursor, shown
from secgraph.j1ql.text.lexer import Kind, Token

CONSTANTS: dict[str, bool | None] = {"TRUE": True, "FALSE": False, "UNDEFINED": None, "NULL": None}


class Clause(Enum):
    """Where a filter stands: WITH sees one entity, WHERE the paths, HAVING the result columns."""

    WITH = "WITH"
    WHERE = "WHERE"
    HAVING = "HAVING"


def right(cursor: Cursor, clause: Clause) -> Right:
    """`right`: a value, a list in brackets, or a subquery."""
    if not cursor.at_symbol("("):
        return item(cursor, clause)
    opening = cursor.token
    if cursor.ahead().keyword != "FIND":
        return value_list(cursor, clause)
    if clause is Clause.HAVING:
        message = "HAVING compares with values; a subquery stands in WITH or WHERE."
        raise cursor.error("a value or a list of values", message, suggestion="WHERE", token=cursor.ahead())
    cursor.enter(SUBQUERY_DEPTH)
    cursor.one_more("subqueries", MAX_SUBQUERIES, cursor.take())
    query = cursor.nested_query(cursor)
    cursor.expect(")", ")")
    cursor.leave(SUBQUERY_DEPTH)
    return Subquery(query, opening.at)


def value_list(cursor: Cursor, clause: Clause) -> Item:
    """`( list )`; a list of one item is that item."""
    cursor.enter()
    opening = cursor.take()
    choices: list[Item] = []
    while True:
        together = _flat(_all(cursor, clause), AllOf)
        choices += _flat([AllOf(tuple(together), opening.at)] if len(together) > 1 else together, AnyOf)
        if not cursor.word("OR"):
            break
    if not cursor.at_symbol(")"):
        raise open_list(cursor, opening)
    cursor.take()
    cursor.leave()
    return AnyOf(tuple(choices), opening.at) if len(choices) > 1 else choices[0]


def _all(cursor: Cursor, clause: Clause) -> list[Item]:
    items = [_member(cursor, clause)]
    while cursor.word("AND"):
        items.append(_member(cursor, clause))
    return items


def _flat(items: list[Item], kind: type[AllOf] | type[AnyOf]) -> list[Item]:
    return [inner for item in items for inner in (item.items if isinstance(item, kind) else (item,))]


def _member(cursor: Cursor, clause: Clause) -> Item:
    if not cursor.at_symbol("("):
        return item(cursor, clause)
    if cursor.ahead().keyword == "FIND":
        message = "A subquery stands alone after = or !=, not in a list."
        raise cursor.error("a value", message, token=cursor.ahead())
    return value_list(cursor, clause)


def item(cursor: Cursor, clause: Clause) -> Item:
    """One value, or in WHERE also a property of another record."""
    token = cursor.token
    if is_moment(cursor):
        return whole_moment(cursor)
    if token.keyword in CONSTANTS:
        return Literal(CONSTANTS[token.keyword], cursor.take().at)
    match token.kind:
        case Kind.STRING:
            return Literal(token.value, cursor.take().at)
        case Kind.NUMBER:
            refuse_length(cursor)
            return Literal(number(cursor), token.at)
        case Kind.REGEX:
            return _regex(cursor)
        case Kind.PARAMETER:
            return Parameter(token.value, cursor.take().at)
        case Kind.WORD if clause is Clause.WHERE and _goes_on(cursor):
            return where_path(cursor)
    if cursor.at_symbol("-") and cursor.ahead().kind is Kind.NUMBER:
        cursor.take()
        refuse_length(cursor)
        return Literal(-number(cursor), cursor.span(token))
    raise no_value(cursor, in_with=clause is Clause.WITH)


def _regex(cursor: Cursor) -> Regex:
    token = cursor.take()
    try:
        check_pattern(token.value)
    except RegexError as wrong:
        at = Position(token.at.line, token.at.column + 1 + wrong.offset, 1)
        expected = "a regular expression of classes, quantifiers, groups, alternation and anchors"
        raise QueryError("SYNTAX", wrong.reason, at, expected=expected) from None
    return Regex(token.value, token.text.endswith("i"), token.at)


def number(cursor: Cursor) -> float:
    """Read a number. Raises RANGE when it is larger than a double."""
    token = cursor.take()
    value = float(token.value)
    if value == float("inf"):
        raise cursor.error("a smaller number", "This number is too large.", token=token, code="RANGE")
    return value


# ── moments ───────────────────────────────────────────────────────────────────────────────────────────


def is_moment(cursor: Cursor) -> bool:
    """Whether `date.now` or `date(` comes next."""
    if cursor.token.kind is not Kind.WORD or cursor.token.text.lower() != "date":
        return False
    one, two, three = cursor.ahead(1), cursor.ahead(2), cursor.ahead(3)
    now = (
        one.text == "." and two.text.lower() == "now" and three.text != "." and three.kind is not Kind.BRACKET
    )
    return now or (one.text == "(" and two.keyword != "THAT")


def moment(cursor: Cursor) -> Moment:
    """`date.now` or `date(…)` with its offsets."""
    first = cursor.take()
    base = None
    if cursor.symbol("."):
        cursor.take()
        _refuse_call(cursor, first)
    else:
        base = _date(cursor)
    offsets: list[Offset] = []
    while _is_offset(cursor):
        offsets.append(_offset(cursor))
    return Moment(base, tuple(offsets), cursor.span(first))


def _refuse_call(cursor: Cursor, first: Token) -> None:
    """`date.now()`: an optional block begins with THAT, so a pair of brackets is a call."""
    if cursor.at_symbol("(") and cursor.ahead().text == ")":
        at = cursor.stretch(first, cursor.ahead())
        raise cursor.error("date.now", "date.now is written without brackets.", suggestion="date.now", at=at)


def whole_moment(cursor: Cursor) -> Moment:
    """A moment in a filter. It holds no arithmetic, so in `date.now - 7` the unit was forgotten."""
    found = moment(cursor)
    if cursor.token.text in ("+", "-") and cursor.ahead().kind is Kind.NUMBER:
        message = f"{cursor.ahead().text} needs a unit, such as days."
        raise cursor.error(EXPECTED_UNIT, message, token=cursor.ahead(2))
    if cursor.token.text in ("+", "-"):
        raise undated(cursor)
    return found


def _date(cursor: Cursor) -> int:
    cursor.expect("(", "(")
    token = cursor.token
    if token.kind is not Kind.DATE:
        suggestion = f"date({token.value})" if token.kind is Kind.STRING else ""
        raise cursor.error("an ISO 8601 date", suggestion=suggestion)
    cursor.take()
    cursor.expect(")", ")")
    return epoch_ms(token.value, token.at)


def _is_offset(cursor: Cursor) -> bool:
    """A sign and a number; in arithmetic (`date.now - 5 * x`) only a word after it makes it an offset."""
    signed = cursor.token.text in ("+", "-") and cursor.ahead().kind is Kind.NUMBER
    unit = cursor.ahead(2)
    return signed and unit.kind is Kind.WORD and not unit.keyword


def _offset(cursor: Cursor) -> Offset:
    sign = -1.0 if cursor.take().text == "-" else 1.0
    counted = cursor.token
    amount = number(cursor)
    written = cursor.token
    unit = UNITS.get(written.text.lower())
    if unit is None:
        near = SHORT_UNITS.get(written.text.lower()) or nearest(written.text, UNITS) or ""
        message = f"{shown(written)} is no unit; use minute, hour, day, week, month or year."
        raise cursor.error(EXPECTED_UNIT, message, suggestion=near)
    cursor.take()
    if unit in ("month", "year") and not amount.is_integer():
        message = f"Months and years move by the calendar, so {counted.text} must be a whole number."
        raise cursor.error("a whole number", message, token=counted, code="RANGE")
    return Offset(sign * amount, unit)


# ── paths ─────────────────────────────────────────────────────────────────────────────────────────────


def _goes_on(cursor: Cursor) -> bool:
    following = cursor.ahead()
    return following.text == "." or following.kind is Kind.BRACKET


def parts(cursor: Cursor) -> list[str]:
    """`part { "." part }`, brackets taken off; the first part is already known to be a word or bracket."""
    names = [cursor.take().value]
    while True:
        if cursor.symbol("."):
            if cursor.token.kind not in (Kind.WORD, Kind.BRACKET):
                raise cursor.error("a property name")
        elif cursor.token.kind is not Kind.BRACKET:
            return names
        names.append(cursor.take().value)


def with_path(cursor: Cursor) -> Path:
    """A property of the entity before WITH."""
    first = cursor.token
    return Path(None, ".".join(parts(cursor)), cursor.span(first))


def where_path(cursor: Cursor) -> Path:
    """`selector.property`. A lone word comes back without selector: the names stage offers the selectors."""
    first = cursor.token
    if first.kind is Kind.BRACKET:
        message = "In WHERE a property is written with its selector in front."
        raise cursor.error("selector.property", message, suggestion=f"selector.{first.text}", code="NAME")
    selector, *names = parts(cursor)
    if not names:
        return Path(None, selector, first.at)
    return Path(selector, ".".join(names), cursor.span(first))

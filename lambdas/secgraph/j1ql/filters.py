"""Filters of WITH, WHERE and HAVING: tests joined by AND and OR (j1ql.md sections 3 and 5)."""

from __future__ import annotations

from secgraph.errors import QueryError
from secgraph.j1ql.cursor import Cursor, shown
from secgraph.j1ql.expressions import key
from secgraph.j1ql.lexer import MISSPELT, Kind
from secgraph.j1ql.nodes import And, Comparison, Expr, Filter, Op, Or, Path
from secgraph.j1ql.values import Clause, is_moment, or_list, right, where_path, whole_moment, with_path

EXPECTED_OPERATOR = "a comparison operator"

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
    op = _operator(cursor, cursor.span(first).length)
    return Comparison(left, op, right(cursor, clause), first.at)


def _group(cursor: Cursor, clause: Clause) -> Filter:
    cursor.enter()
    cursor.take()
    found = conditions(cursor, clause)
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
    compared = follows.kind is Kind.OPERATOR
    if token.text.upper() == "NOT" and not compared and follows.text != ".":
        message = "J1QL has no NOT; turn the operator round, such as != for =."
        raise cursor.error("a property", message, suggestion=_denied(cursor))
    if token.kind is Kind.BRACKET or (
        token.kind is Kind.WORD and (not token.keyword or compared or follows.text == ".")
    ):
        return with_path(cursor) if clause is Clause.WITH else where_path(cursor)
    expected = "a property" if clause is Clause.WITH else "selector.property"
    if token.kind in (Kind.STRING, Kind.NUMBER) and compared:
        raise cursor.error(expected, "The property stands on the left, the value on the right.")
    raise cursor.error(expected)


def _denied(cursor: Cursor) -> str:
    """`NOT active = true` → `active != true`, as far as it is that simple."""
    subject, operator, value = (cursor.ahead(count) for count in (1, 2, 3))
    simple = subject.kind is Kind.WORD and operator.text == "=" and value.text != "("
    return f"{subject.text} != {value.text}" if simple else "!="


def _operator(cursor: Cursor, length: int) -> Op:
    """The operator after a left side of `length` code points, which the advice repeats."""
    token = cursor.token
    if token.kind is Kind.OPERATOR:
        return Op(cursor.take().text)
    if token.kind is Kind.MISSPELT:
        message = f"J1QL writes {MISSPELT[token.text]} for {token.text}."
        raise cursor.error(EXPECTED_OPERATOR, message, suggestion=MISSPELT[token.text])
    raise _foreign(cursor, length)


def _foreign(cursor: Cursor, length: int) -> QueryError:
    """Words of other languages where an operator is due: say how J1QL writes it."""
    if cursor.at_symbol("-") and cursor.ahead().kind is Kind.WORD:
        name = f"[{_source(cursor, length)}-{cursor.ahead().text}]"
        message = f"A name with a character other than letters, digits, _ and . stands in brackets: {name}."
        return cursor.error(EXPECTED_OPERATOR, message, suggestion=name)
    if cursor.at_symbol("("):
        message = "Functions stand in RETURN, HAVING and ORDER BY, not in WITH or WHERE."
        return cursor.error(EXPECTED_OPERATOR, message)
    words = [cursor.ahead(count).text.upper() for count in range(3)]
    advice = _advice(cursor, words)
    if not advice:
        return cursor.error(EXPECTED_OPERATOR)
    left = _source(cursor, length)
    message = f"J1QL has no {words[0] if words[0] != 'IS' else 'IS NULL'}; write {advice}."
    return cursor.error(EXPECTED_OPERATOR, message, suggestion=f"{left} {advice}")


def _advice(cursor: Cursor, words: list[str]) -> str:
    operators = {"IN": "=", "LIKE": "~=", "CONTAINS": "~="}
    match words:
        case ["NOT", "IN" | "LIKE" | "CONTAINS" as word, _]:
            return _completed(cursor, 2, "!" + operators[word])
        case ["IN" | "LIKE" | "CONTAINS" as word, _, _]:
            return _completed(cursor, 1, operators[word])
        case ["IS", "NOT", "NULL" | "UNDEFINED"]:
            return "!= undefined"
        case ["IS", "NULL" | "UNDEFINED", _]:
            return "= undefined"
        case ["NOT", _, _]:
            return _completed(cursor, 1, "!=")
    return ""


def _completed(cursor: Cursor, count: int, operator: str) -> str:
    """The operator and the value that stands `count` tokens on."""
    value = cursor.ahead(count)
    if value.text == "(":
        return f"{operator} {or_list(cursor, value)}"
    return f"{operator} {shown(value)}" if value.kind in (Kind.STRING, Kind.NUMBER) else operator


def _source(cursor: Cursor, length: int) -> str:
    """The left side as written, put together from the tokens just read."""
    start = cursor.tokens[cursor.index - 1].end - length
    return "".join(token.text for token in cursor.tokens[: cursor.index] if token.start >= start)

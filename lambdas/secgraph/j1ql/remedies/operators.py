"""Operators: what stands where a comparison operator is due → the operator, or the error that says how J1QL
writes what other languages call LIKE, IN, BETWEEN, IS NULL (j1ql.md section 17)."""

from __future__ import annotations

from secgraph.errors import QueryError
from secgraph.j1ql.nodes import Op
from secgraph.j1ql.remedies.lists import bracketed, in_slashes, list_from, literal, value_text
from secgraph.j1ql.text.advice import short
from secgraph.j1ql.text.cursor import Cursor
from secgraph.j1ql.text.lexer import MISSPELT, Kind

EXPECTED_OPERATOR = "a comparison operator"

NEGATED = {
    "=": "!=",
    "~=": "!~=",
    "^=": "!^=",
    "$=": "!$=",
    ">": "<=",
    "<": ">=",
    ">=": "<",
    "<=": ">",
    "!=": "=",
}
"""Operator → the one that says the opposite."""

_WORDS = {
    word: operator
    for operator, words in {
        "=": "IN EQ EQUALS EQUAL ILIKE MATCHES MATCH REGEXP RLIKE IS",
        "!=": "NE NEQ ISNT",
        ">": "GT",
        ">=": "GTE GE",
        "<": "LT",
        "<=": "LTE LE",
        "~=": "LIKE CONTAINS CONTAIN CONTAINING INCLUDES INCLUDE HAS",
        "^=": "STARTSWITH STARTS BEGINS",
        "$=": "ENDSWITH ENDS",
    }.items()
    for word in words.split()
}
"""Words that other languages use for an operator → J1QL's."""

_PATTERNS = frozenset({"ILIKE", "MATCHES", "MATCH", "REGEXP", "RLIKE"})
_UNDEFINED = frozenset({"NULL", "UNDEFINED", "MISSING", "NONE", "UNSET"})
_DEFINED = frozenset({"DEFINED", "SET", "PRESENT"})
_FILLERS = frozenset({"WITH", "TO"})
_ENDS = frozenset({"AND", "OR", "THAT", "AS", "WHERE", "RETURN", "ORDER", "SKIP", "LIMIT"})


def operator(cursor: Cursor, length: int) -> Op:
    """The operator after a left side of `length` code points, which the advice repeats."""
    token = cursor.token
    if token.kind is Kind.OPERATOR:
        return Op(cursor.take().text)
    if token.kind is Kind.MISSPELT:
        message = f"J1QL writes {MISSPELT[token.text]} for {token.text}."
        raise cursor.error(EXPECTED_OPERATOR, message, suggestion=MISSPELT[token.text])
    raise _foreign(cursor, _left(cursor, length))


def _left(cursor: Cursor, length: int) -> str:
    """The left side as written, put together from the tokens just read."""
    start = cursor.tokens[cursor.index - 1].end - length
    return "".join(token.text for token in cursor.tokens[: cursor.index] if token.start >= start)


def _foreign(cursor: Cursor, left: str) -> QueryError:
    token, follows = cursor.token, cursor.ahead()
    if cursor.repeats():
        return cursor.error(EXPECTED_OPERATOR)
    if token.text == "-" and follows.kind is Kind.WORD:
        name = f"[{left}-{follows.text}]"
        message = f"A name with a character other than letters, digits, _ and . stands in brackets: {name}."
        return cursor.error(EXPECTED_OPERATOR, message, suggestion=name)
    if token.text == "(":
        message = "Functions stand in RETURN, HAVING and ORDER BY, not in WITH or WHERE."
        return cursor.error(EXPECTED_OPERATOR, message, suggestion=_folded(cursor, left))
    if token.text == "/" and cursor.tokens[cursor.index - 1].end < token.start == follows.start - 1:
        message = "Before a regular expression an operator is missing."
        return cursor.error(EXPECTED_OPERATOR, message, suggestion="= /")
    if token.text in ("+", "-", "*", "/", "^"):
        message = "Arithmetic stands in RETURN, HAVING and ORDER BY, not in WITH or WHERE."
        return cursor.error(EXPECTED_OPERATOR, message)
    if token.text in (">>", "<<"):
        message = f"{token.text} is the arrow of a relationship; J1QL compares with {token.text[0]}."
        return cursor.error(EXPECTED_OPERATOR, message, suggestion=token.text[0])
    if token.kind is Kind.END or token.keyword in _ENDS or token.text == ")":
        return _bare(cursor, left)
    return _worded(cursor, left)


def _folded(cursor: Cursor, left: str) -> str:
    """`lower(name) = 'x'` → a regex that ignores case."""
    argument, closing, compared, value = (cursor.ahead(count) for count in (1, 2, 3, 4))
    folds = left.lower() in ("lower", "upper", "tolower", "toupper", "lcase", "ucase")
    if folds and closing.text == ")" and compared.text == "=" and value.kind is Kind.STRING:
        return f"{argument.text} = /^{literal(value.value)}$/i"
    return ""


def _bare(cursor: Cursor, left: str) -> QueryError:
    """`WITH active`: a flag is compared too; `WITH Finding`: a class is not a property."""
    if left[:1].isupper() and "." not in left:
        message = f"{left} is compared with nothing; a class is reached by THAT and a relationship."
        return cursor.error(EXPECTED_OPERATOR, message, suggestion=f"THAT RELATES TO {left}")
    message = f"{left} is compared with nothing; test a flag with = true, presence with != undefined."
    return cursor.error(EXPECTED_OPERATOR, message, suggestion=f"{left} = true")


def _worded(cursor: Cursor, left: str) -> QueryError:
    words, count = _phrase(cursor)
    if not words and (cursor.token.text.lower() == "date" or value_text(cursor.token)):
        return _missing(cursor, left)
    advice = _advice(cursor, left, words, count)
    if not advice:
        return cursor.error(EXPECTED_OPERATOR)
    if words == ["!", "="]:
        at = cursor.stretch(cursor.token, cursor.ahead())
        return cursor.error(EXPECTED_OPERATOR, "!= is written without a blank.", suggestion="!=", at=at)
    said = cursor.written(cursor.index, cursor.index + count)
    message = f"J1QL has no {said}; write {advice}."
    return cursor.error(EXPECTED_OPERATOR, message, suggestion=f"{left} {advice}")


def _missing(cursor: Cursor, left: str) -> QueryError:
    """`active true`: the value follows at once."""
    token = cursor.token
    message = f"Between {left} and its value an operator is missing, such as = or <."
    plain = token.kind is not Kind.WORD or token.keyword
    return cursor.error(EXPECTED_OPERATOR, message, suggestion=f"= {token.text}" if plain else "")


def _phrase(cursor: Cursor) -> tuple[list[str], int]:
    """The words of other languages from here on, in capitals, and how many tokens they are."""
    known = _WORDS.keys() | _UNDEFINED | _DEFINED | {"NOT", "DOES", "DO", "EXISTS", "EXIST", "BETWEEN"}
    words: list[str] = []
    while True:
        token = cursor.ahead(len(words)) if words else cursor.token
        word = token.text.upper()
        negates = token.text == "!" and not words
        filler = word in _FILLERS and words and words[-1] in ("STARTS", "BEGINS", "ENDS", "EQUAL")
        equals = token.text == "=" and words == ["!"]
        if not (negates or filler or equals or (token.kind is Kind.WORD and word in known)):
            return words, len(words)
        words.append(word)


def _advice(cursor: Cursor, left: str, words: list[str], count: int) -> str:
    """What to write for `words`, operator and value; empty if nobody knows."""
    negative = any(word in ("NOT", "!", "ISNT") for word in words)
    telling = [word for word in words if word not in ("NOT", "!", "DOES", "DO", "WITH", "TO")]
    if telling[:1] == ["IS"] and len(telling) > 1:
        telling = telling[1:]
    match telling:
        case [word] if word in _UNDEFINED:
            return "!= undefined" if negative else "= undefined"
        case [word] if word in _DEFINED or word in ("EXISTS", "EXIST"):
            return "= undefined" if negative else "!= undefined"
        case ["BETWEEN"]:
            return _between(cursor, left, count, negative)
        case ["="]:
            return "!="
        case [word] if word in _WORDS:
            return _completed(cursor, word, count, negative)
        case [] if negative:
            return _completed(cursor, "EQ", count, negative)
    return ""


def _between(cursor: Cursor, left: str, count: int, negative: bool) -> str:
    low, high = cursor.ahead(count), cursor.ahead(count + 2)
    if Kind.END in (low.kind, high.kind) or cursor.ahead(count + 1).keyword != "AND":
        return ""
    if negative:
        return f"< {low.text} OR {left} > {high.text}"
    return f">= {low.text} AND {left} <= {high.text}"


def _completed(cursor: Cursor, word: str, count: int, negative: bool) -> str:
    """The operator for `word` and the value that stands `count` tokens on, as far as it is simple."""
    value = cursor.ahead(count)
    sign, text = _WORDS[word], _value(cursor, cursor.index + count)
    if value.kind is Kind.STRING and word == "ILIKE":
        text = in_slashes(literal(value.value.replace("%", "")), "i")
    elif value.kind is Kind.STRING and word in _PATTERNS:
        text = in_slashes(value.value)
    elif value.kind is Kind.STRING and word == "LIKE" and "%" in value.value:
        sign, text = _without_percent(value.value)
    return f"{NEGATED[sign] if negative else sign} {text}".rstrip()


def _value(cursor: Cursor, index: int) -> str:
    value, follows = (cursor.tokens[min(it, len(cursor.tokens) - 1)] for it in (index, index + 1))
    if value.text == "(" and follows.keyword == "FIND":
        return short(cursor.written(index, len(cursor.tokens) - 1), 200)
    if value.text == "(" or follows.text == ",":
        return list_from(cursor, index + (value.text == "("))
    return bracketed(value) if value.kind is Kind.BRACKET else short(value_text(value), 200)


def _without_percent(text: str) -> tuple[str, str]:
    """SQL's `'%a%'` contains, `'a%'` starts with, `'%a'` ends with; a sign in the middle takes a regex."""
    core = text.strip("%")
    if "%" in core:
        return "=", "/" + ".*".join(literal(part) for part in core.split("%")) + "/"
    signs = {(True, True): "~=", (False, True): "^=", (True, False): "$="}
    return signs[text.startswith("%"), text.endswith("%")], f"'{core}'"

"""How an error is shown, and which regexes are let through to the database."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secgraph.errors import QueryError
from secgraph.j1ql import parse
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.regexes import RegexError, check_pattern
from secgraph.j1ql.text.caret import WIDTH, caret, error_object, render_error


def refused(text: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        check(parse(text))
    return caught.value


def test_an_error_shows_its_line_and_a_mark() -> None:
    text = "FIND User AS u\nRETURN u.name,\tcoutn(u)"
    assert render_error(refused(text), text) == "\n".join(
        [
            "NAME at line 2, column 16: There is no function coutn; the functions are abs, sqrt, ceil, "
            "floor, round, coalesce, concat, merge, count, sum, avg, min, max.",
            "  RETURN u.name, coutn(u)",
            "                 ^^^^^",
            "expected a function; try count",
        ]
    )


def test_an_error_is_an_object_too() -> None:
    text = "FIND User WITH name = bob"
    assert error_object(refused(text), text) == {
        "code": "SYNTAX",
        "message": "bob is no value; quote it.",
        "line": 1,
        "column": 23,
        "length": 3,
        "expected": "a value",
        "suggestion": "'bob'",
        "caret": f"{text}\n{' ' * 22}^^^",
    }


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("FIND User WITH", f"FIND User WITH\n{' ' * 14}^"),
        ("FIND '漢字' WITH a", f"FIND '漢字' WITH a\n{' ' * 18}^"),
        ("FIND 'e\u0301' WITH a", f"FIND 'e\u0301' WITH a\n{' ' * 15}^"),
        ("FIND A WITH x = 'a\x1b[0m", f"FIND A WITH x = 'a\ufffd[0m\n{' ' * 16}^^^^^^"),
        ("FIND A WITH x = 'a\r\nb", f"FIND A WITH x = 'a\n{' ' * 16}^^"),
    ],
)
def test_the_mark_stands_under_the_fault(text: str, marked: str) -> None:
    assert caret(refused(text), text) == marked


def test_a_long_line_is_cut_around_the_fault() -> None:
    text = f"FIND A WITH {' AND '.join(['x = 1'] * 100)} y z {'AND x = 1 ' * 100}"
    line, mark = caret(refused(text), text).split("\n")
    assert len(line) == WIDTH
    assert line[mark.index("^")] == "y"


PIECES = [
    "a",
    "b",
    "0",
    "-",
    "]",
    "^",
    "$",
    ".",
    "|",
    "(",
    ")",
    "[",
    "*",
    "+",
    "?",
    "{",
    "}",
    ",",
    "\\",
    "/",
    "é",
]
LONGER = [
    r"\d",
    "[a-z]",
    "{2}",
    "{1,3}",
    "{2000}",
    "(?:",
    "(?i)",
    "(?=",
    r"\1",
    "[^",
    r"\b",
    "[:alpha:]",
    "(a{99}){20}",
]


@given(st.lists(st.sampled_from(PIECES + LONGER), max_size=8).map("".join))
def test_no_regex_is_let_through_that_the_database_refuses(pattern: str) -> None:
    try:
        check_pattern(pattern)
    except RegexError as error:
        assert 0 <= error.offset <= len(pattern)  # noqa: PT017
        return
    assert duckdb.execute("SELECT regexp_matches('abc', $1)", [pattern]).fetchone() is not None


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        r"\d{1,3}(\.\d+)*?",
        "^(?:a|b)+$",
        "[]a]",
        "[^]-a]",
        r"[\x41-\x5a\-_]",
        "(?i)a(?-i:b)",
        "{,2}",
        "[[:alpha:]]",
    ],
)
def test_the_subset_is_let_through(pattern: str) -> None:
    check_pattern(pattern)
    assert duckdb.execute("SELECT regexp_matches('abc', $1)", [pattern]).fetchone() is not None


@pytest.mark.parametrize(
    ("pattern", "offset"),
    [
        ("a(?=b)", 1),
        ("(?<!b)", 0),
        ("(?P<n>b)", 0),
        (r"(a)\1", 3),
        (r"a\k", 1),
        ("a(b", 1),
        ("ab)", 2),
        ("+a", 0),
        ("a**", 2),
        ("a{2,1}", 1),
        ("(a{100}){11}", 8),
        ("a[b", 1),
        ("[z-a]", 1),
        (r"[a-\d]", 1),
        ("[[:nope:]]", 1),
        ("a" * 1001, 0),
    ],
)
def test_the_rest_is_refused_at_its_place(pattern: str, offset: int) -> None:
    with pytest.raises(RegexError) as caught:
        check_pattern(pattern)
    assert caught.value.offset == offset

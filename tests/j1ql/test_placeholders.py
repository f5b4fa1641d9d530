"""Placeholders: what is written into holes, what is refused, and that no value changes what a query says."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secgraph.errors import Position, QueryError
from secgraph.graph.search import decimal
from secgraph.j1ql import parse
from secgraph.j1ql.grammar.parser import parse_filled
from secgraph.j1ql.holes.placeholders import HoleValue, fill, filled, holes
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.nodes import Expr, Literal, Moment, Negative, Query, Regex
from secgraph.j1ql.text.caret import render_error

HERE = Path(__file__).parent


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", lines("placeholders.jsonl"), ids=lambda case: case["why"])
def test_filled(case: dict[str, Any]) -> None:
    text = fill(case["text"], case["values"])
    assert text == case["filled"]
    assert parse_filled(str(parse_filled(text))) == parse_filled(text)


@pytest.mark.parametrize("case", lines("placeholders_refused.jsonl"), ids=lambda case: case["why"])
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(QueryError) as caught:
        fill(case["text"], case["values"])
    error = caught.value
    assert error.code == case.get("code", "PARAM")
    assert error.at == Position(1, case["column"], case["length"])
    assert case.get("message", "") in error.message
    assert error.expected == case.get("expected", error.expected) != ""
    assert error.suggestion == case.get("suggestion", error.suggestion)


def test_every_use_of_a_hole_is_listed_with_its_place() -> None:
    found = holes("FIND {{a}}\nWITH x = '{{ b c }}' AND y = {{a}} /* {{d}} */")
    assert [(hole.name, hole.at) for hole in found] == [
        ("a", Position(1, 6, 5)),
        ("b c", Position(2, 11, 9)),
        ("a", Position(2, 30, 5)),
    ]
    assert holes("FIND A WITH x = '{{}} {{ }} { {b} }'") == ()


def test_a_query_without_open_holes_is_read() -> None:
    query = parse("FIND A /* {{d}} */ WITH x = 1 // {{e}}")
    assert str(query) == "FIND A WITH x = 1"


def test_a_name_of_several_lines_moves_no_place() -> None:
    text = "FIND {{a\nb}} WITH x ="
    with pytest.raises(QueryError) as caught, filled(text, {"a\nb": "Host"}).placed():
        parse_filled(fill(text, {"a\nb": "Host"}))
    assert caught.value.at == Position(2, 13, 0)
    with pytest.raises(QueryError) as caught:
        fill("FIND {{a\nb}} WITH x = '", {"a\nb": "Host"})
    assert (caught.value.code, caught.value.at) == ("LEX", Position(2, 14, 1))


@pytest.mark.parametrize(
    ("text", "values", "at"),
    [
        ("FIND {{what}} WITH name = bob", {"what": "VeryLongName"}, Position(1, 27, 3)),
        ("FIND {{what}}\nWITH name = bob", {"what": "X"}, Position(2, 13, 3)),
        ("FIND A AS a RETURN {{r}}.x", {"r": "nobody"}, Position(1, 20, 5)),
        ("FIND A AS a RETURN {{r}}.x", {"r": "b"}, Position(1, 20, 5)),
        ("FIND A WITH a > {{v}}", {"v": True}, Position(1, 17, 5)),
        ("FIND A WITH a = '{{v}}' AND", {"v": "\n\n"}, Position(1, 28, 0)),
        ("FIND A WITH a = ‘{{v}}’ b", {"v": "long text"}, Position(1, 25, 1)),
        ("FIND A WITH a = /x{{v}}(/", {"v": "y"}, Position(1, 24, 1)),
        ("FIND A LIMIT {{n}}", {"n": 1.5}, Position(1, 14, 5)),
    ],
)
def test_an_error_stands_in_the_text_that_people_know(
    text: str, values: dict[str, HoleValue], at: Position
) -> None:
    found = filled(text, values)
    with pytest.raises(QueryError) as caught, found.placed():
        check(parse_filled(found.text))
    assert caught.value.at == at


# ── no value changes what a query says ────────────────────────────────────────────────────────────────

WORD = "qqq"
NUMBER = 424242
SAFE = [
    "FIND A WITH a = '{{v}}'",
    "FIND A WITH a = 'C:\\{{v}}' AND b = 'x' OR c = 'y'",
    'FIND A WITH a = "\\\\{{v}}\\" AND b = \'x\'" AND c = "{{v}}{{v}}"',
    "FIND A WITH a = “{{v}}” AND b = ‘it\" {{v}}\\’ OR c = 'y'",
    "FIND A WITH a = {{v}}",
    "FIND A WITH a !={{v}}AND b = ({{v}}OR ({{v}} AND 2))",
    "FIND A WITH a = (FIND B WITH c = {{v}} AS b RETURN b.[x{{v}}]) RETURN A.x",
    "FIND A WITH [{{v}}] = 1 AND [x] = 2",
    "FIND {{v}} AS x",
    "FIND ({{v}}|B_other) THAT {{v}} >> C AS {{v}} WHERE {{v}}.a = 1",
    "FIND aws_{{v}} THAT HAS x{{v}}y",
    "FIND #{{v}} A WITH b.{{v}} = 1",
    "FIND A WITH {{v}} = 1 AND ({{v}} = 2 OR c = 8)",
    "FIND A AS a RETURN {{v}}, {{v}}/2/a.x, {{v}} ^ 2, a.x AS '{{v}}'",
    "FIND A AS a RETURN {{v}}(a.x, a.y), a.[{{v}}] ORDER BY {{v}} DESC",
    "FIND A AS a RETURN a.x AS y HAVING {{v}} > {{v}}",
    "FIND A AS a RETURN 3 -{{v}} * 2",
    "FIND A WITH date.{{v}} = 1",
    "FIND A /* {{v}} */ WITH a = 1 // {{v}}\nAND b = 2",
]
"""Whatever is not refused here must be read."""
RISKY = {
    "FIND A WITH a = /{{v}}/ AND b = /x/": WORD,
    "FIND A WITH a = /^[{{v}}]b$/i AND b = /[]x{{v}}]/": WORD,
    "FIND A WITH a > date.now - {{v}} days AND c = 2": WORD,
    "FIND A WITH a > date.now - 7{{v}} AND c = 2": "days",
    "FIND A WITH a > date({{v}})": "2024",
    "FIND A WITH a > date(20{{v}}-01-01) AND b > date({{v}}-01)": "2024",
    "FIND A LIMIT {{v}}": WORD,
    "FIND A AS a RETURN a.x AS {{v}}": WORD,
    "{{v}} WITH a = 1": WORD,
}
"""Here a value may be wrong in itself, a date that does not exist for one. With a text that is not."""
texts = st.one_of(
    st.text(),
    st.text(st.sampled_from("ab1_'\"\\“”‘’]/*[.{}$()=-^&~| \n\rOR"), max_size=12),
    st.sampled_from(["' OR 1 = 1 //", "*/ OR a = 1 /*", "x WITH y = 1", "{{v}}", "${v}", "FIND", "tree"]),
    st.sampled_from(["now", "date", "e5", "2024", "UNIQUE A", "2024-01-01", "hours", "[:alpha:]", "\\"]),
    st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,5}\Z"),
)
values = st.one_of(texts, st.integers(), st.floats(), st.booleans())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*SAFE, *RISKY]), values)
def test_no_value_changes_what_a_query_says(text: str, value: HoleValue) -> None:
    try:
        written = fill(text, {"v": value})
    except QueryError as error:
        assert error.code == "PARAM"  # noqa: PT017 (refused, which is as good)
        return
    found = read(written)
    wanted = read(fill(text, {"v": harmless(text, value)}))
    if found is None:
        assert wanted is None or text in RISKY, written
    else:
        assert wanted is not None, written
        assert_same(found, wanted, value)


def harmless(text: str, value: HoleValue) -> HoleValue:
    if isinstance(value, str):
        return RISKY.get(text, WORD)
    return value if isinstance(value, bool) else 2024 if "date(" in text else NUMBER


def read(text: str) -> Query | None:
    try:
        return parse_filled(text)
    except QueryError:
        return None


def assert_same(found: Any, wanted: Any, value: HoleValue) -> None:
    """The same nodes; the leaves too, but for the value in the place of the harmless one."""
    if isinstance(found, Negative) and isinstance(wanted, Literal):
        found = Literal(-number(found.operand))  # how an expression writes a negative number
    assert type(found) is type(wanted) or {type(found), type(wanted)} <= {int, float}
    if isinstance(found, Regex):
        assert_matches(found, wanted, str(value))
    elif isinstance(found, Moment):
        assert len(found.offsets) == len(wanted.offsets)
    elif dataclasses.is_dataclass(found):
        for field in dataclasses.fields(found):
            if field.compare:
                assert_same(getattr(found, field.name), getattr(wanted, field.name), value)
    elif isinstance(found, tuple):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_same(one, other, value)
    elif isinstance(found, str):
        assert found in {swap(wanted, value), swap(wanted, value).upper(), swap(wanted, value).lower()}
    else:
        assert found == (value if wanted == NUMBER else wanted)


def number(node: Expr) -> float:
    assert isinstance(node, Literal)
    assert isinstance(node.value, float)
    return node.value


def swap(wanted: str, value: HoleValue) -> str:
    """A leaf with the value in it; verbs stand in capitals."""
    if isinstance(value, str):
        return wanted.replace(WORD, value).replace(WORD.upper(), value.upper())
    return wanted if isinstance(value, bool) else wanted.replace(str(NUMBER), decimal(value))


def assert_matches(found: Regex, wanted: Regex, value: str) -> None:
    """A hole in a pattern matches its own text, and in a class each of its characters."""
    assert found.ignore_case == wanted.ignore_case
    if wanted.pattern in (WORD, str(NUMBER)):
        assert matches(found.pattern, value if wanted.pattern == WORD else decimal(float(value)))
        assert not matches(found.pattern, value + "!")
    if wanted.pattern == f"^[{WORD}]b$":
        assert all(matches(found.pattern, f"{letter}b") for letter in set(value))
        assert not matches(found.pattern, f"{value}ab")


def matches(pattern: str, text: str) -> bool:
    row = duckdb.execute("SELECT regexp_matches($1, $2)", [text, rf"\A(?:{pattern})\z"]).fetchone()
    return bool(row and row[0])


WORDS = (
    r"""{{v}} {{w}} FIND A WITH THAT RETURN = ( ) ' " “ ’ / // /* */ [ ] \ . , - date( ${ } {{ x 7 # AS ^"""
)
PIECES = st.sampled_from([*WORDS.split(), " ", "\n"])


@settings(deadline=None)
@given(st.lists(PIECES, max_size=20), values, values, st.booleans())
def test_any_text_with_holes_is_filled_or_refused_inside_it(
    pieces: list[str], value: HoleValue, other: HoleValue, spaced: bool
) -> None:
    text = (" " if spaced else "").join(pieces)
    names = {hole.name for hole in holes(text)}
    given_ = {name: it for name, it in {"v": value, "w": other}.items() if name in names}
    given_ |= dict.fromkeys(names - given_.keys(), "x")
    try:
        found = filled(text, given_)
        with found.placed():
            check(parse_filled(found.text))
    except QueryError as error:
        rows = re.split(r"\r\n|\r|\n", text)
        assert 1 <= error.at.line <= len(rows)  # noqa: PT017 (either answer is right)
        assert 1 <= error.at.column <= len(rows[error.at.line - 1]) + 1  # noqa: PT017
        assert error.at.length >= 0  # noqa: PT017
        assert render_error(error, text)  # noqa: PT017

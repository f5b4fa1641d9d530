"""Properties: a tree prints to text that parses back to it; a text parses or is refused at a place in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from secgraph.errors import QueryError
from secgraph.j1ql import parse
from secgraph.j1ql.advice import distance
from secgraph.j1ql.caret import caret, error_object, render_error
from secgraph.j1ql.lexer import KEYWORDS, RESERVED
from secgraph.j1ql.moments import epoch_ms, iso
from secgraph.j1ql.names import check
from secgraph.j1ql.nodes import (
    START,
    AllOf,
    And,
    AnyOf,
    Arithmetic,
    Block,
    Call,
    Column,
    Comparison,
    Direction,
    EntityPattern,
    Everything,
    Expr,
    Filter,
    Hop,
    Item,
    Key,
    Literal,
    Moment,
    Name,
    Negative,
    Offset,
    Op,
    Or,
    Parameter,
    Query,
    Record,
    Regex,
    Selector,
    Step,
    Subquery,
    Tree,
)
from secgraph.j1ql.nodes import (
    Path as Property,
)

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "conformance.json").read_text())
TEXTS = [case["query"] for case in CASES["examples"] + CASES["errors"]]

# ── trees ─────────────────────────────────────────────────────────────────────────────────────────────

words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
names = st.one_of(words, st.sampled_from(["tree", "By", "date", "to", "not"])).filter(
    lambda word: word.upper() not in RESERVED
)
aliases = st.none() | names
texts = st.text(max_size=12)
properties = st.one_of(
    words,
    st.sampled_from(
        ["limit", "date.now", "order.id", "tag.2fa", "tag.cost-center", "@tag", "a..b", "a b", "null"]
    ),
    st.text(min_size=1, max_size=8).filter(lambda text: "]" not in text),
)
numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=0)
moments = st.builds(
    Moment,
    st.none() | st.integers(-62_135_596_800_000, 253_402_300_799_999),
    st.lists(
        st.builds(
            Offset, numbers | numbers.map(lambda amount: -amount), st.sampled_from(["minute", "day", "week"])
        )
        | st.builds(Offset, st.integers(-500, 500).map(float), st.sampled_from(["month", "year"])),
        max_size=2,
    ).map(tuple),
)
scalars: st.SearchStrategy[Item] = st.one_of(
    st.builds(Literal, texts | numbers | numbers.map(lambda it: -it) | st.booleans() | st.none()),
    st.builds(Regex, st.sampled_from([r"a\/b", "[/]x", "^a|b$", "(?:x){2,3}", r"\d+\."]), st.booleans()),
    st.builds(Parameter, st.sampled_from(["who", "param.names"])),
    moments,
)


def flat(kind: type, of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Two or more members, none of them of the same kind."""
    members = of.filter(lambda member: not isinstance(member, kind))
    return st.builds(kind, st.lists(members, min_size=2, max_size=3).map(tuple))


def values(leaves: st.SearchStrategy[Item]) -> st.SearchStrategy[Item]:
    return st.recursive(leaves, lambda inner: flat(AllOf, inner) | flat(AnyOf, inner), max_leaves=4)


def conditions(tests: st.SearchStrategy[Comparison]) -> st.SearchStrategy[Filter]:
    return st.recursive(tests, lambda inner: flat(And, inner) | flat(Or, inner), max_leaves=4)


ops = st.sampled_from(Op)
paths = st.builds(Property, names, properties)
own = st.builds(Property, st.none(), properties)
records = st.builds(Record, names)
constants = st.builds(Literal, texts | numbers | st.booleans())
expressions: st.SearchStrategy[Expr] = st.recursive(
    st.one_of(constants, moments, paths),
    lambda inner: st.one_of(
        st.builds(Arithmetic, st.sampled_from("+-*/^"), inner, inner),
        st.builds(Negative, inner),
        st.builds(
            Call, words.map(str.lower), st.lists(inner | records, min_size=1, max_size=2).map(tuple)
        ).filter(lambda call: call.function.upper() not in KEYWORDS and call.function != "date"),
        st.just(Call("count", (), star=True)),
    ),
    max_leaves=5,
)
sortable = st.builds(Name, texts) | expressions.filter(
    lambda found: not (isinstance(found, Literal) and isinstance(found.value, str | bool))
)
selectors = st.one_of(
    st.builds(lambda text: Selector(text=text), texts.filter(str.strip)),
    st.builds(
        lambda several, smart: Selector(several, smart),
        st.lists(names | st.just("*"), min_size=1, max_size=3, unique=True).map(tuple),
        st.none() | words | st.just("My tag"),
    ),
    st.builds(lambda smart: Selector((), smart), words),
)
with_tests = st.builds(Comparison, own, ops, values(scalars))
entities = st.builds(EntityPattern, selectors, st.none() | conditions(with_tests), aliases)
verbs = words.map(str.upper).filter(lambda word: word not in RESERVED and word not in ("RELATES", "TO"))


def hops(negated: st.SearchStrategy[bool]) -> st.SearchStrategy[Hop]:
    several = st.lists(verbs, max_size=2, unique=True).map(tuple)
    return st.builds(Hop, several, entities, negated, st.sampled_from(Direction), aliases)


def blocks(inner: st.SearchStrategy[Block] | None, depth: int) -> st.SearchStrategy[Block]:
    first: st.SearchStrategy[Step] = hops(st.just(False))
    if depth:
        first = first | blocks(None, depth - 1)
    return st.builds(
        lambda step, more, alias: Block((step, *more), alias),
        first,
        st.lists(hops(st.booleans()), max_size=1),
        aliases,
    )


steps = st.lists(hops(st.booleans()) | blocks(None, 1), max_size=3).map(tuple)
columns = st.one_of(
    st.builds(Column, expressions | records, st.none() | texts),
    st.builds(Column, st.builds(Everything, names)),
)
returns = st.one_of(
    st.none(),
    st.just(Tree()),
    st.lists(columns, min_size=1, max_size=3)
    .map(tuple)
    .filter(lambda found: str(found[0]).upper() != "TREE"),
)


def queries(depth: int) -> st.SearchStrategy[Query]:
    right: st.SearchStrategy[Any] = values(scalars | paths)
    if depth:
        right = right | st.builds(Subquery, queries(depth - 1))
    where = st.none() | conditions(st.builds(Comparison, paths, ops, right))
    counts = st.none() | st.integers(1, 2**53)
    found = st.builds(
        Query,
        entities,
        steps,
        where,
        returns,
        st.none() | conditions(st.builds(Comparison, sortable, ops, values(scalars))),
        st.lists(st.builds(Key, sortable, st.booleans()), max_size=2).map(tuple),
        counts,
        counts,
        st.booleans(),
    )
    return found.filter(lambda query: query.having is None or isinstance(query.returns, tuple))


@given(queries(1))
def test_a_tree_prints_to_text_that_parses_back_to_it(query: Query) -> None:
    assert parse(str(query)) == query


# ── texts ─────────────────────────────────────────────────────────────────────────────────────────────

PIECES = st.one_of(
    st.sampled_from(sorted(KEYWORDS)),
    st.sampled_from(
        [
            "(",
            ")",
            "|",
            ",",
            ".",
            "*",
            "+",
            "-",
            "/",
            "^",
            "!",
            "#",
            "?",
            ";",
            "=",
            "!=",
            ">",
            "<",
            "~=",
            "^=",
            "$=",
            ">>",
            "<<",
            "'",
            '"',
            "[",
            "]",
            "{",
            "}",
            "\\",
            "//",
            "/*",
            "*/",
            "${",
            "{{",
            "}}",
        ]
    ),
    st.sampled_from(
        ["User", "u", "date.now", "date(", "count(", "'x'", "7", "1e999", "/x/", "${p}", "\n", " ", "ø"]
    ),
)
noise = st.lists(PIECES, max_size=25).map(" ".join) | st.lists(PIECES, max_size=25).map("".join)


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """A known query with stretches cut, doubled or replaced."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 8)))
        change = draw(st.just("") | PIECES | st.just(text[begin:end] * 2))
        text = text[:begin] + change + text[end:]
    return str(text)


def inside(error: QueryError, text: str) -> bool:
    """Whether the position is in the text or just past its end."""
    rows = re.split(r"\r\n|\r|\n", text)
    return 1 <= error.at.line <= len(rows) and 1 <= error.at.column <= len(rows[error.at.line - 1]) + 1


def refusal(text: str) -> QueryError | None:
    """The error of a text; what parses must also survive printing, whatever the later stages say."""
    try:
        query = parse(text)
    except QueryError as error:
        return error
    assert parse(str(query)) == query
    try:
        check(query)
    except QueryError as error:
        return error
    return None


def refuse_or_print(text: str) -> None:
    error = refusal(text)
    if error is not None:
        assert inside(error, text)
        assert error.at.length >= 0
        assert error.expected
        assert render_error(error, text)


@given(st.text())
@example("FIND A WITH x = \ud800")
def test_any_text_is_read_or_refused_inside_it(text: str) -> None:
    refuse_or_print(text)


@given(noise)
def test_any_tokens_are_read_or_refused_inside_the_text(text: str) -> None:
    refuse_or_print(text)
    refuse_or_print(f"FIND A {text}")
    refuse_or_print(f"FIND A AS a RETURN {text}")


@given(mutants())
def test_any_slip_is_read_or_refused_inside_the_text(text: str) -> None:
    refuse_or_print(text)


# ── parts ─────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_iso_text_names_the_same_millisecond(milliseconds: int) -> None:
    assert epoch_ms(iso(milliseconds), START) == milliseconds


@given(st.text("ab", max_size=5), st.text("ab", max_size=5))
def test_distance_is_symmetric_and_bounded(left: str, right: str) -> None:
    assert distance(left, right, 2) == distance(right, left, 2) <= 3
    assert (distance(left, right, 2) == 0) == (left == right)


@given(noise.map(lambda text: f"FIND A {text}\x1b[31m"))
def test_a_rendered_error_holds_no_control_characters(text: str) -> None:
    error = refusal(text)
    assert error is not None
    assert all(line.isprintable() for line in render_error(error, text).split("\n"))
    assert error_object(error, text)["caret"] == caret(error, text)

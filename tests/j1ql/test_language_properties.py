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
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.moments import epoch_ms, iso
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
from secgraph.j1ql.text.advice import distance
from secgraph.j1ql.text.caret import caret, error_object, render_error
from secgraph.j1ql.text.lexer import KEYWORDS

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "conformance.json").read_text())
TEXTS = [case["query"] for case in CASES["examples"] + CASES["errors"]]

# ── trees ─────────────────────────────────────────────────────────────────────────────────────────────

words = st.sampled_from(
    ["u", "User", "_id", "aws_iam_role", "x1", "HAS", "count", "distinct", "in", "contains"]
)
names = words | st.sampled_from(["tree", "By", "date", "to", "not"])
aliases = st.none() | names
texts = st.text(st.sampled_from("aB1 '\"\\/*.\n‘“é"), max_size=6)
properties = words | st.sampled_from(
    [
        "limit",
        "date.now",
        "order.id",
        "tag.2fa",
        "tag.cost-center",
        "@tag",
        "a..b",
        "a b",
        "null",
        "2fa",
        ".",
        "[x",
    ]
)
numbers = st.sampled_from([0.0, 1.0, 7.0, 0.1, 1e-7, 2.5e21, 1e16, 12345678.9, 5e-324, 1.7e308])
milliseconds = st.integers(-62_135_596_800_000, 253_402_300_799_999)
offsets = st.one_of(
    st.builds(
        Offset, numbers | numbers.map(float.__neg__), st.sampled_from(["minute", "hour", "day", "week"])
    ),
    st.builds(Offset, st.integers(-500, 500).map(float), st.sampled_from(["month", "year"])),
)
moments = st.builds(Moment, st.none() | milliseconds, st.lists(offsets, max_size=2).map(tuple))
ops = st.sampled_from(Op)
paths = st.builds(Property, names, properties)
own = st.builds(Property, st.none(), properties)
scalars = st.one_of(
    st.builds(Literal, texts | numbers | numbers.map(float.__neg__) | st.booleans() | st.none()),
    st.builds(Regex, st.sampled_from([r"a\/b", "[/]x", "^a|b$", "(?:x){2,3}", r"\d+\."]), st.booleans()),
    st.builds(Parameter, st.sampled_from(["who", "param.names"])),
    moments,
)


def nested(one: Any, other: Any, leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A leaf, or the two kinds of group nested in turn, as no group holds its own kind."""
    inner = st.builds(other, st.tuples(leaf, leaf))
    outer = st.builds(one, st.tuples(leaf | inner, leaf, leaf | inner) | st.tuples(inner, leaf))
    return leaf | inner | outer


def values(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return nested(AllOf, AnyOf, leaf) | nested(AnyOf, AllOf, leaf)


def conditions(left: st.SearchStrategy[Any], right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    leaf = st.builds(Comparison, left, ops, right)
    return nested(And, Or, leaf) | nested(Or, And, leaf)


constants = st.builds(Literal, texts | numbers | st.booleans())
leaves = constants | moments | paths


def compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Expr]:
    arguments = st.lists(inner | st.builds(Record, names), min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.builds(Arithmetic, st.sampled_from("+-*/^"), inner, inner),
        st.builds(Negative, inner),
        st.builds(Call, st.sampled_from(["count", "concat", "nosuch"]), arguments),
        st.just(Call("count", (), star=True)),
    )


expressions = leaves | compound(leaves | compound(leaves | compound(leaves)))
sortable = st.builds(Name, texts | names | st.just("limit")) | compound(leaves) | moments | paths
columns = st.one_of(
    st.builds(Column, expressions, st.none() | texts | names),
    st.builds(Column, st.builds(Record, names), texts),
    st.builds(Column, st.builds(Everything, names)),
)
several = st.lists(names | st.just("*"), min_size=1, max_size=3, unique=True).map(tuple)
selectors = st.one_of(
    st.builds(lambda text: Selector(text=text), texts.filter(str.strip)),
    st.builds(Selector, several, st.none() | words | st.just("My tag")),
    st.builds(Selector, st.just(()), words),
)
entities = st.builds(EntityPattern, selectors, st.none() | st.builds(Comparison, own, ops, scalars), aliases)
verbs = st.lists(st.sampled_from(["HAS", "USES", "BY", "NOT"]), max_size=2, unique=True).map(tuple)


def hops(negated: st.SearchStrategy[bool]) -> st.SearchStrategy[Hop]:
    return st.builds(Hop, verbs, entities, negated, st.sampled_from(Direction), aliases)


def blocks(first: st.SearchStrategy[Any]) -> st.SearchStrategy[Block]:
    return st.builds(Block, st.tuples(first) | st.tuples(first, hops(st.booleans())), aliases)


positive = hops(st.just(False))
steps = st.lists(hops(st.booleans()) | blocks(positive | blocks(positive)), max_size=3).map(tuple)
A = EntityPattern(Selector(("A",)))


def again(query: Query) -> Query:
    return parse(str(query))


@given(conditions(own, values(scalars)))
def test_with_prints_and_parses_back(found: Filter) -> None:
    query = Query(EntityPattern(Selector(("A",)), found))
    assert again(query) == query


subqueries = st.builds(
    lambda start, column: Subquery(Query(start, returns=(column,))), entities, st.builds(Column, paths)
)


@given(conditions(paths, values(scalars | paths) | subqueries))
def test_where_prints_and_parses_back(found: Filter) -> None:
    query = Query(A, where=found)
    assert again(query) == query


@given(entities, steps)
def test_steps_print_and_parse_back(start: EntityPattern, found: tuple[Step, ...]) -> None:
    query = Query(start, found)
    assert again(query) == query


@given(st.lists(columns, min_size=1, max_size=3).map(tuple))
def test_columns_print_and_parse_back(found: tuple[Column, ...]) -> None:
    query = Query(A, returns=found)
    assert again(query) == query


counts = st.none() | st.integers(1, 2**53)
keys = st.lists(
    st.builds(Key, sortable | constants.filter(lambda it: not isinstance(it.value, str)), st.booleans())
)


@given(conditions(sortable, values(scalars)), keys.map(tuple), counts, counts, st.booleans())
def test_results_print_and_parse_back(
    having: Filter, order: tuple[Key, ...], skip: int | None, limit: int | None, unique: bool
) -> None:
    table = Query(A, (), None, (Column(Property("a", "x")),), having, order, skip, limit, unique)
    assert again(table) == table
    tree = Query(A, (), None, Tree(), None, order, skip, limit, unique)
    assert again(tree) == tree


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


@given(milliseconds)
def test_iso_text_names_the_same_millisecond(moment: int) -> None:
    assert epoch_ms(iso(moment), START) == moment


@given(st.text("ab", max_size=5), st.text("ab", max_size=5))
def test_distance_is_symmetric_and_bounded(left: str, right: str) -> None:
    assert distance(left, right, 2) == distance(right, left, 2) <= 3
    assert (distance(left, right, 2) == 0) == (left == right)


@given(noise.map(lambda text: f"FIND A {text}\n\x1b[31m"))
def test_a_rendered_error_holds_no_control_characters(text: str) -> None:
    error = refusal(text)
    assert error is not None
    assert all(line.isprintable() for line in render_error(error, text).split("\n"))
    assert error_object(error, text)["caret"] == caret(error, text)

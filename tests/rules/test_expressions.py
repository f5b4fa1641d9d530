"""Expressions and templates: each line of the case files is one, with what it comes to or why it does not."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secgraph.graph.search import decimal
from secgraph.rules import escaping
from secgraph.rules.expressions import parse
from secgraph.rules.expressions.budget import MAX_ELEMENTS, Budget, EvaluationError
from secgraph.rules.expressions.evaluate import Scope, evaluate
from secgraph.rules.expressions.lexer import ExpressionError
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
    Template,
    Transform,
    Unary,
    Where,
)
from secgraph.rules.expressions.transforms import MAX_MAPPED
from secgraph.rules.expressions.values import Sealed, own, plain
from secgraph.rules.template import read, render


def lines(name: str) -> list[dict[str, Any]]:
    text = (Path(__file__).parent / name).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


TEMPLATES = {
    name: read(text)
    for name, text in {
        "line": "{{itemIndex + 1}}/{{itemCount}} {{item.name}}",
        "slack": "({{itemIndex+1}} of {{itemCount}}) *{{item.displayName}}*\n{{item.tag.Owner}}",
        "outer": "[{{item | mapTemplate('slack')}}]",
        "selfish": "{{item | mapTemplate('selfish')}}",
    }.items()
}
ITEM = {
    "id": "i-1",
    "name": "of the row",
    "entity": {"_type": "aws_instance", "_class": ["Host"], "name": "of the entity"},
    "properties": {
        "displayName": "web-1",
        "tag.Owner": "team <a>",
        "name": None,
        "webLink": "https://console.example/a_b?x=1&y=*",
    },
}
CONTEXT: dict[str, Any] = {
    "count": 3,
    "limit": 40,
    "name": "web-1",
    "übersicht": {"größe": 7},
    "item": ITEM,
    "cells": {"i.instanceId": "i-2", "h": ITEM},
    "queries": {"a.b": {"total": 4}},
    "people": [
        {"name": "Ann", "age": 28, "home": {"city": "Bonn"}},
        {"name": "Ben", "age": 35, "home": {"city": "Bonn"}},
        {"name": "Cat", "age": 41, "home": {"city": "Ulm"}},
        {"name": "Dan", "age": 60, "pets": [{"kind": "dog"}, {"kind": "cat"}]},
    ],
    "param": {
        "Token": Sealed("Token"),
        "Call": own("<!subteam^S1>"),
        "Url": own("https://hooks.example"),
    },
    "hostile": {
        "channel": "<!channel> and <@U1>",
        "markup": "*bold* _it_ ~s~ `c` my_name aws_a_b",
        "link": "<https://evil.example|your bank> &amp;",
        "quote": ">> all is well",
        "lines": "one\r\ntwo\u2028three",
        "reversed": "a\u202e\u200bb\x00",
        "mention": "!channel",
        "escape": "https://a.example/|bank> <!channel>",
        "path": "../../admin?x#y",
        "url": "https://evil.example/",
        "dot": ".",
        "emoji": ":white_check_mark: 10:30 :+1:",
        "dots": "..",
        "json": '", "admin": true, "\\',
        "half": "\ud800",
        "accents": "café ☠",
    },
}


@pytest.mark.parametrize("case", lines("expressions.jsonl"), ids=lambda case: case["expression"])
def test_an_expression_has_its_value_or_says_why_not(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(ExpressionError) as refused:
            parse(case["expression"])
        assert str(refused.value).startswith(case["error"])
        return
    expression = parse(case["expression"])
    assert parse(str(expression)) == expression
    scope = Scope(CONTEXT, TEMPLATES)
    if "fails" in case:
        with pytest.raises(EvaluationError) as failed:
            evaluate(expression, scope)
        assert case["fails"] in str(failed.value)
        return
    value = plain(evaluate(expression, scope), scope.budget)
    assert json.dumps(value) == json.dumps(case["result"])
    assert (scope.budget.levels, scope.budget.templates) == (0, 0)


@pytest.mark.parametrize("case", lines("templates.jsonl"), ids=lambda case: case["template"])
def test_a_template_is_what_its_place_takes_or_says_why_not(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(ExpressionError) as refused:
            read(case["template"])
        assert str(refused.value).startswith(case["error"])
        return
    template = read(case["template"])
    assert read(str(template)) == template
    place = getattr(escaping, case["place"])
    if "fails" in case:
        with pytest.raises(EvaluationError) as failed:
            render(template, CONTEXT, place=place, templates=TEMPLATES)
        assert case["fails"] in str(failed.value)
        return
    text = render(template, CONTEXT, place=place, templates=TEMPLATES)
    if "json" in case:
        assert json.loads(str(text)) == case["json"]
    else:
        assert text == case["result"]


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "1" + ")" * 10_000,
        "[" * 500,
        "!" * 500 + "a",
        "-" * 500 + "a",
        "1" + "+1" * 500,
        "a" + ".b" * 500,
        "a" + "[0]" * 500,
        "a" + "|length" * 500,
        "a" + "?a:a" * 500,
    ],
    ids=lambda text: text[:12],
)
def test_a_deep_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match="nests deeper than 80 levels"):
        parse(text)


def test_a_long_expression_is_refused() -> None:
    with pytest.raises(ExpressionError, match="has more than 2000 parts"):
        parse("[" + "1," * 3_000 + "]")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("many[.a + 1 == 1] | length", "takes too much work"),
        ("many | merge(many, many, many, many) | length", "makes a list of more than 20000 elements"),
        ("[big, big, big] | join('')", "makes more than 2000000 characters"),
        ("big + big + big", "makes more than 2000000 characters"),
        ("many | mapProperty('a') | join(big)", "makes more than 2000000 characters"),
    ],
)
def test_work_is_bounded(text: str, reason: str) -> None:
    names = {"many": [{"a": number} for number in range(MAX_ELEMENTS // 4)], "big": "x" * 900_000}
    with pytest.raises(EvaluationError, match=reason):
        evaluate(parse(text), Scope(names, budget=Budget(steps=26_000)))


def test_a_template_for_very_many_items_says_how_many_are_left() -> None:
    people = [{"name": "x" * 990} for _ in range(500)]
    made = render(
        read("{{people | mapTemplate('line') | join('\n')}}"),
        {"people": people},
        place=escaping.slack,
        templates=TEMPLATES,
    )
    assert isinstance(made, str)
    shown = made.splitlines()
    assert len(made) < MAX_MAPPED + 100
    assert shown[-1] == f"… and {500 - len(shown) + 1} more"


def test_what_may_be_read_differently_is_noted() -> None:
    assert len(read("{{a || b && c}}").notes) == 1
    assert read("{{(a || b) && c && (a || b) ? a && b || c : b}}").notes == ()


# ── parse∘print is the identity ───────────────────────────────────────────────────────────────────────

NAMES = st.sampled_from(["a", "in_b", "$c", "ünder", "trueish"])
LEAVES: st.SearchStrategy[Expr] = st.one_of(
    st.builds(
        Literal,
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.text("a'\\\"{}|.", max_size=4)
        | st.floats(-1e12, 1e12).filter(lambda number: not number.is_integer() and len(decimal(number)) < 40),
    ),
    st.builds(Name, NAMES),
)


def larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    lists = st.lists(inner, max_size=3).map(tuple)
    test = st.builds(Binary, st.just("=="), st.builds(Relative, NAMES), inner)
    return st.one_of(
        st.builds(Array, lists),
        st.builds(Object, st.lists(st.tuples(st.text("k '", max_size=2), inner), max_size=2).map(tuple)),
        st.builds(Property, inner, NAMES),
        st.builds(Index, inner, inner),
        st.builds(Where, inner, test),
        st.builds(Transform, inner, st.just("length")),
        st.builds(Transform, inner, st.sampled_from(["merge", "mapProperty"]), lists.filter(bool)),
        st.builds(Unary, st.sampled_from("!-"), inner),
        st.builds(Binary, st.sampled_from(list(LEVELS)), inner, inner),
        st.builds(Choice, inner, st.none() | inner, inner),
    )


@settings(max_examples=120, deadline=None)
@given(st.recursive(LEAVES, larger, max_leaves=8))
def test_printing_and_parsing_give_the_same_tree(expression: Expr) -> None:
    assert parse(str(expression)) == expression
    template = Template(("before ", expression, "\n}} after"))
    assert read(str(template)) == template


# ── anything at all ───────────────────────────────────────────────────────────────────────────────────

SOUP = st.lists(
    st.sampled_from(
        [
            "people",
            "item",
            "param.Token",
            "hostile",
            ".",
            "[",
            "]",
            "(",
            ")",
            "{",
            "}",
            "|",
            "||",
            "&&",
            "!",
            "-",
            "+",
            "*",
            "/",
            "//",
            "%",
            "^",
            "==",
            ">",
            "in",
            "?",
            ":",
            ",",
            "'a'",
            '"',
            "1",
            "2.5",
            "0",
            "true",
            "null",
            ".age",
            "length",
            "join",
            "mapProperty",
            "mapTemplate('line')",
            "merge(people)",
            "{{",
            "}}",
            "'",
            "\\",
            "\n",
            "é",
        ]
    ),
    max_size=12,
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(SOUP)
def test_any_text_is_a_template_with_a_text_or_an_error_of_its_own(soup: str) -> None:
    with suppress(ExpressionError, EvaluationError):
        template = read(f"a {{{{ {soup} }}}}")
        assert read(str(template)) == template
        assert render(template, CONTEXT, place=escaping.slack, templates=TEMPLATES)


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("<>*_~`|&\"'\\\n/:@!"), max_size=12)
)
def test_no_text_of_the_graph_leaves_its_place(hostile: str) -> None:
    def written(text: str, place: escaping.Place) -> str:
        return str(render(read(text), {"hostile": hostile}, place=place))

    assert json.loads(written('{"a": "{{hostile}}", "b": {{hostile}}}', escaping.json_text)) == {
        "a": hostile,
        "b": hostile,
    }
    assert re.fullmatch(
        r"https://a/([A-Za-z0-9_.~-]|%[0-9A-F]{2})*", written("https://a/{{hostile}}", escaping.url)
    )
    markup = written("{{hostile}}", escaping.slack)
    assert not set("<>*~`\n") & set(markup)
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])", markup)
    link = written("<{{hostile}}|x>", escaping.slack)
    assert re.fullmatch(r"<(https?:)?[^<>|\s!@#][^<>|\s]*\|x>|<\|x>", link, re.IGNORECASE), link
    assert re.fullmatch(r"[ -~]*", written("{{hostile}}", escaping.header))

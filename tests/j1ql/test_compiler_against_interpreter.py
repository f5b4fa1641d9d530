"""Random queries over random graphs: DuckDB must answer what a slow, obvious reading of the language does.

A disagreement is a mistake in one of the two: decide by j1ql.md, and add the query to cases.jsonl.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from secgraph.j1ql import nodes, parse
from secgraph.j1ql.signatures import SIGNATURES
from tests.j1ql.comparison import compare_and_reduce, interpreted
from tests.j1ql.strategies.queries import QUESTIONS, Questions

EXAMPLES = int(os.environ.get("SECGRAPH_EXAMPLES", "200"))


WITHOUT_SHRINKING = settings(
    phases=[Phase.reuse, Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
)


@settings(WITHOUT_SHRINKING, max_examples=20)
@given(QUESTIONS)
def test_the_same_answer(questions: Questions) -> None:
    compare_and_reduce(questions)


@pytest.mark.thorough
@settings(WITHOUT_SHRINKING, max_examples=EXAMPLES)
@given(QUESTIONS)
def test_the_same_answer_often(questions: Questions) -> None:
    compare_and_reduce(questions)


# ── are the questions any good? ───────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def sample() -> list[Questions]:
    found: list[Questions] = []

    @settings(max_examples=150, phases=[Phase.generate], deadline=None, database=None, derandomize=True)
    @given(QUESTIONS)
    def collect(questions: Questions) -> None:
        found.append(questions)

    collect()
    return found


def test_every_part_of_the_language_is_asked(sample: list[Questions]) -> None:
    used = {part for questions in sample for text in questions.texts for part in within(parse(text))}
    kinds = {
        kind for union in (nodes.Right, nodes.Filter, nodes.Step, nodes.Expr) for kind in get_args(union)
    }
    assert {*kinds, nodes.Everything, nodes.Tree} <= used
    assert {*nodes.Op, *nodes.Direction, *SIGNATURES, *"+-*/^"} <= used


def within(node: object) -> Iterator[object]:
    """The class of every node in a query, its operators and the functions that it calls."""
    if isinstance(node, tuple):
        for item in node:
            yield from within(item)
    elif is_dataclass(node):
        yield type(node)
        for field in fields(node):
            yield from within(getattr(node, field.name))
    elif isinstance(node, nodes.Op | nodes.Direction | str):
        yield node


def test_most_questions_have_an_answer(sample: list[Questions]) -> None:
    answers = [interpreted(text, questions) for questions in sample for text in questions.texts]
    counts = [sum(share for _, share in it.shares) for it in answers if it is not None]
    assert sum(count > 0 for count in counts) > len(counts) / 2

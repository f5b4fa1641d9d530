"""One example of random questions: the interpreter and the compiler over DuckDB must answer each alike.

    python -m tests.j1ql.comparison EXAMPLES SEED

prints as JSON which package it tried, and the first difference, null if there is none: this is how a changed
copy of the package is tried. Exit code 0 either way; anything else than an answer is a crash.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, seed, settings

import secgraph
from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.errors import QueryError
from secgraph.flows.ask import ask
from secgraph.j1ql import parse
from tests.j1ql.interpreter.agreement import difference
from tests.j1ql.interpreter.filters import World
from tests.j1ql.interpreter.graph import visible
from tests.j1ql.interpreter.results import Answer, UndeterminedError, answer, values_of
from tests.j1ql.readers import in_memory
from tests.j1ql.reduction import reduced
from tests.j1ql.strategies.graphs import NOW
from tests.j1ql.strategies.literals import PARAMETERS
from tests.j1ql.strategies.queries import QUESTIONS, Questions


class DisagreementError(AssertionError):
    """The compiler answers otherwise than the interpreter. `question` has the one text that shows it."""

    def __init__(self, question: Questions, found: str) -> None:
        super().__init__(f"{question.texts[0]}\n{found}\nof {question}")
        self.question = question


def compare(questions: Questions) -> None:
    """Raises DisagreementError."""
    with in_memory(questions.graph.entities, questions.graph.relationships) as reader:
        for text in questions.texts:
            check(text, questions, reader)


def check(text: str, questions: Questions, reader: DuckDBReader) -> None:
    """Raises DisagreementError."""
    response = ask(
        text,
        reader=reader,
        now=NOW,
        parameters=PARAMETERS,
        include_deleted=questions.include_deleted,
        row_metadata=questions.row_metadata,
        page_rows=None,
        page_bytes=None,
    )
    wanted = interpreted(text, questions)
    found = "" if wanted is None else difference(wanted, response)
    if found:
        raise DisagreementError(replace(questions, texts=[text]), found)


def interpreted(text: str, questions: Questions) -> Answer | None:
    """What the interpreter says, None where it cannot be known."""
    drawn = questions.graph
    seen = visible(drawn.entities, drawn.relationships, include_deleted=questions.include_deleted)
    world = World(seen, NOW, PARAMETERS, values_of)
    try:
        return answer(parse(text), world, row_metadata=questions.row_metadata)
    except UndeterminedError:
        return None


def compare_and_reduce(questions: Questions) -> None:
    """Raises DisagreementError for a small example. A smaller question that is refused shows nothing."""

    def disagrees(question: Questions) -> bool:
        try:
            compare(question)
        except DisagreementError:
            return True
        except QueryError:
            return False
        return False

    try:
        compare(questions)
    except DisagreementError as found:
        compare(reduced(found.question, disagrees))
        raise


def first_difference(examples: int, seeded: int) -> str | None:
    """Compare until something differs, without looking for a smaller example."""

    @seed(seeded)
    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(QUESTIONS)
    def same(questions: Questions) -> None:
        compare(questions)

    try:
        same()
    except DisagreementError as found:
        return str(found)
    return None


if __name__ == "__main__":
    tried = {"package": secgraph.__file__, "difference": first_difference(int(sys.argv[1]), int(sys.argv[2]))}
    sys.stdout.write(json.dumps(tried))

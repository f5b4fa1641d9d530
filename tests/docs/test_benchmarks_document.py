"""docs/benchmarks.md asks the questions that are measured, and has the tables that the benchmark writes."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.engines.run import BEGIN, END
from benchmarks.questions import AROUND, QUESTIONS, TITLES

DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "benchmarks.md").read_text("utf-8")


def test_the_questions_are_those_that_are_measured() -> None:
    quoted = re.findall("`(find .*?)`", DOCUMENT.replace("\\|", "|"), re.IGNORECASE)
    assert sorted(quoted) == sorted([*QUESTIONS.values(), AROUND])


def test_every_size_has_its_tables() -> None:
    measured = DOCUMENT.partition(BEGIN)[2].partition(END)[0]
    sections = re.split("^## ", measured, flags=re.M)[1:]
    sizes = [it for it in sections if re.match("[0-9,]+ entities, [0-9,]+ relationships\n", it)]
    assert [len(re.findall("[0-9,]+", it)[0]) for it in sizes] == [6, 6, 7], "10 thousand, 100, a million"
    for size in sizes:
        for question, title in TITLES.items():
            assert len(re.findall(rf"^\| {question} {title} ", size, re.M)) == 2, "warm and cold"
    assert [it.partition("\n")[0] for it in sections[len(sizes) :]] == ["How cost grows", "Goals"]

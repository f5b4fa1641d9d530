"""secgraph itself over an image. In: the image's files. Out: answers, as ids and as people get them.

A question is asked in two ways. `ask` compiles it and runs the SQL down to ids, as the other engines do too.
`answer` is all of what people get: parsed, compiled, run, with documents, and written as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.engines.asked import COUNT, LIST, QUESTIONS, Asked, Rows, digest
from benchmarks.questions import texts
from secgraph.adapters.image.reader import ImageReader
from secgraph.flows.ask import ask
from secgraph.graph.relations import Statement
from secgraph.image.ports import ObjectStore
from secgraph.j1ql import parse
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.sql import compiler

CACHE: Final = "cache"


class Image:
    """A Session that also gives whole answers."""

    def __init__(self, store: ObjectStore, cache: Path, asked: Asked) -> None:
        self._now = asked.now
        self._texts = texts(asked.start)
        self._reader = ImageReader(store, cache)
        state = self._reader.refresh(asked.now)
        if state.fallback:
            raise SystemExit(f"the image is not whole: {state.fallback}")

    def ask(self, question: str) -> Rows:
        """Compile and run a question, the whole result."""
        return self._reader.fetch(self.compiled(question))

    def compiled(self, question: str) -> Statement:
        """Take the first part of `ask`: from the text of a question to SQL."""
        checked = check(parse(self._texts[question]))
        plan = compiler.compile(checked, self._reader.catalogue(), now=self._now, parameters={})
        return plan.statement

    def planned(self, statement: Statement) -> None:
        """Take the second part: have DuckDB decide how to run it."""
        # Not EXPLAIN: to draw a plan takes longer than to make it.
        self._reader.fetch(replace(statement, sql=f"PREPARE asked AS {statement.sql}", parameters=()))

    def answer(self, question: str) -> str:
        """Give the JSON of an answer: of a list the first page, of a tree all."""
        return json.dumps(self._answered(question, whole=QUESTIONS[question] != LIST), ensure_ascii=False)

    def summed_up(self, question: str) -> tuple[int, str]:
        """Give how much the whole answer is, and the digest of the names in it."""
        data = self._answered(question, whole=True)["data"]
        names = set(_names(question, data))
        return len(names), digest(names)

    def _answered(self, question: str, *, whole: bool) -> dict[str, Any]:
        text = self._texts[question]
        if whole:
            return ask(text, reader=self._reader, now=self._now, page_rows=None, page_bytes=None)
        return ask(text, reader=self._reader, now=self._now)


def _names(question: str, data: Any) -> Iterable[str]:
    if QUESTIONS[question] == COUNT:
        return (f"{row.get('f._type')} {row.get('f.severity')} {row['count(f)']}" for row in data)
    if QUESTIONS[question] == LIST:
        return (row["id"] for row in data)
    ends = {edge[end] for edge in data["edges"] for end in ("fromVertexId", "toVertexId")}
    if ends != {vertex["id"] for vertex in data["vertices"]}:
        raise SystemExit(f"{question}: the entities of the tree are not the ends of its relationships")
    return (
        f"{edge['fromVertexId']} {edge['relationship']['_class']} {edge['toVertexId']}"
        for edge in data["edges"]
    )

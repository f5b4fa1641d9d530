"""Eight questions to a graph → how long each takes, and how much came.

Q1 to Q7 are of a kind that people ask every day. Q8, everything within two hops of one finding, starts from a
finding of a typical instance. Trees come whole: the bound of a page (250 entities) would refuse most of them.
Lists and tables come as the first page, as people get them.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from benchmarks.figures import Figure, timed
from secgraph.flows.ask import ask
from secgraph.graph.ports import GraphReader
from secgraph.graph.relations import Catalogue, Rows, Statement

RUNS: Final = 7
QUESTIONS: Final = {
    "Q1 threatened and vulnerable, tree": "Find aws_guardduty_finding that relates to aws_instance "
    "that has aws_inspector_finding with numericSeverity > 7 return tree",
    "Q1 as a list": "Find aws_guardduty_finding that relates to aws_instance "
    "that has aws_inspector_finding with numericSeverity > 7",
    "Q2 production with severe findings": "Find (Host|DataStore|Application|CodeRepo|Account|Service"
    "|Network) with tag.Production=true that has Finding with severity='High' or numericSeverity>7",
    "Q3 severe findings of the last day": "Find Finding with (severity='high' or numericSeverity>=7) "
    "and _createdOn > date.now-24hours",
    "Q4 production without findings": "Find aws_instance with tag.Production=true that !has Finding",
    "Q5 findings by type and severity": "Find Finding as f return f._type, f.severity, count(f)",
    "Q6 from the Internet to roles, tree": "Find Internet that allows aws_security_group "
    "that protects aws_instance that uses aws_iam_role return tree",
    "Q7 full text": 'Find "10.0.12.7"',
}
NEIGHBOURHOOD: Final = "Q8 two hops around a finding, tree"
TYPICAL: Final = (
    "Find aws_inspector_finding as f that has aws_instance with instanceId = '{}' return f._id limit 1"
)


class _Stopwatch:
    """A GraphReader that notes which part of each answer was the database's, in milliseconds."""

    def __init__(self, reader: GraphReader) -> None:
        self._reader = reader
        self.sql: list[float] = []

    def catalogue(self) -> Catalogue:
        return self._reader.catalogue()

    def fetch(self, statement: Statement) -> Rows:
        rows: list[Rows] = []
        self.sql.append(timed(lambda: rows.append(self._reader.fetch(statement)), 1).wall)
        return rows[0]

    def counts(self, statements: Iterable[Statement]) -> Iterator[int | None]:
        return self._reader.counts(statements)


def questions(size: str, reader: GraphReader, now: int, instance: str) -> Iterator[Figure]:
    """Ask each question once to warm up, then RUNS times. `instance` is the id of the typical one."""
    found = ask(TYPICAL.format(instance), reader=reader, now=now)["data"][0]["f._id"]
    around = f"FIND * WITH _id = '{found}' THAT RELATES TO * THAT RELATES TO * RETURN TREE"
    for name, text in {**QUESTIONS, NEIGHBOURHOOD: around}.items():
        watched = _Stopwatch(reader)
        came = _came(_answered(text, watched, now))
        times = timed(partial(_answered, text, watched, now), RUNS)
        parts = [came, f"{statistics.median(watched.sql):.0f} ms in SQL", times.load]
        yield Figure(f"{size}: {name}, warm", str(times), "; ".join(part for part in parts if part))


def _answered(text: str, reader: GraphReader, now: int) -> dict[str, Any]:
    if text.lower().endswith("return tree"):
        return ask(text, reader=reader, now=now, page_rows=None, page_bytes=None)
    return ask(text, reader=reader, now=now)


def _came(answer: dict[str, Any]) -> str:
    data = answer["data"]
    if answer["type"] == "tree":
        return f"{len(data['vertices']):,} entities, {len(data['edges']):,} relationships"
    return f"{len(data):,} of {answer['totalCount']:,} rows"

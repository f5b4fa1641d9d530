"""What the language itself costs: query text → tree → checked query → SQL, before any data is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks.estate import Estate
from benchmarks.figures import Figure, timed
from benchmarks.questions import QUESTIONS
from benchmarks.stamped import items
from secgraph.adapters.pack_files import read_packs
from secgraph.adapters.relations.relations import Relations
from secgraph.graph.loading import items_of
from secgraph.graph.relations import Catalogue
from secgraph.image.expand import expand
from secgraph.j1ql import parse
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.sql import compiler
from secgraph.rules.pack import load_all

ROOT: Final = Path(__file__).resolve().parent.parent
RUNS: Final = 5


def language(now: int) -> Iterator[Figure]:
    """Time each stage on queries as people publish them."""
    conformance = json.loads((ROOT / "tests/j1ql/conformance.json").read_text("utf-8"))
    catalogue = _catalogue(conformance["fixture"], now)
    taken: dict[str, list[float]] = {"parse": [], "check": [], "compile": [], "all three": []}
    for text, parameters in _published(conformance["examples"]):
        query = parse(text)
        compiled = partial(compiler.compile, check(query), catalogue, now=now, parameters=parameters)
        each = [timed(work, RUNS).cpu for work in (partial(parse, text), partial(check, query), compiled)]
        for stage, milliseconds in zip(taken, [*each, sum(each)], strict=True):
            taken[stage].append(milliseconds)
    for stage, each in taken.items():
        middle, late, last = (sorted(each)[round(share * (len(each) - 1))] for share in (0.5, 0.95, 1))
        note = f"95th percentile {late:.2f}, slowest {last:.2f}; {len(each)} queries"
        yield Figure(f"language: {stage}, median query", f"{middle:.2f} ms", note)


def _catalogue(fixture: Mapping[str, Any], now: int) -> Catalogue:
    """Give what a graph holds that has all that the queries name, else most of them would come to nothing."""
    with duckdb.connect(":memory:") as connection:
        relations = Relations(connection)
        for held in (items(Estate(300), now=now, span=1), items_of(fixture, now=now)):
            relations.apply([expand(item, now) for item in held])
        return relations.catalogue()


def _published(examples: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Give queries with their parameters: the language's examples, our rule packs, the questions."""
    packs = load_all(read_packs([ROOT / "rule_packs"]))
    rules = [query.text for pack in packs for rule in pack.rules for query in rule.queries]
    given = [(case["query"], case.get("params", {})) for case in examples]
    return [*given, *((text, {}) for text in (*rules, *QUESTIONS.values()))]

"""`make bench`: what ingest, questions, the language and the cold imports cost, as one table.

The estate is synthetic and seeded (benchmarks/estate.py). Every figure is the median of its runs on the
machine at hand; compare ratios within one run, not absolute times between runs. Questions are asked of the
local file as it lies on disk: checkpointed, closed, opened again to read. The larger estate is merged in
memory and each item written once, which takes half the time: the same tables, less rewritten.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.dynamodb import dynamodb
from benchmarks.estate import Estate
from benchmarks.figures import Figure, table, timed
from benchmarks.language import language
from benchmarks.questions import questions
from secgraph import contract
from secgraph.adapters.duckdb_reader import DuckDBReader, lock_down
from secgraph.adapters.local_graph import LocalGraph
from secgraph.flows.ingest import APPLIED, UNCHANGED, Delivery, WarmCache, count, ingest
from secgraph.flows.load import load
from secgraph.graph.loading import items_of
from secgraph.graph.model import Item

NOW: Final = 1_795_000_000_000
SPAN: Final = 90 * 24 * 60 * 60 * 1000
"""The findings came in over the last 90 days, so that the last day holds a ninetieth of them."""
BATCH: Final = 1_000
INGESTED_AT_MOST: Final = 10_000
"""Entities of the largest estate that is ingested into the file; of a larger one, that takes minutes."""
WRITTEN_AT_ONCE: Final = 20_000
COLD_RUNS: Final = 5
HANDLERS: Final = (contract.INGEST_HANDLER, contract.QUERY_HANDLER, contract.EVALUATE_HANDLER)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, nargs="+", default=[10_000, 100_000])
    arguments = parser.parse_args()
    figures = [*_imports(), *language(NOW), *dynamodb(NOW)]
    with tempfile.TemporaryDirectory() as folder:
        for entities in arguments.entities:
            path = Path(folder) / f"{entities}.duckdb"
            figures += [*_written(entities, path), *_asked(entities, path)]
    print(table(figures))


def _written(entities: int, path: Path) -> Iterator[Figure]:
    """Make the graph file of an estate: what the events say, then the inventory over it."""
    size = f"{entities // 1000}k entities"
    estate = Estate(entities)
    texts = list(estate.events())
    with LocalGraph.open(path) as graph:
        if entities > INGESTED_AT_MOST:
            aside = _InMemory({})
            _ingest(texts, aside, graph, {APPLIED: len(texts)})
            _write(list(aside.items.values()), graph)
        else:
            yield from _ingested(size, texts, graph)
        load(items_of(estate.inventory(), now=NOW), writer=graph)
        held = len(graph.items())
    yield Figure(f"{size}: graph file", f"{path.stat().st_size / 1e6:,.0f} MB", f"{held:,} entities")


def _ingested(size: str, texts: Sequence[str], graph: LocalGraph) -> Iterator[Figure]:
    first = _ingest(texts, graph, graph, {APPLIED: len(texts)})
    yield Figure(f"{size}: ingest, local file", f"{len(texts) / first:,.0f}/s", f"{len(texts):,} findings")
    part = texts[: len(texts) // 5]
    again = _ingest(part, graph, graph, {UNCHANGED: len(part)})
    yield Figure(f"{size}: the same events again", f"{len(part) / again:,.0f}/s")


@dataclass(frozen=True, slots=True)
class _InMemory:
    """A GraphWriter that keeps the items of a long ingest, so that each is written to the file but once."""

    items: dict[str, Item]

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        return {id_: self.items[id_] for id_ in ids if id_ in self.items}

    def write(self, items: Sequence[Item]) -> Collection[str]:
        self.items.update((item.thing.id, item) for item in items)
        return ()


def _write(items: Sequence[Item], graph: LocalGraph) -> None:
    for start in range(0, len(items), WRITTEN_AT_ONCE):
        part = [replace(item, rev=1) for item in items[start : start + WRITTEN_AT_ONCE]]
        if lost := graph.write(part):
            raise SystemExit(f"{len(lost)} items were not written")


def _asked(entities: int, path: Path) -> Iterator[Figure]:
    with LocalGraph.open(path, read_only=True) as graph:
        lock_down(graph.connection)
        reader = DuckDBReader(graph.connection, graph.relations)
        yield from questions(f"{entities // 1000}k entities", reader, NOW, Estate(entities).typical.id)


def _ingest(texts: Sequence[str], writer: Any, quarantine: Any, expected: Mapping[str, int]) -> float:
    """Ingest and check that every event came out as expected; give the seconds."""
    cache = WarmCache()
    reports = []
    deliveries = [Delivery(str(n), text, NOW - SPAN + SPAN * n // len(texts)) for n, text in enumerate(texts)]
    started = time.perf_counter()
    for start in range(0, len(texts), BATCH):
        part = deliveries[start : start + BATCH]
        reports += ingest(part, writer=writer, quarantine=quarantine, now=NOW, settings={}, cache=cache)
    seconds = time.perf_counter() - started
    counted = {name: number for name, number in count(reports).items() if number}
    if counted != expected:
        raise SystemExit(f"the events came out as {counted}, expected {expected}")
    return seconds


def _imports() -> Iterator[Figure]:
    environment = {**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"}

    def run(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True, env=environment)

    bare = timed(run("pass"), COLD_RUNS).wall
    for handler in HANDLERS:
        once = run(f"import {handler.rpartition('.')[0]}")
        once()
        cold = timed(once, COLD_RUNS).wall - bare
        yield Figure(f"cold import, {handler.split('.')[2]} handler", f"{cold:,.0f} ms")


if __name__ == "__main__":
    main()

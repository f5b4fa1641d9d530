"""`python -m benchmarks`: what ingest, the language and the cold imports cost, as one table.

The estate is synthetic and seeded (benchmarks/estate.py). Every figure is the median of its runs on the
machine at hand; compare ratios within one run, not absolute times between runs. What questions cost is
measured by benchmarks/engines.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.dynamodb import dynamodb
from benchmarks.estate import Estate
from benchmarks.figures import Figure, table, timed
from benchmarks.language import language
from secgraph import contract
from secgraph.adapters.local_graph import LocalGraph
from secgraph.flows.ingest import APPLIED, UNCHANGED, Delivery, WarmCache, count, ingest
from secgraph.flows.load import load
from secgraph.graph.loading import items_of

NOW: Final = 1_795_000_000_000
SPAN: Final = 90 * 24 * 60 * 60 * 1000
"""The findings came in over the last 90 days, so that the last day holds a ninetieth of them."""
BATCH: Final = 1_000
ENTITIES: Final = 10_000
COLD_RUNS: Final = 5
HANDLERS: Final = (contract.INGEST_HANDLER, contract.QUERY_HANDLER, contract.EVALUATE_HANDLER)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        written = _written(Estate(ENTITIES), Path(folder) / "graph.duckdb")
        print(table([*_imports(), *language(NOW), *dynamodb(NOW), *written]))


def _written(estate: Estate, path: Path) -> Iterator[Figure]:
    """Make the graph file of an estate: what the events say, then the inventory over it."""
    size = f"{ENTITIES // 1000}k entities"
    with LocalGraph.open(path) as graph:
        yield from _ingested(size, list(estate.events()), graph)
        load(items_of(estate.inventory(), now=NOW), writer=graph)
        held = len(graph.items())
    yield Figure(f"{size}: graph file", f"{path.stat().st_size / 1e6:,.0f} MB", f"{held:,} entities")


def _ingested(size: str, texts: Sequence[str], graph: LocalGraph) -> Iterator[Figure]:
    first = _ingest(texts, graph, graph, {APPLIED: len(texts)})
    yield Figure(f"{size}: ingest, local file", f"{len(texts) / first:,.0f}/s", f"{len(texts):,} findings")
    part = texts[: len(texts) // 5]
    again = _ingest(part, graph, graph, {UNCHANGED: len(part)})
    yield Figure(f"{size}: the same events again", f"{len(part) / again:,.0f}/s")


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

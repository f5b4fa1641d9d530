"""`make bench`: ingest per second, the two questions, and the cold import of each handler, as one table.

The estate is synthetic and seeded (benchmarks/estate.py). Every figure is the median of its runs on the
machine at hand; compare ratios within one run, not absolute times between runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import boto3
from moto import mock_aws

from benchmarks.estate import Estate
from secgraph import contract
from secgraph.adapters.duckdb_reader import DuckDBReader
from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.local_graph import LocalGraph
from secgraph.flows.ask import ask
from secgraph.flows.ingest import APPLIED, Delivery, WarmCache, count, ingest

NOW: Final = 1_795_000_000_000
BATCH: Final = 1_000
WARM_RUNS: Final = 7
COLD_RUNS: Final = 5
MOTO_EVENTS: Final = 400
QUESTIONS: Final = {
    "threatened instances (tree)": "Find aws_guardduty_finding that relates to aws_instance "
    "that has aws_inspector_finding with numericSeverity > 7 return tree",
    "threatened instances (list)": "Find aws_guardduty_finding that relates to aws_instance "
    "that has aws_inspector_finding with numericSeverity > 7",
    "production with severe findings": "Find (Host|DataStore|Application|CodeRepo|Account|Service|Network) "
    "with tag.Production=true that has Finding with severity='High' or numericSeverity>7",
}
HANDLERS: Final = (contract.INGEST_HANDLER, contract.QUERY_HANDLER, contract.EVALUATE_HANDLER)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    value: str
    note: str = ""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, nargs="+", default=[10_000, 100_000])
    arguments = parser.parse_args()
    figures = [*_imports(), *_moto()]
    with tempfile.TemporaryDirectory() as folder:
        for entities in arguments.entities:
            figures += _local(entities, Path(folder) / f"{entities}.duckdb")
    widths = [max(len(getattr(figure, part)) for figure in figures) for part in ("what", "value")]
    for figure in figures:
        print(f"{figure.what:<{widths[0]}}  {figure.value:>{widths[1]}}  {figure.note}".rstrip())


def _local(entities: int, path: Path) -> Iterator[Figure]:
    size = f"{entities // 1000}k entities"
    with LocalGraph.open(path) as graph:
        texts = list(Estate(entities).events())
        first = _ingest(texts, graph, graph, {APPLIED: len(texts)})
        yield Figure(
            f"{size}: ingest, local file", f"{len(texts) / first:,.0f}/s", f"{len(texts):,} findings"
        )
        part = texts[: len(texts) // 5]
        again = _ingest(part, graph, graph, {"unchanged": len(part)})
        yield Figure(f"{size}: the same events again", f"{len(part) / again:,.0f}/s")
        held = len(graph.items())
        graph.connection.execute("CHECKPOINT")
        yield Figure(f"{size}: graph file", f"{path.stat().st_size / 1e6:,.0f} MB", f"{held:,} entities")
        yield from _questions(size, DuckDBReader(graph.connection, graph.relations))


def _questions(size: str, reader: DuckDBReader) -> Iterator[Figure]:
    for name, query in QUESTIONS.items():
        seconds, found = _asked(query, reader)
        yield Figure(f"{size}: {name}, warm", f"{1000 * seconds:,.1f} ms", f"{found:,} entities")


def _asked(query: str, reader: DuckDBReader) -> tuple[float, int]:
    """Ask once to warm up, then WARM_RUNS times; give the median in seconds and how many entities came."""

    def once() -> dict[str, Any]:
        if query.endswith("return tree"):  # a whole estate's tree is past the bound of a page
            return ask(query, reader=reader, now=NOW, page_rows=None, page_bytes=None)
        return ask(query, reader=reader, now=NOW)

    data = (answer := once())["data"]
    found = len(data["vertices"]) if answer["type"] == "tree" else answer["totalCount"]
    return statistics.median(_timed(once) for _ in range(WARM_RUNS)), found


def _moto() -> Iterator[Figure]:
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"}
    with mock_aws(), LocalGraph.in_memory() as aside:
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="graph",
            KeySchema=[{"AttributeName": contract.GRAPH_TABLE_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": contract.GRAPH_TABLE_KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        texts = list(islice(Estate(10_000).events(), MOTO_EVENTS))
        seconds = _ingest(texts, DynamoDBGraph(client, "graph"), aside, {APPLIED: len(texts)}, batch=100)
        yield Figure("ingest, DynamoDB in moto", f"{len(texts) / seconds:,.0f}/s", f"{len(texts):,} findings")


def _ingest(
    texts: Sequence[str], writer: Any, quarantine: Any, expected: Mapping[str, int], batch: int = BATCH
) -> float:
    """Ingest and check that every event came out as expected; give the seconds."""
    cache = WarmCache()
    reports = []
    started = time.perf_counter()
    for start in range(0, len(texts), batch):
        deliveries = [Delivery(str(n), text, NOW) for n, text in enumerate(texts[start : start + batch])]
        reports += ingest(deliveries, writer=writer, quarantine=quarantine, now=NOW, settings={}, cache=cache)
    seconds = time.perf_counter() - started
    counted = {name: number for name, number in count(reports).items() if number}
    if counted != expected:
        raise SystemExit(f"the events came out as {counted}, expected {expected}")
    return seconds


def _imports() -> Iterator[Figure]:
    environment = {**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"}

    def run(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True, env=environment)

    bare = statistics.median(_timed(run("pass")) for _ in range(COLD_RUNS))
    for handler in HANDLERS:
        once = run(f"import {handler.rpartition('.')[0]}")
        once()
        cold = statistics.median(_timed(once) for _ in range(COLD_RUNS)) - bare
        yield Figure(f"cold import, {handler.split('.')[2]} handler", f"{1000 * cold:,.0f} ms")


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

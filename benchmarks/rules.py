"""`python -m benchmarks.rules`: what ticks of a hundred rules cost over an estate of 100,000 entities.

The rules are those of the packs that come with secgraph, over and over under new names until they are a
hundred. Each tick does what the evaluate function does: it takes up the newest image, asks all rules, due or
not, and writes alerts and outbox. The goal is ten seconds for any of them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from benchmarks.engines import image_files, spool
from benchmarks.engines.asked import NOW
from benchmarks.figures import Figure, table
from secgraph.adapters.bundled import bundled
from secgraph.adapters.image.reader import ImageReader
from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.pack_files import read_packs
from secgraph.contract import PACKS_FOLDER
from secgraph.flows.asking import asker
from secgraph.flows.evaluate import evaluate
from secgraph.flows.evaluated import EVALUATED
from secgraph.rules.pack import load_all
from secgraph.rules.rule import Rule

ENTITIES: Final = 100_000
RULES: Final = 100
TICK: Final = 15 * 60 * 1000
CHANNELS: Final = ("topic", "slack")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the files here, and use those that are here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        root: Path = arguments.folder or Path(passing)
        spooled, files = root / "spool", root / "rules"
        if not spooled.exists():
            spool.spool(ENTITIES, spooled)
        if not files.exists():
            files.mkdir(parents=True)
            image_files.build(spooled, files)
        with LocalGraph.open(Path(passing) / "alerts.duckdb") as graph:
            print(table(list(_ticks(spooled, files, LocalAlerts(graph.connection)))))


def hundred() -> list[Rule]:
    """Give the rules."""
    packs = load_all(read_packs([bundled(PACKS_FOLDER)]))
    rules = [rule for pack in packs for rule in pack.rules]
    return [
        replace(rule, name=f"{rule.name} {number}")
        for number, rule in enumerate(islice(cycle(rules), RULES), 1)
    ]


def _ticks(spooled: Path, files: Path, store: LocalAlerts) -> Iterator[Figure]:
    """Tick for the first time, for the second, when nothing has changed, and when a hundredth has."""
    with tempfile.TemporaryDirectory() as cache:
        with closing(ImageReader(image_files.stored(files), Path(cache))) as reader:
            yield _tick("the first tick, cold: alerts open, silently", reader, store, NOW)
            yield _tick("the next one: nothing has changed", reader, store, NOW + TICK)
            image_files.change(spooled, files)
            yield _tick("a hundredth of the findings closed meanwhile", reader, store, NOW + 2 * TICK)
        with closing(ImageReader(image_files.stored(files), Path(cache))) as reader:
            yield _tick("cold again: nothing has changed", reader, store, NOW + 3 * TICK)


def _tick(what: str, reader: ImageReader, store: LocalAlerts, now: int) -> Figure:
    rules = hundred()
    started, used = time.perf_counter(), time.process_time()
    reader.refresh(now)
    report = evaluate(
        rules,
        ask=asker(reader, now=now, clock=lambda: round(time.time() * 1000)),
        store=store,
        channels=CHANNELS,
        now=now,
        run=str(now),
        due_only=False,
    )
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    outcomes = Counter(result.outcome for result in report.results)
    if outcomes != {EVALUATED: RULES}:
        raise SystemExit(f"{what}: {dict(outcomes)}")
    active = sum(result.active for result in report.results)
    rows = sum(result.total for result in report.results)
    note = f"{cpu:.1f} s CPU; {active} active, {rows:,} rows, {len(report.told)} in the outbox"
    return Figure(f"{RULES} rules, {ENTITIES // 1000}k entities: {what}", f"{seconds:.1f} s", note)


if __name__ == "__main__":
    main()

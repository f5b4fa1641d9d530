"""`secgraph ingest` and `secgraph load`: files → the local graph."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from secgraph.adapters import event_files
from secgraph.adapters.local_graph import LocalGraph
from secgraph.cli import clock
from secgraph.cli.beside import AT_ONCE, writing
from secgraph.cli.files import json_of, text_of
from secgraph.errors import InputError
from secgraph.flows import ingest as flow
from secgraph.flows.load import load
from secgraph.graph.accounts import accounts_of
from secgraph.graph.loading import items_of
from secgraph.graph.model import AccountSettings
from secgraph.ingest import receipt
from secgraph.j1ql.text.terminal import plain

BATCH: Final = 1_000


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the commands."""
    ingest = commands.add_parser("ingest", parents=[shared], help="bring EventBridge events into the graph")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders of events")
    ingest.add_argument("--accounts", type=Path, metavar="FILE", help="account ids to names and production")
    ingest.add_argument("--json", action="store_true", help="print one JSON object")
    ingest.set_defaults(run=_ingest)
    loading = commands.add_parser("load", parents=[shared], help="load a graph written down in a file")
    loading.add_argument("file", type=Path, metavar="GRAPH.json")
    loading.set_defaults(run=_load)


def ingest_files(
    graph: LocalGraph,
    paths: list[Path],
    *,
    now: int,
    settings: Mapping[str, AccountSettings],
    then: Callable[[], None] = lambda: None,
) -> list[flow.Report]:
    """Ingest every event of the paths, in batches, and do `then` after each."""
    texts = event_files.read(paths)
    cache = flow.WarmCache()
    reports: list[flow.Report] = []
    while batch := list(islice(texts, BATCH)):
        deliveries = [
            receipt.delivery(one.where, one.text, arrived=now, given=one.received_on, now=now)
            for one in batch
        ]
        reports += flow.ingest(
            deliveries, writer=graph, quarantine=graph, now=now, settings=settings, cache=cache
        )
        then()
    return reports


def _ingest(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments.accounts)
    with writing(arguments.graph) as beside:
        reports = ingest_files(
            beside.graph,
            arguments.paths,
            now=clock.now(),
            settings=settings,
            then=lambda: beside.catch_up(at_least=AT_ONCE),
        )
    counted = flow.count(reports)
    troubled = [report for report in reports if report.outcome in (flow.QUARANTINED, flow.FAILED)]
    if arguments.json:
        listed = [
            {
                "event": one.id + one.place,
                "outcome": one.outcome,
                **({"reason": one.reason} if one.reason else {}),
            }
            for one in reports
        ]
        print(json.dumps({**counted, "events": listed}, indent=2))
    else:
        for report in troubled:
            # An id holds the name of a file, which may hold anything.
            print(plain(f"{report.outcome}: {report.id}{report.place}: {report.reason}"), file=sys.stderr)
        print(summary(counted))
    return 2 if counted[flow.FAILED] else 0


def summary(counted: Mapping[str, int]) -> str:
    """Say in one line what became of the events; failures only where there are any."""
    return ", ".join(
        f"{number} {outcome}" for outcome, number in counted.items() if number or outcome != flow.FAILED
    )


def _load(arguments: argparse.Namespace) -> int:
    document = json_of(arguments.file)
    try:
        items = items_of(document, now=clock.now())
    except InputError as error:
        raise InputError(f"{arguments.file}: {error}") from error
    with writing(arguments.graph) as beside:
        load(items, writer=beside.graph)
    edges = sum(len(block.edges) for item in items for block in item.blocks.values())
    print(f"loaded {len(items)} entities and {edges} relationships into {arguments.graph}")
    return 0


def settings_of(file: Path | None) -> Mapping[str, AccountSettings]:
    """Read the accounts file, if one is named."""
    if file is None:
        return {}
    return accounts_of(text_of(file), str(file))

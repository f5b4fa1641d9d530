"""`secgraph demo`: the main job on sample events, printed as a person would want to read it."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import Any, Final

from secgraph.adapters.bundled import bundled
from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.pack_files import read_packs
from secgraph.alerts.channels import text
from secgraph.cli import clock
from secgraph.cli.beside import reader_of
from secgraph.cli.gather import ingest_files, summary
from secgraph.cli.rules import run_rules
from secgraph.contract import PACKS_FOLDER
from secgraph.flows import ingest as flow
from secgraph.flows.ask import ask
from secgraph.graph.model import AccountSettings
from secgraph.graph.ports import GraphReader
from secgraph.j1ql.results.render import render
from secgraph.rules.pack import load_all
from secgraph.rules.rule import Level

NOW: Final = "2026-11-20T12:00:00Z"
ACCOUNTS: Final = {"111122223333": AccountSettings("shop-prod", None)}
QUESTIONS: Final = (
    (
        "Which instances are under attack and have a severe vulnerability?",
        "Find aws_guardduty_finding that relates to aws_instance "
        "that has aws_inspector_finding with numericSeverity > 7 return tree",
    ),
    (
        "Which production resources have a severe finding?",
        "Find (Host|DataStore|Application|CodeRepo|Account|Service|Network) with tag.Production=true "
        "that has Finding with severity='High' or numericSeverity>7",
    ),
)


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    demo = commands.add_parser("demo", parents=[shared], help="the main job on sample events")
    demo.set_defaults(run=_demo)


def _demo(_arguments: argparse.Namespace) -> int:
    now = clock.now(NOW)
    with LocalGraph.in_memory() as graph:
        _show_ingest(graph, bundled("examples") / "demo", now)
        reader = reader_of(graph)
        for number, (question, query) in enumerate(QUESTIONS, 2):
            _title(f"{number}. {question}")
            print(textwrap.fill(query, 100, initial_indent="   ", subsequent_indent="     ") + "\n")
            print(_indented(render(ask(query, reader=reader, now=now), "table")))
        _show_rules(graph, reader, now)
    return 0


def _show_ingest(graph: LocalGraph, folder: Path, now: int) -> None:
    reports = ingest_files(graph, [folder], now=now, settings=ACCOUNTS)
    _title(f"1. {len(reports)} events come in, as EventBridge delivers them")
    for report in reports:
        print(f"   {report.outcome:<12} {Path(report.id).stem}")
        if report.reason:
            print(f"   {'':<12} {report.reason}")
    again = ingest_files(graph, [folder], now=now, settings=ACCOUNTS)
    print(f"\n   {summary(flow.count(reports))}")
    print(f"   the same events again: {summary(flow.count(again))}")


def _show_rules(graph: LocalGraph, reader: GraphReader, now: int) -> None:
    packs = load_all(read_packs([bundled(PACKS_FOLDER)]))
    run = run_rules(packs, graph, reader, now=now, run="demo")
    active = [result for result in run.report.results if result.active]
    active.sort(key=lambda result: -Level[result.level])
    _title(f"4. {len(run.report.results)} rules are evaluated, {len(active)} alerts open")
    for result in active:
        print(f"   {result.level:<9} {result.total} x {result.rule}")
    for message in run.mailbox.messages:
        print(f"\n   The message: {text.subject(message)}\n\n{_indented(text.body(message))}")
    again = run_rules(packs, graph, reader, now=now + 15 * 60_000, run="demo, again")
    print(f"\n   A quarter of an hour later nothing has changed: {len(again.mailbox.messages)} messages.")


def _title(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}")


def _indented(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.rstrip("\n").split("\n"))

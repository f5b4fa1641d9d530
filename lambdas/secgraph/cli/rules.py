"""`secgraph rules check` and `rules run`: rule packs on the local graph."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from secgraph.adapters.bundled import bundled
from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.pack_files import read_packs
from secgraph.alerts.channels import text
from secgraph.alerts.notification import Notification
from secgraph.alerts.outbox import ACTION
from secgraph.alerts.ports import Outgoing
from secgraph.cli import clock, explain
from secgraph.cli.beside import asking_while_writing
from secgraph.cli.given import add_server, server_of
from secgraph.contract import PACKS_FOLDER
from secgraph.flows.asking import asker, compile_query
from secgraph.flows.evaluate import evaluate
from secgraph.flows.evaluated import EVALUATED, EvaluationReport
from secgraph.flows.notify import send_due
from secgraph.flows.tag import Tagged, tag_found
from secgraph.graph.ports import GraphReader
from secgraph.j1ql.server.settings import PLAIN, Server
from secgraph.rules.check import check
from secgraph.rules.effects import Effect
from secgraph.rules.pack import Pack, load_all

TOPIC: Final = "topic"
PRINTED: Final = (TOPIC, *(f"{ACTION}{kind}" for kind in ("sns", "sqs", "slack", "webhook")))


class Mailbox:
    """A Channel that keeps what it is given, to print it: nothing leaves this machine."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def send(self, outgoing: Outgoing) -> None:
        """Keep it."""
        self.sent.append(outgoing)

    @property
    def messages(self) -> list[Notification]:
        """Give what people are told."""
        return [each.notification for each in self.sent if each.notification is not None]

    @property
    def effects(self) -> list[Effect]:
        """Give what actions of rules ask for."""
        return [each.effect for each in self.sent if each.effect is not None]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of rules came to: the report, what would be sent, and what was tagged, by rule."""

    report: EvaluationReport
    mailbox: Mailbox
    tagged: Mapping[str, Tagged]


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the commands."""
    rules = commands.add_parser("rules", help="check or run alert rules").add_subparsers(
        required=True, metavar="COMMAND"
    )
    checking = rules.add_parser("check", parents=[shared], help="say of each rule whether it runs")
    checking.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    checking.add_argument("--json", action="store_true")
    checking.set_defaults(run=_check)
    running = rules.add_parser("run", parents=[shared], help="evaluate rules and print the messages")
    running.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="default: the bundled packs")
    running.add_argument("--json", action="store_true")
    add_server(running)
    running.set_defaults(run=_run)
    explain.register(rules, shared)


def run_rules(
    packs: Sequence[Pack],
    graph: LocalGraph,
    reader: GraphReader,
    *,
    now: int,
    run: str,
    server: Server = PLAIN,
) -> Run:
    """Evaluate every rule of the packs on a local graph, due or not, and tag what they found."""
    mailbox = Mailbox()
    store = LocalAlerts(graph.connection)
    report = evaluate(
        [rule for pack in packs for rule in pack.rules],
        ask=asker(reader, now=now, clock=clock.now, server=server),
        store=store,
        channels=(TOPIC,),
        parameters=server.stored,
        now=now,
        run=run,
        due_only=False,
    )
    tagged = tag_found(report, writer=graph, now=now)
    send_due(store, dict.fromkeys(PRINTED, mailbox), now=now, run=run, at_once=sys.maxsize)
    return Run(report, mailbox, tagged)


def _check(arguments: argparse.Namespace) -> int:
    reports = check(load_all(read_packs(arguments.paths)), compile_query=compile_query)
    if arguments.json:
        print(json.dumps({"rules": [report.as_json() for report in reports]}, indent=2, ensure_ascii=False))
        return 0
    width = max((len(report.rule) for report in reports), default=0)
    for report in reports:
        print(f"{report.status:<12} {report.rule:<{width}}  {report.pack}")
        for reason in (*report.reasons, *report.warnings):
            print(f"{'':<12} - {reason}")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    packs = load_all(read_packs(arguments.paths or [bundled(PACKS_FOLDER)]))
    server = server_of(arguments)
    problems = [str(problem) for pack in packs for problem in pack.problems]
    with asking_while_writing(arguments.graph) as (graph, reader):
        run = run_rules(packs, graph, reader, now=clock.now(), run=str(uuid4()), server=server)
    report, mailbox = run.report, run.mailbox
    if arguments.json:
        messages = [message.as_json() for message in mailbox.messages]
        effects = [asdict(effect) for effect in mailbox.effects]
        tagged = {rule: asdict(done) for rule, done in run.tagged.items()}
        said = {**report.as_json(), "problems": problems, "messages": messages, "effects": effects}
        said["tagged"] = tagged
        print(json.dumps(said, indent=2, ensure_ascii=False))
        return 0
    for problem in problems:
        print(f"cannot be used: {problem}")
    for result in report.results:
        state = _state(result.active) if result.outcome == EVALUATED else result.outcome
        print(f"{state:<12} {result.level:<9} {_rows(result.total)}  {result.rule}")
        for note in (result.error, *result.notes):
            if note:
                print(f"{'':<12} - {note}")
    for rule, done in run.tagged.items():
        print(f"{'tagged':<12} {'':<9} {_rows(done.written)}  {rule}")
        for problem in done.problems:
            print(f"{'':<12} - {problem}")
    for message in mailbox.messages:
        print(f"\n── {text.subject(message)}\n\n{text.body(message)}")
    for effect in mailbox.effects:
        shown = json.dumps(effect.payload, indent=2, ensure_ascii=False)
        print(f"\n── {effect.kind} of {effect.place}, not sent from here\n\n{shown}")
    return 0


def _rows(total: int) -> str:
    return f"{total:>6} {'row' if total == 1 else 'rows':<4}"


def _state(active: bool) -> str:
    return "active" if active else "inactive"

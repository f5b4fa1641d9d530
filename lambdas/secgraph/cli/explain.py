"""`secgraph rules explain`: why a rule fires on the local graph, or at which step it finds nothing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from secgraph.adapters.bundled import bundled
from secgraph.adapters.pack_files import read_packs
from secgraph.cli import clock
from secgraph.cli.beside import asking
from secgraph.cli.given import add_server, server_of
from secgraph.contract import PACKS_FOLDER
from secgraph.errors import InputError
from secgraph.flows.asking import asker
from secgraph.flows.explain import QueryExplained, RuleExplained, Step, explain_rule
from secgraph.j1ql.text.advice import nearest
from secgraph.j1ql.text.terminal import plain
from secgraph.rules.pack import Pack, load_all
from secgraph.rules.rule import Rule

WIDTH: Final = 12


def register(rules: Any, shared: argparse.ArgumentParser) -> None:
    """Add the command to those of `rules`."""
    explaining = rules.add_parser(
        "explain", parents=[shared], help="say why a rule fires, or why it does not"
    )
    explaining.add_argument("rule", metavar="NAME")
    explaining.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="default: the bundled packs")
    explaining.add_argument("--json", action="store_true")
    add_server(explaining)
    explaining.set_defaults(run=_explain)


def rule_named(name: str, packs: Sequence[Pack]) -> Rule:
    """Find a rule. Raises InputError: for one that cannot be used with the reason, else with the nearest."""
    rules = {rule.name: rule for pack in packs for rule in pack.rules}
    if name in rules:
        return rules[name]
    problem = next((it for pack in packs for it in pack.rejected if it.rule == name), None)
    if problem is not None:
        raise InputError(f"the rule cannot be used: {'; '.join(map(str, problem.problems))}")
    close = nearest(name, rules) or next((it for it in sorted(rules) if name.lower() in it.lower()), None)
    asked = f"; did you mean {close}?" if close else "; `secgraph rules check PATH` lists the rules"
    raise InputError(f"no pack holds a rule {name}{asked}")


def _explain(arguments: argparse.Namespace) -> int:
    packs = load_all(read_packs(arguments.paths or [bundled(PACKS_FOLDER)]))
    rule, server, now = rule_named(arguments.rule, packs), server_of(arguments), clock.now()
    with asking(arguments.graph) as reader:
        ask = asker(reader, now=now, clock=clock.now, server=server)
        found = explain_rule(rule, ask=ask, reader=reader, now=now, server=server, parameters=server.stored)
    if arguments.json:
        print(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        print("\n".join(map(plain, _lines(found))))
    return 0


def _lines(found: RuleExplained) -> Iterator[str]:
    if found.blocked:
        yield f"{found.rule} cannot be evaluated: {'; '.join(found.blocked)}"
        return
    fires = f"fires, {found.level}" if found.fires else "does not fire"
    yield f"{found.rule} {fires}"
    for query in found.queries:
        yield ""
        yield from _query(query)
    yield ""
    for operation in found.operations:
        yield f"{operation.place} {'acts' if operation.holds else 'does not act'}"
        for test in operation.tests:
            values = ", ".join(f"{path} is {value}" for path, value in test.values.items())
            yield f"  {'true ' if test.holds else 'false'}  {test.text}{f'  ({values})' if values else ''}"


def _query(query: QueryExplained) -> Iterator[str]:
    yield f"{query.name}: {query.rows} {'row' if query.rows == 1 else 'rows'}"
    for step in query.steps:
        yield f"{_number(step.count):>{WIDTH}}  {'? ' if step.optional else ''}{step.text}{_mark(step)}"
        for beside in step.beside:
            yield f"{_number(beside.count):>{WIDTH}}    {beside.text}"
    if query.note:
        yield f"{'':>{WIDTH}}  {query.note}"
    for path in query.paths:
        yield f"{'':>{WIDTH}}  {path}"


def _mark(step: Step) -> str:
    return "  ← nothing is left here" if step.first_empty else ""


def _number(count: int | None) -> str:
    return "not counted" if count is None else f"{count:,}"

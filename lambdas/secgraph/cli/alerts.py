"""`secgraph alerts`: what the rules found on the local graph, and what people decided about it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from getpass import getuser
from pathlib import Path
from typing import Any, Final

from secgraph.adapters.bundled import bundled
from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.pack_files import read_packs
from secgraph.cli import clock
from secgraph.cli.alert_text import alert_lines, listing_lines, undelivered_lines
from secgraph.cli.beside import asking, writing
from secgraph.cli.given import add_server, server_of
from secgraph.contract import PACKS_FOLDER
from secgraph.errors import InputError
from secgraph.flows.asking import asker
from secgraph.flows.triage import Triaged, dismiss, listed, shown, withdraw
from secgraph.flows.triaged_json import alert_json, listing_json, undelivered_json
from secgraph.flows.undelivered import send_again, undelivered
from secgraph.flows.witness import paths_of_rule
from secgraph.j1ql.text.terminal import plain
from secgraph.rules.pack import load_all

REQUEST: Final = "command line"
"""What stands for the id of a request: here nobody but the file's owner decides."""


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the commands. `secgraph alerts` by itself lists."""
    alerts = commands.add_parser("alerts", parents=[shared], help="list alerts, and decide about them")
    alerts.add_argument("--json", action="store_true")
    alerts.set_defaults(run=_list)
    # What is given before the command counts too: the options here have no defaults that would replace it.
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument("--graph", type=Path, metavar="FILE", help="the graph file")
    options.add_argument("--json", action="store_true")
    each = alerts.add_subparsers(metavar="COMMAND")
    each.add_parser("list", parents=[options], help="list the alerts (the default)").set_defaults(run=_list)
    showing = each.add_parser("show", parents=[options], help="show all that is known of an alert")
    showing.add_argument("rule", metavar="RULE")
    showing.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="default: the bundled packs")
    add_server(showing)
    showing.set_defaults(run=_show)
    dismissing = each.add_parser("dismiss", parents=[options], help="hear no more of it until rows join")
    _add_decision(dismissing)
    dismissing.add_argument("--reason", required=True, help="why nobody needs to hear of it")
    dismissing.add_argument("--until", default="", metavar="MOMENT", help="when it ends, such as 2026-12-31")
    dismissing.set_defaults(run=_dismiss)
    withdrawing = each.add_parser("withdraw", parents=[options], help="take a dismissal back")
    _add_decision(withdrawing)
    withdrawing.add_argument("--reason", default="", help="why")
    withdrawing.set_defaults(run=_withdraw)
    each.add_parser("undelivered", parents=[options], help="list what channels did not take").set_defaults(
        run=_undelivered
    )
    resending = each.add_parser("resend", parents=[options], help="send again what was given up")
    resending.add_argument("--rule", default="", help="only of this rule")
    resending.add_argument("--channel", default="", help="only for this channel, as `undelivered` names it")
    resending.set_defaults(run=_resend)


def _add_decision(command: argparse.ArgumentParser) -> None:
    command.add_argument("rule", metavar="RULE")
    command.add_argument(
        "--group", default="", help="the key or label of one of its groups; default: all of it"
    )
    command.add_argument("--author", default="", help="who decides this (default: you)")


def _list(arguments: argparse.Namespace) -> int:
    with LocalGraph.open(arguments.graph, read_only=True) as graph:
        found = listed(LocalAlerts(graph.connection), clock.now())
    if arguments.json:
        _print_json(listing_json(found))
    else:
        _print(listing_lines(found))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    with LocalGraph.open(arguments.graph, read_only=True) as graph:
        found = shown(LocalAlerts(graph.connection), arguments.rule, clock.now())
    return _tell(arguments, found, _paths(arguments, found))


def _paths(arguments: argparse.Namespace, alert: Triaged) -> Mapping[int, str]:
    """Ask for the paths of rows as they are now: what was kept is older, or missing if nobody was told."""
    wanted = [row.hash for row in alert.state.rows]
    packs = load_all(read_packs(arguments.paths or [bundled(PACKS_FOLDER)]))
    rule = next((it for pack in packs for it in pack.rules if it.name == alert.state.rule), None)
    if rule is None or not wanted:
        return {}
    with asking(arguments.graph) as reader:
        ask = asker(reader, now=clock.now(), clock=clock.now, server=server_of(arguments))
        return paths_of_rule(rule, wanted, ask)


def _dismiss(arguments: argparse.Namespace) -> int:
    with writing(_existing(arguments.graph)) as beside:
        found = dismiss(
            LocalAlerts(beside.graph.connection),
            arguments.rule,
            reason=arguments.reason,
            author=arguments.author or getuser(),
            request=REQUEST,
            now=clock.now(),
            group=arguments.group,
            until=arguments.until,
        )
    return _tell(arguments, found, {})


def _withdraw(arguments: argparse.Namespace) -> int:
    with writing(_existing(arguments.graph)) as beside:
        found = withdraw(
            LocalAlerts(beside.graph.connection),
            arguments.rule,
            author=arguments.author or getuser(),
            request=REQUEST,
            now=clock.now(),
            group=arguments.group,
            reason=arguments.reason,
        )
    return _tell(arguments, found, {})


def _undelivered(arguments: argparse.Namespace) -> int:
    with LocalGraph.open(arguments.graph, read_only=True) as graph:
        found = undelivered(LocalAlerts(graph.connection))
    if arguments.json:
        _print_json(undelivered_json(found))
    else:
        _print(undelivered_lines(found))
    return 0


def _resend(arguments: argparse.Namespace) -> int:
    with writing(_existing(arguments.graph)) as beside:
        store = LocalAlerts(beside.graph.connection)
        sent = send_again(store, clock.now(), rule=arguments.rule, channel=arguments.channel)
    if arguments.json:
        _print_json({"sent": [each.id for each in sent]})
    else:
        _print(f"{each.id}: sent with the next `secgraph rules run`" for each in sent)
    return 0


def _existing(path: Path) -> Path:
    """Give the file, unless it would have to be made first."""
    if not path.exists():
        raise InputError(f"{path}: there is no graph here yet, and so no alert")
    return path


def _tell(arguments: argparse.Namespace, alert: Triaged, paths: Mapping[int, str]) -> int:
    if arguments.json:
        found = alert_json(alert)
        rows = [
            {**row, **({"path": paths[kept.hash]} if kept.hash in paths else {})}
            for row, kept in zip(found["rows"], alert.state.rows, strict=True)
        ]
        _print_json(found | {"rows": rows})
    else:
        _print(alert_lines(alert, paths))
    return 0


def _print(lines: Any) -> None:
    for line in lines:
        print(plain(line))


def _print_json(found: Mapping[str, Any]) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False))

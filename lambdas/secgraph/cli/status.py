"""`secgraph status` and `secgraph reconcile`: how complete the graph is, and what makes it complete."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from secgraph.cli import clock
from secgraph.cli.beside import asking
from secgraph.flows.status import NAMED_AT_MOST, Status, status
from secgraph.j1ql.text.terminal import plain
from secgraph.sources.scope import SOURCES

Call = Callable[[Mapping[str, object]], dict[str, Any]]
Wait = Callable[[float], None]
PAUSE_SECONDS: Final = 15.0
"""Between two calls of which the first found all at work elsewhere."""
_COLUMNS: Final = (
    ("SOURCE", "source"),
    ("ACCOUNT", "account"),
    ("REGION", "region"),
    ("STATE", "state"),
    ("COMPLETE AS OF", "completeAsOf"),
    ("LAST EVENT", "lastEventOn"),
    ("AT SOURCE", "countAtSource"),
    ("HELD", "countHeld"),
    ("REPAIRED", "repaired"),
    ("QUARANTINED", "quarantined"),
)
_MOMENTS: Final = ("completeAsOf", "lastEventOn")


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the commands."""
    telling = commands.add_parser("status", parents=[shared], help="say how complete the graph is")
    telling.add_argument("--stack", metavar="NAME", help="of a deployed stack, by its repair role")
    telling.add_argument("--json", action="store_true", help="print it as JSON")
    telling.set_defaults(run=_status)
    reconciling = commands.add_parser("reconcile", help="bring in what the sources of a deployment hold")
    reconciling.add_argument(
        "--stack", metavar="NAME", required=True, help="a deployed stack, by its repair role"
    )
    reconciling.add_argument("--source", choices=SOURCES, help="of this source alone")
    reconciling.add_argument("--account", metavar="ID", help="of this account alone")
    reconciling.add_argument("--region", metavar="NAME", help="in this region alone")
    reconciling.set_defaults(run=_reconcile)


# ── status ────────────────────────────────────────────────────────────────────────────────────────────


def doubts(known: Status) -> str:
    """Say in one line of which sources findings may be missing."""
    names = [each.key for each in known.incomplete]
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return f"findings may be missing of {', '.join(names[:NAMED_AT_MOST])}{more}; `secgraph status` says why"


def _status(arguments: argparse.Namespace) -> int:
    now = clock.now()
    if arguments.stack is None:
        with asking(arguments.graph) as reader:
            told = status(reader, now=now).as_json()
    else:
        from secgraph.adapters import (
            deployed,  # here: the AWS SDK takes longer to load than most commands run
        )

        told = deployed.of_stack(arguments.stack).function("StatusFunction").call({})
    print(json.dumps(told, indent=2) if arguments.json else "\n".join(map(plain, status_lines(told, now))))
    return 0


def status_lines(told: Mapping[str, Any], now: int) -> Iterator[str]:
    """Give what `Status.as_json` says as lines for people."""
    as_of = told["completeAsOf"]
    yield f"complete as of {_moment(as_of, now)}" if as_of else "not known to be complete"
    if "reason" in told:
        yield told["reason"]
    sources = told["sources"]
    if not sources:
        return
    yield ""
    yield from _table([[title for title, _ in _COLUMNS], *([*_cells(each, now)] for each in sources)])
    reasons = [
        f"{each['source']}/{each['account']}/{each['region']}: {why}"
        for each in sources
        if (why := each.get("incomplete") or each.get("reason"))
    ]
    yield from ["", *reasons] if reasons else []


def _cells(source: Mapping[str, Any], now: int) -> Iterator[str]:
    for _, field in _COLUMNS:
        value = source.get(field)
        if value is None:
            yield "-"
        elif field in _MOMENTS:
            yield _moment(value, now)
        elif field == "account" and source["accountName"] != value:
            yield f"{value} ({source['accountName']})"
        else:
            yield str(value)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _moment(text: str, now: int) -> str:
    minutes = max(0, now - clock.now(text)) // 60_000
    if minutes < 120:
        return f"{text} ({minutes} min ago)"
    return f"{text} ({minutes // 60} h ago)" if minutes < 48 * 60 else f"{text} ({minutes // 1440} d ago)"


# ── reconcile ─────────────────────────────────────────────────────────────────────────────────────────


def _reconcile(arguments: argparse.Namespace) -> int:
    from secgraph.adapters import deployed

    given = {name: getattr(arguments, name) for name in ("source", "account", "region")}
    event = {name: value for name, value in given.items() if value is not None}
    function = deployed.of_stack(arguments.stack).function("ReconcileFunction")
    failed = reconciled(function.call, event)
    for name in failed:
        print(plain(f"failed: {name}; `secgraph status` says more"), file=sys.stderr)
    return 1 if failed else 0


def reconciled(call: Call, event: Mapping[str, object], wait: Wait = time.sleep) -> list[str]:
    """Call the reconcile until it is finished, and tell how far it is; give the scopes that failed last.

    Who interrupts it loses nothing: the deployment goes on by its schedule, or when it is asked again.
    """
    failed: dict[str, str] = {}
    asked = dict(event)
    while True:
        told = call(asked)
        for scope in told["scopes"]:
            name = f"{scope['source']}/{scope['account']}/{scope['region']}"
            print(plain(_progress(name, scope)), flush=True)
            failed.pop(name, None)
            if scope["did"] == "failed":
                failed[name] = f"{name}: {scope.get('reason', '')}"
        if told["finished"]:
            return list(failed.values())
        if "askedOn" in told:
            asked = {**event, "askedOn": told["askedOn"]}
        if told["scopes"] and all(scope["did"] == "busy" for scope in told["scopes"]):
            wait(PAUSE_SECONDS)


def _progress(name: str, scope: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{scope[field]} {field}" for field in ("listed", "repaired", "closed", "quarantined"))
    return f"{name}: {scope['did']}, {counts}"

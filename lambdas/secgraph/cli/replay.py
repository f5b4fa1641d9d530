"""`secgraph replay` and `secgraph hash`: make a graph again, and tell whether two are the same."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from secgraph.adapters.local_graph import LocalGraph
from secgraph.cli.beside import AT_ONCE
from secgraph.flows.replay_state import BUSY, COPY, TARGETS
from secgraph.graph.fingerprint import Fingerprint, by_type, whole
from secgraph.graph.model import Item
from secgraph.j1ql.text.terminal import plain

Call = Callable[[Mapping[str, object]], dict[str, Any]]
Wait = Callable[[float], None]
PAUSE_SECONDS: Final = 15.0
"""Between two looks at a replay that another caller is at work on."""


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the commands."""
    replaying = commands.add_parser(
        "replay", help="make the graph of a deployment again out of its raw events"
    )
    replaying.add_argument(
        "--stack", metavar="NAME", required=True, help="a deployed stack, by its repair role"
    )
    replaying.add_argument(
        "--into",
        choices=TARGETS,
        default=COPY,
        help="a table beside, to compare the two (default), or the graph itself, to bring back what it lost",
    )
    replaying.add_argument("--anew", action="store_true", help="give up one that is not finished")
    replaying.add_argument("--json", action="store_true", help="print what came of it as JSON")
    replaying.set_defaults(run=_replay)
    hashing = commands.add_parser(
        "hash", parents=[shared], help="give a short text that is the same for the same graph"
    )
    hashing.add_argument("--stack", metavar="NAME", help="of a deployed stack, by its repair role")
    hashing.add_argument("--by-type", action="store_true", help="one for each type too")
    hashing.set_defaults(run=_hash)


# ── replay ────────────────────────────────────────────────────────────────────────────────────────────


def _replay(arguments: argparse.Namespace) -> int:
    from secgraph.adapters import deployed  # here: the AWS SDK takes longer to load than most commands run

    function = deployed.of_stack(arguments.stack).function("ReplayFunction")
    told = finished(function.call, into=arguments.into, anew=arguments.anew)
    if arguments.json:
        print(json.dumps(told, indent=2))
    else:
        print("\n".join(map(plain, _outcome(told))))
    return 0 if told["equal"] is not False and not told["unreadable"]["count"] else 1


def finished(call: Call, *, into: str, anew: bool = False, wait: Wait = time.sleep) -> dict[str, Any]:
    """Call the replay until it is finished, and tell on stderr how far it is; give what it says then."""
    event: dict[str, object] = {"into": into, **({"anew": True} if anew else {})}
    shown = ""
    while True:
        told = call(event)
        line = _progress(told)
        if line != shown:
            print(plain(line), file=sys.stderr, flush=True)
            shown = line
        if told["finished"]:
            return told
        if told["did"] == BUSY:
            wait(PAUSE_SECONDS)
        event = {"into": into, "id": told["id"]}


def _progress(told: Mapping[str, Any]) -> str:
    if told["did"] == BUSY:
        return "another caller is at work on it, or was cut off less than 16 minutes ago; waiting"
    events = sum(told["events"].values())
    said = {
        "emptying": f"emptying the table beside: {_counted(told['emptied'], 'item')} deleted",
        "reading": f"reading the archive: {_counted(told['objects'], 'object')}, {_counted(events, 'event')}",
        "hashing": f"hashing: {_counted(told['hashed'], 'item')}",
        "naming": "the hashes differ; looking for what does",
    }
    done = f"done: {_counted(told['objects'], 'object')}, {_counted(events, 'event')}"
    return said.get(told["phase"], done)


def _outcome(told: Mapping[str, Any]) -> Iterator[str]:
    for side, hash_ in told["hashes"].items():
        yield f"{side:6} {hash_}"
    yield ", ".join(f"{number} {outcome}" for outcome, number in told["events"].items() if number)
    for reason, number in told["refused"].items():
        yield f"passed over, {number} times: {reason}"
    if told["unreadable"]["count"]:
        yield f"{_counted(told['unreadable']['count'], 'object')} of the archive could not be read:"
        yield from (f"  {reason}" for reason in told["unreadable"]["first"])
    for side, number in told["aside"].items():
        if number:
            yield f"{_counted(number, 'item')} of the table {side} cannot be read by this version"
    if told["equal"] is not None:
        yield "equal" if told["equal"] else "not equal"
    for one in told["types"]:
        yield f"  {one['type']}: graph {one['graph']}, replay {one['replay']}"
    for one in told["differences"]:
        yield f"  {one['id']} {one['type']} {one['key']}: {one['what']}"
    if told["types"] and not told["differences"]:
        yield "  nothing differs any more: the graph changed meanwhile; replay again"


# ── hash ──────────────────────────────────────────────────────────────────────────────────────────────


def _hash(arguments: argparse.Namespace) -> int:
    unreadable = 0
    if arguments.stack is None:
        with LocalGraph.open(arguments.graph, read_only=True) as graph:
            sums = by_type(_items(graph))
    else:
        sums, unreadable = _of_stack(arguments.stack)
    print(whole(sums.values()))
    if arguments.by_type:
        for type_ in sorted(sums):
            print(plain(f"{type_} {sums[type_]}"))
    if unreadable:
        print(
            f"{_counted(unreadable, 'item')} cannot be read by this version, and are left out",
            file=sys.stderr,
        )
    return 1 if unreadable else 0


def _items(graph: LocalGraph) -> Iterator[Item]:
    ids = graph.ids()
    for start in range(0, len(ids), AT_ONCE):
        yield from graph.read(ids[start : start + AT_ONCE]).values()


def _of_stack(stack: str) -> tuple[dict[str, Fingerprint], int]:
    from secgraph.adapters import deployed

    unreadable: list[int] = []

    def items() -> Iterable[Item]:
        for page in deployed.of_stack(stack).graph().pages():
            unreadable.append(len(page.unreadable))
            yield from page.items

    return by_type(items()), sum(unreadable)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what if number == 1 else f'{what}s'}"

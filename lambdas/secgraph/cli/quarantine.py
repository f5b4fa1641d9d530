"""`secgraph quarantine`: what was not understood, in the local graph or on AWS: list, show, replay, discard.

Reasons and events are other people's texts: nothing of them reaches the terminal but as printable characters.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from secgraph.adapters.local_graph import LocalGraph
from secgraph.cli import clock
from secgraph.cli.beside import writing
from secgraph.cli.gather import BATCH, settings_of
from secgraph.errors import InputError
from secgraph.flows import ingest as flow
from secgraph.flows import repair
from secgraph.ingest.glance import Glance, glance
from secgraph.ingest.ports import Quarantined, QuarantineStore
from secgraph.j1ql.text.terminal import cut, plain

if TYPE_CHECKING:
    from secgraph.adapters.sqs_requeue import SQSRequeue

ID_DIGITS: Final = 12
QUEUE_BATCH: Final = 10
COLUMNS: Final = 300


@dataclass(frozen=True, slots=True)
class _Place:
    """A quarantine, the way from it into ingest, how many events go that way at a time, and whether ingest
    lets test events in there (None: nobody here knows)."""

    store: QuarantineStore
    send: repair.Send
    batch: int
    test_source: bool | None


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the commands."""
    group = commands.add_parser(
        "quarantine", help="look at, replay or discard what was not understood"
    ).add_subparsers(required=True, metavar="COMMAND")
    place = argparse.ArgumentParser(add_help=False, parents=[shared])
    place.add_argument("--stack", metavar="NAME", help="a deployed stack, by its repair role")
    place.add_argument("--bucket", metavar="NAME", help="the bucket of a deployment, with your credentials")
    listing = group.add_parser("list", parents=[place], help="list the events with their reasons")
    listing.add_argument("--reason", default="", metavar="TEXT", help="only what was refused for this")
    listing.add_argument("--format", choices=("text", "json"), default="text")
    listing.set_defaults(run=_list)
    showing = group.add_parser("show", parents=[place], help="show one event")
    showing.add_argument("id", metavar="ID")
    showing.add_argument("--format", choices=("text", "json"), default="text")
    showing.add_argument("--to", type=Path, metavar="FILE", help="write the event, as it came, to a file")
    showing.set_defaults(run=_show)
    replaying = group.add_parser("replay", parents=[place], help="bring events into ingest again")
    _add_choice(replaying)
    replaying.add_argument("--queue", metavar="URL", help="the ingest queue that goes with --bucket")
    replaying.add_argument("--accounts", type=Path, metavar="FILE", help="as for ingest; local graph only")
    replaying.set_defaults(run=_replay)
    discarding = group.add_parser("discard", parents=[place], help="remove events for good")
    _add_choice(discarding)
    discarding.set_defaults(run=_discard)


def _add_choice(command: argparse.ArgumentParser) -> None:
    command.add_argument("ids", nargs="*", metavar="ID", help="as listed, at least four digits of it")
    command.add_argument("--all", action="store_true", help="all of them")
    command.add_argument("--reason", metavar="TEXT", help="all that were refused for this")
    command.add_argument("--dry-run", action="store_true", help="say what would happen, and do nothing")


def _list(arguments: argparse.Namespace) -> int:
    with _place(arguments, read_only=True) as place:
        found = repair.listed(place.store, reason=arguments.reason)
    if arguments.format == "json":
        print(json.dumps({"events": [_as_json(one) for one in found]}, indent=2))
        return 0
    for one in found:
        print(f"{one.id[:ID_DIGITS]}  {_time(one.received_on)}  {_about(one.about)}".rstrip())
        print(f"{'':<{ID_DIGITS}}  {_shown(one.reason)}")
    print(_counted(len(found), "in quarantine"))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    with _place(arguments, read_only=True) as place:
        (event,) = repair.named(place.store, [arguments.id])
    if arguments.to is not None:
        arguments.to.write_bytes(event.body.encode("utf-8", "surrogatepass"))
        print(f"wrote the event to {arguments.to}")
    elif arguments.format == "json":
        listed = repair.Listed(event.id, event.reason, event.received_on, glance(event.body))
        print(json.dumps({**_as_json(listed), "body": event.body}, indent=2))
    else:
        print(f"id        {event.id}\nreceived  {_time(event.received_on)}")
        print(f"reason    {plain(event.reason)}\n\n{_event(event.body)}")
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    if arguments.bucket is not None and arguments.queue is None:
        raise InputError("--bucket: name the ingest queue as well, with --queue URL")
    with _place(arguments, read_only=arguments.dry_run) as place:
        chosen = _chosen(arguments, place.store)
        if arguments.dry_run:
            reports = [
                report for event in chosen for report in repair.preview(event, test_source=place.test_source)
            ]
        else:
            reports = list(
                repair.replay(chosen, store=place.store, send=place.send, clock=clock.now, batch=place.batch)
            )
    counted = Counter(report.outcome for report in reports)
    for report in reports:
        if arguments.dry_run or report.reason:
            reason = f": {_shown(report.reason)}" if report.reason else ""
            print(f"{report.outcome}: {report.id[:ID_DIGITS]}{report.place}{reason}", file=sys.stderr)
    summary = ", ".join(f"{number} {outcome}" for outcome, number in counted.items()) or "nothing to replay"
    print(f"dry run: {summary}" if arguments.dry_run else summary)
    if counted[repair.SENT]:
        print("ingest takes them up within two minutes; what it refuses again is back in quarantine then")
    return 2 if counted[flow.FAILED] else 0


def _discard(arguments: argparse.Namespace) -> int:
    with _place(arguments, read_only=arguments.dry_run) as place:
        ids = [event.id for event in _chosen(arguments, place.store)]
        if not arguments.dry_run:
            place.store.remove(ids)
    for id_ in ids:
        print(id_[:ID_DIGITS])
    print(_counted(len(ids), "would be discarded" if arguments.dry_run else "discarded"))
    return 0


def _chosen(arguments: argparse.Namespace, store: QuarantineStore) -> Iterable[Quarantined]:
    if bool(arguments.ids) + arguments.all + (arguments.reason is not None) != 1:
        raise InputError("say which: give ids, or --all, or --reason TEXT")
    if arguments.reason == "":
        raise InputError("--reason: an empty text is in every reason; say --all if you mean all")
    if arguments.ids:
        return repair.named(store, arguments.ids)
    return repair.refused_for(store, arguments.reason or "")


@contextmanager
def _place(arguments: argparse.Namespace, *, read_only: bool) -> Iterator[_Place]:
    """Open the quarantine that the arguments mean: of a stack, of a bucket, else of the local graph."""
    queue, accounts = getattr(arguments, "queue", None), getattr(arguments, "accounts", None)
    if arguments.stack is None and arguments.bucket is None:
        if queue is not None:
            raise InputError("--queue goes with --bucket; --stack NAME knows both")
        settings = settings_of(accounts)
        if read_only:
            with LocalGraph.open(arguments.graph, read_only=True) as graph:
                yield _Place(graph, _again(graph, settings), BATCH, test_source=False)
        else:
            with writing(arguments.graph) as beside:
                yield _Place(beside.graph, _again(beside.graph, settings), BATCH, test_source=False)
        return
    if accounts is not None:
        raise InputError("--accounts is for the local graph; a deployment has its own")
    yield _on_aws(arguments.stack, arguments.bucket or "", queue or "")


def _on_aws(stack: str | None, bucket: str, queue: str) -> _Place:
    from secgraph.adapters import deployed  # here: the AWS SDK takes longer to load than most commands run

    if stack is not None and (bucket or queue):
        raise InputError("give --stack NAME, or --bucket NAME and --queue URL, not both")
    found = deployed.of_names(bucket, queue) if stack is None else deployed.of_stack(stack)

    @cache
    def requeue() -> SQSRequeue:
        return found.requeue(hidden_seconds=repair.HIDDEN_SECONDS)

    def send(events: Sequence[Quarantined]) -> Sequence[flow.Report]:
        return repair.through(requeue())(events)  # only here: most commands need no queue

    return _Place(found.quarantine(), send, QUEUE_BATCH, test_source=None)


def _again(graph: LocalGraph, settings: Any) -> repair.Send:
    """Ingest events of the local quarantine at once, as received when they were."""
    cache, now = flow.WarmCache(), clock.now()

    def send(events: Iterable[Quarantined]) -> list[flow.Report]:
        deliveries = [flow.Delivery(event.id, event.body, event.received_on) for event in events]
        return flow.ingest(
            deliveries, writer=graph, quarantine=graph, now=now, settings=settings, cache=cache
        )

    return send


def _as_json(one: repair.Listed) -> dict[str, object]:
    return {
        "id": one.id,
        "receivedOn": one.received_on,
        "reason": one.reason,
        "source": one.about.source,
        "detailType": one.about.detail_type,
        "finding": one.about.finding,
    }


def _about(about: Glance) -> str:
    return "  ".join(_shown(text) for text in (about.source, about.detail_type, about.finding) if text)


def _shown(text: str) -> str:
    """Give a text of somebody else's on one line."""
    return cut(plain(text), COLUMNS)


def _event(body: str) -> str:
    """Give an event in lines, unprintable characters as JSON escapes: in a JSON text they mean the same."""
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = body
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def _time(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _counted(number: int, what: str) -> str:
    return f"{number} {'event' if number == 1 else 'events'} {what}"

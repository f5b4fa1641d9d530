"""REPAIR: what is in quarantine → a list to look through → ingest again, or away with it.

Quarantined… ─find→ Listed…          Quarantined… ─send→ Report… ─remove→ quarantine
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from secgraph.contract import TEST_SOURCE
from secgraph.errors import EventError, InputError
from secgraph.flows.ingest import FAILED, IGNORED, QUARANTINED, Delivery, Report, events_of, read
from secgraph.ingest.glance import Glance, glance
from secgraph.ingest.normalise import Ignored
from secgraph.ingest.ports import Quarantined, QuarantineStore, Requeue

SENT: Final = "sent"
UNDERSTOOD: Final = "understood"
HIDDEN_SECONDS: Final = 60
"""How long the queue hides what was sent. An event that is refused again returns to quarantine under the same
name; its old record must be gone by then, or the new one would be removed in its place."""
REMOVE_WITHIN_MS: Final = 30_000
"""A removal may take as long again: then the event is still hidden."""
_ID: Final = re.compile("[0-9a-f]{4,64}")

Send = Callable[[Sequence[Quarantined]], Sequence[Report]]


@dataclass(frozen=True, slots=True)
class Listed:
    """One event in quarantine without its text."""

    id: str
    reason: str
    received_on: int
    about: Glance


def listed(store: QuarantineStore, *, reason: str = "") -> list[Listed]:
    """List what is in quarantine, oldest first; with a `reason`, what was refused for one that holds it."""
    found = [
        Listed(event.id, event.reason, event.received_on, glance(event.body))
        for event in store.find()
        if reason in event.reason
    ]
    return sorted(found, key=lambda one: (one.received_on, one.id))


def named(store: QuarantineStore, ids: Iterable[str]) -> list[Quarantined]:
    """Give the events with these ids, each as long as it must be to name one event, at least four digits.

    Raises InputError for an id that names none or more than one.
    """
    return list({event.id: event for event in (_named(store, id_) for id_ in ids)}.values())


def refused_for(store: QuarantineStore, reason: str) -> Iterator[Quarantined]:
    """Give the events that were refused for a reason that holds this text; an empty one gives all."""
    return (event for event in store.find() if reason in event.reason)


def preview(event: Quarantined, *, test_source: bool | None) -> list[Report]:
    """Say what this very version makes of an event, as far as the event alone tells: it is understood, or it
    would be ignored or refused again. Of an answer of many findings it is said of each.

    `test_source` tells whether events of the test source are let in, None that nobody knows.
    """
    if not event.is_readable:
        return [_unreadable(event)]
    delivery = Delivery(event.id, event.body, event.received_on)
    return [_previewed(one, test_source) for one in events_of(delivery)]


def replay(
    events: Iterable[Quarantined],
    *,
    store: QuarantineStore,
    send: Send,
    clock: Callable[[], int],
    batch: int,
) -> Iterator[Report]:
    """Send events to ingest again and take those out of quarantine that are not back in it.

    Sent first and removed then, so that a crash in between loses nothing: an event that comes twice changes
    nothing. An answer of many findings is removed once none of them failed: those that are refused again are
    in quarantine by themselves then. A record that cannot be read is told of as failed, and left.
    """
    waiting = iter(events)
    while chosen := list(islice(waiting, batch)):
        yield from (_unreadable(event) for event in chosen if not event.is_readable)
        some = [event for event in chosen if event.is_readable]
        if not some:
            continue
        began = clock()
        reports = send(some)
        late = clock() - began > REMOVE_WITHIN_MS
        kept = {report.id for report in reports if _stays(report) or (late and report.outcome == SENT)}
        store.remove([event.id for event in some if event.id not in kept])
        for report in reports:
            slow = late and report.outcome == SENT
            yield Report(report.id, SENT, "sending took so long that its record was left") if slow else report


def _unreadable(event: Quarantined) -> Report:
    return Report(event.id, FAILED, f"not replayed: {event.reason}")


def _stays(report: Report) -> bool:
    return report.outcome == FAILED or (report.outcome == QUARANTINED and not report.place)


def through(requeue: Requeue) -> Send:
    """Send by a queue: whether an event is understood shows later."""

    def send(events: Sequence[Quarantined]) -> list[Report]:
        refused = requeue.send(events)
        return [
            Report(event.id, FAILED, refused[event.id]) if event.id in refused else Report(event.id, SENT)
            for event in events
        ]

    return send


def _previewed(event: Delivery, test_source: bool | None) -> Report:
    try:
        changes = read(event, test_source=test_source is not False)
    except EventError as error:
        return Report(event.id, QUARANTINED, str(error), event.place)
    reasons = [changes.reason] if isinstance(changes, Ignored) else []
    if test_source is None and glance(event.body).source == TEST_SOURCE:
        reasons.append("only where the deployment lets test events in (testSource); else it is refused")
    outcome = IGNORED if isinstance(changes, Ignored) else UNDERSTOOD
    return Report(event.id, outcome, "; ".join(reasons), event.place)


def _named(store: QuarantineStore, id_: str) -> Quarantined:
    if not _ID.fullmatch(id_):
        raise InputError(f"{id_!r} is no id: give at least four of the hex digits that the list shows")
    match list(islice(store.find(id_), 2)):
        case []:
            raise InputError(f"{id_}: there is no such event in quarantine")
        case [event]:
            return event
    raise InputError(f"{id_}: more than one event in quarantine begins so; give more digits")

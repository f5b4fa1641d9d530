"""INGEST: deliveries → graph. One report per event; one bad event never fails the others.

Delivery… ─archive→ Delivery… ─answers.split, event.parse, normalise→ GraphChange… ─rounds.store→ graph
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from secgraph.errors import EventError, StoreError
from secgraph.flows import rounds
from secgraph.flows.rounds import WarmCache as WarmCache
from secgraph.graph.merge import Outcome
from secgraph.graph.model import AccountSettings, GraphChange
from secgraph.graph.ports import GraphWriter
from secgraph.ingest import answers
from secgraph.ingest.event import parse
from secgraph.ingest.heard import check_sender, heard_of
from secgraph.ingest.normalise import Ignored, normalise
from secgraph.ingest.ports import Archive, Quarantine, Quarantined
from secgraph.ingest.ports import Delivery as Delivery

REASON_LIMIT: Final = 1_000

APPLIED, UNCHANGED, STALE = (outcome.value for outcome in Outcome)
IGNORED: Final = "ignored"
QUARANTINED: Final = "quarantined"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one event: applied, unchanged, stale, ignored, quarantined or failed, and why.

    Only where one failed its delivery, by `id`, needs to come again. `place` is where in it the event stands
    (`.Findings[3]`) if it is the answer of a list call; such an event is quarantined by itself.
    """

    id: str
    outcome: str
    reason: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class _Understood:
    delivery: Delivery
    changes: tuple[GraphChange, ...]


def ingest(
    deliveries: Sequence[Delivery],
    *,
    writer: GraphWriter,
    quarantine: Quarantine,
    now: int,
    settings: Mapping[str, AccountSettings],
    cache: WarmCache,
    archive: Archive | None = None,
    test_source: bool = False,
    administrators: Collection[str] | None = None,
) -> list[Report]:
    """Bring deliveries into the graph; the reports come in their order, one for each event.

    With an `archive` each is kept there as it came before anything is merged; if that fails, all fail. A
    local graph has none: what it was fed from lies beside it. An answer of a list call is taken apart: each
    of its findings is an event. Only `administrators` may send events of other accounts' findings (None: any
    account may).
    """
    if archive is not None:
        try:
            archive.put(deliveries)
        except StoreError as error:
            return [_about(delivery, FAILED, str(error)) for delivery in deliveries]
    events = [event for delivery in deliveries for event in events_of(delivery)]
    reports: dict[int, Report] = {}
    understood: dict[int, _Understood] = {}
    refused: dict[int, str] = {}
    for number, event in enumerate(events):
        try:
            changes = read(event, test_source=test_source, administrators=administrators)
        except EventError as error:
            refused[number] = _readable(str(error))
            continue
        if isinstance(changes, Ignored):
            reports[number] = _about(event, IGNORED, changes.reason)
        else:
            understood[number] = _Understood(event, changes)
    reports |= _store(understood, refused, writer=writer, now=now, settings=settings, cache=cache)
    reports |= _set_aside(events, refused, quarantine)
    return [reports[number] for number in range(len(events))]


def events_of(delivery: Delivery) -> list[Delivery]:
    """Give the single events of a delivery; of one that has a problem itself, the whole."""
    if delivery.problem:
        return [delivery]
    return [replace(delivery, body=text, place=place) for place, text in answers.split(delivery.body)]


def read(
    event: Delivery, *, test_source: bool, administrators: Collection[str] | None = None
) -> tuple[GraphChange, ...] | Ignored:
    """Say what a single event changes: what it speaks of, first the finding itself, and that its source was
    heard of. Raises EventError for one that is to be set aside."""
    if event.problem:
        raise EventError(event.problem)
    if answers.is_empty(event.body):
        return Ignored("it is an answer without findings")
    parsed = parse(event.body)
    changes = normalise(parsed, received_on=event.received_on, test_source=test_source)
    if isinstance(changes, Ignored):
        return changes
    check_sender(parsed, changes, administrators)
    return *changes, *heard_of(parsed, changes, event.received_on)


def count(reports: Sequence[Report]) -> dict[str, int]:
    """Count the reports by outcome, every outcome present."""
    counted = Counter(report.outcome for report in reports)
    return {name: counted[name] for name in (APPLIED, UNCHANGED, STALE, IGNORED, QUARANTINED, FAILED)}


def _store(
    understood: Mapping[int, _Understood],
    refused: dict[int, str],
    *,
    writer: GraphWriter,
    now: int,
    settings: Mapping[str, AccountSettings],
    cache: WarmCache,
) -> dict[int, Report]:
    events = {number: event.changes for number, event in understood.items()}
    told = rounds.store(events, writer=writer, now=now, settings=settings, cache=cache)
    refused |= told.refused
    return {
        number: _report(event, told.outcomes[number], number in told.unfinished, told.failure)
        for number, event in understood.items()
        if number not in refused
    }


def _report(event: _Understood, outcomes: Sequence[Outcome], unfinished: bool, failure: str) -> Report:
    """Sum up one event: its first change is the finding, which decides whether the event came too late. If
    it speaks of several in the same block, it did so only if it did for each."""
    if unfinished:
        reason = failure or "other writers kept changing the same items; deliver the event again"
        return _about(event.delivery, FAILED, reason)
    first = event.changes[0]
    own = [
        outcome
        for change, outcome in zip(event.changes, outcomes, strict=False)
        if (change.thing.type, change.observation.block) == (first.thing.type, first.observation.block)
    ]
    if all(outcome is Outcome.STALE for outcome in own):
        return _about(event.delivery, STALE, "a newer state of what it speaks of is already known")
    if any(outcome is Outcome.APPLIED for outcome in outcomes):
        return _about(event.delivery, APPLIED)
    return _about(event.delivery, UNCHANGED)


def _about(event: Delivery, outcome: str, reason: str = "") -> Report:
    return Report(event.id, outcome, reason, event.place)


def _set_aside(
    events: Sequence[Delivery], refused: Mapping[int, str], quarantine: Quarantine
) -> dict[int, Report]:
    if not refused:
        return {}
    records = [
        Quarantined(
            id=hashlib.sha256(events[number].body.encode("utf-8", "surrogatepass")).hexdigest(),
            reason=reason,
            body=events[number].body,
            received_on=events[number].received_on,
        )
        for number, reason in sorted(refused.items())
    ]
    try:
        quarantine.put(records)
    except StoreError as error:
        return {
            number: _about(events[number], FAILED, f"{reason}; and {error}")
            for number, reason in refused.items()
        }
    return {number: _about(events[number], QUARANTINED, reason) for number, reason in refused.items()}


def _readable(reason: str) -> str:
    """Give a reason that can be stored, logged and shown: it may quote names out of the event, of any
    length and with any character."""
    shown = reason if len(reason) <= REASON_LIMIT else f"{reason[: REASON_LIMIT - 3]}..."
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in shown
    )

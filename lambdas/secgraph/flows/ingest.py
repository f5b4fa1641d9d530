"""INGEST: deliveries → graph. One report per delivery; one bad event never fails the others.

Delivery… ─archive→ Delivery… ─event.parse, normalise→ GraphChange… ─merge.apply→ Item… ─write→ store
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from secgraph.errors import EventError, StoreError
from secgraph.graph import merge, stored
from secgraph.graph.model import AccountSettings, GraphChange, Item, Observation
from secgraph.graph.ports import GraphWriter
from secgraph.ingest.event import parse
from secgraph.ingest.normalise import Ignored, normalise
from secgraph.ingest.ports import Archive, Quarantine, Quarantined
from secgraph.ingest.ports import Delivery as Delivery

ATTEMPTS: Final = 8
"""Rounds of read, merge, write before a delivery that keeps losing to other writers is handed back."""
CACHED: Final = 20_000
REASON_LIMIT: Final = 1_000

APPLIED, UNCHANGED, STALE = (outcome.value for outcome in merge.Outcome)
IGNORED: Final = "ignored"
QUARANTINED: Final = "quarantined"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one delivery: applied, unchanged, stale, ignored, quarantined or failed, and why.

    Only a failed one needs to be delivered again.
    """

    id: str
    outcome: str
    reason: str = ""


@dataclass(slots=True)
class WarmCache:
    """Constant stubs (account, detector, service …) that this process knows to be stored as they are.

    It maps (`_id`, block) to the observation and the `_createdOn` held, and spares their reads and writes.
    """

    known: dict[tuple[str, str], tuple[Observation, int]] = field(default_factory=dict)

    def spares(self, change: GraphChange) -> bool:
        """Tell whether merging this change would change nothing."""
        observation, created_on = self.known.get(_identity(change), (None, 0))
        return created_on <= change.received_on and observation == change.observation

    def learn(self, change: GraphChange, item: Item) -> None:
        """Remember a stored constant."""
        if change.observation.time == 0 and not change.observation.collected:
            if len(self.known) >= CACHED:
                self.known.clear()
            self.known[_identity(change)] = (change.observation, item.created_on)


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
) -> list[Report]:
    """Bring deliveries into the graph; the reports come in their order.

    With an `archive` each is kept there as it came before anything is merged; if that fails, all fail. A
    local graph has none: what it was fed from lies beside it.
    """
    if archive is not None:
        try:
            archive.put(deliveries)
        except StoreError as error:
            return [Report(delivery.id, FAILED, str(error)) for delivery in deliveries]
    reports: dict[int, Report] = {}
    understood: dict[int, _Understood] = {}
    refused: dict[int, str] = {}
    for number, delivery in enumerate(deliveries):
        try:
            if delivery.problem:
                raise EventError(delivery.problem)
            changes = normalise(
                parse(delivery.body), received_on=delivery.received_on, test_source=test_source
            )
        except EventError as error:
            refused[number] = _readable(str(error))
            continue
        if isinstance(changes, Ignored):
            reports[number] = Report(delivery.id, IGNORED, changes.reason)
        else:
            understood[number] = _Understood(delivery, changes)
    reports |= _store(understood, refused, writer=writer, now=now, settings=settings, cache=cache)
    reports |= _set_aside(deliveries, refused, quarantine)
    return [reports[number] for number in range(len(deliveries))]


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
    """Read, merge and write what the events say, again for what lost to another writer."""
    outcomes = {
        number: [merge.Outcome.UNCHANGED] * len(event.changes) for number, event in understood.items()
    }
    pending: dict[str, list[tuple[int, int, GraphChange]]] = defaultdict(list)
    for number, event in understood.items():
        for place, change in enumerate(event.changes):
            if not cache.spares(change):
                pending[change.thing.id].append((number, place, change))
    failure = ""
    for _ in range(ATTEMPTS):
        if not pending:
            break
        try:
            held = writer.read(pending.keys())
            items = _merge(pending, held, outcomes, refused, now=now, settings=settings)
            lost = set(writer.write([merged.item for merged in items.values() if merged.written]))
        except StoreError as error:
            failure = str(error)
            break
        for id_, merged in items.items():
            for number, _, change in pending[id_]:
                if id_ not in lost and number not in refused:
                    cache.learn(change, merged.item)
        pending = {id_: changes for id_, changes in pending.items() if id_ in lost}
    unfinished = {number for changes in pending.values() for number, _, _ in changes}
    return {
        number: _report(event, outcomes[number], number in unfinished, failure)
        for number, event in understood.items()
        if number not in refused
    }


def _merge(
    pending: Mapping[str, Sequence[tuple[int, int, GraphChange]]],
    held: Mapping[str, Item],
    outcomes: Mapping[int, list[merge.Outcome]],
    refused: dict[int, str],
    *,
    now: int,
    settings: Mapping[str, AccountSettings],
) -> dict[str, merge.Merged]:
    """Merge what is pending into what is held; a change that makes an item too large refuses its event."""
    items: dict[str, merge.Merged] = {}
    for id_, changes in pending.items():
        merge_into = partial(_merge_into, held.get(id_), now=now, settings=settings)
        fitting, merged = list(changes), merge_into(changes)
        if _size(merged) > stored.LIMIT_BYTES:
            # Not all: the other events of the batch are not to blame.
            fitting, too_large = _fitting(held.get(id_), changes, now=now, settings=settings)
            refused |= too_large
            if not fitting:
                continue
            merged = merge_into(fitting)
        items[id_] = merged
        for (number, place, _), outcome in zip(fitting, merged.outcomes, strict=True):
            outcomes[number][place] = outcome
    return items


def _fitting(
    held: Item | None,
    changes: Sequence[tuple[int, int, GraphChange]],
    *,
    now: int,
    settings: Mapping[str, AccountSettings],
) -> tuple[list[tuple[int, int, GraphChange]], dict[int, str]]:
    """Tell which changes fit into the item, in their order, and why the events of the others are refused.

    By halves, each on top of what fitted before it: one change that is to blame costs twice the logarithm of
    their number in merges, and if all are it costs twice their number.
    """
    fitting: list[tuple[int, int, GraphChange]] = []
    refused: dict[int, str] = {}
    waiting = [list(changes)]
    while waiting:
        part = waiting.pop()
        merged = _merge_into(held, part, now=now, settings=settings)
        if (size := _size(merged)) <= stored.LIMIT_BYTES:
            fitting += part
            held = merged.item
        elif len(part) > 1:
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
        else:
            ((number, _, change),) = part
            refused[number] = (
                f"{change.thing.key} would take {size} bytes in the graph and may take "
                f"{stored.LIMIT_BYTES}; shorten the event's texts or lists and replay it"
            )
    return fitting, refused


def _merge_into(
    held: Item | None,
    changes: Sequence[tuple[int, int, GraphChange]],
    *,
    now: int,
    settings: Mapping[str, AccountSettings],
) -> merge.Merged:
    return merge.apply(held, [change for _, _, change in changes], now=now, settings=settings)


def _size(merged: merge.Merged) -> int:
    return len(stored.dump(merged.item).encode("utf-8", "surrogatepass")) if merged.written else 0


def _report(event: _Understood, outcomes: Sequence[merge.Outcome], unfinished: bool, failure: str) -> Report:
    """Sum up one event: its first change is the finding, which decides whether the event came too late."""
    if unfinished:
        reason = failure or "other writers kept changing the same items; deliver the event again"
        return Report(event.delivery.id, FAILED, reason)
    if outcomes[0] is merge.Outcome.STALE:
        return Report(event.delivery.id, STALE, "a newer state of this finding is already known")
    if any(outcome is merge.Outcome.APPLIED for outcome in outcomes):
        return Report(event.delivery.id, APPLIED)
    return Report(event.delivery.id, UNCHANGED)


def _set_aside(
    deliveries: Sequence[Delivery], refused: Mapping[int, str], quarantine: Quarantine
) -> dict[int, Report]:
    if not refused:
        return {}
    records = [
        Quarantined(
            id=hashlib.sha256(deliveries[number].body.encode("utf-8", "surrogatepass")).hexdigest(),
            reason=reason,
            body=deliveries[number].body,
            received_on=deliveries[number].received_on,
        )
        for number, reason in sorted(refused.items())
    ]
    try:
        quarantine.put(records)
    except StoreError as error:
        return {
            number: Report(deliveries[number].id, FAILED, f"{reason}; and {error}")
            for number, reason in refused.items()
        }
    return {number: Report(deliveries[number].id, QUARANTINED, reason) for number, reason in refused.items()}


def _readable(reason: str) -> str:
    """Give a reason that can be stored, logged and shown: it may quote names out of the event, of any
    length and with any character."""
    shown = reason if len(reason) <= REASON_LIMIT else f"{reason[: REASON_LIMIT - 3]}..."
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in shown
    )


def _identity(change: GraphChange) -> tuple[str, str]:
    return change.thing.id, change.observation.block

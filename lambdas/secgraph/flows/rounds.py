"""The changes of a batch of events → the graph store, in rounds of read, merge and write.

    GraphChange… by event ─store→ Stored (an outcome for each change; events refused or unfinished)

An item that lost to another writer is read and merged again. What a locator passes on (graph/locators.py)
follows once the locator is stored, as changes of the events that spoke of it: if one is cut short in between,
it comes again, and the locator passes it on again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from secgraph.errors import StoreError
from secgraph.graph import merge, sizes, stored
from secgraph.graph.locators import passed_on
from secgraph.graph.merge import Merged, Outcome
from secgraph.graph.model import AccountSettings, GraphChange, Item, Observation
from secgraph.graph.ports import GraphWriter

ATTEMPTS: Final = 8
"""Rounds of read, merge, write before a delivery that keeps losing to other writers is handed back."""
CACHED: Final = 20_000


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
class Stored:
    """What became of a batch, by the number of the event.

    `outcomes` has one for each change of the event, then for what was passed on. `refused` tells why an item
    cannot take the event, whose other changes are stored. `unfinished` are to come again, for `failure` or
    else for lost races: also one that an item cannot take, as long as its other changes are not stored.
    """

    outcomes: dict[int, list[Outcome]]
    refused: dict[int, str] = field(default_factory=dict)
    unfinished: set[int] = field(default_factory=set)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class _Due:
    """One change to be made: the number of its event, and its place among the event's outcomes."""

    number: int
    place: int
    change: GraphChange


_Dues = dict[str, list[_Due]]
"""What is to be merged, by the `_id` of the item."""


def store(
    events: Mapping[int, Sequence[GraphChange]],
    *,
    writer: GraphWriter,
    now: int,
    settings: Mapping[str, AccountSettings] | None,
    cache: WarmCache,
) -> Stored:
    """Bring the changes of some events, by number, into the store."""
    rounds = _Rounds(writer, now, settings, cache, events)
    dues = _by_item(
        _Due(number, place, change)
        for number, changes in events.items()
        for place, change in enumerate(changes)
        if not cache.spares(change)
    )
    while dues:
        dues = rounds.run(dues)
    refused = {number: why for number, why in rounds.refused.items() if number not in rounds.unfinished}
    return Stored(rounds.outcomes, refused, rounds.unfinished, rounds.failure)


class _Rounds:
    """One batch on its way into the store."""

    def __init__(
        self,
        writer: GraphWriter,
        now: int,
        settings: Mapping[str, AccountSettings] | None,
        cache: WarmCache,
        events: Mapping[int, Sequence[GraphChange]],
    ) -> None:
        self._writer = writer
        self._now = now
        self._settings = settings
        self._cache = cache
        self.outcomes = {number: [Outcome.UNCHANGED] * len(changes) for number, changes in events.items()}
        self.refused: dict[int, str] = {}
        self.unfinished: set[int] = set()
        self.failure = ""

    def run(self, dues: _Dues) -> _Dues:
        """Merge what is due until no item is lost to another writer; give what is passed on."""
        further: list[_Due] = []
        for _ in range(ATTEMPTS):
            try:
                merged = self._merge(dues, self._writer.read(dues.keys()))
                lost = set(self._writer.write([one.item for one in merged.values() if one.written]))
            except StoreError as error:
                self.failure = str(error)
                break
            for id_, one in merged.items():
                if id_ not in lost:
                    further += self._settled(one.item, dues[id_])
            dues = {id_: due for id_, due in dues.items() if id_ in lost}
            if not dues:
                break
        self.unfinished |= {due.number for waiting in dues.values() for due in waiting}
        return _by_item(further)

    def _settled(self, item: Item, dues: Sequence[_Due]) -> list[_Due]:
        """Remember the constants of a stored item; give what it passes on, once for each of the events."""
        taken = [due for due in dues if due.number not in self.refused]
        changes = passed_on(item)
        if not changes:
            # Never before a locator's state has arrived: the event that brings it there again must find it.
            for due in taken:
                self._cache.learn(due.change, item)
        numbers = dict.fromkeys(due.number for due in taken)
        return [self._due(number, change) for number in numbers for change in changes]

    def _due(self, number: int, change: GraphChange) -> _Due:
        self.outcomes[number].append(Outcome.UNCHANGED)
        return _Due(number, len(self.outcomes[number]) - 1, change)

    def _merge(self, dues: _Dues, held: Mapping[str, Item]) -> dict[str, Merged]:
        """Merge what is due into what is held; a change that makes an item too large refuses its event."""
        items: dict[str, Merged] = {}
        for id_, waiting in dues.items():
            fitting, merged = waiting, self._merge_into(held.get(id_), waiting)
            if not _fits(merged):
                # Not all: the other events of the batch are not to blame.
                fitting = self._fitting(held.get(id_), waiting)
                if not fitting:
                    continue
                merged = self._merge_into(held.get(id_), fitting)
            items[id_] = merged
            for due, outcome in zip(fitting, merged.outcomes, strict=True):
                self.outcomes[due.number][due.place] = outcome
        return items

    def _fitting(self, held: Item | None, dues: Sequence[_Due]) -> list[_Due]:
        """Tell which changes fit into the item, in their order, and refuse the events of the others.

        By halves, each on top of what fitted before it: one change that is to blame costs twice the logarithm
        of their number in merges, and if all are it costs twice their number.
        """
        fitting: list[_Due] = []
        waiting = [list(dues)]
        while waiting:
            part = waiting.pop()
            merged = self._merge_into(held, part)
            if _fits(merged):
                fitting += part
                held = merged.item
            elif len(part) > 1:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
            else:
                size = sizes.size(merged.item)
                self.refused[part[0].number] = (
                    f"{part[0].change.thing.key} would take {size} bytes in the graph and may take "
                    f"{stored.LIMIT_BYTES}; shorten the event's texts or lists and replay it"
                )
        return fitting

    def _merge_into(self, held: Item | None, dues: Sequence[_Due]) -> Merged:
        changes = [due.change for due in dues]
        return merge.apply(held, changes, now=self._now, settings=self._settings)


def _by_item(dues: Iterable[_Due]) -> _Dues:
    by_item: _Dues = defaultdict(list)
    for due in dues:
        by_item[due.change.thing.id].append(due)
    return dict(by_item)


def _fits(merged: Merged) -> bool:
    return not merged.written or sizes.fits(merged.item)


def _identity(change: GraphChange) -> tuple[str, str]:
    return change.thing.id, change.observation.block

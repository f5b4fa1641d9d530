"""The steps of a replay, each of seconds. In: how far it is. Out: how far it is then; the tables on the way.

    Replay ─step→ Replay          (flows/replay_state.py)

Each may be done again by who does not know that it was done. The archive is read by the names of its
objects, and they do not sort by the time of writing: within an hour, or of an event out of the quarantine,
which counts from its first receipt. So it is gone through again for what was written meanwhile, until there
is nothing, a few times at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from secgraph.errors import StoreUnavailable
from secgraph.flows import ingest as ingesting
from secgraph.flows.replay_differences import DIFFERENCES_AT_MOST, differences
from secgraph.flows.replay_state import COPY, GRAPH, Notes, Phase, Replay
from secgraph.graph.fingerprint import Fingerprint, by_type
from secgraph.graph.model import AccountSettings
from secgraph.graph.ports import ItemTable
from secgraph.ingest.ports import Delivery, Quarantined, RawArchive

OBJECTS_AT_ONCE: Final = 32
DELIVERIES_AT_ONCE: Final = 500
PAGES_AT_ONCE: Final = 8
TURNS_AT_MOST: Final = 4
SLACK_MS: Final = 60_000
"""What was written so long before a turn is read by the next one too: clocks differ."""
NAMED_AT_MOST: Final = 5


class CopyTable(ItemTable, Protocol):
    """The table beside, which alone may be emptied."""

    def empty_some(self) -> int:
        """Delete some items and say how many; 0 once there are none. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The world outside of a replay."""

    archive: RawArchive
    graph: ItemTable
    copy: CopyTable
    notes: Notes

    def table(self, side: str) -> ItemTable:
        """Give one of both tables."""
        return self.copy if side == COPY else self.graph


@dataclass(frozen=True, slots=True)
class Ingesting:
    """How events are read: as ingest does in the same deployment. None for `administrators`: any account may
    send events of another one's findings."""

    settings: Mapping[str, AccountSettings]
    test_source: bool = False
    administrators: Collection[str] | None = None


@dataclass(slots=True)
class _PassedOver:
    """A quarantine that keeps nothing: what was set aside then lies in the quarantine, or was discarded."""

    reasons: Counter[str] = field(default_factory=Counter)

    def put(self, events: Sequence[Quarantined]) -> None:
        self.reasons.update(event.reason for event in events)


class Work:
    """One caller's work on a replay."""

    def __init__(self, ports: Ports, how: Ingesting, clock: Callable[[], int]) -> None:
        self._ports = ports
        self._how = how
        self._clock = clock
        self._cache = ingesting.WarmCache()
        self._listed: list[str] = []
        self._last = ""

    def step(self, state: Replay) -> Replay:
        """Do what takes some seconds."""
        match state.phase:
            case Phase.EMPTYING:
                return self._emptied(state)
            case Phase.READING:
                return self._read(state)
            case Phase.HASHING:
                return self._hashed(state)
            case _:
                return self._named(state)

    def _emptied(self, state: Replay) -> Replay:
        deleted = self._ports.copy.empty_some()
        if deleted:
            return replace(state, emptied=state.emptied + deleted)
        return replace(state, phase=Phase.READING, turn_began_on=self._clock())

    def _read(self, state: Replay) -> Replay:
        if not self._listed:
            page = self._ports.archive.objects(state.cursor, state.since)
            self._listed, self._last = list(page.keys), page.last
        keys, self._listed = self._listed[:OBJECTS_AT_ONCE], self._listed[OBJECTS_AT_ONCE:]
        state = self._brought_in(state, keys) if keys else state
        if self._listed:
            return replace(state, cursor=keys[-1])
        return replace(state, cursor=self._last) if self._last else self._turned(state)

    def _brought_in(self, state: Replay, keys: Sequence[str]) -> Replay:
        batch = self._ports.archive.deliveries(keys)
        passed_over = _PassedOver()
        counted = Counter(state.events)
        for start in range(0, len(batch.deliveries), DELIVERIES_AT_ONCE):
            counted.update(
                self._ingested(batch.deliveries[start : start + DELIVERIES_AT_ONCE], state, passed_over)
            )
        unreadable = [each for each in batch.unreadable if each not in state.named_unreadable]
        refused = Counter(state.refused)
        for reason, number in passed_over.reasons.items():
            if reason in refused or len(refused) < NAMED_AT_MOST:
                refused[reason] += number
        return replace(
            state,
            objects=state.objects + len(keys),
            turn_read=state.turn_read + len(keys),
            events=dict(counted),
            refused=dict(refused),
            unreadable=state.unreadable + len(unreadable),
            named_unreadable=(*state.named_unreadable, *unreadable)[:NAMED_AT_MOST],
        )

    def _ingested(
        self, deliveries: Sequence[Delivery], state: Replay, passed_over: _PassedOver
    ) -> dict[str, int]:
        reports = ingesting.ingest(
            deliveries,
            writer=self._ports.table(state.into),
            quarantine=passed_over,
            now=self._clock(),
            settings=self._how.settings,
            cache=self._cache,
            test_source=self._how.test_source,
            administrators=self._how.administrators,
        )
        failed = [each for each in reports if each.outcome == ingesting.FAILED]
        if failed:
            raise StoreUnavailable(
                f"{len(failed)} events could not be brought in: {failed[0].reason}; the replay goes on there"
            )
        return ingesting.count(reports)

    def _turned(self, state: Replay) -> Replay:
        """Go through the archive once more for what was written since this turn began, if it found any."""
        is_last = state.turn > 1 and not state.turn_read
        if is_last or state.turn == TURNS_AT_MOST:
            return replace(state, phase=Phase.HASHING, cursor="", side=GRAPH)
        return replace(
            state,
            cursor="",
            turn=state.turn + 1,
            turn_read=0,
            since=max(0, state.turn_began_on - SLACK_MS),
            turn_began_on=self._clock(),
        )

    def _hashed(self, state: Replay) -> Replay:
        table, sums = self._ports.table(state.side), dict(state.sums.get(state.side, {}))
        cursor, hashed, aside = state.cursor, state.hashed, state.aside.get(state.side, 0)
        for _ in range(PAGES_AT_ONCE):
            page = table.page(cursor)
            for type_, one in by_type(page.items).items():
                sums[type_] = sums.get(type_, Fingerprint()) + one
            cursor, hashed, aside = page.last, hashed + len(page.items), aside + page.unreadable
            if not cursor:
                break
        state = replace(
            state,
            cursor=cursor,
            hashed=hashed,
            aside={**state.aside, state.side: aside},
            sums={**state.sums, state.side: sums},
        )
        return state if cursor else self._next_side(state)

    def _next_side(self, state: Replay) -> Replay:
        """Hash the next table; after the last one, name what differs, if anything does."""
        left = state.sides[state.sides.index(state.side) + 1 :]
        if left:
            return replace(state, side=left[0])
        if state.phase is Phase.HASHING and state.differing:
            return replace(state, phase=Phase.NAMING, side=state.sides[0])
        return replace(state, phase=Phase.DONE, side="", ended_on=self._clock())

    def _named(self, state: Replay) -> Replay:
        here, there = self._ports.table(state.side), self._ports.table(_other(state.side))
        page = here.page(state.cursor)
        found = differences(page.items, there, state.differing, is_graph=state.side == GRAPH)
        named = (*state.named, *found)[:DIFFERENCES_AT_MOST]
        state = replace(state, named=named, cursor=page.last)
        if len(named) == DIFFERENCES_AT_MOST:
            return replace(state, phase=Phase.DONE, cursor="", side="", ended_on=self._clock())
        return state if page.last else self._next_side(state)


def _other(side: str) -> str:
    return COPY if side == GRAPH else GRAPH

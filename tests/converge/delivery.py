"""What stands between a bus and the graph: a queue that delivers at least once, and workers that may die.

A `Memory` keeps items as the texts that stores keep. `Faulty` is a store on its way to it, which fails at
one chosen point: a read, or the put of one item.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from secgraph.errors import StoreUnavailable
from secgraph.flows.ingest import FAILED, Delivery, Report, WarmCache, ingest
from secgraph.graph import merge, stored
from secgraph.graph.model import AccountSettings, Item
from secgraph.graph.ports import GraphWriter
from secgraph.ingest.ports import Quarantined

Settings = Mapping[str, AccountSettings]


class Killed(BaseException):
    """The end of a worker that nothing can catch, as when a function runs out of time."""


@dataclass
class Memory:
    """GraphWriter and Quarantine in memory."""

    texts: dict[str, str] = field(default_factory=dict)
    quarantined: dict[str, Quarantined] = field(default_factory=dict)
    puts: int = 0

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        return {id_: stored.load(self.texts[id_]) for id_ in ids if id_ in self.texts}

    def write(self, items: Sequence[Item]) -> Collection[str]:
        return [item.thing.id for item in items if not self.put_item(item)]

    def put_item(self, item: Item) -> bool:
        """Put one item unless its `rev` has moved."""
        held = self.texts.get(item.thing.id)
        if (stored.load(held).rev if held else 0) != item.rev - 1:
            return False
        self.texts[item.thing.id] = stored.dump(item)
        self.puts += 1
        return True

    def put(self, events: Sequence[Quarantined]) -> None:
        for event in events:
            self.quarantined.setdefault(event.id, event)

    def items(self) -> list[Item]:
        return [stored.load(text) for text in self.texts.values()]

    def sameness(self) -> dict[str, str]:
        """Give what must come out equal, by key."""
        return {item.thing.key: merge.same_graph(item) for item in self.items()}


class Fault(Enum):
    """How a call goes wrong."""

    THROTTLED = "not done; the other items of the batch are"
    REFUSED = "not done, and nothing after it either"
    UNANSWERED = "done, but the answer is lost"
    ECHOED = "done, and tried again by the SDK, which then finds its own write in the way"
    KILLED = "the worker dies before it"
    KILLED_AFTER = "the worker dies after it"


@dataclass
class Faulty:
    """A store whose call number `at` (from 0; a read, or the put of one item) goes wrong. `between` is called
    after each read: what it does comes between a read and the write that follows from it."""

    memory: Memory
    fault: Fault = Fault.THROTTLED
    at: int = -1
    between: Callable[[], None] = lambda: None
    calls: int = 0

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        fault = self._next()
        if fault in (Fault.THROTTLED, Fault.REFUSED, Fault.UNANSWERED):
            raise StoreUnavailable("the store did not answer")
        if fault is Fault.KILLED:
            raise Killed
        found = self.memory.read(ids)
        if fault is Fault.KILLED_AFTER:
            raise Killed
        self.between()
        return found

    def write(self, items: Sequence[Item]) -> Collection[str]:
        lost: list[str] = []
        failure: StoreUnavailable | None = None
        for item in items:
            fault = self._next()
            if fault is Fault.KILLED:
                raise Killed
            if fault in (Fault.THROTTLED, Fault.REFUSED):
                failure = StoreUnavailable("throttled")
                if fault is Fault.REFUSED:
                    raise failure
                continue
            won = self.memory.put_item(item)
            if fault is Fault.KILLED_AFTER:
                raise Killed
            if fault is Fault.UNANSWERED:
                failure = StoreUnavailable("no answer in time")
            elif fault is Fault.ECHOED or not won:
                lost.append(item.thing.id)
        if failure:
            raise failure
        return lost

    def _next(self) -> Fault | None:
        self.calls += 1
        return self.fault if self.calls - 1 == self.at else None


@dataclass
class Worker:
    """One execution environment: what it remembers from batch to batch, and a clock that runs."""

    memory: Memory
    settings: Settings = field(default_factory=dict)
    cache: WarmCache = field(default_factory=WarmCache)
    now: int = 1_800_000_000_000

    def ingest(self, batch: Sequence[Delivery], writer: GraphWriter | None = None) -> list[Report]:
        self.now += 1_000
        return ingest(
            batch,
            writer=writer or self.memory,
            quarantine=self.memory,
            now=self.now,
            settings=self.settings,
            cache=self.cache,
        )

    def left(self, batch: Sequence[Delivery], writer: GraphWriter | None = None) -> list[Delivery]:
        """Ingest a batch as a queue hands it over: what failed is left, and all of it if the worker dies,
        whose place another takes, which remembers nothing."""
        try:
            reports = self.ingest(batch, writer)
        except Killed:
            self.cache = WarmCache()
            return list(batch)
        return [
            delivery for delivery, report in zip(batch, reports, strict=True) if report.outcome == FAILED
        ]


def deliveries(published: Iterable[tuple[str, int]], delay: int = 500) -> list[Delivery]:
    """Put what was published on a queue, each `delay` ms later."""
    return [Delivery(f"m{number}", text, at + delay) for number, (text, at) in enumerate(published)]

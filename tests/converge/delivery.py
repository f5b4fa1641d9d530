"""What stands between a bus and the graph: a queue that delivers at least once, and workers that may die.

A `Memory` keeps items as the texts that stores keep. `Faulty` stands in front of it, of the raw archive and
of the quarantine, and lets one of the calls go wrong, or one in so many.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Protocol, TypeVar

from secgraph.errors import StoreUnavailable
from secgraph.flows.ingest import FAILED, Report, WarmCache, ingest
from secgraph.graph import merge, stored
from secgraph.graph.model import AccountSettings, Item
from secgraph.graph.ports import GraphWriter
from secgraph.ingest.ports import Archive, Delivery, Quarantine, Quarantined

Settings = Mapping[str, AccountSettings]


class Killed(BaseException):
    """The end of a worker that nothing can catch, as when a function runs out of time."""


class Named(Protocol):
    """What is kept by its id."""

    @property
    def id(self) -> str: ...


Record = TypeVar("Record", bound=Named)


@dataclass
class Kept(Generic[Record]):
    """The raw archive, or the quarantine: records by id."""

    records: dict[str, Record] = field(default_factory=dict)

    def put(self, records: Sequence[Record]) -> None:
        self.records |= {record.id: record for record in records}


@dataclass
class Memory:
    """The graph, the archive and the quarantine. `puts` counts the items written."""

    texts: dict[str, str] = field(default_factory=dict)
    archived: Kept[Delivery] = field(default_factory=Kept)
    quarantined: Kept[Quarantined] = field(default_factory=Kept)
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
    """Stores on the way to which call number `at` goes wrong, counted from 0, and each `every`-th after it.

    A call is a read, the put of one item, and a put into the archive or the quarantine. `between` is called
    after each read: what it does comes between a read and the write that follows from it.
    """

    memory: Memory
    fault: Fault = Fault.THROTTLED
    at: int = -1
    every: int = 0
    between: Callable[[], None] = lambda: None
    calls: int = 0

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        found: dict[str, Item] = {}
        if not self.goes(lambda: found.update(self.memory.read(ids))):
            raise StoreUnavailable("the store did not answer")
        self.between()
        return found

    def write(self, items: Sequence[Item]) -> Collection[str]:
        lost: list[str] = []
        failed = 0
        for item in items:
            won: list[bool] = []
            before = self.calls
            answered = self.goes(lambda item=item, won=won: won.append(self.memory.put_item(item)))  # type: ignore[misc]
            if not answered:
                failed += 1
                if self.fault is Fault.REFUSED:
                    break
            elif not won[0] or (self.fault is Fault.ECHOED and self.is_due(before)):
                lost.append(item.thing.id)
        if failed:
            raise StoreUnavailable(f"{failed} of {len(items)} items could not be written")
        return lost

    def goes(self, work: Callable[[], None]) -> bool:
        """Do a call; False if it failed, as far as its caller can tell."""
        due = self.is_due(self.calls)
        self.calls += 1
        fault = self.fault if due else None
        if fault is Fault.KILLED:
            raise Killed
        if fault in (Fault.THROTTLED, Fault.REFUSED):
            return False
        work()
        if fault is Fault.KILLED_AFTER:
            raise Killed
        return fault is not Fault.UNANSWERED

    def is_due(self, call: int) -> bool:
        """Tell whether this call goes wrong."""
        if self.at < 0 or call < self.at:
            return False
        return call == self.at or bool(self.every and (call - self.at) % self.every == 0)


@dataclass
class FaultyPuts(Generic[Record]):
    """The archive or the quarantine behind the same faults."""

    faulty: Faulty
    kept: Kept[Record]

    def put(self, records: Sequence[Record]) -> None:
        if not self.faulty.goes(lambda: self.kept.put(records)):
            raise StoreUnavailable("the bucket did not answer")


@dataclass
class Worker:
    """One execution environment: what it remembers from batch to batch, and a clock that runs."""

    memory: Memory
    settings: Settings = field(default_factory=dict)
    cache: WarmCache = field(default_factory=WarmCache)
    now: int = 1_800_000_000_000

    def ingest(self, batch: Sequence[Delivery], through: Faulty | None = None) -> list[Report]:
        self.now += 1_000
        writer: GraphWriter = through or self.memory
        quarantine: Quarantine = self.memory.quarantined
        archive: Archive = self.memory.archived
        if through:
            quarantine = FaultyPuts(through, self.memory.quarantined)
            archive = FaultyPuts(through, self.memory.archived)
        return ingest(
            batch,
            writer=writer,
            quarantine=quarantine,
            archive=archive,
            now=self.now,
            settings=self.settings,
            cache=self.cache,
        )

    def left(self, batch: Sequence[Delivery], through: Faulty | None = None) -> list[Delivery]:
        """Ingest a batch as a queue hands it over: what failed is left, and all of it if the worker dies,
        whose place another takes, which remembers nothing."""
        try:
            reports = self.ingest(batch, through)
        except Killed:
            self.cache = WarmCache()
            return list(batch)
        return [delivery for delivery, report in zip(batch, reports, strict=True) if report.outcome == FAILED]


def deliveries(published: Iterable[tuple[str, int]], delay: int = 500) -> list[Delivery]:
    """Put what was published on a queue, each `delay` ms later."""
    return [Delivery(f"m{number}", text, at + delay) for number, (text, at) in enumerate(published)]

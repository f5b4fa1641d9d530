"""A world to reconcile in, all in memory: AWS, the graph, and every port, each call of which may fail.

Each call of a port asks `between` before and after it takes effect: that may kill the runner, lose the
answer, or let another runner or AWS act in between. Time runs a little with each call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from secgraph import contract
from secgraph.errors import SourceError, StoreUnavailable
from secgraph.flows.ingest import FAILED, WarmCache, ingest
from secgraph.flows.reconcile import Plan, Ports, Request, reconcile
from secgraph.flows.reconciling import ReconcileReport
from secgraph.graph.merge import entity
from secgraph.graph.model import Item, Value
from secgraph.graph.open_set import index_key, open_in
from secgraph.ingest.ports import Delivery
from secgraph.sources.observed import ABSENT
from secgraph.sources.ports import OpenPage
from secgraph.sources.scope import Reader, Scope
from secgraph.sources.standing import Phase, Standing
from tests.converge.delivery import Killed, Memory
from tests.converge.events import Event
from tests.reconcile.source_model import BANK, HUB, REGION, AwsModel

START = 1_800_000_000_000
MINUTE = 60_000
DAY = 24 * 60 * MINUTE
PLAN = Plan((Reader(HUB), Reader(BANK, "role", "id")), (REGION,), DAY)
PER_INDEX_PAGE = 2


@dataclass
class World:
    """`lag` is how far (ms) the index of open findings is behind; `upgrades` the steps it takes before it
    holds what an older version wrote. `told` are the lines of all runs."""

    plan: Plan = PLAN
    now: int = START
    lag: int = 0
    memory: Memory = field(default_factory=Memory)
    archived: list[Delivery] = field(default_factory=list)
    standings: dict[Scope, Standing] = field(default_factory=dict)
    parts: dict[str, dict[int, tuple[str, ...]]] = field(default_factory=dict)
    index: list[tuple[int, str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    tokens: int = 0
    upgrades: int = 0
    between: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        self.aws = AwsModel(lambda: self.now, self._gate)

    # ── what a test does ──────────────────────────────────────────────────────────────────────────────

    def tick(
        self, request: Request | None = None, stop: Callable[[], bool] = lambda: False
    ) -> ReconcileReport:
        """Run the function once, as it is run in an execution environment that knows nothing yet."""
        return reconcile(
            self.plan,
            ports=self.ports(),
            settings={},
            cache=WarmCache(),
            clock=lambda: self.now,
            token=self._token,
            request=request,
            stop=stop,
            tell=self.told.append,
        )

    def ports(self) -> Ports:
        return Ports(
            ledger=Ledger(self),
            sources=self.aws,
            graph=self,
            open=self,
            archive=Archived(self),
            quarantine=self.memory.quarantined,
            seen=Seen(self),
        )

    def deliver(self, event: Event | None) -> None:
        """Bring an event in, as the ingest function does."""
        if event is not None:
            self.now += 50
            delivery = Delivery(str(event["id"]), json.dumps(event), self.now)
            self.archived.append(delivery)
            self.bring([delivery], self.memory)

    def bring(self, deliveries: Sequence[Delivery], memory: Memory) -> None:
        reports = ingest(
            deliveries,
            writer=self if memory is self.memory else memory,
            quarantine=memory.quarantined,
            now=self.now,
            settings={},
            cache=WarmCache(),
        )
        assert all(report.outcome != FAILED for report in reports)

    def until_done(self, request: Request | None = None) -> ReconcileReport:
        """Let an hour pass and tick until there is nothing left to do, as long as it is not forever."""
        self.between = lambda _: None
        for _ in range(20):
            self.now += 60 * MINUTE
            report = self.tick(request)
            if report.finished:
                return report
        raise AssertionError(f"it does not come to an end: {report.as_json()}")

    def at(self, point: int, happens: Callable[[str], None]) -> None:
        """Let something happen at the call with this number, counted from now."""
        left = [point]

        def between(where: str) -> None:
            left[0] -= 1
            if left[0] == -1:
                happens(where)

        self.between = between

    def shown(self, arn: str) -> Mapping[str, Value] | None:
        """Give the properties that the graph shows of a finding; None if it shows none."""
        for item in self.memory.items():
            if item.thing.key == arn:
                seen = entity(item)
                return seen.properties if seen else None
        return None

    def open_arns(self) -> set[str]:
        return {item.thing.key for item in self.memory.items() if open_in(item)}

    def ledger_shows(self, scope: Scope) -> Mapping[str, Value]:
        """Give the properties of a scope's entity in the graph."""
        shown = self.shown(f"secgraph_source:{scope.source}:{scope.account}:{scope.region}")
        assert shown is not None
        return shown

    def _token(self) -> str:
        self.tokens += 1
        return f"run-{self.tokens}"

    def passes(self, where: str) -> None:
        self.now += 20
        self.between(where)

    def _gate(self) -> None:
        self.passes("source")

    # ── graph and open set ────────────────────────────────────────────────────────────────────────────

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        self.passes("store")
        return self.memory.read(ids)

    def write(self, items: Sequence[Item]) -> Collection[str]:
        self.passes("store")
        lost = [item.thing.id for item in items if not self._put(item)]
        self.passes("store")
        return lost

    def _put(self, item: Item) -> bool:
        done = self.memory.put_item(item)
        if done:
            self.index.append((self.now, item.thing.id, open_in(item)))
        return done

    def upgraded(self) -> bool:
        self.passes("store")
        self.upgrades -= 1
        return self.upgrades < 0

    def open_ids(self, scope: Scope, bucket: int, cursor: str) -> OpenPage:
        self.passes("store")
        known: dict[str, str] = {}
        for moment, id_, key in self.index:
            if moment <= self.now - self.lag:
                known[id_] = key
        wanted = index_key(scope.source, scope.account, scope.region, bucket)
        found = sorted(id_ for id_, key in known.items() if key == wanted and id_ > cursor)
        page = tuple(found[:PER_INDEX_PAGE])
        return OpenPage(page, page[-1] if len(found) > PER_INDEX_PAGE else "")


@dataclass(frozen=True)
class Archived:
    """The raw archive. It sees to it that nothing is called absent but what was asked for again, in a scope
    whose listing came to its end."""

    world: World

    def put(self, deliveries: Sequence[Delivery]) -> None:
        self.world.passes("store")
        for delivery in deliveries:
            self._check(json.loads(delivery.body))
        self.world.archived += deliveries
        self.world.passes("store")

    def _check(self, body: Event) -> None:
        detail = body.get("detail", {})
        if body.get("detail-type") == contract.FINDING_STATE and detail.get("reason") == ABSENT:
            scope = Scope(detail["source"], detail["accountId"], detail["region"])
            run = self.world.standings[scope].run
            assert run is not None
            assert run.phase is Phase.CLOSING
            assert detail["arn"] in self.world.aws.unknown


@dataclass(frozen=True)
class Ledger:
    """The ledger table."""

    world: World

    def all(self) -> Iterable[Standing]:
        self.world.passes("store")
        return list(self.world.standings.values())

    def read(self, scope: Scope) -> Standing | None:
        self.world.passes("store")
        return self.world.standings.get(scope)

    def write(self, standing: Standing) -> bool:
        self.world.passes("store")
        held = self.world.standings.get(standing.scope)
        if (held.rev if held else 0) != standing.rev - 1:
            return False
        self.world.standings[standing.scope] = standing
        self.world.passes("store")
        return True


@dataclass(frozen=True)
class Seen:
    """What runs have seen."""

    world: World

    def add(self, run: str, part: int, ids: Sequence[str]) -> None:
        self.world.passes("store")
        self.world.parts.setdefault(run, {})[part] = tuple(ids)
        self.world.passes("store")

    def all(self, run: str) -> frozenset[str]:
        self.world.passes("store")
        return frozenset(id_ for ids in self.world.parts.get(run, {}).values() for id_ in ids)

    def forget(self, run: str) -> None:
        self.world.passes("store")
        self.world.parts.pop(run, None)


def dies(where: str) -> None:
    """The runner's time is over: nothing can catch that."""
    raise Killed


def no_answer(where: str) -> None:
    """A call fails, or its answer is lost."""
    raise SourceError("throttled") if where == "source" else StoreUnavailable("no answer")

"""A world for alerts to live in, all in memory: store, channels and graph, every call of which may fail.

Each call asks `between` before and after it takes effect: that may kill the run, lose the answer, or let
another run or a person act in between.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from secgraph.alerts.outbox import OUTBOX, load_record
from secgraph.alerts.ports import Outgoing, Stored
from secgraph.errors import ChannelError, StoreUnavailable
from secgraph.flows.evaluate import evaluate
from secgraph.flows.evaluated import EvaluationReport
from secgraph.flows.notify import SendReport, send_due
from secgraph.rules.pack import load
from secgraph.rules.rows import Answer
from secgraph.rules.rule import Rule

QUARTER: Final = 15 * 60_000
HOUR: Final = 60 * 60_000
CHANNELS: Final = ("topic", "slack")
SQS: Final = "action:sqs"
LEVELS: Final = {"high": "HIGH", "medium": "MEDIUM", "low": "LOW"}


class Killed(BaseException):
    """The end of a run that nothing can catch, as when a function times out."""


def rules_at(levels: Mapping[str, str]) -> tuple[Rule, ...]:
    """Make a rule of each name at its level; `high` also sends to a queue."""
    made = []
    for name, level in levels.items():
        send = {"type": "SEND_SQS_MESSAGE", "queueUrl": "https://sqs.example/q", "data": {"a": 1}}
        actions: list[dict[str, Any]] = [
            {"type": "SET_PROPERTY", "targetProperty": "alertLevel", "targetValue": level},
            {"type": "CREATE_ALERT"},
            *([send] if name == "high" else []),
        ]
        made.append(
            {
                "name": name,
                "description": "d",
                "pollingInterval": "FIFTEEN_MINUTES",
                "queries": [{"query": f"FIND {name.title()}"}],
                "operations": [{"when": "{{queries.query0.total > 0}}", "actions": actions}],
            }
        )
    return load(json.dumps(made), "p.json").rules


@dataclass
class Run:
    """One run of an evaluator or a sender: what it saw."""

    name: str
    now: int
    levels: Mapping[str, str]
    asked: dict[str, frozenset[int]] = field(default_factory=dict)
    decided: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """`accepted` are (channel, id, run) in the order in which channels took them; `made` are the ids of
    everything that was put into the outbox, with their channel. `settled` are (id, run) of what a run took
    out of it again; `faulted` are the runs to which something happened."""

    rows: dict[str, frozenset[int]] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=lambda: dict(LEVELS))
    items: dict[str, Stored] = field(default_factory=dict)
    accepted: list[tuple[str, str, str]] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    settled: set[tuple[str, str]] = field(default_factory=set)
    faulted: set[str] = field(default_factory=set)
    refusing: dict[str, ChannelError] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)
    names: int = 0
    now: int = QUARTER
    between: Callable[[str], None] = lambda _: None
    committed: Callable[[Run, str, Sequence[Stored]], None] = lambda _, __, ___: None
    decided: Callable[[], Mapping[str, Any]] = dict

    # ── store ─────────────────────────────────────────────────────────────────────────────────────────

    def read_all(self, prefix: str = "") -> Mapping[str, Stored]:
        self.between("store")
        found = {id_: item for id_, item in self.items.items() if id_.startswith(prefix)}
        self.runs[-1].decided = self.decided()
        self.between("store")
        return found

    def read(self, id_: str) -> Stored | None:
        self.between("store")
        return self.items.get(id_)

    def put(self, item: Stored, beside: Sequence[Stored] = ()) -> bool:
        self.between("store")
        held = self.items.get(item.id)
        if (held.rev if held else 0) != item.rev - 1 or any(each.id in self.items for each in beside):
            return False
        self.items |= {each.id: each for each in (item, *beside)}
        for each in beside:
            record = load_record(each.body)
            assert record.id not in self.made
            self.made[record.id] = record.kind
        self.committed(self.runs[-1], item.id, beside)
        self.between("store")
        return True

    def delete(self, item: Stored) -> bool:
        self.between("store")
        if self.items.get(item.id) != item:
            return False
        del self.items[item.id]
        self.settled.add((item.id.removeprefix(OUTBOX), self.runs[-1].name))
        self.between("store")
        return True

    # ── graph and channels ────────────────────────────────────────────────────────────────────────────

    def ask(self, text: str, *, include_deleted: bool, placeholders: Any = None) -> Answer:
        rule = text.removeprefix("FIND ").lower()
        if rule not in self.rows:
            return Answer("list", [], 0)
        self.between("store")
        if rule in self.broken:
            raise StoreUnavailable("the graph does not answer")
        rows = self.rows[rule]
        self.runs[-1].asked[rule] = rows
        return Answer("list", [_finding(row) for row in sorted(rows)], len(rows))

    def channel(self, kind: str) -> _Channel:
        return _Channel(self, kind)

    # ── runs ──────────────────────────────────────────────────────────────────────────────────────────

    def evaluate(self, *, due_only: bool = False) -> EvaluationReport:
        with_ = self._begin()
        try:
            return evaluate(
                rules_at(self.levels),
                ask=self.ask,
                store=self,
                channels=CHANNELS,
                now=self.now,
                run=with_.name,
                due_only=due_only,
            )
        finally:
            self.runs.pop()

    def send(self) -> SendReport:
        with_ = self._begin()
        try:
            channels = {kind: self.channel(kind) for kind in (*CHANNELS, SQS)}
            return send_due(self, channels, now=self.now, run=with_.name)
        finally:
            self.runs.pop()

    def _begin(self) -> Run:
        self.names += 1
        self.runs.append(Run(f"run-{self.names}", self.now, dict(self.levels)))
        return self.runs[-1]

    def tick(self) -> None:
        self.now += QUARTER
        self.evaluate()
        self.send()

    def drain(self) -> None:
        """Let time pass without faults until everything is sent."""
        self.between = lambda _: None
        self.refusing.clear()
        for _ in range(20):
            self.now += HOUR
            self.send()
            if not any(id_.startswith(OUTBOX) for id_ in self.items):
                return
        raise AssertionError("the outbox does not become empty")

    def at(self, point: int, happens: Callable[[str], None]) -> None:
        """Let something happen at the call with this number, counted from now."""
        left = [point]

        def between(where: str) -> None:
            left[0] -= 1
            if left[0] == -1:
                happens(where)

        self.between = between

    def fault(self, kind: str) -> Callable[[str], None]:
        """Make what happens at a call: the run dies, or the call does."""

        def happens(where: str) -> None:
            self.faulted |= {each.name for each in self.runs}
            if kind == "killed":
                raise Killed
            raise StoreUnavailable("no answer") if where == "store" else ChannelError("no answer")

        return happens

    def told(self) -> Counter[str]:
        """Count what the topic took since the last look, by rule and event."""
        found = Counter(
            f"{each.notification.rule} {each.notification.event.value}"
            for each in self.sent
            if each.notification is not None and each.id.endswith("#topic")
        )
        self.sent.clear()
        return found


@dataclass(frozen=True)
class _Channel:
    world: World
    kind: str

    def send(self, outgoing: Outgoing) -> None:
        world = self.world
        world.between("channel")
        if self.kind in world.refusing:
            raise world.refusing[self.kind]
        world.accepted.append((self.kind, outgoing.id, world.runs[-1].name))
        world.sent.append(outgoing)
        world.between("channel")


def _finding(row: int) -> dict[str, Any]:
    entity = {"_id": f"f{row}", "_class": ["Finding"], "_type": ["aws_guardduty_finding"]}
    return {
        "id": f"f{row}",
        "entity": entity,
        "properties": {"name": f"row {row}", "targets": [f"e{row // 2}"], "type": f"t{row % 2}"},
    }

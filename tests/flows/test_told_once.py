"""Whatever happens, each transition of each group is told once in each channel, and nothing else is.

Rows come, go and return, levels rise and fall, people dismiss; runs die at any call, answers are lost, two
evaluators and two senders meet, channels refuse. A simple model says at each write of an alert which records
must lie beside it; what channels took is held against those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from secgraph.alerts.decisions import Decisions, Dismissal, decision_id, dump_decisions, load_decisions
from secgraph.alerts.groups import WHOLE
from secgraph.alerts.outbox import UNDELIVERED, load_record
from secgraph.alerts.ports import Stored
from secgraph.alerts.stored import ALERT, alert_id, load_alert
from secgraph.errors import ChannelError
from tests.flows.alert_world import CHANNELS, HOUR, LEVELS, SQS, Killed, Run, World

RANK = ("LOW", "MEDIUM", "HIGH")


def group_of(row: int, level: str) -> str:
    """Name the group of a row as people see it."""
    return {"LOW": "", "MEDIUM": f"e{row // 2} · t{row % 2}", "HIGH": f"e{row // 2}"}[level]


@dataclass
class Model:
    """A rule as the model knows it: the rows and level last written, and what is dismissed, until when. The
    key None of a dismissal is the alert as a whole."""

    rows: frozenset[int] = frozenset()
    level: str = "LOW"
    dismissed: dict[str | None, float] = field(default_factory=dict)
    evaluated: int = 0

    def advance(
        self, rows: frozenset[int], level: str, now: int, seen: Mapping[str | None, float]
    ) -> list[str]:
        """Take in what an evaluation found that had `seen` these dismissals; give what it must tell."""
        by = self.level if self.rows else level
        raised = RANK.index(level) > RANK.index(self.level)
        before = {group_of(row, by) for row in self.rows}
        after = {group_of(row, by) for row in rows}
        joined = {group_of(row, by) for row in rows - self.rows} | (after - before)
        happened = [(name, "resolved") for name in before - after]
        for name in after:
            if name not in before:
                happened.append((name, "opened"))
            elif raised:
                happened.append((name, "level raised"))
            elif name in joined:
                happened.append((name, "new rows"))
        ended = joined | ({None, ""} if joined else set())
        self.dismissed = {key: until for key, until in self.dismissed.items() if key not in ended}
        holding = {name for name, until in seen.items() if until > now and name not in ended}
        if "" in before | after:
            holding |= {""} if holding & {None, ""} else set()
        heard = [] if holding & {None} else [each for each in happened if each[0] not in holding]
        lapsed = {name for name, until in seen.items() if self.evaluated < until <= now and name not in ended}
        self.rows, self.level, self.evaluated = rows, level if rows else self.level, now
        if heard or holding & {None}:
            return bundled(heard)
        # What was dismissed until now is told anew while it is open: by the groups that the new level makes.
        named = {group_of(row, level) for row in rows}
        if rows and None in lapsed and not (len(named) == 1 and named & holding):
            return [f"{min(named)} opened" if len(named) == 1 else f"{len(named)} groups opened"]
        return bundled([(name, "opened") for name in named if name in lapsed - holding])


def bundled(heard: Sequence[tuple[str, str]]) -> list[str]:
    found = []
    for event, count in Counter(event for _, event in heard).items():
        if count > 5:
            found.append(f"{count} groups {event}")
        else:
            found += [f"{name} {of}" for name, of in heard if of == event]
    return sorted(found)


def said(beside: Sequence[Stored]) -> dict[str, list[str]]:
    """Give what lies beside an alert in the words of the model, by channel."""
    found: dict[str, list[str]] = {}
    for item in beside:
        record = load_record(item.body)
        told = record.thing.notification
        if told is None:
            words = "effect"
        else:
            words = f"{told.group if told.groups == 1 else f'{told.groups} groups'} {told.event.value}"
        found[record.kind] = sorted([*found.get(record.kind, []), words])
    return found


def void(_: object) -> None:
    """Do nothing with what another run gave."""


KINDS = st.sampled_from(
    ["", "", "", "killed", "killed", "no answer", "no answer", "evaluator", "sender", "person"]
)
POINTS = st.integers(0, 40)
NAMES = st.sampled_from(sorted(LEVELS))
ROWS = st.frozensets(st.integers(0, 13), max_size=14)


class Alerting(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(dict.fromkeys(LEVELS, frozenset()))
        self.model = {name: Model() for name in LEVELS}
        self.compared: list[tuple[dict[str, list[str]], dict[str, list[str]]]] = []

    @initialize()
    def the_first_summary_is_sent(self) -> None:
        """The quiet start has tests of its own."""
        self.world.rows = dict.fromkeys(LEVELS, frozenset({0}))
        self.world.tick()
        for each in self.model.values():
            each.rows = frozenset({0})
        for name, each in self.model.items():
            each.level = LEVELS[name]
        self.world.drain()
        self.world.accepted.clear()
        self.world.made.clear()
        self.world.committed = self._check
        self.world.decided = lambda: {name: dict(each.dismissed) for name, each in self.model.items()}

    # ── what happens ──────────────────────────────────────────────────────────────────────────────────

    @rule(name=NAMES, rows=ROWS)
    def rows_are(self, name: str, rows: frozenset[int]) -> None:
        self.world.rows[name] = rows

    @rule(name=NAMES, row=st.integers(0, 13))
    def a_row_comes_or_goes(self, name: str, row: int) -> None:
        self.world.rows[name] ^= {row}

    @rule(name=NAMES, level=st.sampled_from(RANK))
    def the_level_is(self, name: str, level: str) -> None:
        self.world.levels[name] = level

    @rule(name=NAMES)
    def the_graph_fails_or_recovers(self, name: str) -> None:
        self.world.broken ^= {name}

    @rule(kind=st.sampled_from([*CHANNELS, SQS]), how=st.sampled_from(["", "busy", "later", "never"]))
    def a_channel_refuses(self, kind: str, how: str) -> None:
        errors = {
            "busy": ChannelError("busy"),
            "later": ChannelError("later", retry_after=90_000),
            "never": ChannelError("never", final=True),
        }
        self.world.refusing.pop(kind, None)
        if how:
            self.world.refusing[kind] = errors[how]

    @rule(minutes=st.sampled_from([0, 2, 20, 90]))
    def time_passes(self, minutes: int) -> None:
        self.world.now += minutes * 60_000

    @rule(kind=KINDS, point=POINTS)
    def an_evaluator_runs(self, kind: str, point: int) -> None:
        self._run(self.world.evaluate, kind, point)

    @rule(kind=KINDS, point=POINTS)
    def a_sender_runs(self, kind: str, point: int) -> None:
        self._run(self.world.send, kind, point)

    @rule(name=NAMES, which=st.integers(-1, 5), hours=st.sampled_from([None, 1]))
    def somebody_dismisses(self, name: str, which: int, hours: int | None) -> None:
        self._dismiss(name, which, hours)

    def _run(self, run: Any, kind: str, point: int) -> None:
        world = self.world
        acts: dict[str, Callable[[], object]] = {
            "evaluator": world.evaluate,
            "sender": world.send,
            "person": lambda: self._dismiss("high", point % 4 - 1, None),
        }
        if kind in acts:
            world.at(point, lambda _: void(acts[kind]()))
        elif kind:
            world.at(point, world.fault(kind))
        try:
            run()
        except Killed:
            pass
        except Exception:
            assert kind == "no answer"  # Only where not even the alerts or the outbox could be read.
        finally:
            world.runs.clear()
            world.between = lambda _: None
        # Here, since whatever is raised in the middle of an evaluation is that rule's failure.
        for wanted, written in self.compared:
            assert wanted == written
        self.compared.clear()

    def _dismiss(self, name: str, which: int, hours: int | None) -> None:
        world = self.world
        held = world.items.get(alert_id(name))
        state = load_alert(held.body).state if held else None
        if state is None or not state.active or which >= len(state.kept):
            return
        group = state.kept[which] if which >= 0 else None
        until = None if hours is None else world.now + hours * HOUR
        joined_on = (group.joined_on if group else state.joined_on) or 0
        made = Dismissal(world.now, "known", "me", "1", joined_on, group.key if group else WHOLE, until=until)
        stored = world.items.get(decision_id(name))
        before = load_decisions(stored.body).made if stored else ()
        body = dump_decisions(Decisions(name, (*before, made)))
        world.items[decision_id(name)] = Stored(decision_id(name), 1, body)
        key = None if group is None or group.key == WHOLE else group.label
        self.model[name].dismissed[key] = until or float("inf")

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────

    def _check(self, run: Run, id_: str, beside: Sequence[Stored]) -> None:
        """Hold what is written with an alert against the model."""
        if not id_.startswith(ALERT):
            return
        name = id_.removeprefix(ALERT)
        expected: list[str] = []
        if name in run.asked:
            seen = run.decided[name]
            expected = self.model[name].advance(run.asked[name], run.levels[name], run.now, seen)
        acted = name == "high" and any(not each.endswith("resolved") for each in expected)
        wanted = dict.fromkeys(CHANNELS, expected) | ({SQS: ["effect"]} if acted else {})
        self.compared.append(({kind: told for kind, told in wanted.items() if told}, said(beside)))

    def teardown(self) -> None:
        world = self.world
        world.runs.clear()
        undelivered = {id_.removeprefix(UNDELIVERED) for id_ in world.items if id_.startswith(UNDELIVERED)}
        world.drain()
        taken = Counter(id_ for _, id_, _ in world.accepted)
        assert world.made.keys() == taken.keys() | undelivered
        assert all(world.made[id_] == kind for kind, id_, _ in world.accepted)
        self._check_repetitions(taken)
        self._check_order()

    def _check_repetitions(self, taken: Counter[str]) -> None:
        """A message is repeated only where a run that something happened to did not settle it."""
        lost = Counter(id_ for _, id_, run in self.world.accepted if (id_, run) not in self.world.settled)
        assert all(times <= 1 + lost[id_] for id_, times in taken.items())
        assert set(lost.elements()) <= {id_ for id_, run in self._unsettled_by_fault()}

    def _unsettled_by_fault(self) -> set[tuple[str, str]]:
        return {(id_, run) for _, id_, run in self.world.accepted if run in self.world.faulted}

    def _check_order(self) -> None:
        """What a rule says in a channel comes in its order, a repeated one where it first came."""
        heard: dict[tuple[str, str], list[int]] = {}
        for kind, id_, _ in self.world.accepted:
            name, number, _ = id_.split("#", 2)
            numbers = heard.setdefault((kind, name), [])
            if int(number) not in numbers:
                numbers.append(int(number))
        assert all(numbers == sorted(numbers) for numbers in heard.values())


def test_each_transition_is_told_once() -> None:
    run_state_machine_as_test(
        Alerting,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.thorough
def test_each_transition_is_told_once_in_hundreds_of_lives() -> None:
    run_state_machine_as_test(
        Alerting,
        settings=settings(
            max_examples=150,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

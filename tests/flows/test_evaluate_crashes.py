"""EVALUATE when a run dies at any call it makes, or when two runs meet: one message for each transition."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secgraph.alerts.outbox import PENDING_KEPT
from secgraph.alerts.ports import Message, Stored
from secgraph.errors import ChannelError
from secgraph.flows.evaluate import alerts, evaluate
from secgraph.rules.pack import load
from secgraph.rules.rows import Answer

QUARTER = 15 * 60_000
RULES = load(
    json.dumps(
        [
            {
                "name": name,
                "description": "d",
                "pollingInterval": "FIFTEEN_MINUTES",
                "queries": [{"query": f"FIND {name.title()}"}],
            }
            for name in ("a", "b")
        ]
    ),
    "p.json",
).rules
Rows = Mapping[str, frozenset[int]]


class Killed(BaseException):
    """The end of a run that nothing can catch, as when a function times out."""


@dataclass
class World:
    """Store, channel and graph in memory. Before and after each call `between` is called: it may kill the
    run, or let another run happen in between."""

    rows: Rows = field(default_factory=dict)
    items: dict[str, Stored] = field(default_factory=dict)
    sent: list[Message] = field(default_factory=list)
    between: Callable[[], None] = lambda: None
    now: int = 0
    runs: int = 0
    down: bool = False

    def read_all(self) -> Mapping[str, Stored]:
        self.between()
        found = dict(self.items)
        self.between()
        return found

    def read(self, id_: str) -> Stored | None:
        self.between()
        return self.items.get(id_)

    def put(self, item: Stored) -> bool:
        self.between()
        held = self.items.get(item.id)
        if (held.rev if held else 0) != item.rev - 1:
            return False
        self.items[item.id] = item
        self.between()
        return True

    def publish(self, message: Message) -> None:
        self.between()
        if self.down:
            raise ChannelError("down")
        self.sent.append(message)
        self.between()

    def ask(self, text: str, *, include_deleted: bool) -> Answer:
        self.between()
        rows = sorted(self.rows.get(text.removeprefix("FIND ").lower(), ()))
        found = [{"id": str(row), "entity": {"_id": str(row)}, "properties": {}} for row in rows]
        return Answer("list", found, len(found))

    def run(self, *, due_only: bool = True) -> None:
        self.runs += 1
        evaluate(
            RULES,
            ask=self.ask,
            store=self,
            notifier=self,
            now=self.now,
            run=f"run-{self.runs}",
            due_only=due_only,
        )

    def tick(self) -> None:
        self.now += QUARTER
        self.run()

    def once(self, point: int, happens: Callable[[], None]) -> None:
        """Let something happen at the call with this number, counted from now."""
        left = [point]

        def between() -> None:
            left[0] -= 1
            if left[0] == -1:
                happens()

        self.between = between

    def tick_killed(self, point: int) -> bool:
        """Run a tick that dies at a call; tell whether it got as far as that."""

        def kill() -> None:
            raise Killed

        self.once(point, kill)
        try:
            self.tick()
        except Killed:
            return True
        finally:
            self.between = lambda: None
        return False

    def tick_overtaken(self, point: int) -> bool:
        """Run a tick in the middle of which another whole run happens; tell whether there was one."""
        happened = []

        def overtake() -> None:
            happened.append(True)
            self.run(due_only=False)

        self.once(point, overtake)
        self.tick()
        self.between = lambda: None
        return bool(happened)

    def told(self) -> Counter[str]:
        """Count the messages by rule and transition, and forget them."""
        found = Counter(f"{each.attributes['rule']} {each.attributes['transition']}" for each in self.sent)
        self.sent.clear()
        return found


def rows(**named: set[int]) -> Rows:
    return {name: frozenset(held) for name, held in named.items()}


POINTS = range(60)


def told_world() -> World:
    world = World(rows(a={1}, b={1, 2}))
    world.tick()
    assert world.told() == {"summary summary": 1}
    return world


@pytest.mark.parametrize("point", POINTS)
def test_a_run_that_dies_anywhere_is_healed_by_the_next(point: int):
    world = told_world()
    world.rows = rows(a={1, 2}, b=set())
    world.tick_killed(point)
    before = Counter(each.id for each in world.sent)
    world.tick()
    world.tick()
    repeated = Counter(each.id for each in world.sent) - before
    told = world.told()
    assert set(told) == {"a new_rows", "b resolved"}
    # A message repeats only where the run died between its acceptance and its mark, under the same id.
    assert sum(told.values()) <= 3
    assert all(count == 1 for count in repeated.values())


def test_the_points_reach_the_end_of_a_run():
    world = told_world()
    world.rows = rows(a={1, 2}, b=set())
    assert not world.tick_killed(max(POINTS))


def test_exactly_two_calls_of_each_message_can_make_it_repeat():
    doubles = 0
    for point in POINTS:
        world = told_world()
        world.rows = rows(a={1, 2})
        world.rows = {**world.rows, "b": frozenset({1, 2})}
        world.tick_killed(point)
        world.tick()
        doubles += world.told()["a new_rows"] == 2
    # After the channel took it: before the alert is read again, and before its mark is written.
    assert doubles == 3


@pytest.mark.parametrize("point", POINTS)
def test_a_first_summary_survives_a_run_that_dies_anywhere(point: int):
    world = World(rows(a={1}, b={1, 2}))
    world.tick_killed(point)
    world.tick()
    world.tick()
    told = world.told()
    assert set(told) == {"summary summary"}
    assert told["summary summary"] <= 2
    world.rows = rows(a={1, 2}, b={1, 2})
    world.tick()
    assert world.told() == {"a new_rows": 1}


@pytest.mark.parametrize("point", POINTS)
def test_two_runs_at_once_tell_each_transition_once(point: int):
    world = told_world()
    world.rows = rows(a={1, 2}, b=set())
    world.tick_overtaken(point)
    world.tick()
    assert world.told() == {"a new_rows": 1, "b resolved": 1}


@pytest.mark.parametrize("point", POINTS)
def test_two_first_runs_at_once_send_one_summary_and_lose_nothing(point: int):
    world = World(rows(a={1}, b={1, 2}))
    world.tick_overtaken(point)
    world.tick()
    told = world.told()
    assert told["summary summary"] == 1
    assert all(each.state.active and not each.pending for each in alerts(world))
    assert set(told) - {"summary summary"} <= {"a opened", "b opened"}


STEP = st.tuples(
    st.fixed_dictionaries({name: st.frozensets(st.integers(0, 3), max_size=3) for name in ("a", "b")}),
    st.sampled_from(["quietly", "killed", "overtaken", "down"]),
    st.integers(0, 40),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, max_size=7))
@example([(rows(a={0}), "quietly", 0), *[(rows(b={0}), "down", 0), (rows(), "down", 0)] * 3])
def test_whatever_happens_people_end_up_knowing_the_truth(steps: list[tuple[Rows, str, int]]):
    """Follow the messages alone: which alerts are open is what the store says, and each transition came
    once, or again under the same id where a run died. In an outage longer than the store keeps messages for
    the oldest are lost; the newest still tell the truth."""
    world = World()
    deaths = 0
    kept = sum(how != "quietly" for _, how, _ in steps) <= PENDING_KEPT
    for held, how, point in steps:
        world.rows = held
        if how == "killed":
            deaths += world.tick_killed(point)
        elif how == "overtaken":
            world.tick_overtaken(point)
        else:
            world.down = how == "down"
            world.tick()
            world.down = False
    world.tick()
    world.tick()
    states = {each.state.rule: each for each in alerts(world)}
    assert not any(each.pending for each in states.values())
    assert not kept or not any(each.dropped for each in states.values())
    believed = _believed(world.sent, states.keys())
    assert believed == {name: each.state.active for name, each in states.items()}
    assert believed == {name: bool(world.rows.get(name)) for name in states}
    ids = Counter(each.id for each in world.sent)
    assert sum(ids.values()) - len(ids) <= deaths


def _believed(messages: list[Message], names: object) -> dict[str, bool]:
    """Read the messages in the order of their making, a repeated one where it first came."""
    open_: dict[str, bool] = dict.fromkeys(names, False)  # type: ignore[call-overload]
    for message in messages:
        rule, transition = message.attributes["rule"], message.attributes["transition"]
        if transition == "summary":
            open_ = {name: f" · {name} · " in message.body for name in open_}
    latest: dict[str, int] = {}
    for message in messages:
        rule, transition = message.attributes["rule"], message.attributes["transition"]
        if transition == "summary":
            continue
        number = int(message.id.rpartition("#")[2])
        if number >= latest.get(rule, 0):
            latest[rule] = number
            open_[rule] = transition != "resolved"
    return open_

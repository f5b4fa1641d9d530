"""EVALUATE and NOTIFY when a run dies at any call it makes, or when two meet, the quiet start included."""

from __future__ import annotations

from collections import Counter

import pytest

from secgraph.alerts.outbox import OUTBOX
from secgraph.alerts.stored import ALERT, Alert, load_alert
from tests.flows.alert_world import CHANNELS, HOUR, Killed, World

POINTS = range(48)


def told_world() -> World:
    world = World({"high": frozenset({0}), "low": frozenset({0, 1})}, {"high": "HIGH", "low": "LOW"})
    world.tick()
    assert world.told() == {"summary summary": 1}
    return world


def change(world: World) -> None:
    world.rows = {"high": frozenset({0, 2}), "low": frozenset()}


def tick_killed(world: World, point: int) -> bool:
    """Run a tick that dies at a call; tell whether it got as far as that."""
    world.at(point, world.fault("killed"))
    try:
        world.tick()
    except Killed:
        return True
    finally:
        world.runs.clear()
        world.between = lambda _: None
    return False


@pytest.mark.parametrize("point", POINTS)
def test_a_run_that_dies_anywhere_is_healed_by_the_next(point: int):
    world = told_world()
    change(world)
    tick_killed(world, point)
    world.tick()
    world.drain()
    told = world.told()
    assert set(told) == {"high opened", "low resolved"}
    # A message repeats only where the run died between its acceptance and its end in the outbox.
    assert sum(told.values()) <= 3


def test_the_points_reach_the_end_of_a_run():
    world = told_world()
    change(world)
    assert not tick_killed(world, max(POINTS))


def test_exactly_two_calls_of_each_message_can_make_it_repeat():
    doubles = Counter[str]()
    for point in POINTS:
        world = told_world()
        world.rows["high"] = frozenset({0, 2})
        tick_killed(world, point)
        world.tick()
        world.drain()
        taken = Counter(id_ for _, id_, _ in world.accepted)
        doubles.update(id_ for id_, times in taken.items() if times == 2)
    # After the channel took it: before its record is taken out, and before its answer arrives.
    assert doubles == {
        f"high#2#{channel}": 2 for channel in (*CHANNELS, "action:sqs/operations[0].actions[2]")
    }


@pytest.mark.parametrize("point", POINTS)
def test_a_first_summary_survives_a_run_that_dies_anywhere(point: int):
    world = World({"high": frozenset({0}), "low": frozenset({0, 1})}, {"high": "HIGH", "low": "LOW"})
    tick_killed(world, point)
    world.tick()
    world.drain()
    told = world.told()
    assert set(told) == {"summary summary"}
    assert told["summary summary"] <= 2
    world.rows["high"] = frozenset({0, 2})
    world.tick()
    assert world.told() == {"high opened": 1}


@pytest.mark.parametrize("point", POINTS)
def test_two_first_runs_at_once_send_one_summary_and_lose_nothing(point: int):
    world = World({"high": frozenset({0}), "low": frozenset({0, 1})}, {"high": "HIGH", "low": "LOW"})

    def overtake(_: str) -> None:
        world.evaluate()
        world.send()

    world.at(point, overtake)
    world.tick()
    world.tick()
    world.drain()
    told = world.told()
    assert told["summary summary"] == 1
    assert not any(id_.startswith(OUTBOX) for id_ in world.items)
    assert all(each.state.active and not each.state.untold for each in alerts_of(world))
    assert set(told) - {"summary summary"} <= {"high opened", "low opened"}


def alerts_of(world: World) -> list[Alert]:
    return [load_alert(item.body) for id_, item in world.items.items() if id_.startswith(ALERT)]


def test_time_alone_sends_nothing():
    world = told_world()
    world.now += 100 * HOUR
    world.tick()
    assert world.told() == {}

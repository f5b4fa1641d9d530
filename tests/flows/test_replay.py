"""A replay of the raw archive gives the graph that was live, whatever happens on its way, and says so."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random

import pytest

from secgraph.errors import InputError, StoreError, StoreUnavailable
from secgraph.flows import replay_steps
from secgraph.flows.replay import LEASE_MS
from secgraph.graph import merge
from secgraph.graph.fingerprint import by_type, fingerprint_of, read, whole
from secgraph.graph.locators import LOCATOR
from secgraph.graph.model import GraphChange, Observation, Ref
from secgraph.ingest.ports import Delivery, RawBatch
from secgraph.sources.observed import ABSENT
from tests.converge.delivery import Worker
from tests.converge.estate import Estate
from tests.flows.replay_world import ACCOUNTS, ATTACK, NOW, CutOff, Notes, World, a_day

EXAMPLES = int(os.environ.get("SECGRAPH_EXAMPLES", "40"))


@pytest.fixture(autouse=True)
def small_steps(monkeypatch) -> None:
    """Let a page be several steps, and a step several pages."""
    monkeypatch.setattr(replay_steps, "OBJECTS_AT_ONCE", 3)
    monkeypatch.setattr(replay_steps, "DELIVERIES_AT_ONCE", 4)
    monkeypatch.setattr(replay_steps, "PAGES_AT_ONCE", 2)


def a_world(seed: int = 1, operations: int = 25) -> World:
    world, random = World(), Random(seed)
    world.live(a_day(random, operations), random)
    return world


@pytest.mark.parametrize("seed", range(3))
def test_a_replay_gives_the_graph_that_was_live(seed):
    world = a_world(seed)
    told = world.call()
    assert told["finished"], told
    assert told["equal"] is True
    expected = str(whole(by_type(world.graph.items()).values()))
    assert told["hashes"] == {"graph": expected, "replay": expected}
    assert told["types"] == told["differences"] == []
    assert told["hashed"] == len(world.graph.texts) + len(world.copy.texts)
    assert told["objects"] == len(world.archive.held)
    assert world.graph.sameness() == world.copy.sameness()
    assert {it.thing.key: it.created_on for it in world.graph.items()} == {
        it.thing.key: it.created_on for it in world.copy.items()
    }
    assert told["events"]["applied"] > 10
    assert told["events"]["quarantined"] >= 1
    seen = filter(None, map(merge.entity, world.copy.items()))
    held = {str(entity.properties["_key"]): entity.properties for entity in seen}
    assert (held[ATTACK]["open"], held[ATTACK]["closedReason"]) == (False, ABSENT)
    assert [each["completeAsOf"] for each in held.values() if "completeAsOf" in each]
    assert "JSON" in " ".join(told["refused"])


@pytest.mark.thorough
def test_any_day_comes_out_the_same():
    for seed in range(100, 100 + EXAMPLES):
        told = a_world(seed, 60).call()
        assert told["equal"] is True, (seed, told["differences"])


def test_a_thing_that_was_tampered_with_is_named_and_a_replay_into_the_graph_names_no_copy():
    world = a_world()
    assert world.call()["equal"] is True
    world.graph.change(ATTACK, title="nothing happened here")
    told = world.call()
    assert (told["equal"], len(told["differences"])) == (False, 1)
    assert told["differences"][0]["key"] == ATTACK
    assert "title" in told["differences"][0]["what"]
    assert [one["type"] for one in told["types"]] == ["aws_guardduty_finding"]
    assert told["hashes"]["graph"] != told["hashes"]["replay"]
    healed = world.call("graph")
    assert healed["equal"] is None
    assert healed["hashes"].keys() == {"graph"}


def test_what_is_lost_is_brought_back_by_a_replay_into_the_graph():
    world = a_world()
    before = world.graph.sameness()
    for id_ in list(world.graph.texts)[::3]:
        del world.graph.texts[id_]
    told = world.call()
    assert told["equal"] is False
    assert {"the replay shows it, the graph does not"} == {
        one["what"].split(";")[0] for one in told["differences"]
    }
    assert len(told["differences"]) == 5
    assert world.call("graph")["emptied"] == 0
    assert world.graph.sameness() == before
    assert world.call()["equal"] is True


def test_the_table_beside_is_emptied_first_and_no_other():
    world = a_world()
    Worker(world.copy).ingest([Delivery("other", world_event("a9"), NOW)])
    held = len(world.graph.texts)
    told = world.call()
    assert told["emptied"] >= 1
    assert told["equal"] is True
    assert len(world.graph.texts) == held


def world_event(name: str) -> str:
    estate = Estate()
    estate.attack(3, 0, severity=5.0, address="192.0.2.7", copies=False)
    return estate.published[0][0].replace("a3", name)


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.thorough)])
def test_steps_are_gone_on_with_and_a_caller_that_is_cut_off_anywhere_does_no_harm(every):
    world = a_world(operations=12)
    undisturbed = world.call()
    steps = world.notes.puts
    for cut_at in {*range(0, steps, every), steps - 1}:
        world.notes = Notes(cut_at=cut_at)
        told = {}
        for _ in range(3):
            try:
                told = world.call()
            except CutOff:
                world.notes.cut_at = -1
                if world.notes.note("replay")[1]:
                    assert world.call()["did"] == "busy"
                    world.now += LEASE_MS
                continue
            break
        assert told["equal"] is True, cut_at
        assert told["hashes"] == undisturbed["hashes"]


def test_what_differs_is_named_the_same_in_however_many_calls():
    world = a_world(operations=12)
    world.graph.change(ATTACK, title="nothing")
    for id_ in sorted(world.graph.texts)[::9]:
        del world.graph.texts[id_]
    whole_call = world.call()
    told = world.call(steps=1)
    while not told["finished"]:
        told = world.call(id_=told["id"], steps=1)
    assert whole_call["differences"]
    assert told["differences"] == whole_call["differences"]
    assert told["types"] == whole_call["types"]


def test_a_difference_that_is_none_any_more_is_not_named():
    world = a_world(operations=12)
    before = dict(world.graph.texts)
    world.graph.change(ATTACK, title="nothing")
    told = world.call(steps=1)
    while told["phase"] != "naming":
        told = world.call(id_=told["id"], steps=1)
    world.graph.texts = before
    told = world.call(id_=told["id"])
    assert (told["equal"], told["differences"]) == (False, [])
    assert [each["type"] for each in told["types"]] == ["aws_guardduty_finding"]


def test_items_that_cannot_be_read_are_no_equality(monkeypatch):
    world = a_world(operations=5)
    page = world.graph.page
    monkeypatch.setattr(world.graph, "page", lambda after: replace(page(after), unreadable=1))
    told = world.call()
    assert told["equal"] is False
    assert told["aside"]["graph"] >= 1
    assert told["aside"]["replay"] == 0


def test_the_state_of_another_version_is_given_up_only_on_request():
    world = a_world(operations=5)
    world.notes.held["replay"] = '{"v": 2}', 7
    with pytest.raises(StoreError, match="begin again with `secgraph replay --anew`"):
        world.call()
    assert world.call(anew=True)["equal"] is True


def test_each_call_goes_on_and_the_end_is_told_again():
    world = a_world()
    told = world.call(steps=1)
    phases = {told["phase"]: None}
    while not told["finished"]:
        assert told["did"] == "advanced"
        told = world.call(id_=told["id"], steps=1)
        phases[told["phase"]] = None
    assert list(phases) == ["reading", "hashing", "done"]
    assert world.call(id_=told["id"]) == {**told, "did": "finished"}
    assert world.call()["id"] != told["id"]
    with pytest.raises(InputError, match="replaced by another"):
        world.call(id_=told["id"])


def test_one_replay_at_a_time():
    world = a_world()
    first = world.call(steps=1)
    with pytest.raises(InputError, match="--into replay"):
        world.call("graph")
    with pytest.raises(InputError, match="into: expected one of replay, graph"):
        world.call("table")
    other = world.call("graph", anew=True, steps=1)
    assert other["id"] != first["id"]
    with pytest.raises(InputError, match="replaced"):
        world.call(id_=first["id"])
    assert world.call("graph")["finished"]


def test_who_lost_its_place_to_another_writes_nothing_over_it():
    world = a_world()
    world.call(steps=1)

    def replaced() -> None:
        world.archive.meanwhile = lambda: None
        world.call(anew=True, steps=1)

    world.archive.meanwhile = replaced
    with pytest.raises(StoreError, match="another replay has taken the place"):
        world.call()


def test_what_is_archived_during_the_replay_is_read_too_wherever_its_name_sorts():
    world = a_world()
    late = a_day(Random(77), 8)
    batches = [late[:4], late[4:]]
    worker = Worker(world.graph, ACCOUNTS)

    def more() -> None:
        world.now += 1_000
        if batches and world.notes.puts > 3:
            batch = batches.pop()
            world.archive.now = world.now
            world.archive.put(batch)
            worker.ingest(batch)

    world.archive.meanwhile = more
    told = world.call()
    assert not batches
    assert told["turn"] > 2
    assert told["equal"] is True


def test_a_store_that_does_not_answer_leaves_the_replay_free_to_go_on(monkeypatch):
    world = a_world()
    world.call(steps=2)
    deliver = world.archive.deliveries

    def failing(keys):
        monkeypatch.setattr(world.archive, "deliveries", deliver)
        raise StoreUnavailable("the raw archive cannot be read")

    monkeypatch.setattr(world.archive, "deliveries", failing)
    with pytest.raises(StoreUnavailable):
        world.call()
    assert world.call()["equal"] is True


def test_events_that_a_table_does_not_take_are_brought_in_by_the_next_call(monkeypatch):
    world = a_world()
    write, left = world.copy.write, [2]

    def failing(items):
        left[0] -= 1
        if left[0] == 0:
            raise StoreUnavailable("the table throttles")
        return write(items)

    monkeypatch.setattr(world.copy, "write", failing)
    with pytest.raises(StoreUnavailable, match=r"could not be brought in: .*the table throttles"):
        world.call()
    assert world.call()["equal"] is True


def test_objects_that_cannot_be_read_are_counted_and_named(monkeypatch):
    world = a_world()
    deliver = world.archive.deliveries
    gone = sorted(world.archive.held)[0]

    def damaged(keys):
        found = deliver([key for key in keys if key != gone])
        return RawBatch(
            found.deliveries, (f"{gone}: is no object of the raw archive",) if gone in keys else ()
        )

    monkeypatch.setattr(world.archive, "deliveries", damaged)
    told = world.call()
    assert told["unreadable"]["count"] == 1
    assert told["unreadable"]["first"] == [f"{gone}: is no object of the raw archive"]


# ── the hash ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_hash_goes_by_neither_order_nor_writes_nor_what_we_say_ourselves():
    world = a_world()
    items = world.graph.items()
    total = whole(by_type(items).values())
    assert str(total) == str(whole(by_type(reversed(items)).values()))
    assert read(str(total)) == total
    assert str(total).startswith(f"g1:{total.count}:")
    assert total.count < len(items)  # locators
    assert any(item.thing.type == LOCATOR for item in items)
    one = next(item for item in items if item.thing.key == ATTACK)
    tagged = replace(one, blocks={**one.blocks, "rules/r": Observation("rules/r", 0, {"tag.x": True})})
    config = Observation("config/account", 0, {"production": False})
    settings = replace(one, blocks={**one.blocks, config.block: config})
    written = replace(one, rev=99, version=9, begin_on=1, reopened_on=2)
    assert {fingerprint_of(each) for each in (tagged, settings, written)} == {fingerprint_of(one)}
    assert fingerprint_of(replace(one, created_on=1)) != fingerprint_of(one)


def test_a_hash_of_another_version_is_not_read():
    with pytest.raises(ValueError, match="another version"):
        read("g2:1:00")


def test_what_only_rules_say_of_a_thing_is_none_of_the_graph_that_was_received():
    change = GraphChange(Ref.of("k", "t"), Observation("rules/r", 0, {"_class": ("Host",)}), NOW)
    assert fingerprint_of(merge.apply(None, [change], now=NOW, settings=None).item).count == 0

"""`secgraph replay` tells how far it is and what came of it; `secgraph hash` tells graphs apart."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from secgraph.adapters import deployed
from secgraph.cli.replay import finished
from tests.flows.replay_world import ATTACK, NOW, World, a_day


class Function:
    """The function Replay over a world of the test's own, a few steps to a call."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.called: list[Mapping[str, object]] = []

    def call(self, event: Mapping[str, Any]) -> dict[str, Any]:
        self.called.append(event)
        return self.world.call(event["into"], id_=event.get("id", ""), anew=event.get("anew", False), steps=3)

    def function(self, output: str) -> Function:
        assert output == "ReplayFunction"
        return self


@pytest.fixture
def function(monkeypatch) -> Function:
    world, random = World(), Random(4)
    world.live(a_day(random, 12), random)
    made = Function(world)
    monkeypatch.setattr(deployed, "of_stack", lambda name: made)
    return made


def test_a_replay_tells_how_far_it_is_and_that_both_are_equal(run, function):
    code, out, err = run("replay", "--stack", "secgraph")
    assert code == 0
    graph, copy, outcomes, *refused, verdict = out.splitlines()
    assert graph.split() == ["graph", copy.split()[1]]
    assert "applied" in outcomes
    assert "passed over, 1 times: " in "\n".join(refused)
    assert verdict == "equal"
    assert "reading the archive: " in err
    assert "hashing: " in err
    assert function.called[0] == {"into": "replay"}
    assert {each["id"] for each in function.called[1:]} == {"r1"}


def test_what_differs_is_named_and_the_exit_code_says_so(run, function):
    function.world.graph.change(ATTACK, title="\x1b[2Jnothing")
    code, out, _ = run("replay", "--stack", "secgraph")
    assert code == 1
    assert "not equal" in out
    assert f"aws_guardduty_finding {ATTACK}: properties: " in out
    code, out, _ = run("replay", "--stack", "secgraph", "--json")
    assert (code, json.loads(out)["equal"]) == (1, False)
    code, out, _ = run("replay", "--stack", "secgraph", "--into", "graph", "--anew")
    assert code == 0
    assert "equal" not in out
    assert function.called[-1] != {"into": "graph", "anew": True}


def test_another_caller_is_waited_for(function):
    world = function.world
    id_ = world.call(steps=1)["id"]
    text, rev = world.notes.held["replay"]
    world.notes.held["replay"] = json.dumps({**json.loads(text), "busy_until": world.now + 20_000}), rev

    def wait(seconds: float) -> None:
        world.now += int(seconds * 1_000)

    told = finished(function.call, into="replay", wait=wait)
    assert (told["id"], told["equal"]) == (id_, True)
    assert world.now > NOW + 30_000


def test_the_hash_of_a_folder_with_raw_events_is_that_of_the_graph_they_made(run, function, tmp_path):
    for key, (content, _) in function.world.archive.held.items():
        file = tmp_path / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "accounts.json").write_text('{"111122223333": {"name": "shop-prod", "production": true}}')
    assert run("ingest", "raw", "--accounts", "accounts.json")[0] == 0
    code, out, err = run("hash")
    assert (code, err) == (0, "")
    assert out.strip() == function.world.call()["hashes"]["graph"]
    code, out, _ = run("hash", "--by-type")
    total, *types = out.splitlines()
    assert int(total.split(":")[1]) == sum(int(line.split(":")[-2]) for line in types)
    assert any(line.startswith("aws_guardduty_finding g1:") for line in types)


def test_the_hash_of_a_stack_says_what_could_not_be_read(run, function, monkeypatch):
    from secgraph.adapters.dynamodb_graph import ScanPage
    from secgraph.adapters.dynamodb_items import Unreadable

    items = tuple(function.world.graph.items())
    pages = [ScanPage(items, (), "a"), ScanPage((), (Unreadable("x", "odd", {}),), None)]
    graph = argparse.Namespace(graph=lambda: argparse.Namespace(pages=lambda: iter(pages)))
    monkeypatch.setattr(deployed, "of_stack", lambda name: graph)
    code, out, err = run("hash", "--stack", "secgraph")
    assert (code, out.strip()) == (1, function.world.call()["hashes"]["graph"])
    assert err == "1 item cannot be read by this version, and are left out\n"

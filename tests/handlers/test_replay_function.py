"""The function that replays: what may be asked of it, and that it stops in time and goes on."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from secgraph import contract
from secgraph.errors import StoreUnavailable
from secgraph.flows.replay import Ports
from secgraph.handlers import replay as module
from secgraph.handlers import runtime
from secgraph.handlers.replay import WORK_MS, handler
from secgraph.ingest.ports import Delivery
from tests.flows.replay_world import NOW, World


@pytest.fixture
def world(monkeypatch, sample) -> World:
    """An archive with two findings that a graph table holds, and an empty table beside."""
    made = World()
    received = [Delivery(name, json.dumps(sample(name)), NOW) for name in ("01", "02")]
    made.archive.put(received)
    monkeypatch.setattr(runtime, "now", lambda: made.now)
    monkeypatch.setattr(runtime, "accounts", dict)
    monkeypatch.setenv(contract.ADMINISTRATORS, "999999999999")
    monkeypatch.setattr(module, "_ports", lambda: Ports(made.archive, made.graph, made.copy, made.notes))
    return made


def test_the_archive_is_replayed_into_the_graph_and_beside_it_and_both_are_one(world, context):
    healed = handler({"into": "graph"}, context)
    assert (healed["did"], healed["finished"], healed["equal"]) == ("finished", True, None)
    beside = handler({}, context)
    assert (beside["into"], beside["equal"], beside["hashes"]["replay"]) == (
        "replay",
        True,
        healed["hashes"]["graph"],
    )
    assert world.copy.texts.keys() == world.graph.texts.keys() != set()
    json.dumps(beside)


def test_it_stops_in_time_and_goes_on_by_its_id(world, context, monkeypatch):
    moments = count(NOW, WORK_MS)
    with monkeypatch.context() as patch:
        patch.setattr(runtime, "now", lambda: next(moments))
        answer = handler({}, context)
    assert (answer["did"], answer["finished"]) == ("advanced", False)
    world.now = next(moments)
    assert handler({"id": answer["id"], "into": None}, context)["finished"] is True


def test_whom_ingest_did_not_believe_a_replay_believes_neither(world, context, sample):
    forged = {**sample("01"), "account": "888888888888"}
    world.archive.put([Delivery("forged", json.dumps(forged), NOW)])
    answer = handler({"into": "graph"}, context)
    (reason,) = answer["refused"]
    assert "list it under administrators" in reason


WRONG: list[tuple[Any, str]] = [
    ([], "the event is no object; send {} or"),
    ({"target": "graph"}, "target: unknown field; an event may have into, id, anew"),
    ({"into": "alerts"}, "into: expected one of replay, graph"),
    ({"into": ["graph"]}, "into: expected one of replay, graph"),
    ({"id": 7}, "id: expected the id of an earlier answer"),
    ({"anew": "true"}, "anew: expected true or false"),
    ({"id": "another"}, "there is no replay another; leave `id` away to begin one"),
]


@pytest.mark.parametrize(("event", "says"), WRONG)
def test_a_wrong_request_is_told_with_its_field(world, context, event, says):
    answer = handler(event, context)
    assert answer["error"]["code"] == "INPUT"
    assert answer["error"]["message"].startswith(says)
    assert world.notes.held == {}


def test_a_store_that_fails_is_an_answer_and_the_same_request_goes_on(world, context, monkeypatch):
    def fails(after: str, since: int) -> Any:
        raise StoreUnavailable("the bucket did not answer")

    with monkeypatch.context() as patch:
        patch.setattr(world.archive, "objects", fails)
        answer = handler({}, context)
        assert answer == {"error": {"code": "STORE", "message": "the bucket did not answer"}}
    assert handler({}, context)["finished"] is True

"""Items as an older version stored them: what they say holds until the next event, and no longer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from secgraph.adapters.local_graph import LocalGraph
from secgraph.flows.ingest import Delivery, WarmCache, ingest
from secgraph.graph import merge, stored
from secgraph.graph.model import Item

STORED: Final = (Path(__file__).parent / "format_1.jsonl").read_text().splitlines()
"""What the last version of format 1 made of the event below, last updated two days after it was seen."""
EVENT: Final = Path(__file__).parents[1] / "ingest/inspector/fixtures/network_instance.event.json"
INSTANCE: Final = "arn:aws:ec2:eu-west-1:210987654321:instance/i-0a1b2c3d4e5f60718"
UPDATED: Final = datetime(2025, 3, 4, 12, tzinfo=UTC)
PATH: Final = {"sg-0web PROTECTS", "HAS sg-0web", "USES eni-0aaa1111bbbb2222c"}


def event(**detail: object) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(EVENT.read_text())
    read["detail"] |= {"updatedAt": UPDATED.isoformat(), **detail}
    return read


CLOSED: Final = event(status="CLOSED", updatedAt="2025-03-05T12:00:00Z")
"""Closed after the last update, and last seen before it."""


@pytest.fixture
def graph():
    with LocalGraph.in_memory() as opened:
        texts = [(read.thing.id, text) for text in STORED for read in [stored.load(text)]]
        opened.connection.executemany("INSERT INTO item VALUES (?, 1, ?)", texts)
        yield opened


def take_in(graph: LocalGraph, *events: dict[str, Any]) -> dict[str, Item]:
    deliveries = [Delivery(f"m{n}", json.dumps(each), 1_741_200_000_000) for n, each in enumerate(events)]
    reports = ingest(
        deliveries, writer=graph, quarantine=graph, now=1_741_200_000_000, settings={}, cache=WarmCache()
    )
    assert {report.outcome for report in reports} <= {"applied", "unchanged"}
    return {item.thing.key: item for item in graph.items()}


def path(items: dict[str, Item]) -> set[str]:
    """The edges of the instance that a path to it brings."""
    named = {item.thing.id: item.thing.key.rpartition("/")[2] for item in items.values()}
    edges = [
        f"{edge.verb} {named[edge.to_id]}"
        if named[edge.from_id].startswith("i-")
        else f"{named[edge.from_id]} {edge.verb}"
        for edge in merge.relationships(items[INSTANCE])
    ]
    return {edge for edge in edges if "sg-" in edge or "eni-" in edge}


def test_every_fact_of_an_older_item_is_read(graph):
    for text in STORED:
        body = json.loads(text)
        item = stored.load(text)
        assert (body["v"], item.blocks.keys()) == (1, body["blocks"].keys())
        assert {
            name: json.loads(json.dumps(dict(block.properties))) for name, block in item.blocks.items()
        } == {name: block["properties"] for name, block in body["blocks"].items()}
    assert path({item.thing.key: item for item in graph.items()}) == PATH


def test_a_path_that_was_open_when_it_was_stored_closes(graph):
    assert path(take_in(graph, CLOSED)) == set()


def test_facts_that_an_older_version_stored_give_way_to_the_next_sight(graph):
    seen = event(status="CLOSED", updatedAt="2025-03-05T12:00:00Z")
    seen["detail"]["resources"][0]["details"]["awsEc2Instance"]["type"] = "m7g.large"
    found = merge.entity(take_in(graph, seen)[INSTANCE])
    assert found is not None
    assert found.properties["instanceType"] == "m7g.large"


@pytest.mark.parametrize("class_", ["Computer", "Server", "Machine", "Thing"])
def test_the_same_event_again_makes_an_older_item_what_it_would_be_now(graph, class_):
    """Whatever an older version made of it, and however that is hashed."""
    graph.connection.execute(
        """UPDATE item SET body = replace(replace(body, '"Host"', $1), '"Finding"', $1)""", [f'"{class_}"']
    )
    upgraded = take_in(graph, event())
    with LocalGraph.in_memory() as fresh:
        expected = take_in(fresh, event())
    assert {key: upgraded[key].blocks for key in expected} == {key: it.blocks for key, it in expected.items()}


def test_blocks_keep_their_order_and_those_of_no_event_are_left_alone():
    read = stored.load(
        json.dumps(
            {
                "v": 1, "id": "x", "key": "x", "type": "t", "rev": 1, "version": 1,
                "createdOn": 1, "beginOn": 1,
                "blocks": {
                    name: {"time": time, "rank": rank, "properties": {}}
                    for name, time, rank in (
                        ("guardduty/b", 900, 0), ("guardduty/a", 950, 0), ("inspector2/vpc", 0, 0),
                        ("inspector2/finding", 990, 2), ("inspector2/packageVulnerabilityDetails", 970, 99),
                        ("inspector2/epss", 980, 0), ("guardduty/securityGroups", 1, 0),
                        ("config/account", 0, 0), ("load/graph", 5, 0),
                    )
                },
            }
        )
    )  # fmt: skip
    assert {name: (block.time, block.rank) for name, block in read.blocks.items()} == {
        "guardduty/b": (2, -1),
        "guardduty/a": (3, -1),
        "inspector2/vpc": (0, -1),
        "inspector2/finding": (990, 1),
        "inspector2/packageVulnerabilityDetails": (4, -1),
        "inspector2/epss": (980, -1),
        "guardduty/securityGroups": (1, -1),
        "config/account": (0, 0),
        "load/graph": (5, 0),
    }
    assert stored.load(stored.dump(read)) == read, "what is aged is aged once"

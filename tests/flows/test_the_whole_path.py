"""The main job on every reader there is: findings in, both headline questions answered, over their life."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.image.reader import ImageReader
from secgraph.adapters.local_graph import LocalGraph
from secgraph.cli.beside import reader_of
from secgraph.contract import GRAPH_TABLE_KEY
from secgraph.flows.ask import ask
from secgraph.flows.ingest import Delivery, WarmCache, ingest
from secgraph.flows.project import StreamRecord, project
from secgraph.graph.ports import GraphReader
from secgraph.image.rows import Version
from tests.image.model import MemoryStore

NOW = 1_795_000_000_000
THREATENED = (
    "Find aws_guardduty_finding that relates to aws_instance "
    "that has aws_inspector_finding with numericSeverity > 7 return tree"
)
PRODUCTION = (
    "Find (Host|DataStore|Application|CodeRepo|Account|Service|Network) with tag.Production=true "
    "that has Finding with severity='High' or numericSeverity>7"
)
RULE = (
    "Find aws_guardduty_finding with numericSeverity > 4 and open=true as guardduty that relates to "
    "aws_instance as i that has aws_inspector_finding with numericSeverity > 5 and open=true as inspector "
    "return i.name, guardduty.type, inspector.cve"
)
NOTHING: dict[str, list[object]] = {"vertices": [], "edges": []}


@dataclass
class Place:
    """Where a graph is kept and read in this test."""

    graph: Any
    quarantine: Any
    image: MemoryStore | None = None
    cache: Path = Path()
    loaded: GraphReader | None = None

    def reader(self) -> GraphReader:
        if self.loaded is None:
            self.loaded = reader_of(self.graph) if self.image is None else self._projected(self.image)
        return self.loaded

    def _projected(self, image: MemoryStore) -> GraphReader:
        items = [item for page in self.graph.pages() for item in page.items]
        records = [StreamRecord(item.thing.id, Version(item.rev, NOW), item) for item in items]
        project(records, store=image, now=NOW, token=f"{len(image.objects)}")
        reader = ImageReader(image, self.cache)
        reader.refresh(NOW)
        return reader

    def receive(self, *events: dict[str, Any]) -> None:
        self.loaded = None
        deliveries = [Delivery("m", json.dumps(event), NOW) for event in events]
        reports = ingest(
            deliveries,
            writer=self.graph,
            quarantine=self.quarantine,
            now=NOW,
            settings={},
            cache=WarmCache(),
        )
        assert {report.outcome for report in reports} <= {"applied", "unchanged", "stale"}

    def ask(self, query: str) -> Any:
        return ask(query, reader=self.reader(), now=NOW)["data"]


@pytest.fixture(params=["local file", "table and image"])
def place(request, tmp_path: Path):
    if request.param == "local file":
        with LocalGraph.open(tmp_path / "graph.duckdb") as graph:
            yield Place(graph, graph)
        return
    client = request.getfixturevalue("make_table")("graph", GRAPH_TABLE_KEY)
    with LocalGraph.in_memory() as aside:
        yield Place(DynamoDBGraph(client, "graph"), aside, MemoryStore(), tmp_path)


@pytest.fixture
def attack(sample):
    """A GuardDuty event of severity 5 about the tagged instance."""
    return sample("01")


@pytest.fixture
def weakness(sample):
    """An Inspector event of score 9.8 about the same instance."""
    return sample("02")


def names(vertices) -> set[str]:
    return {vertex["entity"]["_type"][0] for vertex in vertices}


@pytest.mark.parametrize("order", [(0, 1, 0, 1), (1, 0, 0, 1), (1, 1, 0, 0)])
def test_either_order_and_twice_each_gives_both_answers(place, attack, weakness, order):
    for which in order:
        place.receive([attack, weakness][which])
    tree = place.ask(THREATENED)
    assert names(tree["vertices"]) == {
        "aws_guardduty_finding",
        "aws_instance",
        "aws_inspector_finding",
    }
    assert len(tree["vertices"]) == 3
    assert [edge["relationship"]["_class"] for edge in tree["edges"]] == ["HAS", "HAS"]
    (instance,) = place.ask(PRODUCTION)
    assert instance["entity"]["_type"] == ["aws_instance"]
    assert instance["properties"]["tag.Production"] is True
    assert place.ask(RULE) == [
        {
            "i.name": "shop-web-1",
            "guardduty.type": attack["detail"]["type"],
            "inspector.cve": "CVE-2026-31337",
        }
    ]


def closed(event: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(event))
    changed["detail"]["status"] = "CLOSED"
    changed["detail"]["updatedAt"] = "Sat Nov 21 07:40:02.000 UTC 2026"
    return changed


def test_a_closed_finding_is_in_no_answer_also_when_an_older_event_comes_late(place, attack, weakness):
    place.receive(attack, weakness)
    place.receive(closed(weakness))
    for late in ((), (weakness,)):
        place.receive(*late)
        assert place.ask(THREATENED) == NOTHING
        assert place.ask(PRODUCTION) == []
    (edge,) = place.ask("FIND aws_instance THAT HAD aws_inspector_finding RETURN TREE")["edges"]
    assert edge["relationship"]["_type"] == "aws_instance_had_inspector_finding"


def test_closed_before_it_was_ever_seen_open(place, attack, weakness):
    place.receive(closed(weakness), weakness, attack)
    assert place.ask(THREATENED) == NOTHING
    assert place.ask(PRODUCTION) == []


def test_a_severe_threat_alone_answers_the_second_question(place, attack, weakness):
    attack["detail"]["severity"] = 8
    place.receive(closed(weakness), attack, weakness)
    assert place.ask(THREATENED) == NOTHING
    assert [one["entity"]["_type"] for one in place.ask(PRODUCTION)] == [["aws_instance"]]


def test_a_reopened_finding_answers_again(place, attack, weakness):
    again = closed(weakness)
    again["detail"]["status"] = "ACTIVE"
    again["detail"]["updatedAt"] = "Sun Nov 22 07:40:02.000 UTC 2026"
    place.receive(attack, closed(weakness), again)
    assert len(place.ask(THREATENED)["vertices"]) == 3


def test_an_administrators_copy_makes_no_second_finding(place, attack, weakness):
    place.receive(
        attack, {**attack, "account": "999988887777"}, weakness, {**weakness, "account": "999988887777"}
    )
    assert len(place.ask("FIND Finding")) == 2
    assert [one["properties"]["accountId"] for one in place.ask("FIND Account")] == ["111122223333"]


def test_a_sample_finding_reaches_the_detector_only(place, attack, weakness):
    attack["detail"]["service"]["additionalInfo"] = {"sample": True}
    place.receive(attack, weakness)
    assert place.ask(THREATENED) == NOTHING
    assert place.ask("FIND aws_account THAT HAS aws_guardduty_finding") == []
    (finding,) = place.ask("FIND aws_guardduty_detector AS d THAT IDENTIFIED Finding AS f RETURN f.sample")
    assert finding == {"f.sample": True}

"""A store → the graph that readers see, and what must hold of it whatever the delivery was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from secgraph.graph import merge
from secgraph.graph.model import Properties
from secgraph.ingest.ports import Delivery
from tests.converge.delivery import Memory, Settings, Worker
from tests.converge.fold import Edge, Log, fold

FINDINGS = frozenset({"aws_guardduty_finding", "aws_inspector_finding"})


@dataclass
class Graph:
    """Entities by key, tombstones among them, and edges by (key, verb, key) with the ids of their ends."""

    entities: dict[str, Properties] = field(default_factory=dict)
    edges: set[Edge] = field(default_factory=set)
    dangling: set[Edge] = field(default_factory=set)
    """Edges that no reader shows, for an end that is absent."""


def graph_of(memory: Memory) -> Graph:
    """Read everything; an edge that is stated twice is an error."""
    graph = Graph()
    stated: list[str] = []
    ids = set()
    for item in memory.items():
        if seen := merge.entity(item):
            graph.entities[item.thing.key] = seen.properties
            ids.add(seen.id)
    for item in memory.items():
        for edge in merge.relationships(item):
            stated.append(edge.id)
            shown = (
                str(edge.properties["_fromEntityKey"]),
                edge.verb,
                str(edge.properties["_toEntityKey"]),
            )
            (graph.edges if {edge.from_id, edge.to_id} <= ids else graph.dangling).add(shown)
    assert len(stated) == len(set(stated))
    return graph


def replayed(messages: Sequence[Delivery], settings: Settings) -> Memory:
    """Ingest the messages one by one, in the order in which they were published."""
    memory = Memory()
    worker = Worker(memory, settings)
    for message in messages:
        worker.ingest([message])
    return memory


def check_against(log: Log, memory: Memory) -> None:
    """Compare what a store holds with what became true."""
    expected, graph = fold(log), graph_of(memory)
    found = {key: held for key, held in graph.entities.items() if held["_type"] in FINDINGS}
    assert found.keys() == expected.findings.keys()
    for key, facts in expected.findings.items():
        assert {name: found[key].get(name) for name in facts} == facts
        assert found[key]["active"] is facts["open"]
        assert ("closedOn" in found[key]) <= (not facts["open"])
    of_findings = {edge for edge in graph.edges if _concerns_a_finding(edge, found)}
    shown = {edge for edge in expected.edges if {edge[0], edge[2]} <= graph.entities.keys()}
    assert {edge for edge in of_findings if edge[1] not in ("IDENTIFIED",)} == shown
    for key, tags in expected.tags.items():
        assert {name: graph.entities[key].get(f"tag.{name}") for name in tags} == {
            name: {"true": True, "false": False}.get(value, value) for name, value in tags.items()
        }
    assert {key for key, held in graph.entities.items() if held.get("_deleted")} == expected.gone
    # nothing points into the void but at an attack that its sequence names and no event has shown yet
    assert all(edge in expected.edges and edge[2] not in expected.findings for edge in graph.dangling)


def _concerns_a_finding(edge: Edge, findings: dict[str, Properties]) -> bool:
    return edge[0] in findings or edge[2] in findings or edge[1] == "SCANS"

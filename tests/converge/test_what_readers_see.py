"""What people see and decide after events came in any order: answers in J1QL, and alerts left alone.

On the local graph file, whose connection holds the alerts as well. What people decided stands in the alert
store alone today (which alerts are open, what was told of them); ingest is given no way to it on AWS.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.adapters.local_graph import LocalGraph
from secgraph.alerts.ports import Stored
from secgraph.cli.beside import reader_of
from secgraph.flows.ask import ask
from secgraph.flows.ingest import WarmCache, ingest
from secgraph.graph.model import id_of
from secgraph.ingest.ports import Delivery
from tests.converge.delivery import deliveries
from tests.converge.estate import HOSTS, Estate
from tests.converge.fold import fold


@pytest.fixture
def estate() -> Estate:
    """Ten things that happen, of which one leaves a finding unseen and one ends a host."""
    estate = Estate()
    for number in (0, 1, 3):
        estate.attack(number, 900, severity=8.0, address="192.0.2.7", copies=True)
    for number in (0, 1, 3):
        estate.scan(number, 900, severity="HIGH", epss=0.1, copies=False)
    estate.sequence(0, 40, members=[0, 4], copies=False)
    estate.settle(0, 0, status="CLOSED", copies=True)
    estate.archive(3, 900, archived=True, by_administrator=True, denied=False)
    estate.cover(0, 900, scan_type="PACKAGE", active=True)
    estate.terminate(1, 900)
    return estate


@pytest.fixture
def graph() -> Iterator[LocalGraph]:
    with LocalGraph.in_memory() as opened:
        yield opened


def receive(graph: LocalGraph, messages: list[Delivery]) -> None:
    Random(7).shuffle(messages)
    for start in range(0, len(messages), 4):
        ingest(
            messages[start : start + 4],
            writer=graph,
            quarantine=graph,
            now=1_800_000_000_000,
            settings={},
            cache=WarmCache(),
        )


def rows(graph: LocalGraph, query: str) -> list[tuple[object, ...]]:
    reader = reader_of(graph)
    return [tuple(row.values()) for row in ask(query, reader=reader, now=1_800_000_000_000)["data"]]


def test_each_finding_is_there_once_in_its_last_state(graph, estate):
    receive(graph, 2 * deliveries(estate.published))
    expected = fold(estate.log).findings
    found = rows(graph, "Find Finding as f return f._key as key, f.open as open")
    assert sorted(found) == sorted((key, facts["open"]) for key, facts in expected.items())


def test_edges_that_are_seen_have_both_ends(graph, estate):
    receive(graph, 2 * deliveries(estate.published))
    expected = fold(estate.log)
    there = {key for (key,) in rows(graph, "Find * as a return a._key as key")}
    assert HOSTS[0].key in there
    assert HOSTS[1].key not in there
    for verb in ("HAS", "HAD"):
        found = rows(
            graph, f"Find * as a that {verb} >> Finding as f return a._key as key, f._key as finding"
        )
        assert sorted(found) == sorted(
            (start, end) for start, class_, end in expected.edges if class_ == verb and {start, end} <= there
        )


def test_what_people_decided_is_not_touched(graph, estate):
    alerts = LocalAlerts(graph.connection)
    names = ["alert/unusual", "deployment", *(id_of(host.key) for host in HOSTS)]
    decided = {name: Stored(name, 1, f'{{"by": "somebody", "about": "{name}"}}') for name in names}
    assert all(alerts.put(item) for item in decided.values())
    receive(graph, deliveries(estate.published))
    assert alerts.read_all() == decided

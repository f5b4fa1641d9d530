"""The large estates that `make bench` measures on hold exactly what ingest makes of their events."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.engines.asked import NOW
from benchmarks.engines.spool import SPAN
from benchmarks.estate import Estate
from benchmarks.stamped import items
from secgraph.adapters.local_graph import LocalGraph
from secgraph.flows.ingest import Delivery, WarmCache, ingest
from secgraph.flows.load import load
from secgraph.graph import merge
from secgraph.graph.loading import items_of
from secgraph.graph.locators import LOCATOR
from secgraph.graph.model import Item
from secgraph.ingest import kinds

ENTITIES = 1_000


@pytest.mark.thorough
def test_a_stamped_item_is_the_one_that_ingest_makes() -> None:
    stamped = list(items(Estate(ENTITIES), now=NOW, span=SPAN))
    assert len({item.thing.id for item in stamped}) == len(stamped)
    found = {item.thing.key: (item.thing, merge.same_graph(item)) for item in stamped}
    assert found == {
        item.thing.key: (item.thing, merge.same_graph(item))
        for item in _ingested(Estate(ENTITIES))
        if item.thing.type not in (LOCATOR, kinds.SOURCE.type)
    }


def _ingested(estate: Estate) -> list[Item]:
    count = estate.findings
    deliveries = [
        Delivery(str(number), text, NOW - SPAN + SPAN * number // count)
        for number, text in enumerate(estate.events())
    ]
    with LocalGraph.in_memory() as graph:
        reports = ingest(deliveries, writer=graph, quarantine=graph, now=NOW, settings={}, cache=WarmCache())
        assert Counter(report.outcome for report in reports) == {"applied": count}
        load(items_of(estate.inventory(), now=NOW), writer=graph)
        return list(graph.items())

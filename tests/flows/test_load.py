"""Loading a graph file into a store that holds something already."""

from __future__ import annotations

import json

import pytest

from secgraph.adapters.local_graph import LocalGraph
from secgraph.flows.ingest import Delivery, WarmCache, ingest
from secgraph.flows.load import load
from secgraph.graph import merge
from secgraph.graph.loading import items_of

NOW = 1_795_000_000_000
INSTANCE = "arn:aws:ec2:eu-west-1:111122223333:instance/i-0aa11bb22cc33dd44"


@pytest.fixture
def graph():
    with LocalGraph.in_memory() as opened:
        yield opened


def bring(graph, document):
    load(items_of(document, now=NOW), writer=graph)


def see(graph, key):
    (item,) = [item for item in graph.items() if item.thing.key == key]
    entity = merge.entity(item)
    assert entity is not None
    return entity.properties, {edge.verb for edge in merge.relationships(item)}


def test_a_file_loaded_again_replaces_what_it_said_and_leaves_what_it_no_longer_names(graph):
    a, b = ({"_key": key, "_type": "t", "_class": "C", "n": 1} for key in "ab")
    edge = {"_class": "HAS", "_from": "a", "_to": "b"}
    bring(graph, {"entities": [a, b], "relationships": [edge]})
    bring(graph, {"entities": [{**a, "n": 2}], "relationships": []})
    properties, verbs = see(graph, "a")
    assert (properties["n"], verbs) == (2, set())
    assert see(graph, "b")[0]["n"] == 1


def test_the_file_has_the_last_word_over_events_whichever_comes_first(graph, sample):
    stated = {"_key": INSTANCE, "_type": "aws_instance", "_class": "Host", "owner": "by hand"}

    def receive():
        event = Delivery("m", json.dumps(sample("02")), NOW)
        ingest([event], writer=graph, quarantine=graph, now=NOW, settings={}, cache=WarmCache())

    receive()
    before, _ = see(graph, INSTANCE)
    bring(graph, {"entities": [stated]})
    receive()
    after, verbs = see(graph, INSTANCE)
    assert after["owner"] == "by hand"
    assert after["instanceId"] == before["instanceId"]
    assert verbs

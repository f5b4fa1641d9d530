"""Actions that ask: a rule's FOR_EACH_ITEM with a query, over a graph whose names try to change the query."""

from __future__ import annotations

import json
from typing import Any

from secgraph.adapters.image.opened import reader_in_memory
from secgraph.flows.asking import asker
from secgraph.graph.loading import items_of
from secgraph.image.expand import expand
from secgraph.j1ql.server.settings import Server
from secgraph.rules.operation import Outcome, act
from secgraph.rules.pack import load

NOW = 1_795_000_000_000
NAMES = ("web-1", "' OR name != '", "{{hole}}", "\\' ${param.Team} //\"")
RULE: dict[str, Any] = {
    "name": "r",
    "description": "d",
    "queries": [{"query": "FIND aws_instance"}],
    "operations": [
        {
            "actions": [
                {
                    "type": "FOR_EACH_ITEM",
                    "items": "{{queries.query0.data}}",
                    "itemRef": "host",
                    "actions": [
                        {
                            "type": "SEND_SQS_MESSAGE",
                            "queueUrl": "https://queue.example/q",
                            "data": [
                                "{{host.name}}",
                                "{{queries.same.data | mapProperty('name')}}",
                            ],
                        },
                        {
                            "type": "JUPITERONE_QUERY",
                            "name": "same",
                            "query": "FIND Host WITH name = '{{host.name}}' AND team = ${param.Team}",
                        },
                    ],
                }
            ]
        }
    ],
}


def _outcome() -> Outcome:
    hosts = [
        {"_id": name, "_type": "aws_instance", "_class": ["Host"], "name": name, "team": "shop"}
        for name in NAMES
    ]
    reader = reader_in_memory([expand(item, NOW) for item in items_of({"entities": hosts}, now=NOW)])
    ask = asker(reader, now=NOW, clock=lambda: 0, server=Server(stored={"Team": "shop"}))
    (rule,) = load(json.dumps(RULE), "p.json").rules
    found = ask(rule.queries[0].text, include_deleted=False)
    return act(
        rule,
        {"query0": {"total": found.total, "data": list(found.rows)}},
        ask=lambda text, values: ask(text, include_deleted=False, placeholders=values),
    )


def test_a_value_of_the_graph_stays_a_value_in_the_query_of_an_action():
    outcome = _outcome()
    assert outcome.errors == ()
    assert sorted(json.dumps(effect.payload) for effect in outcome.effects) == sorted(
        json.dumps([name, [name]]) for name in NAMES
    )

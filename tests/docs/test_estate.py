"""examples/estate.json, the graph of docs/j1ql.md, is one that ingest could have written, and nobody's.

Its types, classes, properties and relationships are held to what the events of tests/ingest bring in.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections import defaultdict
from pathlib import Path

from secgraph.rules.fed import FED
from tests.docs.brought import changes

ROOT = Path(__file__).parent.parent.parent
ESTATE = json.loads((ROOT / "examples" / "estate.json").read_text("utf-8"))
METADATA = re.compile(r"_\w+|tag\.\w+|tags|name|displayName|owner|classification|accountId|region")
NETWORKS = [ipaddress.ip_network(it) for it in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
ACCOUNTS = {"111122223333", "444455556666"}


def test_every_entity_is_of_a_type_that_comes_in_and_has_its_classes():
    for entity in ESTATE["entities"]:
        assert FED[entity["_type"]] == tuple(entity["_class"])


def test_every_property_is_one_that_comes_in():
    known: defaultdict[str, set[str]] = defaultdict(set)
    for change in changes():
        known[change.thing.type].update(change.observation.properties)
    known["ghsa"] |= known["cve"]  # the fixtures describe no advisory; both are read by the same lines
    known["aws_inspector_finding"].add("closedOn")  # nor is any Inspector finding of theirs closed
    for entity in ESTATE["entities"]:
        own = {name for name in entity if not METADATA.fullmatch(name)}
        assert own <= known[entity["_type"]], entity["_key"]


def test_every_relationship_is_one_that_comes_in():
    known = set()
    for change in changes():
        for edge in change.observation.edges:
            ends = (change.thing.type, edge.end.type)
            known.add((edge.verb, *(ends if edge.outgoing else ends[::-1])))
    types = {entity["_key"]: entity["_type"] for entity in ESTATE["entities"]}
    stated = {(it["_class"], types[it["_from"]], types[it["_to"]]) for it in ESTATE["relationships"]}
    closed = {("HAS", *ends) for verb, *ends in stated if verb == "HAD"}
    assert {it for it in stated if it[0] != "HAD"} | closed <= known


def test_open_findings_are_had_and_closed_ones_were():
    is_open = {it["_key"]: it["open"] for it in ESTATE["entities"] if it["_class"] == ["Finding"]}
    for it in ESTATE["relationships"]:
        if it["_class"] in ("HAS", "HAD") and it["_to"] in is_open:
            assert it["_class"] == ("HAS" if is_open[it["_to"]] else "HAD")


def test_accounts_and_addresses_are_reserved_for_documentation():
    text = json.dumps(ESTATE)
    assert set(re.findall(r"(?<![\w.])[0-9]{12}(?![\w.])", text)) == ACCOUNTS
    for found in set(re.findall(r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b", text)):
        address = ipaddress.ip_address(found)
        assert address in ipaddress.ip_network("10.0.0.0/8") or any(address in it for it in NETWORKS)

"""Our packs and what comes in: rules and cases name what ingest states, and real events lead to alerts."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from secgraph.adapters.local_graph import LocalGraph
from secgraph.cli.beside import reader_of
from secgraph.flows.asking import asker, compile_query
from secgraph.flows.ingest import Delivery, WarmCache, ingest
from secgraph.flows.load import load
from secgraph.graph.loading import items_of
from secgraph.ingest.guardduty.properties import type_parts
from secgraph.j1ql.nodes import And, Comparison, Filter, Or
from secgraph.j1ql.nodes import Path as Named
from secgraph.rules.check import patterns
from secgraph.rules.fed import FED, FED_VERBS
from tests.docs.brought import kind_of, relationships, values
from tests.rules.test_own_packs import CASES, RULES

ROOT: Final = Path(__file__).parent.parent.parent
NOW: Final = 1_795_176_000_000
METADATA: Final = re.compile(r"_\w+|tag\.\w+|tags|name|displayName|owner|classification|accountId|region")
TYPES: Final[Mapping[str, Mapping[str, Any]]] = json.loads(
    Path(__file__).with_name("guardduty_types.json").read_text("utf-8")
)
"""What GuardDuty can find, with its usual severity (and the role of the instance where that decides), by the
rule of aws-threats that tells of it; "" for what none tells of by its kind alone."""
ROWS: Final[Mapping[str, Any]] = json.loads(
    Path(__file__).with_name("rows_of_events.json").read_text("utf-8")
)
"""What each rule finds in the events of tests/ingest and the demo."""
NOT_BY_KIND: Final = {
    "threat-on-production",
    "threat-on-public-bucket",
    "threat-on-reachable-instance",
    "threat-on-vulnerable-instance",
    "threat-root-user",
}
"""Rules that go by where a threat is, what it meets or who is behind it, beside the rule for its kind."""


# ── rules and cases name what comes in ────────────────────────────────────────────────────────────────


def types_of(names: tuple[str, ...]) -> set[str]:
    """Give the types that a selector means; all of them where it names none."""
    meant = {type_ for type_, classes in FED.items() if type_ in names or set(names) & set(classes)}
    return meant or set(FED)


def properties_in(filter_: Filter | None) -> Iterator[str]:
    match filter_:
        case And(items) | Or(items):
            for item in items:
                yield from properties_in(item)
        case Comparison(left=Named() as path):
            yield path.property


@pytest.mark.parametrize("key", RULES, ids=lambda key: key[1])
def test_a_rule_asks_for_properties_and_verbs_that_come_in(key: tuple[str, str]):
    for query in RULES[key].queries:
        compiled = compile_query(query.text)
        for pattern in patterns(compiled):
            known = {name for type_ in types_of(pattern.selector.names) for name in values().get(type_, {})}
            own = {name for name in properties_in(pattern.filter) if not METADATA.fullmatch(name)}
            assert own <= known, pattern


@pytest.mark.parametrize("key", CASES, ids=lambda key: key[1])
def test_a_case_is_a_graph_that_ingest_could_have_written(key: tuple[str, str]):
    hit = CASES[key]["hit"]
    types = {entity["_id"]: entity["_type"] for entity in hit["entities"]}
    for entity in hit["entities"]:
        assert FED[entity["_type"]] == tuple(entity["_class"])
        known = values()[entity["_type"]]
        own = {name: kind_of(value) for name, value in entity.items() if not METADATA.fullmatch(name)}
        assert {name for name, kind in own.items() if kind not in known.get(name, ())} == set(), entity["_id"]
    for edge in hit["relationships"]:
        assert edge["_class"] in FED_VERBS
        assert (edge["_class"], types[edge["_from"]], types[edge["_to"]]) in relationships()
    for edge in hit["relationships"]:
        if edge["_class"] in ("HAS", "HAD") and types[edge["_to"]].endswith("_finding"):
            (finding,) = [entity for entity in hit["entities"] if entity["_id"] == edge["_to"]]
            assert finding["open"] is (edge["_class"] == "HAS"), edge["_id"]


# ── what GuardDuty can find ───────────────────────────────────────────────────────────────────────────


def found() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give every type with the rule that tells of it, and its finding."""
    for rule, types in TYPES.items():
        for number, (type_, said) in enumerate(types.items()):
            severity, role = (*said, "TARGET")[:2] if isinstance(said, list) else (said, "TARGET")
            finding = {"_id": f"{rule}/{number}", "_type": "aws_guardduty_finding", "_class": ["Finding"]}
            facts = {"type": type_.partition(" ")[0], "open": True, "numericSeverity": severity}
            yield rule, type_, finding | facts | {"resourceRole": role} | type_parts(facts["type"])


def test_each_type_of_threat_is_told_by_one_rule_for_its_kind_and_what_is_severe_by_some():
    user = {"_id": "rosa", "_type": "aws_iam_user", "_class": ["User"]}
    graph: dict[str, Any] = {"entities": [user], "relationships": []}
    expected: defaultdict[str, set[str]] = defaultdict(set)
    for rule, type_, finding in found():
        graph["entities"].append(finding)
        if finding["resourceTypeAffected"] in ("IAM", "IAMUser", "Kubernetes", "S3", "SageMaker"):
            graph["relationships"].append({"_class": "HAS", "_from": "rosa", "_to": finding["_id"]})
        expected[rule].add(type_)
        assert rule or finding["numericSeverity"] < 7, f"nobody hears of {type_}"
    names = {finding["_id"]: type_ for _, type_, finding in found()}
    with LocalGraph.in_memory() as local:
        load(items_of(graph, now=NOW), writer=local)
        ask = asker(reader_of(local), now=NOW, clock=lambda: NOW)
        told = {
            rule.name: {
                names[str(row["id"])] for row in ask(rule.queries[0].text, include_deleted=False).rows
            }
            for (pack, _), rule in RULES.items()
            if pack == "aws-threats" and rule.name not in NOT_BY_KIND
        }
    del expected[""]
    assert told == expected


# ── what comes in leads to alerts ─────────────────────────────────────────────────────────────────────


def test_real_events_lead_to_the_alerts_that_they_should():
    """All events of tests/ingest and the demo in one graph: the rows of each rule that no time decides."""
    paths = [
        *(ROOT / "tests" / "ingest").glob("*/fixtures/*.event.json"),
        *(ROOT / "examples" / "demo").glob("0[1-6]*"),
    ]
    deliveries = [Delivery(path.name, path.read_text("utf-8"), NOW) for path in sorted(paths)]
    with LocalGraph.in_memory() as local:
        reports = ingest(deliveries, writer=local, quarantine=local, now=NOW, settings={}, cache=WarmCache())
        assert {report.outcome for report in reports} <= {"applied", "stale"}
        ask = asker(reader_of(local), now=NOW, clock=lambda: NOW)
        found = {
            rule.name: sorted(name_of(row) for row in ask(rule.queries[0].text, include_deleted=False).rows)
            for rule in RULES.values()
            if "date.now" not in rule.queries[0].text
        }
    assert {rule: rows for rule, rows in found.items() if rows} == ROWS


def name_of(row: Mapping[str, Any]) -> str:
    """Call a finding by its type, and all else by its name."""
    facts = {**row["entity"], **row["properties"]}
    return str(facts["type" if facts["_type"] == ["aws_guardduty_finding"] else "displayName"])

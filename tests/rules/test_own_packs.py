"""Our own packs: every rule fires on its hit and on none of its near misses, through the real path.

A near miss differs from the hit in one fact: one property of one entity, or one relationship.
"""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.pack_files import read_packs
from secgraph.alerts.ports import Message
from secgraph.cli.beside import reader_of
from secgraph.errors import PackError
from secgraph.flows.asking import asker, compile_query
from secgraph.flows.evaluate import evaluate
from secgraph.flows.load import load as load_graph
from secgraph.graph.loading import items_of
from secgraph.rules.check import check
from secgraph.rules.fed import FED
from secgraph.rules.pack import Pack, load_all
from secgraph.rules.rule import Interval, Rule

FOLDER = Path(__file__).parent.parent.parent / "rule_packs"
PACKS = load_all(read_packs([FOLDER]))
RULES = {(Path(pack.name).stem, rule.name): rule for pack in PACKS for rule in pack.rules}
CASES = {
    (path.parent.name, path.stem): json.loads(path.read_text("utf-8"))
    for path in FOLDER.glob("cases/*/*.json")
}
Graph = dict[str, Any]


def changed(graph: Graph, patch: dict[str, Any]) -> Graph:
    """Apply a patch: leave out a relationship, or set a property (null takes it away)."""
    graph = deepcopy(graph)
    if "relationship" in patch:
        graph["relationships"] = [
            each for each in graph["relationships"] if each["_id"] != patch["relationship"]
        ]
        return graph
    (entity,) = [each for each in graph["entities"] if each["_id"] == patch["entity"]]
    entity[patch["property"]] = patch["value"]
    if patch["value"] is None:
        del entity[patch["property"]]
    return graph


def facts(graph: Graph) -> dict[tuple[str, str], str]:
    """Take a graph apart: (entity, property) → value, (relationship, "") → what it says."""
    of_entities = {
        (each["_id"], name): json.dumps(value) for each in graph["entities"] for name, value in each.items()
    }
    of_relationships = {(each["_id"], ""): json.dumps(each) for each in graph["relationships"]}
    assert not of_entities.keys() & of_relationships.keys()
    return of_entities | of_relationships


def copied(graph: Graph, name: str) -> Graph:
    """Give a graph of its own ids, so that several can lie side by side in one."""

    def renamed(element: dict[str, Any]) -> dict[str, Any]:
        ids = {end: f"{name}/{element[end]}" for end in ("_id", "_from", "_to") if end in element}
        return element | ids

    return {part: [renamed(each) for each in elements] for part, elements in graph.items()}


def evaluated(rule: Rule, graph: Graph, now: str) -> tuple[list[str], bool, list[Message]]:
    """Evaluate one rule on a graph: the ids of its rows, whether its alert is open, what was sent."""
    moment = int(datetime.fromisoformat(now).timestamp() * 1000)
    sent: list[Message] = []

    class Mailbox:
        def publish(self, message: Message) -> None:
            sent.append(message)

    with LocalGraph.in_memory() as local:
        load_graph(items_of(graph, now=moment), writer=local)
        ask = asker(reader_of(local), now=moment, clock=lambda: moment)
        (query,) = rule.queries
        rows = [str(row["id"]) for row in ask(query.text, include_deleted=query.include_deleted).rows]
        report = evaluate(
            [rule], ask=ask, store=LocalAlerts(local.connection), notifier=Mailbox(), now=moment, run="test"
        )
    assert [result.error for result in report.results] == [""]
    return sorted(rows), report.results[0].active, sent


@pytest.mark.parametrize("key", CASES, ids=lambda key: key[1])
def test_a_rule_fires_on_its_hit_and_on_no_near_miss_beside_it(key: tuple[str, str]):
    case = CASES[key]
    graphs = [copied(case["hit"], "hit")]
    for number, patch in enumerate((case["miss"], *case["also"])):
        graphs.append(copied(changed(case["hit"], patch), f"miss {number}"))
    together = {part: [each for graph in graphs for each in graph[part]] for part in case["hit"]}
    rows, active, sent = evaluated(RULES[key], together, case["now"])
    assert rows == sorted(f"hit/{row}" for row in case["rows"])
    assert active
    (message,) = sent
    assert f" · {key[1]} · 1 row\n" in message.body
    assert "shop-prod (111122223333) · eu-west-1" in message.body


@pytest.mark.parametrize("key", CASES, ids=lambda key: key[1])
def test_a_rule_opens_nothing_on_its_near_miss_alone(key: tuple[str, str]):
    case = CASES[key]
    assert evaluated(RULES[key], changed(case["hit"], case["miss"]), case["now"]) == ([], False, [])


@pytest.mark.parametrize("key", CASES, ids=lambda key: key[1])
def test_a_near_miss_differs_in_exactly_one_fact(key: tuple[str, str]):
    hit = facts(CASES[key]["hit"])
    for patch in (CASES[key]["miss"], *CASES[key]["also"]):
        miss = facts(changed(CASES[key]["hit"], patch))
        assert len({place for place in hit.keys() | miss.keys() if hit.get(place) != miss.get(place)}) == 1
        assert patch["because"]


def test_every_rule_has_its_case_and_every_case_its_rule():
    assert CASES.keys() == RULES.keys()


def test_our_packs_load_without_a_word_and_run():
    assert [pack.name for pack in PACKS] == ["aws-threats.json", "common-alerts.json"]
    assert [str(problem) for pack in PACKS for problem in pack.problems] == []
    assert [warning for rule in RULES.values() for warning in rule.warnings] == []
    assert {report.status for report in check(PACKS, compile_query=compile_query)} == {"runs"}


def test_every_rule_of_ours_says_what_to_do_and_is_asked_in_time():
    for rule in RULES.values():
        assert len(rule.description) > 40
        assert len(rule.remediation) > 40
        assert rule.interval.value <= Interval.FOUR_HOURS.value
        assert "sample != true" in rule.queries[0].text
    assert {rule.interval for (pack, _), rule in RULES.items() if pack == "aws-threats"} == {
        Interval.FIFTEEN_MINUTES
    }


def test_our_rules_ask_only_for_what_is_fed():
    known = set(FED) | {name for classes in FED.values() for name in classes}
    for case in CASES.values():
        for entity in case["hit"]["entities"]:
            assert FED[entity["_type"]] == tuple(entity["_class"])
            assert entity["_type"] in known


def test_folders_and_files_are_read_and_the_schema_is_no_pack(tmp_path: Path):
    assert [name for name, _ in read_packs([FOLDER])] == ["aws-threats.json", "common-alerts.json"]
    assert [name for name, _ in read_packs([FOLDER / "common-alerts.json"])] == ["common-alerts.json"]
    with pytest.raises(PackError, match="holds no rule pack"):
        read_packs([tmp_path])
    with pytest.raises(PackError, match="cannot be read: No such file"):
        read_packs([tmp_path / "missing.json"])


def test_bytes_that_are_not_utf_8_are_a_problem_of_their_file_alone(tmp_path: Path):
    (tmp_path / "a.json").write_bytes(b'[\n{"name": "\xff"}]')
    (tmp_path / "b.json").write_text("\ufeff[]", "utf-8")
    packs: tuple[Pack, ...] = load_all(read_packs([tmp_path]))
    assert [str(problem) for pack in packs for problem in pack.problems] == [
        "a.json, line 2: is not UTF-8 text; save the file as UTF-8"
    ]

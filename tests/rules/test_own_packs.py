"""Our own packs: every rule fires on its hit and on none of its near misses, through the real path.

A near miss differs from the hit in one fact: one property of one entity, or one relationship. All hits and
misses lie side by side in one graph, each with ids of its own, and every rule is asked of all of it. So a
case also shows which other rules tell of the same thing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.costs.model import Month
from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.pack_files import read_packs
from secgraph.alerts.channels import text
from secgraph.alerts.notification import Event, Notification
from secgraph.alerts.ports import Outgoing
from secgraph.cli.beside import reader_of
from secgraph.errors import PackError
from secgraph.flows.asked import Ask
from secgraph.flows.asking import asker, compile_query
from secgraph.flows.evaluate import evaluate
from secgraph.flows.load import load as load_graph
from secgraph.flows.notify import send_due
from secgraph.graph.loading import items_of
from secgraph.rules.check import check
from secgraph.rules.pack import Pack, load, load_all
from secgraph.rules.rows import Answer
from secgraph.rules.rule import Interval, Level

FOLDER: Final = Path(__file__).parent.parent.parent / "rule_packs"
NAMES: Final = ["aws-threats", "common-alerts", "coverage", "critical-assets", "vulnerabilities"]
PACKS: Final = load_all(read_packs([FOLDER]))
RULES: Final = {(Path(pack.name).stem, rule.name): rule for pack in PACKS for rule in pack.rules}
CASES: Final = {
    (path.parent.name, path.stem): json.loads(path.read_text("utf-8"))
    for path in FOLDER.glob("cases/*/*.json")
}
NOW: Final = "2026-05-01T12:00:00Z"
MOMENT: Final = int(datetime.fromisoformat(NOW).timestamp() * 1000)
Graph = dict[str, Any]
Key = tuple[str, str]


# ── hits and misses ───────────────────────────────────────────────────────────────────────────────────


def changed(graph: Graph, patches: Iterable[dict[str, Any]]) -> Graph:
    """Apply patches: leave out a relationship, or set a property (null takes it away)."""
    graph = deepcopy(graph)
    for patch in patches:
        if "relationship" in patch:
            kept = [each for each in graph["relationships"] if each["_id"] != patch["relationship"]]
            graph["relationships"] = kept
            continue
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


def misses(case: dict[str, Any]) -> list[dict[str, Any]]:
    return [case["miss"], *case["also"]]


def variants(case: dict[str, Any]) -> Iterator[tuple[str, Graph]]:
    """Give every graph of a case with its name: hits first, then the misses."""
    yield "hit", case["hit"]
    for number, patches in enumerate(case.get("still", []), 1):
        yield f"still {number}", changed(case["hit"], patches)
    for number, patch in enumerate(misses(case), 1):
        yield f"miss {number}", changed(case["hit"], [patch])


def copied(graph: Graph, name: str) -> Graph:
    """Give a graph of its own ids, so that several can lie side by side in one."""

    def renamed(element: dict[str, Any]) -> dict[str, Any]:
        ids = {end: f"{name}/{element[end]}" for end in ("_id", "_from", "_to") if end in element}
        return element | ids

    return {part: [renamed(each) for each in elements] for part, elements in graph.items()}


def together(graphs: Iterable[Graph]) -> Graph:
    found: Graph = {"entities": [], "relationships": []}
    for graph in graphs:
        for part, elements in graph.items():
            found[part] += elements
    return found


def asked_of_all() -> dict[str, set[str]]:
    """Ask every rule of all hits and misses: its rows by the name of the rule, as RULE|VARIANT/ID."""
    graphs = (
        copied(graph, f"{name}|{variant}")
        for (_, name), case in CASES.items()
        for variant, graph in variants(case)
    )
    with LocalGraph.in_memory() as local:
        load_graph(items_of(together(graphs), now=MOMENT), writer=local)
        ask = asker(reader_of(local), now=MOMENT, clock=lambda: MOMENT)
        return {
            rule.name: {id_of(row) for row in ask(rule.queries[0].text, include_deleted=False).rows}
            for rule in RULES.values()
        }


def id_of(row: Any) -> str:
    """Give the id of a row: its own, or that of the record in its first cell."""
    return str(
        row["id"] if "id" in row else next(cell["id"] for cell in row.values() if isinstance(cell, dict))
    )


def test_a_rule_fires_on_its_hits_and_no_near_miss_and_tells_nothing_twice_but_where_a_case_says_why():
    fired: dict[str, list[str]] = {}
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for rule, rows in asked_of_all().items():
        fired[rule] = sorted(row.removeprefix(f"{rule}|") for row in rows if row.startswith(f"{rule}|"))
        for row in rows:
            name, _, rest = row.partition("|")
            if rest.startswith("hit/") and name != rule:
                beside[name].add(rule)
    assert fired == {
        name: sorted(
            f"{variant}/{row}"
            for variant, _ in variants(case)
            for row in case["rows"]
            if not variant.startswith("miss")
        )
        for (_, name), case in CASES.items()
    }
    assert beside == {name: set(case["beside"]) for (_, name), case in CASES.items() if "beside" in case}


@pytest.mark.parametrize("key", CASES, ids=lambda key: key[1])
def test_a_near_miss_differs_in_exactly_one_fact(key: Key):
    case = CASES[key]
    hit = facts(case["hit"])
    for patch in misses(case):
        miss = facts(changed(case["hit"], [patch]))
        assert len({place for place in hit.keys() | miss.keys() if hit.get(place) != miss.get(place)}) == 1
        assert patch["because"]
    for patches in case.get("still", []):
        assert any("because" in patch for patch in patches)


# ── what people hear ──────────────────────────────────────────────────────────────────────────────────


class Mailbox:
    def __init__(self) -> None:
        self.heard: list[Notification] = []

    def send(self, outgoing: Outgoing) -> None:
        assert outgoing.notification is not None
        self.heard.append(outgoing.notification)


SEED: Final = {"entities": [{"_id": "seed", "_type": "seed", "_class": "Seed"}], "relationships": []}


@dataclass(frozen=True)
class Own:
    """Asks, and gives a rule the rows of its own case only, those of hits and of near misses."""

    ask: Ask

    def __call__(self, text: str, **options: Any) -> Answer:
        answer = self.ask(text, **options)
        own = [rule.name for rule in RULES.values() if rule.queries[0].text == text] or [""]
        rows = [
            row for row in answer.rows if id_of(row).startswith((f"hit/{own[0]}/", f"miss/{own[0]}/", "seed"))
        ]
        return replace(answer, rows=rows, total=len(rows))


def told_of_hits_and_misses() -> tuple[dict[str, int], list[Notification]]:
    """Evaluate all rules in a deployment that has sent its first summary; give totals and what is told."""
    graphs = [copied(case["hit"], f"hit/{name}") for (_, name), case in CASES.items()]
    graphs += [
        copied(changed(case["hit"], [case["miss"]]), f"miss/{name}") for (_, name), case in CASES.items()
    ]
    mailbox = Mailbox()
    (seed,) = load('{"name": "seed", "description": "d", "queries": [{"query": "FIND Seed"}]}', "seed").rules
    with LocalGraph.in_memory() as local:
        store = LocalAlerts(local.connection)
        for graph, now, rules in (
            (SEED, MOMENT, [seed]),
            (together(graphs), MOMENT + 60_000, list(RULES.values())),
        ):
            load_graph(items_of(graph, now=MOMENT), writer=local)
            ask = Own(asker(reader_of(local), now=MOMENT, clock=lambda: MOMENT))
            report = evaluate(rules, ask=ask, store=store, channels=["topic"], now=now, run=str(now))
            assert {result.error for result in report.results} == {""}
            mailbox.heard.clear()
            send_due(store, {"topic": mailbox}, now=now, run=str(now), at_once=1_000)
    return {result.rule: result.total for result in report.results}, mailbox.heard


def test_a_notification_says_what_where_whose_and_what_to_do():
    totals, heard = told_of_hits_and_misses()
    assert totals == {name: len(case["rows"]) for (_, name), case in CASES.items()}
    assert sorted(notification.rule for notification in heard) == sorted(totals)
    by_rule = {notification.rule: notification for notification in heard}
    for key, rule in RULES.items():
        notification, case = by_rule[rule.name], CASES[key]
        (named,) = [each for each in case["hit"]["entities"] if each["_id"] in case["rows"]]
        (row,) = notification.rows
        assert (notification.event, notification.level) == (Event.OPENED, rule.level)
        assert (row.title, row.account) == (named["displayName"], named.get("accountId", ""))
        assert (row.account_name, row.region) == (named.get("tag.AccountName", ""), named.get("region", ""))
        assert row.owner == named.get("owner", named.get("tag.Owner", ""))
        body = " ".join(text.body(notification).split())
        for said in (named["displayName"], rule.description[:60], rule.remediation[:60]):
            assert said in body, rule.name


# ── the packs as they are ─────────────────────────────────────────────────────────────────────────────


def test_every_rule_has_its_case_and_every_case_its_rule():
    assert CASES.keys() == RULES.keys()
    assert {case["now"] for case in CASES.values()} == {NOW}


def test_our_packs_load_without_a_word_and_run():
    assert [pack.name for pack in PACKS] == [f"{name}.json" for name in NAMES]
    assert [str(problem) for pack in PACKS for problem in pack.problems] == []
    assert [warning for rule in RULES.values() for warning in rule.warnings] == []
    reports = check(PACKS, compile_query=compile_query)
    assert {(report.status, report.warnings) for report in reports} == {("runs", ())}


def test_every_rule_of_ours_says_what_to_do_and_is_asked_in_time():
    for rule in RULES.values():
        assert len(rule.description) > 40
        assert len(rule.remediation) > 25
        assert rule.interval.value <= Interval.FOUR_HOURS.value
    assert {rule.interval for (pack, _), rule in RULES.items() if pack == "aws-threats"} == {
        Interval.FIFTEEN_MINUTES
    }


def test_docs_costs_reckons_with_no_fewer_rules_than_there_are():
    month, quarter = Month(events=0), Interval.FIFTEEN_MINUTES.value
    assert sum(quarter / rule.interval.value for rule in RULES.values()) <= month.rules
    urgent = [rule for rule in RULES.values() if rule.evaluate_on_change]
    assert len(urgent) == month.rules_on_change
    assert {rule.level for rule in urgent} <= {Level.HIGH, Level.CRITICAL}


def test_folders_and_files_are_read_and_the_schema_is_no_pack(tmp_path: Path):
    assert [name for name, _ in read_packs([FOLDER])] == [f"{name}.json" for name in NAMES]
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

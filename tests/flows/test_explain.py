"""Explaining rules on the estate of the documents: paths of rows, steps that are empty, conditions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from secgraph.adapters.image.opened import reader_in_memory
from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.errors import PackError, Position, QueryError
from secgraph.flows.asking import asker
from secgraph.flows.explain import explain_rule
from secgraph.flows.witness import PATH, Patience, paths_of
from secgraph.graph.loading import items_of
from secgraph.graph.ports import GraphReader
from secgraph.image.expand import expand
from secgraph.j1ql import parse
from secgraph.j1ql.server.parameters import Secret
from secgraph.rules.pack import load
from secgraph.rules.rows import Answer, Row, rows_of, rows_wanted
from secgraph.rules.rule import Rule
from tests.flows.test_evaluate import World

NOW = 1_795_000_000_000
ESTATE = Path(__file__).parent.parent.parent / "examples" / "estate.json"


@pytest.fixture(scope="module")
def reader() -> GraphReader:
    return _reader(json.loads(ESTATE.read_text("utf-8")))


def _reader(graph: dict[str, Any]) -> GraphReader:
    return reader_in_memory([expand(item, NOW) for item in items_of(graph, now=NOW)])


def _rule(*queries: str, **more: Any) -> Rule:
    text = [{"name": "r", "description": "d", "queries": [{"query": it} for it in queries], **more}]
    (rule,) = load(json.dumps(text), "p.json").rules
    return rule


def _paths(query: str, reader: GraphReader, limit: int = 10) -> list[str]:
    """Give the path of each row of a query, empty where there is none."""
    (each,) = _rule(query).queries
    ask = asker(reader, now=NOW, clock=lambda: 0)
    wanted = rows_wanted(parse(query))
    rows = rows_of(ask(str(wanted), include_deleted=False), wanted, each.name)
    found = paths_of([each], rows, ask, limit)
    return [found.get(row.hash, "") for row in rows]


# ── paths ─────────────────────────────────────────────────────────────────────────────────────────────

BUILD = "aws_instance WITH name = 'build-1'"
MINING = "i-0d44 asks for a domain name that belongs to a mining pool."
PATHS = {
    "a list": (
        f"FIND {BUILD} THAT HAS aws_guardduty_finding",
        [f"build-1 ─HAS→ {MINING}"],
    ),
    "against the relationship": (
        f"FIND aws_guardduty_finding THAT HAS {BUILD}",
        [f"{MINING} ←HAS─ build-1"],
    ),
    "a tree": (
        f"FIND {BUILD} THAT HAS aws_guardduty_finding RETURN TREE",
        [f"build-1 ─HAS→ {MINING}"],
    ),
    "each row of a table has its own": (
        f"FIND {BUILD} AS i THAT HAS aws_inspector_finding AS f RETURN i.name, f.name ORDER BY f.name",
        ["build-1 ─HAS→ CVE-2026-20405 - curl, libcurl4", "build-1 ─HAS→ CVE-2026-90027 - libarchive13"],
    ),
    "a group by what it is grouped by": (
        "FIND aws_instance AS i THAT HAS aws_guardduty_finding AS f "
        "WHERE i.name = 'build-1' RETURN i.name AS host, count(f) AS findings",
        [f"build-1 ─HAS→ {MINING}"],
    ),
    "a UNIQUE row": (
        f"FIND UNIQUE {BUILD} AS i THAT HAS aws_guardduty_finding RETURN i.name",
        [f"build-1 ─HAS→ {MINING}"],
    ),
    "a group that its columns do not tell": (
        f"FIND {BUILD} AS i THAT HAS Finding AS f RETURN concat(i.name, '!') AS host, count(f)",
        [""],
    ),
    "nothing that is not there": (
        f"FIND {BUILD} THAT !HAS << Finding WITH severity = 'high'",
        ["build-1, and no Finding WITH severity = 'high' that HAS it"],
    ),
    "an optional block that was taken": (
        f"FIND {BUILD} (THAT HAS aws_guardduty_finding AS f)? THAT !USES User",
        [f"build-1 ─HAS→ {MINING}, and no User that it USES"],
    ),
    "an optional block that was not": (
        "FIND aws_instance WITH name = 'shop-db-1' (THAT HAS aws_guardduty_finding)? THAT !USES User",
        ["shop-db-1, and no User that it USES"],
    ),
    "several relationships of one class": (
        f"FIND aws_account THAT HAS aws_inspectorv2 THAT IDENTIFIED Finding THAT HAS {BUILD}",
        ["444455556666 ─HAS→ aws_inspectorv2 ─IDENTIFIED→ CVE-2026-90027 - libarchive13 ←HAS─ build-1"],
    ),
    "no step, no path": (f"FIND {BUILD}", [""]),
}


@pytest.mark.parametrize(("query", "paths"), PATHS.values(), ids=PATHS)
def test_a_row_has_the_path_that_led_to_it(reader, query, paths):
    assert _paths(query, reader) == paths


def test_no_more_paths_are_asked_for_than_wanted(reader):
    found = _paths("FIND aws_instance THAT HAS Finding", reader, limit=2)
    assert [bool(path) for path in found] == [True, True, False, False, False]


def test_a_path_is_one_tame_line_whatever_things_are_called():
    names = ["a ─HAS→ b\n\u202ec https://evil.example", "x" * 500, *("y" * 70 for _ in range(6))]
    entities = [
        {"_key": f"k{n}", "_type": "thing", "_class": ["Thing"], "displayName": name}
        for n, name in enumerate(names)
    ]
    links = [{"_from": f"k{n}", "_to": f"k{n + 1}", "_class": "HAS"} for n in range(len(names) - 1)]
    reader = _reader({"entities": entities, "relationships": links})
    long = "FIND thing WITH _key = 'k0' " + "THAT HAS >> thing " * (len(names) - 1)
    (path,) = _paths(long, reader)
    assert path.startswith("a -HAS> b c https[:]//evil.example ─HAS→ xxx")
    assert path.endswith("─HAS→ " + "y" * 59 + "…")
    assert " ─… " in path
    assert len(path) <= PATH


def test_rows_with_and_without_an_optional_block_have_each_its_own_path():
    entities = [{"_key": it, "_type": it, "_class": ["Thing"], "displayName": it.upper()} for it in "xyz"]
    links = [("x", "HAS", "y"), ("x", "USES", "z"), ("y", "USES", "z")]
    found = [{"_from": source, "_class": verb, "_to": target} for source, verb, target in links]
    reader = _reader({"entities": entities, "relationships": found})
    query = "FIND x (THAT HAS y)? THAT USES z RETURN x._key, y._key, z._key"
    assert sorted(_paths(query, reader)) == ["X ─HAS→ Y ─USES→ Z", "X ─USES→ Z"]


def test_what_is_told_bears_its_path_and_the_alert_keeps_it(reader):
    seed, mined = _rule(f"FIND {BUILD}"), _rule(f"FIND {BUILD} THAT HAS aws_guardduty_finding", name="mined")
    with duckdb.connect(":memory:") as connection:
        world = World(LocalAlerts(connection))
        world.ask = asker(reader, now=NOW, clock=lambda: 0)  # type: ignore[method-assign]
        for rules in ([seed], [seed, mined], [seed, mined]):
            world.tick(*rules, due_only=False)
        summary, opened = world.sent
        assert [row.path for row in summary.rows] == [""]
        assert [row.path for row in opened.rows] == [f"build-1 ─HAS→ {MINING}"]
        assert world.alert("mined").state.rows == opened.rows


def test_no_more_is_asked_once_that_takes_long_or_fails(reader):
    for answer, most in [(Answer("table", [], 0, 3_000), 1), (None, 2), (Answer("table", [], 0, 900), 3)]:
        asked: list[str] = []

        def ask(text: str, *, answer: Answer | None = answer, asked: list[str] = asked, **_: Any) -> Answer:
            asked.append(text)
            if answer is None:
                raise QueryError("LIMITS", "too long", Position(1, 1, 0))
            return answer

        rows = [Row(n, {}, f"i{n}", query="query0") for n in range(9)]
        patience = Patience()
        for _ in range(5):
            assert paths_of(_rule("FIND a THAT HAS b").queries, rows, ask, 9, patience) == {}
        assert len(asked) == most


# ── steps ─────────────────────────────────────────────────────────────────────────────────────────────

STEPS = {
    "a test of the start": (
        "FIND aws_instance WITH tag.Production = true AND region = 'x' THAT HAS Finding",
        [
            "0 entities aws_instance WITH tag.Production = true AND region = 'x' ← empty",
            "  6 without WITH",
            "  3 WITH tag.Production = true",
            "  0 WITH region = 'x'",
            "0 entities THAT HAS Finding",
        ],
    ),
    "a test of a step": (
        "FIND aws_instance THAT HAS Finding WITH severity = 'none' THAT HAS cve",
        [
            "6 entities aws_instance",
            "0 entities THAT HAS Finding WITH severity = 'none' ← empty",
            "  13 without WITH",
            "  14 by any relationship",
            "0 entities THAT HAS cve",
        ],
    ),
    "a relationship": (
        "FIND aws_instance THAT USES Finding WITH severity = 'high' AND open = true",
        [
            "6 entities aws_instance",
            "0 entities THAT USES Finding WITH severity = 'high' AND open = true ← empty",
            "  0 without WITH",
            "  14 by any relationship",
        ],
    ),
    "WHERE": (
        "FIND aws_instance AS i THAT HAS Finding AS f WHERE f.severity = 'high' AND f.name = i.name RETURN f",
        [
            "6 paths aws_instance AS i",
            "13 paths THAT HAS Finding AS f",
            "0 paths WHERE f.severity = 'high' AND f.name = i.name ← empty",
            "  4 WHERE f.severity = 'high'",
            "  0 WHERE f.name = i.name",
        ],
    ),
    "a negation": (
        "FIND aws_instance THAT !RELATES TO (Network|Finding)",
        ["6 entities aws_instance", "0 entities THAT !RELATES TO (Network|Finding) ← empty"],
    ),
    "an optional block empties nothing": (
        "FIND aws_instance (THAT HAS nothing)? THAT USES nothing",
        [
            "6 entities aws_instance",
            "0 entities ? THAT HAS nothing",
            "6 entities (THAT HAS nothing)?",
            "0 entities THAT USES nothing ← empty",
            "  0 by any relationship",
        ],
    ),
    "a subquery": (
        "FIND aws_instance WITH name = (FIND nothing AS n RETURN n.name)",
        [
            "0 paths ? nothing AS n",
            "0 entities aws_instance WITH name = (FIND nothing AS n RETURN n.name) ← empty",
            "  6 without WITH",
        ],
    ),
    "HAVING": (
        "FIND aws_instance AS i THAT HAS Finding AS f RETURN i.name, count(f) AS n HAVING n > 99",
        ["6 paths aws_instance AS i", "13 paths THAT HAS Finding AS f", "HAVING leaves no group"],
    ),
    "SKIP": ("FIND aws_instance SKIP 99", ["6 entities aws_instance", "SKIP 99 passes over all rows"]),
}


def _steps(query: str, reader: GraphReader) -> list[str]:
    ask = asker(reader, now=NOW, clock=lambda: 0)
    explained = explain_rule(_rule(query), ask=ask, reader=reader, now=NOW)
    assert not explained.fires
    (found,) = explained.queries
    lines = []
    for step in found.steps:
        optional, empty = "? " * step.optional, " ← empty" * step.first_empty
        lines.append(f"{step.count} {step.unit} {optional}{step.text}{empty}")
        lines += [f"  {beside.count} {beside.text}" for beside in step.beside]
    return [*lines, *([found.note] if found.note else [])]


@pytest.mark.parametrize(("query", "lines"), STEPS.values(), ids=STEPS)
def test_the_first_empty_step_is_named_and_what_empties_it(reader, query, lines):
    assert _steps(query, reader) == lines


def test_a_rule_that_fires_shows_paths_and_its_conditions_show_their_values(reader):
    rule = _rule(
        f"FIND {BUILD} THAT HAS aws_guardduty_finding",
        operations=[
            {
                "when": {"type": "FILTER", "condition": ["AND", ["queries.query0.total", ">", 5]]},
                "actions": [{"type": "CREATE_ALERT"}],
            },
            {
                "when": {
                    "type": "FILTER",
                    "condition": "{{queries.query0.total > 0 && alertLevel == 'HIGH'}}",
                },
                "actions": [
                    {"type": "SET_PROPERTY", "targetProperty": "alertLevel", "targetValue": "LOW"},
                    {"type": "CREATE_ALERT"},
                ],
            },
            {
                "when": {"type": "FILTER", "condition": ["alertLevel", "=", "HIGH"]},
                "actions": [{"type": "CREATE_ALERT"}],
            },
        ],
    )
    explained = explain_rule(rule, ask=asker(reader, now=NOW, clock=lambda: 0), reader=reader, now=NOW)
    assert (explained.fires, explained.level) == (True, "LOW")
    assert explained.queries[0].paths == (f"build-1 ─HAS→ {MINING}",)
    assert not any(step.first_empty for step in explained.queries[0].steps)
    assert [
        (it.holds, test.holds, dict(test.values)) for it in explained.operations for test in it.tests
    ] == [
        (False, False, {"queries.query0.total": "1"}),
        (True, True, {"queries.query0.total": "1", "alertLevel": "'HIGH'"}),
        (False, False, {"alertLevel": "'LOW'"}),
    ]


def test_a_secret_in_a_condition_is_not_shown(reader):
    when = {"type": "FILTER", "condition": ["param.Token", "=", "x"]}
    rule = _rule("FIND aws_instance", operations=[{"when": when, "actions": [{"type": "CREATE_ALERT"}]}])
    with pytest.raises(PackError) as caught:
        explain_rule(
            rule,
            ask=asker(reader, now=NOW, clock=lambda: 0),
            reader=reader,
            now=NOW,
            parameters={"Token": Secret("hush")},
        )
    assert "hush" not in str(caught.value)

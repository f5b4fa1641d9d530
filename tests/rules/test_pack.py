"""Packs: what loads, with which defaults, and what a person is told about the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secgraph.rules.actions import CreateAlert, OtherAction, SetProperty
from secgraph.rules.condition import AnyTotal, Holds
from secgraph.rules.expressions import parse
from secgraph.rules.pack import load, load_all
from secgraph.rules.rule import Interval, Level
from secgraph.rules.texts_read import MAX_TEXT

SHORT: dict[str, Any] = {"name": "r", "description": "d", "queries": [{"query": "FIND Host"}]}


def problems(*rules: object) -> list[str]:
    return [str(problem) for problem in load(json.dumps(rules), "p.json").problems]


def test_the_short_form_gets_every_default():
    (rule,) = load(json.dumps([SHORT]), "p.json").rules
    assert (rule.pack, rule.index, rule.name, rule.description) == ("p.json", 0, "r", "d")
    assert rule.level is Level.HIGH
    assert rule.interval is Interval.ONE_DAY
    assert rule.outputs == ("queries.query0.total", "alertLevel")
    assert [(query.name, query.text, query.include_deleted) for query in rule.queries] == [
        ("query0", "FIND Host", False)
    ]
    (operation,) = rule.operations
    assert operation.when == AnyTotal()
    assert operation.actions == (SetProperty("alertLevel", "HIGH"), CreateAlert())
    assert (rule.warnings, rule.blocked, rule.left_out) == ((), (), ())


def test_queries_without_a_name_are_numbered_by_position():
    queries = [
        {"query": "FIND A"},
        {"name": "mine", "query": "FIND B", "includeDeleted": True},
        {"query": "FIND C"},
    ]
    (rule,) = load(json.dumps({**SHORT, "queries": queries}), "p.json").rules
    assert [query.name for query in rule.queries] == ["query0", "mine", "query2"]
    assert [query.include_deleted for query in rule.queries] == [False, True, False]


FULL: dict[str, Any] = {
    "id": "7b0c",
    "name": "full",
    "description": "as an editor exports it",
    "version": 4,
    "specVersion": 1,
    "pollingInterval": "THIRTY_MINUTES",
    "question": {"queries": [{"name": "q", "query": "FIND Host", "version": "v1"}]},
    "operations": [
        {
            "when": {"type": "FILTER", "specVersion": 1, "condition": ["AND", ["queries.q.total", ">", 2]]},
            "actions": [
                {"type": "SET_PROPERTY", "targetProperty": "alertLevel", "targetValue": "CRITICAL"},
                {"type": "CREATE_ALERT"},
                {"type": "SEND_EMAIL", "recipients": ["a@example.org"], "body": "{{alertWebLink}}"},
            ],
        }
    ],
    "outputs": ["alertLevel"],
    "templates": None,
    "tags": ["team"],
    "labels": [],
    "notifyOnFailure": True,
    "triggerActionsOnNewEntitiesOnly": False,
    "ignorePreviousResults": False,
    "integrationInstanceId": "ignored",
    "latestAlertId": None,
}


@pytest.mark.parametrize("text", [json.dumps(FULL), json.dumps([FULL]), "\ufeff" + json.dumps(FULL)])
def test_the_full_form_loads_alone_and_in_an_array(text: str):
    pack = load(text, "p.json")
    (rule,) = pack.rules
    assert pack.problems == ()
    assert (rule.id, rule.version, rule.interval) == ("7b0c", 4, Interval.THIRTY_MINUTES)
    assert rule.notify_on_failure
    assert [query.name for query in rule.queries] == ["q"]
    (operation,) = rule.operations
    assert operation.actions[0] == SetProperty("alertLevel", "CRITICAL")
    assert isinstance(operation.actions[2], OtherAction)
    assert operation.actions[2].fields["recipients"] == ["a@example.org"]
    assert rule.left_out == (
        "p.json, rule 1 'full', operations[0], actions[2]: "
        "the action SEND_EMAIL does not run in this version",
    )


def test_unknown_fields_are_kept_and_warned_about():
    pack = load(
        json.dumps([{**SHORT, "colour": "red", "queries": [{"query": "FIND A", "hue": 1}]}]), "p.json"
    )
    (rule,) = pack.rules
    assert rule.rest == {"colour": "red"}
    assert rule.warnings == (
        "p.json, rule 1 'r', queries[0], hue: is not known to this version; kept and not used",
        "p.json, rule 1 'r', colour: is not known to this version; kept and not used",
    )


def test_one_bad_rule_does_not_stop_the_others():
    good = [{**SHORT, "name": name} for name in ("a", "b")]
    pack = load(json.dumps([good[0], {"name": "bad"}, 7, good[1]]), "p.json")
    assert [(rule.index, rule.name) for rule in pack.rules] == [(0, "a"), (3, "b")]
    assert [(each.index, each.rule) for each in pack.rejected] == [(1, "bad"), (2, "")]
    assert [str(problem) for problem in pack.problems] == [
        'p.json, rule 2 \'bad\', queries: holds no query; write [{"query": "FIND …"}]',
        "p.json, rule 2 'bad', description: is missing; say in one paragraph what the rule finds",
        "p.json, rule 3: is a number; write an object with name, description and queries",
    ]


@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        ({"name": None}, "name", "is missing; give the rule a short name of its own"),
        ({"name": "  "}, "name", "is empty"),
        ({"name": 5}, "name", "is a number; write a string"),
        ({"name": "x" * 256}, "name", "has 256 characters; shorten it to 255"),
        ({"name": "a\ud800"}, "name", "lone surrogate"),
        ({"description": ["d"]}, "description", "is an array; write a string"),
        ({"alertLevel": "high"}, "alertLevel", "is 'high'; write one of CRITICAL, HIGH, MEDIUM, LOW, INFO"),
        ({"pollingInterval": "ONE_MINUTE"}, "pollingInterval", "is 'ONE_MINUTE'; write one of DISABLED"),
        ({"specVersion": 2}, "specVersion", "is 2; this version reads rules of specVersion 1"),
        ({"queries": {}}, "queries", "is an object; write an array of objects"),
        ({"queries": []}, "queries", "holds no query"),
        ({"queries": ["FIND A"]}, "queries[0]", "is a string; write an object"),
        ({"queries": [{"query": ""}]}, "queries[0], query", "is empty; write a J1QL query"),
        ({"queries": [{"query": "F" * (MAX_TEXT + 1)}]}, "queries[0], query", "shorten it to"),
        ({"queries": [{"query": "FIND A", "version": "v2"}]}, "queries[0], version", "is 'v2'"),
        (
            {"queries": [{"query": "FIND A", "includeDeleted": 1}]},
            "queries[0], includeDeleted",
            "true or false",
        ),
        (
            {"queries": [{"query": "FIND A", "name": "query1"}, {"query": "FIND B"}]},
            "queries[1], name",
            "is 'query1' like that of a query before",
        ),
        ({"question": {"queries": [{"query": "FIND A"}]}}, "question", "stands beside queries"),
        ({"operations": "x"}, "operations", "is a string; write an array of objects"),
        ({"operations": [{"actions": []}]}, "operations[0], actions", "holds no action"),
        (
            {"operations": [{"actions": [{}]}]},
            "operations[0], actions[0], type",
            "is missing; name the action",
        ),
        (
            {"operations": [{"when": ["AND"], "actions": [{"type": "CREATE_ALERT"}]}]},
            "operations[0], when",
            "has 'AND' without clauses",
        ),
        (
            {"operations": [{"when": "{{queries.q.total > 0}}", "actions": [{"type": "CREATE_ALERT"}]}]},
            "operations[0], when",
            "no query has that name; try queries.query0.total",
        ),
        (
            {
                "operations": [
                    {
                        "actions": [
                            {"type": "SET_PROPERTY", "targetProperty": "alertLevel", "targetValue": "X"}
                        ]
                    }
                ]
            },
            "operations[0], actions[0], targetValue",
            "is 'X'; write one of CRITICAL, HIGH",
        ),
        ({"templates": {"a": 1}}, "templates", "write an object of strings"),
        ({"outputs": [1]}, "outputs", "is an array; write an array of strings"),
        ({"notifyOnFailure": "yes"}, "notifyOnFailure", "is a string; write true or false"),
    ],
)
def test_a_problem_names_file_rule_field_and_remedy(change: dict[str, Any], where: str, reason: str):
    rule = {**SHORT, **change}
    name = rule["name"]
    place = f"p.json, rule 1 {name!r}" if isinstance(name, str) and name else "p.json, rule 1"
    found = problems(rule)
    assert [text for text in found if text.startswith(f"{place}, {where}: ") and reason in text], found


def test_a_field_written_twice_is_a_problem():
    text = '[{"name": "r", "description": "d", "queries": [{"query": "FIND A", "query": "FIND B"}]}]'
    assert [str(problem) for problem in load(text, "p.json").problems] == [
        "p.json, rule 1 'r', queries[0], query: is written twice in one object; keep one of them"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"name": "a",\n  "x" 1}]', "p.json, line 2, column 7: is not JSON: Expecting ':' delimiter"),
        ("", "p.json, line 1, column 1: is not JSON"),
        ('[{"name": "a"', "p.json, line 1, column 14: is not JSON"),
        ("[" * 100_000, "p.json: is nested too deeply"),
        ("[NaN]", "p.json: holds a number that cannot be read: NaN"),
        ("[" + "9" * 5000 + "]", "p.json: holds a number that cannot be read"),
        ('[\n"\udcff"]', "p.json, line 2: is not UTF-8 text"),
        ('{"rules": []}', "p.json: is an object with `rules`"),
        ('"x"', "p.json, rule 1: is a string"),
        (" " * 2_000_001, "p.json: has 2000001 characters"),
        ("[" + "0," * 2_000 + "0]", "p.json: holds 2001 rules"),
    ],
)
def test_a_text_that_is_no_pack_says_where_and_why(text: str, expected: str):
    pack = load(text, "p.json")
    assert pack.rules == ()
    assert str(pack.problems[0]).startswith(expected)


def test_an_empty_pack_is_fine():
    assert load("[]", "p.json").rejected == ()


def test_a_rule_name_stands_for_one_alert_in_all_packs():
    texts = [("a.json", json.dumps([SHORT, SHORT])), ("b.json", json.dumps([SHORT, {**SHORT, "name": "s"}]))]
    a, b = load_all(texts)
    assert [rule.name for rule in a.rules] == ["r"]
    assert [rule.name for rule in b.rules] == ["s"]
    assert [str(problem) for problem in (*a.problems, *b.problems)] == [
        f"{where}, name: is the name of a.json, rule 1 'r' too; rename one, a name stands for one alert"
        for where in ("a.json, rule 2 'r'", "b.json, rule 1 'r'")
    ]


def test_a_rule_without_an_action_that_runs_is_blocked():
    operations = [{"actions": [{"type": "SEND_EMAIL"}, {"type": "DANCE"}]}]
    (rule,) = load(json.dumps({**SHORT, "operations": operations}), "p.json").rules
    assert rule.blocked == ("no operation of the rule has an action that runs, such as CREATE_ALERT",)
    assert [reason.rpartition(": ")[2] for reason in rule.left_out] == [
        "the action SEND_EMAIL does not run in this version",
        "the action DANCE is not an action of the format",
    ]


def test_a_template_is_read_as_an_expression():
    operations = [{"when": "{{queries.query0.data | length > 1}}", "actions": [{"type": "CREATE_ALERT"}]}]
    (rule,) = load(json.dumps({**SHORT, "operations": operations}), "p.json").rules
    assert rule.operations[0].when == Holds(parse("queries.query0.data | length > 1"))
    assert rule.blocked == ()

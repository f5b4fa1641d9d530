"""Conditions: each line is one condition and what it says of one evaluation input."""

from __future__ import annotations

from typing import Any

import pytest

from secgraph.rules.condition import AnyTotal, ConditionError, holds, read, reasons
from secgraph.rules.operation import act
from secgraph.rules.pack import load
from secgraph.rules.rule import Level

GIVEN: dict[str, Any] = {
    "queries": {
        "query0": {"total": 3, "data": [{"id": "a", "properties": {"tag.Owner": "me", "ports": [22, 443]}}]},
        "a.b": {"total": 0, "data": []},
    },
    "alertLevel": "HIGH",
    "flag": True,
}
TOTAL = "queries.query0.total"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{{queries.query0.total > 0}}", True),
        ("{{ queries.query0.total>3 }}", False),
        ("{{queries.query0.total == 3.0}}", True),
        ("{{alertLevel != 'LOW'}}", True),
        ('{{alertLevel == "HIGH"}}', True),
        ("{{flag == true}}", True),
        ("{{nothing == null}}", True),
        ("{{nothing > -1}}", False),
        ([TOTAL, ">", 0], True),
        ([TOTAL, "=", 3], True),
        ([TOTAL, "==", "3"], False),
        ([TOTAL, "!=", "3"], True),
        (["flag", "=", 1], False),
        (["alertLevel", ">", "ALPHA"], True),
        (["alertLevel", ">", 0], False),
        (["alertLevel", "contains", "IG"], True),
        (["queries.query0.data.0.properties.tag.Owner", "=", "me"], True),
        (["queries.query0.data.0.properties.ports", "contains", 443], True),
        (["queries.query0.data.0.properties.ports", "contains", 44], False),
        (["queries.query0.data.length", "=", 1], True),
        (["queries.query0.data.1.id", "=", "a"], False),
        (["queries.a.b.total", "<=", 0], True),
        (["AND", [TOTAL, ">", 0], [TOTAL, "<", 3]], False),
        (["OR", [TOTAL, ">", 5], [TOTAL, "<=", 3]], True),
        (["AND", [TOTAL, ">", 0], ["OR", ["flag", "=", False], ["alertLevel", "=", "HIGH"]]], True),
        ({"type": "FILTER", "specVersion": 1, "condition": [TOTAL, ">=", 3]}, True),
        ([{"type": "FILTER", "condition": [TOTAL, ">", 0]}, {"condition": [TOTAL, ">", 9]}], False),
        ([{"type": "FILTER", "condition": [TOTAL, ">", 0]}, {"condition": [TOTAL, ">", 2]}], True),
        ("{{queries.query0.total > 0 && flag}}", True),
        ("{{queries.query0.data[.ports | length > 1] | length == 1}}", True),
        ("{{queries.a.b.data}}", False),
        ([TOTAL, ">", "{{queries.a.b.total + 2}}"], True),
        ([TOTAL, "=", "{{'3'}}"], False),
        (["alertLevel", "=", "{{flag ? 'HI' : 'LO'}}GH"], True),
        (["queries.query0.data.0.properties.ports", "contains", "{{400 + 43}}"], True),
        (["AND", [TOTAL, ">", "{{nothing}}"]], False),
    ],
)
def test_a_condition_holds_or_not(when: Any, expected: bool):
    assert holds(read(when), GIVEN) is expected


@pytest.mark.parametrize(
    "when",
    [{"type": "SCRIPT", "condition": "1"}, [{"condition": "{{true}}"}, {"type": "SCRIPT"}]],
)
def test_what_needs_more_than_this_version_says_so(when: Any):
    condition = read(when)
    assert len(reasons(condition)) == 1
    with pytest.raises(ValueError, match="does not run"):
        holds(condition, GIVEN)


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (5, "is a number; write a template string or a prefix array"),
        ([], "is an empty array"),
        ({"type": "FILTER"}, "has no `condition`"),
        (["AND"], "has 'AND' without clauses"),
        (["AND", "x"], "has 'x' where a clause is due"),
        ([TOTAL, ">"], "where a clause is due"),
        ([TOTAL, "~", 1], "has the operator '~'; write one of > >="),
        ([TOTAL, ">", [1]], "compares with an array"),
        ("queries.query0.total > 0", "write one expression in braces, such as {{queries.query0.total > 0}}"),
        ("{{true}} {{false}}", "write one expression in braces"),
        ("{{queries.query0.total = 1}}", "column 24: `=` is no operator here; write `==`"),
        ([TOTAL, ">", "{{limit"], "column 1: `{{` is never closed"),
        (["{{alertLevel}}", "=", "LOW"], "on the left; write a path"),
        (["AND", *[[TOTAL, ">", 0]] * 300], "has more than 200 clauses"),
    ],
)
def test_a_malformed_condition_is_refused_with_a_remedy(when: Any, reason: str):
    with pytest.raises(ConditionError) as caught:
        read(when)
    assert reason in str(caught.value)


def test_a_deep_condition_is_refused():
    when: Any = [TOTAL, ">", 0]
    for _ in range(30):
        when = ["AND", when]
    with pytest.raises(ConditionError, match="nests deeper than 20"):
        read(when)


@pytest.mark.parametrize(("totals", "expected"), [((0, 0), False), ((0, 1), True), ((2, 0), True)])
def test_without_a_condition_any_total_counts(totals: tuple[int, int], expected: bool):
    queries = {f"query{number}": {"total": total} for number, total in enumerate(totals)}
    assert holds(AnyTotal(), {"queries": queries}) is expected


OPERATIONS = """{"name": "r", "description": "d", "queries": [{"query": "FIND A"}], "alertLevel": "LOW",
 "operations": [
  {"when": {"condition": ["queries.query0.total", ">", 0]}, "actions": [
    {"type": "SET_PROPERTY", "targetProperty": "alertLevel", "targetValue": "MEDIUM"},
    {"type": "CREATE_ALERT"}]},
  {"when": {"condition": ["queries.query0.total", ">", 9]}, "actions": [
    {"type": "SET_PROPERTY", "targetProperty": "many", "targetValue": true},
    {"type": "SET_PROPERTY", "targetProperty": "alertLevel", "targetValue": "CRITICAL"},
    {"type": "CREATE_ALERT"}]},
  {"when": {"condition": ["many", "=", true]}, "actions": [
    {"type": "SET_PROPERTY", "targetProperty": "alertLevel", "targetValue": "LOW"}]}],
 "outputs": ["queries.query0.total", "alertLevel", "queries.query0.data", "missing"]}"""


@pytest.mark.parametrize(
    ("total", "alert", "level", "last"),
    [(0, False, Level.LOW, "LOW"), (1, True, Level.MEDIUM, "MEDIUM"), (10, True, Level.CRITICAL, "LOW")],
)
def test_operations_act_in_order_and_the_highest_alert_counts(
    total: int, alert: bool, level: Level, last: str
):
    (rule,) = load(OPERATIONS, "p.json").rules
    outcome = act(rule, {"query0": {"total": total, "data": []}})
    assert (outcome.alert, outcome.level) == (alert, level)
    assert outcome.outputs == {"queries.query0.total": total, "alertLevel": last}

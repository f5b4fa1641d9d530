"""Actions: each line of the case files is what a rule does and what comes of it, or why it is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from secgraph.errors import PackError, StoreError
from secgraph.j1ql.server.parameters import Secret
from secgraph.rules import acting
from secgraph.rules.expressions.budget import MAX_STEPS
from secgraph.rules.operation import act
from secgraph.rules.pack import load
from secgraph.rules.rows import Answer
from secgraph.rules.rule import Rule

SECRET = "xoxb-never-shown"
PARAMETERS: dict[str, Any] = {
    "Team": "shop",
    "Url": "https://b.example/x",
    "Channels": ["#a", "#b"],
    "Hook": Secret(SECRET),
    "Many.Dots": 7,
    "Open": "{",
}
ROWS: list[dict[str, Any]] = [
    {
        "id": "i-1",
        "entity": {"_id": "i-1", "_type": "aws_instance"},
        "properties": {"displayName": "web-1", "cores": 1},
    },
    {
        "id": "i-2",
        "entity": {"_id": "i-2", "_type": "aws_instance"},
        "properties": {"displayName": "<!here> *db*", "cores": 4, "tag.Bad": 'x", "admin": "y&a=b'},
    },
]
BY_ALIAS = {"i": {"id": "i-1"}, "f": {"id": "f-1"}, "r": {"id": "r-1", "relationship": {}}}
CELLS = [{"i.name": "web-1", "_meta": {"byAlias": BY_ALIAS}}]
QUERIES = {
    "query0": {"total": 2, "data": ROWS},
    "extra": {"total": 1, "data": CELLS},
}


def lines(name: str) -> list[dict[str, Any]]:
    text = (Path(__file__).parent / name).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def rule_of(actions: list[Any], **fields: Any) -> Rule:
    pack = load(json.dumps(written(actions, **fields)), "p.json")
    assert pack.problems == ()
    return pack.rules[0]


def written(actions: list[Any], **fields: Any) -> dict[str, Any]:
    return {
        "name": "r",
        "description": "d",
        "alertLevel": "LOW",
        "queries": [{"query": "FIND Host"}, {"name": "extra", "query": "FIND Finding"}],
        "operations": [{"when": "{{queries.query0.total > 0}}", "actions": actions}],
        "templates": {
            "line": "- _{{item.displayName}}_",
            "document": '{"t": "{{item.tag.Bad}}"}',
            "heavy": "{{" + " + ".join(["item"] * 70) + "}}{{" + " + ".join(["item"] * 70) + "}}",
        },
        "outputs": ["rows", "title", "param.Hook"],
        **fields,
    }


class Questions:
    """Answers every query with one row, but for one that fails."""

    def __init__(self) -> None:
        self.asked: list[list[Any]] = []

    def __call__(self, text: str, values: Mapping[str, Any]) -> Answer:
        if text == "FIND Fails":
            raise StoreError("the store did not answer")
        self.asked.append([text, dict(values)])
        return Answer("list", [{"id": "x", "entity": {}, "properties": {"name": "asked"}}], 1)


@pytest.mark.parametrize("case", lines("actions.jsonl"), ids=lambda case: case["why"])
def test_actions_come_to_effects_taggings_and_errors(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "MAX_STEPS", case.get("steps", MAX_STEPS))
    questions = Questions()
    given: dict[str, dict[str, Any]] = {
        **QUERIES,
        "lists": {
            "many": list(range(1500)),
            "long": "x" * 200_000,
            "forged": {"$sealed": [{"param": "Hook"}]},
        },
    }
    text = json.dumps(case["actions"])
    for name in ("many", "long", "forged"):
        text = re.sub(rf"(?<=[{{\[ ]){name}\b", f"queries.lists.{name}", text)
    actions = json.loads(text.replace("{{table", "{{queries.extra.data"))
    queries = [{"query": "FIND Host"}, *({"name": name, "query": "FIND X"} for name in ("extra", "lists"))]
    outcome = act(rule_of(actions, queries=queries), given, parameters=PARAMETERS, ask=questions)
    errors = case.get("errors", [])
    assert len(outcome.errors) == len(errors), outcome.errors
    for found, expected in zip(sorted(outcome.errors), sorted(errors), strict=True):
        assert found.startswith(expected)
    effects = [[each.kind, each.target, each.payload, each.place] for each in outcome.effects]
    if "sent" in case:
        assert len(effects) == case["sent"]
    else:
        assert effects == case.get("effects", [])
    assert [[list(each.entities), dict(each.tags)] for each in outcome.taggings] == case.get("taggings", [])
    assert outcome.alert is case.get("alert", False)
    assert outcome.acted is any(each["type"] != "SET_PROPERTY" for each in case["actions"])
    assert outcome.level.name == case.get("level", outcome.level.name)
    assert outcome.outputs == case.get("outputs", outcome.outputs)
    assert questions.asked == case.get("asked", [])
    assert SECRET not in repr(outcome)


@pytest.mark.parametrize(
    "case", lines("actions_refused.jsonl"), ids=lambda case: json.dumps(case["action"])[:90]
)
def test_a_wrong_action_is_refused_with_place_and_remedy(case: dict[str, Any]) -> None:
    rule = written([case["action"]], queries=[{"query": "FIND Host"}])
    found = [str(problem) for problem in load(json.dumps(rule), "p.json").problems]
    expected = [f"p.json, rule 1 'r', operations[0], actions[0], {problem}" for problem in case["problems"]]
    assert len(found) == len(expected), found
    for problem, start in zip(sorted(found), sorted(expected), strict=True):
        assert problem.startswith(start)


def test_a_template_that_cannot_be_read_is_refused() -> None:
    rule = written(
        [{"type": "CREATE_ALERT"}], templates={"a": "{{item.}}", "b": "{{item | mapTemplate('c')}}"}
    )
    assert [str(problem) for problem in load(json.dumps(rule), "p.json").problems] == [
        "p.json, rule 1 'r', templates.a: column 8: expected the name of a property, but found the end",
        "p.json, rule 1 'r', templates.b: mapTemplate asks for `c`, and the rule has a, b",
    ]


def test_what_an_action_has_and_this_version_does_not_know_is_kept_and_warned_about() -> None:
    rule = rule_of([{"type": "CREATE_ALERT", "id": "1", "integrationInstanceId": "2", "hue": "red"}])
    assert rule.warnings == (
        "p.json, rule 1 'r', operations[0], actions[0], hue: is not known to this version; kept and not used",
    )


@pytest.mark.parametrize(
    ("texts", "missing"),
    [
        ({"when": "{{param.Limit > 1}}"}, "Limit"),
        ({"when": ["param.Limit", ">", 1]}, "Limit"),
        ({"when": ["queries.query0.total", ">", "{{param['Limit']}}"]}, "Limit"),
        ({"template": "{{param.A.B.length}}"}, "A.B"),
        ({"body": "{{[{a: param.Limit}]}}"}, "Limit"),
        ({"when": "{{param.Team.x == param.Many.Dots}}"}, ""),
    ],
)
def test_a_parameter_that_is_missing_fails_the_rule(texts: dict[str, Any], missing: str) -> None:
    when = texts.get("when", "{{true}}")
    actions = [{"type": "SEND_SLACK_MESSAGE", "channels": "#a", "body": texts.get("body", "x")}]
    templates = {"t": texts.get("template", "x")}
    rule = rule_of([], operations=[{"when": when, "actions": actions}], templates=templates)
    if not missing:
        assert act(rule, QUERIES, parameters=PARAMETERS).errors == ()
        return
    with pytest.raises(PackError, match=f"needs the parameter {missing}, which is not defined"):
        act(rule, QUERIES, parameters=PARAMETERS)


def test_a_condition_that_looks_into_a_secret_fails_the_rule() -> None:
    rule = rule_of([], operations=[{"when": ["param.Hook", "=", "x"], "actions": [{"type": "CREATE_ALERT"}]}])
    with pytest.raises(PackError, match=r"^operations\[0\].when: looks into a secret parameter"):
        act(rule, QUERIES, parameters=PARAMETERS)


def test_a_rule_may_act_without_an_alert() -> None:
    rule = rule_of([{"type": "SEND_SLACK_MESSAGE", "channels": "#a", "body": "{{alertWebLink}}"}])
    assert rule.blocked == ()
    acted = act(rule, QUERIES, web_link="https://console.example/a_b_")
    assert (acted.alert, acted.acted, len(acted.effects)) == (False, True, 1)
    assert acted.effects[0].payload == {
        "channels": ["#a"],
        "text": "https://console.example/a_b_",
        "severity": "LOW",
    }
    silent = act(rule, {**QUERIES, "query0": {"total": 0, "data": []}})
    assert (silent.alert, silent.acted, silent.effects) == (False, False, ())


def test_the_example_of_the_documents_asks_for_each_finding() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    (example,) = (found for found in re.findall(r"```json\n(.*?)```", text, re.DOTALL) if "FOR_EACH" in found)
    loaded = load(example, "p.json")
    assert loaded.problems == ()
    row = {
        "id": "guardduty:eu-west-1:f-1",
        "entity": {"_id": "guardduty:eu-west-1:f-1", "_type": "aws_guardduty_finding"},
        "properties": {"id": "f-1", "displayName": "mining", "accountId": "111122223333"},
    }
    questions = Questions()
    parameters = {"SlackWebhook": Secret(SECRET), "TicketToken": Secret(SECRET)}
    outcome = act(
        loaded.rules[0], {"query0": {"total": 1, "data": [row]}}, parameters=parameters, ask=questions
    )
    assert outcome.errors == ()
    assert [values for _, values in questions.asked] == [{"finding._id": row["id"]}]

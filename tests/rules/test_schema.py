"""rule_packs/schema.json says what the loader does: the same fields, bounds and choices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secgraph.rules import pack
from secgraph.rules.actions_read import ACTIONS, MAX_NAME
from secgraph.rules.pack import load
from secgraph.rules.rule import Interval, Level
from secgraph.rules.texts_read import MAX_TEXT

FOLDER = Path(__file__).parent.parent.parent / "rule_packs"
SCHEMA: dict[str, Any] = json.loads((FOLDER / "schema.json").read_text("utf-8"))
RULE = SCHEMA["$defs"]["rule"]["properties"]
TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def valid(value: object, schema: dict[str, Any]) -> bool:
    """Check a value against the keywords of JSON Schema that our schema uses."""
    return all(_keyword(value, name, argument) for name, argument in schema.items())


def _keyword(value: Any, name: str, argument: Any) -> bool:
    match name:
        case "$ref":
            return valid(value, SCHEMA["$defs"][argument.rpartition("/")[2]])
        case "oneOf":
            return sum(valid(value, each) for each in argument) == 1
        case "type":
            names = argument if isinstance(argument, list) else [argument]
            return any(
                isinstance(value, TYPES[each]) and (each == "boolean" or not isinstance(value, bool))
                for each in names
            )
        case "not":
            return not valid(value, argument)
        case "enum":
            return value in argument
        case "const":
            return bool(value == argument)
        case "required":
            return not isinstance(value, dict) or all(each in value for each in argument)
        case "properties":
            return not isinstance(value, dict) or all(
                valid(value[each], schema) for each, schema in argument.items() if each in value
            )
        case "additionalProperties":
            return not isinstance(value, dict) or all(valid(each, argument) for each in value.values())
        case "items":
            return not isinstance(value, list) or all(valid(each, argument) for each in value)
        case "minItems" | "minLength":
            return not isinstance(value, list | str) or len(value) >= argument
        case "maxItems" | "maxLength":
            return not isinstance(value, list | str) or len(value) <= argument
    assert name in ("$schema", "$defs", "title", "description", "default"), f"keyword {name} is not checked"
    return True


@pytest.mark.parametrize("path", [FOLDER / "aws-threats.json", FOLDER / "common-alerts.json"])
def test_our_packs_fit_the_schema(path: Path):
    assert valid(json.loads(path.read_text("utf-8")), SCHEMA)


def test_the_choices_bounds_and_defaults_are_the_loader_s():
    assert RULE["alertLevel"] == {"enum": [each.name for each in Level], "default": "HIGH"}
    assert RULE["pollingInterval"] == {"enum": [each.name for each in Interval], "default": "ONE_DAY"}
    assert RULE["outputs"]["default"] == list(pack.DEFAULT_OUTPUTS)
    assert RULE["name"]["maxLength"] == MAX_NAME
    assert RULE["description"]["maxLength"] == RULE["remediationSteps"]["maxLength"] == MAX_TEXT
    assert SCHEMA["$defs"]["queries"]["maxItems"] == pack.MAX_QUERIES
    assert SCHEMA["oneOf"][1]["maxItems"] == pack.MAX_RULES


def test_every_action_that_runs_is_in_the_schema():
    named = [name for name in SCHEMA["$defs"] if name.isupper()]
    assert (
        sorted(named)
        == sorted(ACTIONS)
        == sorted(SCHEMA["$defs"]["other"]["properties"]["type"]["not"]["enum"])
    )


def test_every_field_of_the_schema_is_known_to_the_loader():
    (rule,) = load(json.dumps({**GOOD, **FIELDS}), "p.json").rules
    assert rule.warnings == (
        "p.json, rule 1 'r', ignorePreviousResults: is kept and not used in this version",
    )
    assert GOOD.keys() | FIELDS.keys() | {"question"} == RULE.keys()


GOOD: dict[str, Any] = {"name": "r", "description": "d", "queries": [{"query": "FIND Host"}]}
FIELDS: dict[str, Any] = {
    "alertLevel": "LOW",
    "pollingInterval": "ONE_HOUR",
    "operations": [{"when": ["queries.query0.total", ">", 1], "actions": [{"type": "CREATE_ALERT"}]}],
    "outputs": ["alertLevel"],
    "templates": {"a": "{{item.name}}"},
    "remediationSteps": "Fix it.",
    "tags": ["a"],
    "labels": [{"labelName": "a"}],
    "notifyOnFailure": True,
    "triggerActionsOnNewEntitiesOnly": True,
    "ignorePreviousResults": True,
    "evaluateOn": "change",
    "id": "1",
    "version": 3,
    "specVersion": 1,
    "integrationInstanceId": "x",
}


ACTIONS_OF_ALL_KINDS: list[Any] = [
    {"type": "SEND_EMAIL", "recipients": []},
    {"type": "DANCE"},
    {"type": "SET_PROPERTY", "targetProperty": "a", "targetValue": "{{1}}"},
    {"type": "SET_PROPERTY", "targetProperty": "a"},
    {"type": "SET_PROPERTY", "targetProperty": "param", "targetValue": 1},
    {"type": "PUBLISH_SNS_MESSAGE", "topicArn": "arn:a", "data": {"a": ["{{1}}"]}},
    {"type": "PUBLISH_SNS_MESSAGE", "topicArn": "arn:a"},
    {"type": "SEND_SQS_MESSAGE", "queueUrl": "https://a", "data": "a"},
    {"type": "SEND_SQS_MESSAGE", "queueUrl": 1, "data": "a"},
    {
        "type": "SEND_SLACK_MESSAGE",
        "body": "a",
        "channels": "#a",
        "webhookUrl": "{{param.A}}",
        "severity": "LOW",
    },
    {"type": "SEND_SLACK_MESSAGE", "body": "a", "channels": ["#a", "{{b}}"]},
    {"type": "SEND_SLACK_MESSAGE", "channels": 7, "body": "a"},
    {"type": "WEBHOOK", "endpoint": "https://a", "method": "PUT", "headers": {"A": "b"}, "body": [1]},
    {"type": "WEBHOOK", "url": "https://a", "method": "TRACE"},
    {"type": "WEBHOOK", "url": "https://a", "headers": {"A": 1}},
    {"type": "WEBHOOK"},
    {"type": "TAG_ENTITIES", "entities": "{{a}}", "tags": [{"name": "a", "value": True}]},
    {"type": "TAG_ENTITIES", "entities": "{{a}}", "tags": []},
    {"type": "FOR_EACH_ITEM", "items": "{{a}}", "itemRef": "a", "actions": [{"type": "CREATE_ALERT"}]},
    {
        "type": "FOR_EACH_ITEM",
        "items": "{{a}}",
        "actions": [{"type": "JUPITERONE_QUERY", "name": "a", "query": "FIND A WITH b = {{c}}"}],
    },
    {"type": "FOR_EACH_ITEM", "items": "{{a}}", "actions": []},
    {"type": "FOR_EACH_ITEM", "actions": [{"type": "CREATE_ALERT"}]},
    {"type": "JUPITERONE_QUERY", "name": "a", "query": "FIND A"},
]


@pytest.mark.parametrize(
    "change",
    [
        *({name: value} for name, value in FIELDS.items()),
        *({name: 1.5} for name in FIELDS if name not in ("labels", "integrationInstanceId")),
        {"name": ""},
        {"name": "x" * 256},
        {"description": 7},
        {"queries": []},
        {"queries": [{}]},
        {"queries": [{"query": ""}]},
        {"queries": [{"query": "FIND A", "version": "v2"}]},
        {"queries": [{"query": "FIND A"}] * 21},
        {"question": {"queries": [{"query": "FIND A"}]}},
        {"operations": []},
        {"operations": [{"actions": []}]},
        {"operations": [{"actions": [{"targetProperty": "a"}]}]},
        {"operations": [{"when": [], "actions": [{"type": "CREATE_ALERT"}]}]},
        {"operations": [{"when": [{"condition": "{{a > 1}}"}], "actions": [{"type": "CREATE_ALERT"}]}]},
        {"operations": [{"when": {"condition": 5}, "actions": [{"type": "CREATE_ALERT"}]}]},
        {"unknown": 1},
        *({"operations": [{"actions": [action]}]} for action in ACTIONS_OF_ALL_KINDS),
    ],
    ids=lambda change: json.dumps(change)[:60],
)
def test_schema_and_loader_agree(change: dict[str, Any]):
    rule = {**GOOD, **change}
    problems = [str(problem) for problem in load(json.dumps(rule), "p.json").problems]
    assert valid(rule, SCHEMA) is (not problems), problems

"""`rules check`: the status of a rule and its reasons, without any graph."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secgraph.errors import Position, QueryError
from secgraph.j1ql import parse
from secgraph.j1ql.meaning import names
from secgraph.j1ql.nodes import Query
from secgraph.rules.check import check
from secgraph.rules.pack import load

FED = {"aws_instance": ("Host",), "aws_guardduty_finding": ("Finding",), "aws_iam_user": ("User",)}


def compile_query(text: str) -> Query:
    """Parse, and refuse two things as a compiler would."""
    if "count(" in text:
        raise QueryError("UNSUPPORTED", "aggregates do not run in this version", Position(1, 18))
    if "${" in text:
        raise QueryError("PARAM", "The parameter x is not defined.", Position(1, 20))
    return names.check(parse(text)).query


def report(*queries: str, **fields: Any) -> tuple[str, tuple[str, ...]]:
    rule = {"name": "r", "description": "d", "queries": [{"query": query} for query in queries], **fields}
    (found,) = check([load(json.dumps([rule]), "p.json")], compile_query=compile_query, fed=FED)
    assert (found.pack, found.rule) == ("p.json", "r")
    return found.status, found.reasons


@pytest.mark.parametrize(
    "query",
    [
        "FIND Host THAT HAS Finding",
        "FIND *",
        "FIND (Host|DataStore) WITH active = true",
        "FIND Finding THAT !HAS (Person|User)",
        "FIND 'web-1'",
        "FIND #Production THAT HAS Finding",
        "FIND Host (THAT USES AccessRole)? THAT HAS Finding",
    ],
)
def test_a_rule_on_what_is_fed_runs(query: str):
    assert report(query) == ("runs", ())


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("FIND Domain", "Domain"),
        ("FIND (DataStore|Application)", "DataStore or Application"),
        ("FIND Host THAT !HAS Person", "Person"),
        ("FIND Internet THAT ALLOWS Host", "Internet"),
        ("FIND Host WITH owner = (FIND Person AS p RETURN p.email)", "Person"),
        ("FIND Host WITH a = 1 AND (b = 2 OR owner = (FIND Person AS p RETURN p.email))", "Person"),
        ("FIND Host AS h WHERE h.owner = (FIND Person AS p RETURN p.email)", "Person"),
    ],
)
def test_a_rule_that_nothing_feeds_says_what_is_missing(query: str, names: str):
    assert report(query) == ("unfed", (f"query0: no source of this version brings {names} into the graph",))


def test_a_construct_of_a_later_version_is_unsupported():
    assert report("FIND Host AS h RETURN count(h)") == (
        "unsupported",
        ("query0, line 1, column 18: aggregates do not run in this version",),
    )


def test_a_variable_is_invalid():
    status, reasons = report("FIND Host WITH a = ${x}")
    assert status == "invalid"
    assert reasons[0].endswith("A rule has stored parameters only: ${param.name}")


def test_an_action_of_a_later_version_is_named():
    operations = [{"actions": [{"type": "CREATE_ALERT"}, {"type": "SEND_EMAIL"}]}]
    status, reasons = report("FIND Host", operations=operations)
    assert status == "unsupported"
    assert reasons == (
        "p.json, rule 1 'r', operations[0], actions[1]: the action SEND_EMAIL does not run in this version; "
        "the rest of the rule runs",
    )


ASKING: dict[str, Any] = {
    "type": "FOR_EACH_ITEM",
    "items": "{{queries.query0.data}}",
    "actions": [
        {
            "type": "JUPITERONE_QUERY",
            "name": "more",
            "query": "FIND Host WITH a = ${param.More} LIMIT {{item.n}}",
        },
        {"type": "SEND_SLACK_MESSAGE", "webhookUrl": "{{param.Hook}}", "body": "{{param.Names.length}}"},
    ],
}


def test_parameters_and_actions_are_listed():
    rule = {
        "name": "r",
        "description": "d",
        "queries": [{"query": "FIND Host WITH a = ${param.Team} OR b = ${param.Hook}"}],
        "operations": [{"when": "{{param.On}}", "actions": [{"type": "CREATE_ALERT"}, ASKING]}],
        "templates": {"t": "{{param.Names}} {{queries.more.total}}"},
    }
    (found,) = check([load(json.dumps(rule), "p.json")], compile_query=compile_query, fed=FED)
    assert found.as_json() == {
        "pack": "p.json",
        "rule": "r",
        "status": "runs",
        "reasons": [f"needs the parameter {name}" for name in ("On", "Names", "Hook", "Team", "More")],
        "actions": ["CREATE_ALERT", "FOR_EACH_ITEM", "JUPITERONE_QUERY", "SEND_SLACK_MESSAGE"],
        "parameters": ["On", "Names", "Hook", "Team", "More"],
    }


def test_a_query_of_an_action_is_checked():
    asking = {
        **ASKING,
        "actions": [{**ASKING["actions"][0], "query": "FIND Host WITH b = {{item.n}} AS h RETURN x.a"}],
    }
    status, reasons = report("FIND Host", operations=[{"actions": [asking]}])
    assert status == "invalid"
    assert reasons[0].startswith("more, line 1, column 43: ")


def test_a_wrong_query_is_invalid_with_its_place():
    status, reasons = report("FIND Host", "FIND Host WITH a == 1", "FIND Domain")
    assert status == "invalid"
    assert reasons[0].startswith("query1, line 1, column 18: ")
    assert reasons[1].startswith("query2: no source")


def test_rules_and_what_was_rejected_come_in_the_order_of_the_file():
    rules = [{"name": name, "description": "d", "queries": [{"query": "FIND Host"}]} for name in "abc"]
    del rules[1]["description"]
    reports = check([load(json.dumps(rules), "p.json")], compile_query=compile_query, fed=FED)
    assert [(each.rule, each.status) for each in reports] == [("a", "runs"), ("b", "invalid"), ("c", "runs")]
    assert reports[1].as_json() == {
        "pack": "p.json",
        "rule": "b",
        "status": "invalid",
        "reasons": ["p.json, rule 2 'b', description: is missing; say in one paragraph what the rule finds"],
        "actions": [],
        "parameters": [],
    }


def test_a_step_that_no_source_writes_is_warned_about():
    rule = {
        "name": "r",
        "description": "d",
        "queries": [{"query": "FIND Host THAT TRUSTS User"}],
        "colour": 1,
    }
    (found,) = check([load(json.dumps(rule), "p.json")], compile_query=compile_query, fed=FED)
    assert (found.status, found.reasons) == ("runs", ())
    assert found.as_json()["reasons"] == [
        "p.json, rule 1 'r', colour: is not known to this version; kept and not used",
        "query0: no source of this version writes TRUSTS relationships",
    ]


def test_a_file_that_cannot_be_read_is_one_invalid_line():
    (found,) = check([load("{", "p.json")], compile_query=compile_query, fed=FED)
    assert (found.pack, found.rule, found.status) == ("p.json", "", "invalid")

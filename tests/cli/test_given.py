"""What people give a query on the command line: placeholders, secrets, smart classes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEMO = ROOT / "examples" / "demo"
CONFORMANCE = ROOT / "tests" / "j1ql" / "conformance.json"


def _graph() -> Path:
    path = Path("graph.json")
    path.write_text(json.dumps(json.loads(CONFORMANCE.read_text("utf-8"))["fixture"]))
    return path


def test_placeholders_are_filled_on_the_command_line(run):
    run("load", _graph())
    query = "FIND {{what}} AS u WHERE u.displayName = 'Bob {{name}}' AND u.active = {{b}} RETURN u.username"
    filled = ["--fill", "what=User", "--fill", "name=Ray", "--fill", "b:=true"]
    code, out, _ = run("query", query, *filled, "--format", "csv")
    assert (code, out.split()) == (0, ["u.username", "bob"])
    assert run("parse", query, *filled)[1].startswith("FIND User AS u WHERE u.displayName = 'Bob Ray' AND")
    assert run("explain", query, *filled)[1].startswith("query    FIND User AS u")
    code, _, err = run("parse", "FIND {{what}} WITH bob", "--fill", "what=A_long_name_indeed")
    assert code == 2
    assert err.splitlines()[1:3] == ["  FIND {{what}} WITH bob", " " * 24 + "^"]
    code, _, err = run("query", query, "--fill", "what=User")
    assert code == 2
    assert err.startswith(f"PARAM at line 1, column {query.index('{{name}}') + 1}: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fill", "x"], "--fill x: expected NAME=TEXT"),
        (["--fill", "=x"], "--fill =x: expected NAME=TEXT"),
        (["--fill", ":=7"], "--fill :=7: expected NAME=TEXT"),
        (["--fill", "x:=seven"], "--fill x:=seven: after := stands JSON"),
        (["--param", "x"], "--param x: expected NAME=JSON"),
        (["--secret", "s"], "--secret: expected NAME=ENVIRONMENT_VARIABLE"),
        (["--secret", "s=hunter2"], "--secret s: there is no such environment variable"),
        (["--secret", "s=SECRET", "--param", "s=1"], "--secret s: this parameter is given twice"),
        (["--smart-classes", "nowhere.json"], "nowhere.json: cannot be read"),
        (["--smart-classes", "smart.json"], "smart.json: A, query 1, line 1, column 6: A name is"),
        (["--parameters", "nowhere.json"], "nowhere.json: cannot be read"),
        (["--parameters", "smart.json"], "smart.json: smartClasses: unknown field; expected"),
    ],
)
def test_bad_values_are_one_message_that_quotes_no_secret(run, monkeypatch, options, message):
    monkeypatch.setenv("SECRET", "hunter2")
    Path("smart.json").write_text('{"version": 1, "smartClasses": {"A": ["FIND {{b}}"]}}')
    message = message.replace("A name is", "The query still has open placeholders: b")
    code, out, err = run("query", "FIND User", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert "hunter2" not in err


def test_a_secret_is_compared_with_and_not_shown(run, monkeypatch):
    run("load", _graph())
    monkeypatch.setenv("SECRET", "bob")
    query = "FIND User AS u WHERE u.username = ${who} RETURN u.displayName"
    out = run("query", query, "--secret", "who=SECRET", "--format", "csv")[1]
    assert out.splitlines() == ["u.displayName", "Bob Ray"]
    _, plan, _ = run("explain", query, "--secret", "who=SECRET")
    assert "= (secret)" in plan
    assert "'bob'" not in plan


@pytest.mark.thorough
def test_smart_classes_serve_queries_plans_and_rules(run):
    run("ingest", DEMO)
    smart = Path("smart.json")
    smart.write_text(
        '{"version": 1, "smartClasses": {"Attacked": ["FIND Host THAT HAS aws_guardduty_finding"]}}'
    )
    query = "FIND #Attacked AS h RETURN h.name"
    assert run("query", query, "--format", "csv")[1].split() == ["h.name"]
    found = run("query", query, "--format", "csv", "--smart-classes", smart)[1]
    assert found.split() == ["h.name", "shop-web-1"]
    assert "smart    #Attacked: FIND Host" in run("explain", query, "--smart-classes", smart)[1]
    rule = {"name": "r", "description": "d", "alertLevel": "HIGH", "queries": [{"query": "FIND #Attacked"}]}
    Path("pack.json").write_text(json.dumps([rule]))
    assert run("rules", "run", "pack.json")[1].startswith("inactive")
    assert run("rules", "run", "pack.json", "--smart-classes", smart)[1].startswith("active")


def test_a_file_of_smart_classes_is_checked_and_listed(run):
    smart = Path("smart.json")
    smart.write_text('{"version": 1, "smartClasses": {"B": ["find #A"], "A": ["find  Host"]}}')
    code, out, _ = run("smart-classes", smart)
    assert (code, out.splitlines()[2:]) == (0, ["#B", "  FIND #A", "#A", "  FIND Host"])
    listed = json.loads(run("smart-classes", smart, "--json")[1])["smartClasses"]
    assert listed[1] == {"name": "B", "queries": ["FIND #A"], "uses": ["A"]}
    smart.write_text('{"version": 1, "smartClasses": {"A": ["FIND #A"]}}')
    assert run("smart-classes", smart)[::2] == (
        2,
        "secgraph: smart.json: a smart class cannot be made of itself: A → A\n",
    )


def test_a_file_of_parameters_stands_for_those_of_the_server(run, monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter2")
    run("load", _graph())
    stored = {"version": 1, "parameters": {"Name": ["Bob Ray"]}, "secrets": {"Token": "TOKEN"}}
    Path("own.json").write_text(json.dumps(stored))
    query = "FIND User WITH displayName = ${param.Name} AS u RETURN u.username"
    code, out, _ = run("query", query, "--parameters", "own.json", "--format", "csv")
    assert (code, out.split()) == (0, ["u.username", "bob"])
    code, _, err = run("query", query, "--parameters", "own.json", "--param", 'param.Name="x"')
    assert (code, "a request cannot set it" in err) == (2, True)
    code, out, _ = run("explain", "FIND User WITH displayName = ${param.Token}", "--parameters", "own.json")
    assert (code, "(secret)" in out, "hunter2" in out) == (0, True, False)


@pytest.mark.thorough
def test_rules_take_the_parameters_of_the_file_and_tag_what_they_find(run):
    run("ingest", DEMO)
    tag = {"name": "Attacked", "value": "{{param.Word}}"}
    rule = {
        "name": "own",
        "description": "d",
        "queries": [{"query": "FIND aws_instance THAT HAS Finding WITH numericSeverity > ${param.Least}"}],
        "operations": [
            {
                "when": {"type": "FILTER", "condition": "{{queries.query0.total > 0}}"},
                "actions": [{"type": "TAG_ENTITIES", "entities": "{{queries.query0.data}}", "tags": [tag]}],
            }
        ],
    }
    Path("rule.json").write_text(json.dumps([rule]))
    Path("own.json").write_text('{"version": 1, "parameters": {"Least": 1, "Word": "yes"}}')
    given = ["rules", "run", Path("rule.json"), "--parameters", "own.json", "--json"]
    tagged = [json.loads(run(*given)[1])["tagged"]["own"] for _ in range(2)]
    assert [each["written"] for each in tagged] == [2, 0]
    _, out, _ = run("query", "FIND aws_instance WITH tag.Attacked = 'yes'", "--format", "csv")
    assert len(out.splitlines()) == 3
    assert "param.Least is not defined" in run("rules", "run", Path("rule.json"))[1]

"""`secgraph alerts` and `rules explain`, from findings in a file to a decision about an alert."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from secgraph.cli import main

ROOT = Path(__file__).parent.parent.parent
RULE = "threat-on-vulnerable-instance"
PATH = "i-0d44 asks for a domain name that belongs to a mining pool. ←HAS─ build-1 ─HAS→ CVE-2026-90027"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A graph whose rules have run once; each test gets a copy."""
    folder = tmp_path_factory.mktemp("ran")
    graph = ["--graph", str(folder / "test.duckdb")]
    assert main(["load", str(ROOT / "examples" / "estate.json"), *graph]) == 0
    assert main(["rules", "run", *graph]) == 0
    return folder


@pytest.fixture
def estate(run, ran, tmp_path):
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    return run


def test_a_rule_is_explained(estate):
    code, out, _ = estate("rules", "explain", RULE)
    assert code == 0
    assert out.startswith(f"{RULE} fires, HIGH\n\nquery0: 2 rows\n")
    assert PATH in out
    code, out, _ = estate("rules", "explain", "threat-on-public-bucket")
    assert re.search(r"\n +0  THAT HAS aws_s3_bucket WITH public = true  ← nothing is left here\n", out)
    assert re.search(r"\n +1    without WITH\n", out)
    assert "false  any query has rows  (queries.query0.total is 0)" in out
    found = json.loads(estate("rules", "explain", RULE, "--json")[1])
    assert found["fires"]
    assert found["queries"][0]["paths"][0].startswith(PATH)


def test_a_rule_that_cannot_be_explained_is_told_with_the_reason(estate, tmp_path):
    code, _, err = estate("rules", "explain", "threat-on-vulnerable-instanse")
    assert (code, err) == (
        2,
        f"secgraph: no pack holds a rule threat-on-vulnerable-instanse; did you mean {RULE}?\n",
    )
    wrong = tmp_path / "own.json"
    wrong.write_text('[{"name": "wrong", "description": "d", "queries": []}]')
    code, _, err = estate("rules", "explain", "wrong", wrong)
    assert code == 2
    assert "the rule cannot be used: own.json" in err


def test_an_alert_is_shown_dismissed_and_taken_back(estate):
    assert estate("alerts")[1] == estate("alerts", "list")[1]
    shown = estate("alerts", "show", RULE)[1]
    assert shown.startswith("active    HIGH           2 rows  threat-on-vulnerable-instance  since ")
    assert PATH in shown
    (group,) = re.findall(r"^  ([0-9a-f]{16})  i-0d44: 1 row since", shown, re.M)
    out = estate("alerts", "dismiss", RULE, "--group", group, "--reason", "a build host", "--author", "ann")[
        1
    ]
    assert out.startswith("active")
    assert re.search(r"ann dismissed i-0d44: a build host \(in force\)", out)
    out = estate("alerts", "dismiss", RULE, "--reason", "all known", "--until", "2999-01-01")[1]
    assert out.startswith("dismissed")
    assert "until 2999-01-01 00:00 UTC: all known (in force)" in out
    assert json.loads(estate("rules", "run", "--json")[1])["messages"] == []
    out = estate("alerts", "withdraw", RULE, "--author", "bob")[1]
    assert out.startswith("active")
    assert out.count("by bob") == 2


def test_an_alert_as_json(estate, tmp_path):
    alert = json.loads(estate("alerts", "show", RULE, "--json")[1])
    assert alert["rows"][0]["path"].startswith(PATH)
    assert {group["label"] for group in alert["groups"]} == {"i-0d41", "i-0d44"}
    file = tmp_path / "test.duckdb"
    for arguments in (["--json", "--graph", file, "list"], ["list", "--json", "--graph", file]):
        listed = json.loads(estate("alerts", *arguments)[1])["alerts"]
        assert RULE in {each["rule"] for each in listed}


def test_bad_input_is_one_message(estate):
    for arguments, message in [
        (["show", "threat-on-vulnerable-instanc"], f"did you mean {RULE}?"),
        (["dismiss", RULE, "--reason", " "], "reason: is empty"),
        (["dismiss", RULE, "--reason", "x", "--until", "soon"], "until: soon is not an ISO 8601 date"),
        (["withdraw", RULE], "there is nothing to withdraw"),
    ]:
        code, out, err = estate("alerts", *arguments)
        assert (code, out) == (2, "")
        assert message in err


def test_without_a_graph_there_is_nothing_to_decide(run):
    code, _, err = run("alerts", "dismiss", "r", "--reason", "x")
    assert code == 2
    assert "there is no graph here yet" in err
    assert not Path("test.duckdb").exists()


def test_nothing_is_undelivered_where_everything_was_printed(estate):
    assert estate("alerts", "undelivered")[:2] == (0, "nothing is undelivered\n")
    assert json.loads(estate("alerts", "undelivered", "--json")[1]) == {"undelivered": []}
    code, _, err = estate("alerts", "resend", "--rule", RULE)
    assert (code, err) == (2, "secgraph: nothing was given up, so there is nothing to send again\n")

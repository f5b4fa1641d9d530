"""The command line as a person or a script uses it: what it prints, what goes to stderr, how it exits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEMO = ROOT / "examples" / "demo"
CONFORMANCE = ROOT / "tests" / "j1ql" / "conformance.json"


def test_ingest_says_what_became_of_every_event(run):
    code, out, err = run("ingest", DEMO)
    assert (code, out) == (0, "6 applied, 0 unchanged, 0 stale, 1 ignored, 1 quarantined\n")
    assert "08-guardduty-without-an-id.json: detail.arn" in err
    code, out, _ = run("ingest", "--json", DEMO)
    report = json.loads(out)
    assert (code, report["unchanged"], report["quarantined"], len(report["events"])) == (0, 6, 1, 8)


def test_ingest_reads_arrays_lines_and_single_events(run, tmp_path, sample):
    (tmp_path / "array.json").write_text(json.dumps([sample("01"), sample("03"), 7]))
    lines = [json.dumps(sample("02")), "{cut", json.dumps(sample("05"))]
    (tmp_path / "lines.jsonl").write_text("\n".join(lines) + "\n")
    code, out, err = run("ingest", tmp_path / "array.json", tmp_path / "lines.jsonl")
    assert (code, out) == (0, "4 applied, 0 unchanged, 0 stale, 0 ignored, 2 quarantined\n")
    assert "array.json[2]: " in err
    assert "lines.jsonl:2: " in err


def test_ingest_takes_answers_of_list_calls_apart(run, tmp_path, sample):
    guardduty, inspector = sample("01")["detail"], sample("02")["detail"]
    pages = [{"findings": [inspector], "nextToken": "x"}, {"findings": [], "nextToken": None}]
    (tmp_path / "get-findings.json").write_text(json.dumps({"Findings": [guardduty, {"Resource": {}}, 7]}))
    (tmp_path / "pages.jsonl").write_text("\n".join(json.dumps(page) for page in pages))
    code, out, err = run("ingest", tmp_path / "get-findings.json", tmp_path / "pages.jsonl")
    assert (code, out) == (0, "2 applied, 0 unchanged, 0 stale, 1 ignored, 2 quarantined\n")
    assert "get-findings.json.Findings[1]: is only a part of a GuardDuty finding" in err
    assert "get-findings.json.Findings[2]: expected a JSON object" in err


def test_the_name_of_a_file_cannot_drive_the_terminal(run, tmp_path):
    name = "e\x1b[31mvil\u202e.json"
    (tmp_path / name).write_text("{cut")
    (tmp_path / f"{name}.gz").write_text("no gzip")
    shown = name.replace("\x1b", "\ufffd").replace("\u202e", "\ufffd")
    for argument, says in (
        (name, f"{shown}: is not JSON"),
        (f"{name}.gz", f"{shown}.gz: is not the whole"),
        (f"no-{name}", f"no-{shown}: no such"),
    ):
        _, out, err = run("ingest", argument)
        assert says in err
        assert not {"\x1b", "\u202e"} & set(out + err)


def test_ingest_names_accounts(run, tmp_path):
    (tmp_path / "accounts.json").write_text('{"111122223333": {"name": "shop-prod", "production": true}}')
    assert run("ingest", DEMO, "--accounts", tmp_path / "accounts.json")[0] == 0
    _, out, _ = run("query", "FIND aws_account RETURN aws_account.name, aws_account.tag.Production")
    assert "shop-prod" in out
    assert run("ingest", DEMO, "--accounts", tmp_path / "none.json")[0] == 2


def test_a_query_is_a_table_a_tree_csv_or_json(run):
    run("ingest", DEMO)
    text = (
        "FIND aws_instance AS i THAT HAS Finding AS f "
        "RETURN i.name, f.numericSeverity ORDER BY f.numericSeverity"
    )
    code, out, _ = run("query", text)
    assert code == 0
    assert out.splitlines()[0].split() == ["i.name", "f.numericSeverity"]
    assert run("query", text, "--format", "csv")[1].splitlines()[1:3] == ["shop-web-1,5", "build-1,5.3"]
    response = json.loads(run("query", text, "--format", "json")[1])
    assert response["type"] == "table"
    assert response["data"][0] == {"i.name": "shop-web-1", "f.numericSeverity": 5}
    tree = run("query", "FIND aws_instance THAT HAS aws_inspector_finding RETURN TREE")[1]
    assert "└─" in tree
    found = json.loads(run("query", "FIND aws_instance", "--format", "json")[1])
    assert found["type"] == "list"
    assert set(found["data"][0]) == {"id", "entity", "properties"}


def test_parameters_and_the_moment_come_from_outside(run):
    run("load", _conformance(Path("graph.json")))
    query = "FIND User WITH username = ${param.who} AND createdOn < date.now - 30 days RETURN User.username"
    code, out, _ = run(
        "query", query, "--param", 'param.who="bob"', "--now", "2025-01-01T00:00:00Z", "--format", "csv"
    )
    assert (code, out.split()) == (0, ["User.username", "bob"])
    assert run("query", query, "--param", "param.who=bob")[0] == 2
    assert run("query", query, "--now", "yesterday")[0] == 2
    code, _, err = run("query", query)
    assert code == 2
    assert "PARAM" in err


def _conformance(path: Path) -> Path:
    path.write_text(json.dumps(json.loads(CONFORMANCE.read_text())["fixture"]))
    return path


def test_a_loaded_graph_shows_what_its_file_says(run):
    code, out, _ = run("load", _conformance(Path("graph.json")))
    assert (code, out) == (0, f"loaded 23 entities and 25 relationships into {Path.cwd() / 'test.duckdb'}\n")
    again = run("load", Path("graph.json"))
    assert again[0] == 0
    response = json.loads(run("query", "FIND aws_iam_policy", "--format", "json")[1])
    assert response["data"] == [
        {
            "id": "l1",
            "entity": {
                "_id": "l1",
                "_key": "k-l1",
                "_type": ["aws_iam_policy"],
                "_class": ["AccessPolicy"],
                "_integrationType": "aws",
                "displayName": "AdminPolicy",
            },
            "properties": {"admin": True},
        }
    ]
    assert len(json.loads(run("query", "FIND aws_instance", "--format", "json")[1])["data"]) == 2
    with_deleted = run("query", "FIND aws_instance", "--format", "json", "--include-deleted")[1]
    assert len(json.loads(with_deleted)["data"]) == 3


def test_a_long_result_comes_in_pages(run):
    hosts = [{"_key": f"host/{number}", "_type": "server", "_class": "Host"} for number in range(300)]
    Path("graph.json").write_text(json.dumps({"entities": hosts}))
    run("load", "graph.json")
    *rows, counted, more = run("query", "FIND Host")[1].splitlines()
    assert counted == "250 of 300 entities"
    cursor = more.removeprefix("more with the cursor ")
    assert cursor != more
    *others, counted = run("query", "FIND Host", "--cursor", cursor)[1].splitlines()
    assert counted == "50 of 300 entities"
    assert not {row for row in rows if "server" in row} & {row for row in others if "server" in row}
    code, _, message = run("query", "FIND server", "--cursor", cursor)
    assert code == 2
    assert "The cursor does not belong to this query" in message


def test_a_file_of_queries_gives_one_result_a_line(run):
    run("load", _conformance(Path("graph.json")))
    Path("cases.jsonl").write_text(
        '{"query": "FIND User WITH createdOn > date.now - 30 days", "now": 1735689600000}\n'
        "\n"
        '{"query": "FIND User WITH"}\n'
        '{"query": "FIND User WITH username = ${who}", "parameters": {"who": "bob"}, "rowMetadata": true}\n'
        '{"query": "FIND {{c}} WITH username = ${me}", "placeholders": {"c": "User"}}\n'
        '{"query": "FIND User WITH username = ${me}", "parameters": {"me": "bob"}}\n'
    )
    code, out, _ = run("query", "--file", "cases.jsonl", "--param", 'me="alice"')
    results = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [one["id"] for one in results[0]["data"]] == ["u1"]
    assert results[1]["error"]["code"] == "SYNTAX"
    assert [one["id"] for case in results[2:] for one in case["data"]] == ["u2", "u1", "u2"]
    assert "stand in the file" in run("query", "--file", "cases.jsonl", "--fill", "c=User")[2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "cases.jsonl:1: not JSON"),
        ("[]", "cases.jsonl:1: expected"),
        ('{"query": 1}', "cases.jsonl:1: query: expected a JSON str"),
        ('{"query": "FIND x", "nw": 1}', "cases.jsonl:1: nw: unknown field"),
    ],
)
def test_a_bad_line_of_a_file_of_queries_is_named(run, line, message):
    run("load", _conformance(Path("graph.json")))
    Path("cases.jsonl").write_text(line + "\n")
    code, _, err = run("query", "--file", "cases.jsonl")
    assert code == 2
    assert message in err


def test_a_mistake_in_a_query_is_shown_where_it_is(run):
    run("ingest", DEMO)
    code, out, err = run("query", "FIND aws_instance AS i RETURN j.name")
    assert (code, out) == (2, "")
    assert err.splitlines()[0].startswith("NAME at line 1, column 31")
    assert err.splitlines()[2].index("^") == err.splitlines()[1].index("j.name")


def test_parse_prints_canonical_text_and_explain_the_sql(run):
    code, out, _ = run("parse", "find aws_instance with tag.Production=true that has Finding as f")
    assert (code, out) == (0, "FIND aws_instance WITH tag.Production = true THAT HAS Finding AS f\n")
    assert run("parse", "FIND")[0] == 2
    run("ingest", DEMO)
    code, out, _ = run("explain", "FIND aws_instance WITH name = 'x''; DROP TABLE item'")
    assert code == 2
    code, out, _ = run("explain", "FIND aws_instance WITH name = 'secret value'")
    assert code == 0
    assert "SELECT" in out
    assert "secret value" not in out.split("SELECT")[1].split("\n\n")[0]


def test_rules_are_checked_run_and_their_alerts_listed(run):
    code, out, _ = run("rules", "check", ROOT / "rule_packs", "--json")
    assert code == 0
    assert {report["status"] for report in json.loads(out)["rules"]} == {"runs"}
    run("ingest", DEMO)
    code, out, _ = run("rules", "run")
    assert code == 0
    assert "active" in out
    code, out, _ = run("alerts", "--json")
    alerts = json.loads(out)["alerts"]
    assert any(alert["status"] == "ACTIVE" and alert["rows"] for alert in alerts)
    assert run("alerts")[1].startswith("active")
    report = json.loads(run("rules", "run", "--json")[1])
    assert report["messages"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ingest", "nowhere"], "nowhere: no such file or folder"),
        (["ingest", "."], ".: no .json, .jsonl, .ndjson files in this folder"),
        (["load", "nowhere.json"], "nowhere.json: cannot be read"),
        (["query", "FIND x"], "there is no graph here yet"),
        (["query"], "give either a query TEXT or --file"),
        (["alerts"], "there is no graph here yet"),
        (["rules", "check", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_broken_graph_file_names_the_element(run, tmp_path):
    (tmp_path / "bad.json").write_text('{"entities": [{"_id": "a"}]}')
    assert "bad.json: entities[0]._type: missing" in run("load", "bad.json")[2]
    (tmp_path / "cut.json").write_text('{"entities": [')
    assert "cut.json:1:15: not JSON" in run("load", "cut.json")[2]


@pytest.mark.thorough
def test_a_reader_that_stops_early_is_no_error(tmp_path):
    command = f"{Path(sys.executable).parent / 'secgraph'} rules check {ROOT / 'rule_packs'} | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert done.stderr == ""


def test_the_demo_does_the_main_job(run):
    code, out, _ = run("demo")
    assert code == 0
    assert "6 applied" in out
    assert "CVE-2026-31337" in out
    assert "shop-invoices" in out
    assert not list(Path.cwd().iterdir())

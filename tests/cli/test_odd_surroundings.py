"""The command line among odd files, terminals and disks: never a traceback, never a wrong answer."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from secgraph.cli import main

ROOT = Path(__file__).parent.parent.parent
DEMO = ROOT / "examples" / "demo"
COMMAND = [sys.executable, "-c", "import sys; from secgraph.cli import main; sys.exit(main())"]
HOST = '{"entities": [{"_key": "host", "_type": "t", "_class": "Host", "name": "%s"}], "relationships": []}'


@pytest.mark.thorough
def test_a_terminal_without_unicode_shows_escapes_that_json_readers_undo(run):
    Path("graph.json").write_text(HOST % "b\u00fcro \U0001f600", "utf-8")
    run("load", "graph.json")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    def ask(form: str) -> str:
        asked = [*COMMAND, "query", "FIND Host RETURN TREE", "--format", form]
        done = subprocess.run(asked, env=ascii_only, capture_output=True, text=True, check=True)
        return done.stdout

    assert json.loads(ask("json"))["data"]["vertices"][0]["properties"]["name"] == "b\u00fcro \U0001f600"
    assert "b\\u00fcro" in ask("tree")


def test_half_a_character_in_a_query_is_answered(run):
    Path("graph.json").write_text(HOST % "web")
    run("load", "graph.json")
    Path("cases.jsonl").write_text(
        '{"query": "FIND Host WITH name = \'\\ud800\'"}\n{"query": "FIND \\ud800"}\n'
    )
    done = subprocess.run([*COMMAND, "query", "--file", "cases.jsonl"], capture_output=True, check=True)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == 2


def test_a_line_of_queries_ends_at_a_line_feed_alone(run):
    Path("graph.json").write_text(HOST % "a\u2028b")
    run("load", "graph.json")
    Path("cases.jsonl").write_bytes('\ufeff{"query": "FIND Host WITH name = \'a\u2028b\'"}\r\n'.encode())
    code, out, err = run("query", "--file", "cases.jsonl")
    assert (code, err) == (0, "")
    assert json.loads(out)["totalCount"] == 1


def test_closed_standard_output_is_no_error():
    closed = subprocess.run(
        ["bash", "-c", '"$@" >&-', "bash", *COMMAND, "parse", "FIND x"], capture_output=True
    )
    assert (closed.returncode, closed.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"9" * 5_000, "too many digits"),
    ],
    ids=["utf-16", "nested", "digits"],
)
def test_a_file_that_cannot_be_read_is_named(run, content, message):
    Path("odd.json").write_bytes(content)
    for command in (["load", "odd.json"], ["ingest", DEMO, "--accounts", "odd.json"]):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert err.startswith("secgraph: odd.json: ")
        assert err.count("\n") == 1
    assert message in run("load", "odd.json")[2]


@pytest.mark.parametrize(
    "line",
    ['{"query": ' * 100_000, '{"query": ' + "9" * 5_000, '{"query": "FIND \\x"}'],
    ids=["nested", "digits", "escape"],
)
def test_an_odd_line_of_queries_is_named(run, line):
    Path("graph.json").write_text(HOST % "web")
    run("load", "graph.json")
    Path("cases.jsonl").write_text(line)
    code, _, err = run("query", "--file", "cases.jsonl")
    assert code == 2
    assert err.startswith("secgraph: cases.jsonl:1: not JSON")


def test_a_byte_order_mark_is_no_mistake(run):
    Path("graph.json").write_text(HOST % "web", "utf-8-sig")
    assert run("load", "graph.json")[0] == 0


@pytest.mark.parametrize(
    "command", [["ingest"], ["load"], ["ingest", DEMO, "--graph"], ["query", "x", "--graph"]]
)
def test_a_name_that_no_file_can_have_is_one_message(run, command):
    code, out, err = run(*command, "x" * 5_000)
    assert (code, out) == (2, "")
    assert err.startswith("secgraph: ")
    assert err.count("\n") == 1


def test_a_cut_event_at_the_head_of_a_file_of_lines_leaves_the_others(run, sample):
    lines = [json.dumps(sample("01"))[:300], json.dumps(sample("02")), json.dumps(sample("05"))]
    Path("lines.JSONL").write_text("\n".join(lines))
    code, out, err = run("ingest", ".")
    assert (code, out) == (0, "2 applied, 0 unchanged, 0 stale, 0 ignored, 1 quarantined\n")
    assert "lines.JSONL:1: " in err


def test_a_cut_event_of_several_lines_stays_one(run, sample):
    Path("cut.json").write_text(json.dumps(sample("02"), indent=1)[:900])
    assert run("ingest", "cut.json")[1] == "0 applied, 0 unchanged, 0 stale, 0 ignored, 1 quarantined\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_events_as_a_windows_shell_saves_them_are_read(run, sample, encoding):
    Path("event.json").write_text(json.dumps(sample("02")), encoding)
    assert Path("event.json").read_bytes().startswith((codecs.BOM_UTF16, codecs.BOM_UTF8))
    assert run("ingest", "event.json")[1].startswith("1 applied")


@pytest.mark.thorough
def test_a_full_disk_fails_the_events_and_leaves_the_graph_as_it_was(run, sample):
    run("ingest", DEMO)
    before = run("query", "FIND *")[1]
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096)); "
    event = json.dumps(sample("02")).replace("i-0aa11bb22cc33dd44", "i-0ff11bb22cc33dd44")
    Path("event.json").write_text(event.replace("/5c9b", "/6c9b"))
    ingest = [COMMAND[0], "-c", full + COMMAND[2], "ingest", "event.json"]
    done = subprocess.run(ingest, capture_output=True, text=True)
    assert (done.returncode, done.stdout.count("1 failed")) == (2, 1)
    assert done.stderr.startswith("failed: event.json: the graph file cannot be used: ")
    assert done.stderr.count("\n") == 1
    assert run("query", "FIND *")[1] == before


def test_an_interrupt_ends_quietly(monkeypatch):
    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("secgraph.cli.ask._parse", interrupted)
    assert main(["parse", "FIND x"]) == 130

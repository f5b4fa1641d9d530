"""What a query is told besides its answer, on the command line."""

from __future__ import annotations

import json

import pytest

QUERY = "FIND HOST"
NOTE = "No entity has class HOST; class Host exists."


@pytest.fixture
def ask(run, tmp_path):
    """Give a function that runs a command on a graph with one host."""
    graph = {"entities": [{"_key": "a", "_type": "server", "_class": "Host", "name": "a"}]}
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    assert run("load", tmp_path / "graph.json")[0] == 0
    return run


def test_notes_stand_below_a_table(ask):
    code, out, err = ask("query", QUERY)
    assert (code, err) == (0, "")
    assert out.endswith(f"\n0 entities\nnote: {NOTE}\n")


def test_notes_stand_in_json(ask):
    code, out, err = ask("query", QUERY, "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["messages"] == [NOTE]


def test_notes_never_stand_in_csv(ask):
    query = "FIND Host AS h RETURN h.name, h.nmae"
    code, out, err = ask("query", query, "--format", "csv")
    assert (code, out.splitlines()) == (0, ["h.name,h.nmae", "a,"])
    assert err == "note: No Host has a property nmae; name exists.\n"


def test_explain_shows_them(ask):
    code, out, _ = ask("explain", QUERY)
    assert code == 0
    assert out.endswith(f"\nnote: {NOTE}\n")

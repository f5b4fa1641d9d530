"""`secgraph status` and `reconcile`, and what a query says of completeness."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from secgraph.adapters import deployed
from secgraph.cli.beside import writing
from secgraph.cli.status import PAUSE_SECONDS, reconciled
from secgraph.flows.ingest import WarmCache, ingest
from secgraph.sources.observed import source_state
from secgraph.sources.scope import Reader, Scope
from secgraph.sources.standing import Finished, Standing, State

HOUR = 3_600_000
NOW = 1_795_000_000_000
ACCOUNT = "123456789012"
QUERY = ("query", "FIND secgraph_source AS s RETURN s.region")


@pytest.fixture
def graph(tmp_path: Path, monkeypatch) -> Path:
    """A graph with a source that is complete, and one whose first load is not done."""
    monkeypatch.setattr("secgraph.cli.clock.time.time_ns", lambda: NOW * 1_000_000)
    path = tmp_path / "test.duckdb"
    done = Finished(NOW - 3 * HOUR, NOW - 2 * HOUR, 7, 7, 2, 1, 0)
    standings = [
        Standing(
            Scope("guardduty", ACCOUNT, region), Reader(ACCOUNT), State.ON, NOW - 4 * HOUR, finished=finished
        )
        for region, finished in (("eu-west-1", done), ("us-east-1", None))
    ]
    with writing(path) as beside:
        ingest(
            [source_state(each, NOW) for each in standings],
            writer=beside.graph,
            quarantine=beside.graph,
            now=NOW,
            settings={},
            cache=WarmCache(),
        )
    return path


def test_the_table_says_what_is_known_and_what_is_in_doubt(run, graph):
    code, out, _ = run("status")
    lines = out.splitlines()
    assert (code, lines[0]) == (0, "not known to be complete")
    assert lines[2].split()[:4] == ["SOURCE", "ACCOUNT", "REGION", "STATE"]
    assert lines[3].split() == (
        f"guardduty {ACCOUNT} eu-west-1 on 2026-11-18T08:06:40Z (3 h ago) - 7 7 2 0".split()
    )
    assert lines[4].split() == f"guardduty {ACCOUNT} us-east-1 on - - - - - -".split()
    assert lines[-1] == f"guardduty/{ACCOUNT}/us-east-1: its first load is not done"


def test_a_query_says_as_of_when_its_answer_is_complete(run, graph):
    _, out, err = run(*QUERY, "--format", "json")
    name = f"guardduty/{ACCOUNT}/us-east-1"
    assert json.loads(out)["complete"] == {"asOf": None, "incomplete": [name], "more": 0}
    assert err == ""
    _, _, err = run(*QUERY)
    assert err == f"note: findings may be missing of {name}; `secgraph status` says why\n"


def test_a_graph_without_a_ledger_says_so(run, tmp_path):
    with writing(tmp_path / "test.duckdb"):
        pass
    assert run("status")[1].startswith("not known to be complete\nno source was reconciled yet")
    _, out, err = run(*QUERY, "--format", "json")
    complete = json.loads(out)["complete"]
    assert (complete["asOf"], complete["incomplete"]) == (None, [])
    assert "nothing says" in complete["reason"]
    assert run(*QUERY)[2] == err == ""


class Function:
    """A function of a stack that gives the answers it was made with."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.called = list(answers), []  # type: list[dict[str, Any]], list[object]

    def call(self, event: Mapping[str, object]) -> dict[str, Any]:
        self.called.append(dict(event))
        return self.answers.pop(0)

    def function(self, output: str) -> Function:
        self.called.append(output)
        return self


def scope(did: str, **more: object) -> dict[str, Any]:
    counts = dict.fromkeys(("listed", "repaired", "closed", "quarantined"), 3)
    return {"source": "guardduty", "account": ACCOUNT, "region": "r", "did": did, **counts, **more}


def answer(*scopes: dict[str, Any], finished: bool) -> dict[str, Any]:
    return {"scopes": list(scopes), "waiting": 0, "finished": finished, "askedOn": 5}


def test_the_status_of_a_stack_is_that_of_its_function(run, monkeypatch):
    said: dict[str, Any] = {"completeAsOf": None, "incomplete": [], "sources": []}
    function = Function(said)
    monkeypatch.setattr(deployed, "of_stack", lambda name: function)
    code, out, _ = run("status", "--stack", "s", "--json")
    assert (code, json.loads(out), function.called) == (0, said, ["StatusFunction", {}])


def test_a_reconcile_is_asked_for_until_it_is_finished(run, monkeypatch):
    function = Function(
        answer(scope("advanced"), finished=False),
        answer(scope("failed", reason="denied"), finished=True),
    )
    monkeypatch.setattr(deployed, "of_stack", lambda name: function)
    code, out, err = run("reconcile", "--stack", "s", "--source", "guardduty")
    assert code == 1
    assert out.splitlines()[0].endswith("advanced, 3 listed, 3 repaired, 3 closed, 3 quarantined")
    assert "denied" in err
    assert function.called == [
        "ReconcileFunction",
        {"source": "guardduty"},
        {"source": "guardduty", "askedOn": 5},
    ]


def test_it_waits_for_who_is_at_work(capsys):
    waited: list[float] = []
    function = Function(answer(scope("busy"), finished=False), answer(scope("finished"), finished=True))
    assert reconciled(function.call, {}, waited.append) == []
    assert waited == [PAUSE_SECONDS]

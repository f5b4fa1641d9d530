"""An attack sequence and its members: one relationship, whichever comes first and whoever names the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from secgraph.adapters.local_graph import LocalGraph
from secgraph.cli.beside import reader_of
from secgraph.flows.ask import ask
from secgraph.flows.ingest import Delivery, WarmCache, ingest

FIXTURES: Final = Path(__file__).parent.parent / "ingest" / "guardduty" / "fixtures"
NOW: Final = 1_795_000_000_000
ANY: Final = (FIXTURES / "sequence_credentials.event.json").read_text("utf-8")
TIES: Final = "FIND aws_guardduty_finding AS whole THAT HAS >> aws_guardduty_finding AS part"


def arn(id_: str) -> str:
    held: str = json.loads(ANY)["detail"]["arn"]
    return f"{held.rpartition('/')[0]}/{id_}"


def whole(id_: str, *members: str) -> dict[str, Any]:
    """A sequence that names these members, by ARN or by bare id."""
    event: dict[str, Any] = json.loads(ANY)
    event["detail"] |= {"id": id_, "arn": arn(id_)}
    signals = [{"type": "FINDING", "uid": uid, "name": "n"} for uid in members]
    event["detail"]["service"]["detection"]["sequence"]["signals"] = signals
    return event


def part(id_: str, sequence: str | None = None) -> dict[str, Any]:
    """A finding that says which sequence it belongs to, if any."""
    event: dict[str, Any] = json.loads(ANY)
    tie = {"associatedAttackSequenceArn": arn(sequence)} if sequence else {}
    event["detail"] |= {"id": id_, "arn": arn(id_), "resource": {"resourceType": "AccessKey"}, **tie}
    del event["detail"]["service"]["detection"]
    return event


WHOLES: Final = [whole("a1", arn("b1"), "b2"), whole("a2", arn("b3"), "b4", "never-seen"), whole("a3")]
PARTS: Final = [part("b1", "a1"), part("b2", "a1"), part("b3"), part("b4"), part("b5", "a3")]


def deliver(graph: LocalGraph, events: Sequence[dict[str, Any]]) -> None:
    deliveries = [Delivery(f"m{number}", json.dumps(event), NOW) for number, event in enumerate(events)]
    reports = ingest(deliveries, writer=graph, quarantine=graph, now=NOW, settings={}, cache=WarmCache())
    assert {report.outcome for report in reports} == {"applied"}


def found(graph: LocalGraph, query: str) -> list[Any]:
    reader = reader_of(graph)
    rows: list[Any] = ask(query, reader=reader, now=NOW)["data"]
    return rows


def ties(graph: LocalGraph) -> list[tuple[str, str]]:
    return sorted(
        (row["whole.id"], row["part.id"]) for row in found(graph, f"{TIES} RETURN whole.id, part.id")
    )


@pytest.mark.parametrize(("first", "second"), [(WHOLES, PARTS), (PARTS, WHOLES)])
def test_a_member_is_tied_once(first, second):
    with LocalGraph.in_memory() as graph:
        deliver(graph, first)
        assert ties(graph) == []
        deliver(graph, second)
        assert ties(graph) == [("a1", "b1"), ("a1", "b2"), ("a2", "b3"), ("a2", "b4"), ("a3", "b5")]
        assert found(graph, "FIND aws_guardduty_finding WITH id = 'never-seen'") == []

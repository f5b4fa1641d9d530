"""What `check` believes to be fed is what ingest writes: held to the events of tests/ingest."""

from __future__ import annotations

from pathlib import Path

from secgraph.graph.model import GraphChange
from secgraph.ingest.event import parse
from secgraph.ingest.normalise import Ignored, normalise
from secgraph.rules.fed import FED, FED_VERBS

EVENTS = sorted((Path(__file__).parent.parent / "ingest" / "fixtures").glob("*.json"))


def changes() -> list[GraphChange]:
    found: list[GraphChange] = []
    for path in EVENTS:
        made = normalise(parse(path.read_text("utf-8")), received_on=1, test_source=False)
        if not isinstance(made, Ignored):
            found += made
    return found


def test_whatever_ingest_writes_is_declared_with_its_classes():
    written = {change.thing.type: change.observation.properties["_class"] for change in changes()}
    assert written
    assert {type_: FED[type_] for type_ in written} == written


def test_whatever_is_declared_is_written():
    written = {change.thing.type for change in changes()}
    assert FED.keys() - written <= SELDOM


SELDOM = {"vulnerability"}
"""Vulnerabilities that are neither CVE nor GitHub advisory; no fixture has one."""


def test_the_verbs_are_those_that_ingest_writes():
    assert {edge.verb for change in changes() for edge in change.observation.edges} == FED_VERBS

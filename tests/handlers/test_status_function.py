"""The function that says how complete the graph is, over the image of a deployment."""

from __future__ import annotations

import json

import pytest

from secgraph import contract
from secgraph.flows.status import NOTHING_KNOWN, sources_of
from secgraph.handlers import query, runtime, status, status_runtime
from secgraph.handlers.ingest import handler as ingest
from secgraph.j1ql.moments import iso
from secgraph.sources import observed
from secgraph.sources.scope import Reader, Scope
from secgraph.sources.standing import Finished, Standing, State
from tests.handlers.upkeep import asked, catch_up

ACCOUNT = "123456789012"
SCOPE = Scope("guardduty", ACCOUNT, "eu-west-1")
BEGAN, ENDED = 1_795_000_000_000, 1_795_000_060_000


@pytest.fixture
def known(deployment, batch, context):
    """A source that was reconciled."""
    done = Finished(BEGAN, ENDED, at_source=3, held=3, repaired=2, closed=1, quarantined=0)
    told = observed.source_state(Standing(SCOPE, Reader(ACCOUNT), State.ON, BEGAN, finished=done), ENDED)
    assert ingest(batch(told.body), context) == {"batchItemFailures": []}
    catch_up(context)


def test_it_says_what_is_known_of_each_source_and_from_which_image(known, context):
    answer = status.handler({}, context)
    text = json.dumps(answer)
    assert ACCOUNT in text
    assert "guardduty" in text
    assert answer["image"]["generation"] >= 1
    assert answer["completeAsOf"] == iso(BEGAN)
    assert "error" not in answer


@pytest.mark.parametrize(("hours", "is_late"), [("24", True), ("100", False)])
def test_it_knows_how_often_sources_are_read(known, context, monkeypatch, hours, is_late):
    monkeypatch.setattr(runtime, "now", lambda: ENDED + 60 * 3_600_000)
    monkeypatch.setenv(contract.SOURCES, f'{{"hours": {hours}}}')
    source = next(each for each in status.handler({}, context)["sources"] if each["source"] == "guardduty")
    assert ("incomplete" in source) is is_late


def test_every_answer_says_as_of_when_it_is_complete(known, context, monkeypatch):
    """An answer in any format; the image is asked once a version."""
    read = []

    def counted(reader, now):
        read.append(now)
        return sources_of(reader, now=now)

    monkeypatch.setattr(status_runtime, "sources_of", counted)
    monkeypatch.setattr(runtime, "now", lambda: ENDED)
    for form in ("json", "csv"):
        answer = query.handler({"query": "FIND secgraph_source", "format": form}, context)
        assert answer["complete"] == {"asOf": iso(BEGAN), "incomplete": [], "more": 0}
    assert len(read) == 1


def test_an_answer_of_a_graph_that_nobody_reconciled_says_so(deployment, context):
    complete = asked({"query": "FIND Finding"}, context)["complete"]
    assert (complete["asOf"], complete["reason"]) == (None, NOTHING_KNOWN)


@pytest.mark.parametrize("event", [[], {"source": "guardduty"}, None])
def test_it_takes_no_fields(deployment, context, event):
    assert status.handler(event, context) == {
        "error": {"code": "INPUT", "message": "the event has fields, and the status takes none; send {}"}
    }


def test_without_an_image_it_says_when_to_ask_again(deployment, context):
    answer = status.handler({}, context)
    assert answer["error"]["code"] == "STORE"
    assert "ask again" in answer["error"]["message"]

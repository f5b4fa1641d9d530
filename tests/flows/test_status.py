"""How complete the graph is, told from events that were ingested."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from secgraph.adapters.image.opened import reader_in_memory
from secgraph.flows.ingest import WarmCache, ingest
from secgraph.flows.status import NOTHING_KNOWN, Status, status
from secgraph.graph.model import AccountSettings
from secgraph.image.expand import expand
from secgraph.ingest.ports import Delivery
from secgraph.j1ql.moments import iso
from secgraph.sources.observed import source_state
from secgraph.sources.scope import Reader, Scope
from secgraph.sources.standing import Failure, Finished, Standing, State
from tests.converge.delivery import Memory

HOUR = 3_600_000
NOW = 1_795_000_000_000
ACCOUNT, OTHER = "123456789012", "210987654321"
DONE = Finished(NOW - 3 * HOUR, NOW - 2 * HOUR, 7, 6, 2, 1, 3)
LATER = replace(DONE, began_on=NOW - HOUR, finished_on=NOW)
OLD = replace(DONE, began_on=NOW - 49 * HOUR, finished_on=NOW - 48 * HOUR)


def standing(
    state: State = State.ON,
    finished: Finished | None = None,
    *,
    source: str = "guardduty",
    account: str = ACCOUNT,
    region: str = "eu-west-1",
    reason: str = "",
    failure: Failure | None = None,
) -> Standing:
    scope = Scope(source, account, region)
    return Standing(scope, Reader(account), state, NOW, reason=reason, finished=finished, failure=failure)


def told(*standings: Standing, beside: Delivery | None = None) -> Status:
    """Ingest how sources stand, and ask the graph that this gives."""
    memory = Memory()
    deliveries = [source_state(each, NOW) for each in standings]
    ingest(
        [*deliveries, *([beside] if beside else [])],
        writer=memory,
        quarantine=memory.quarantined,
        now=NOW,
        settings={OTHER: AccountSettings(name="shop")},
        cache=WarmCache(),
    )
    return status(reader_in_memory([expand(item, NOW) for item in memory.items()]), now=NOW)


def test_all_that_is_known_of_a_source_is_told():
    said = told(standing(finished=DONE)).as_json()
    assert said == {
        "completeAsOf": iso(NOW - 3 * HOUR),
        "incomplete": [],
        "sources": [
            {
                "source": "guardduty",
                "account": ACCOUNT,
                "accountName": ACCOUNT,
                "region": "eu-west-1",
                "state": "on",
                "completeAsOf": iso(NOW - 3 * HOUR),
                "reconciledOn": iso(NOW - 2 * HOUR),
                "countAtSource": 7,
                "countHeld": 6,
                "repaired": 2,
                "closed": 1,
                "quarantined": 3,
            }
        ],
    }
    json.dumps(said)


@pytest.mark.parametrize(
    ("others", "as_of", "incomplete"),
    [
        ((), NOW - HOUR, 0),
        ((standing(finished=DONE, region="us-east-1"),), NOW - 3 * HOUR, 0),
        ((standing(State.OFF, OLD, region="us-east-1", reason="suspended"),), NOW - HOUR, 0),
        ((standing(State.UNREACHABLE, OLD, region="us-east-1", reason="no role"),), NOW - HOUR, 1),
        ((standing(region="us-east-1"),), None, 1),
        ((standing(finished=OLD, region="us-east-1"),), NOW - 49 * HOUR, 1),
        (
            (standing(finished=DONE, region="us-east-1", failure=Failure("throttled", 3, NOW)),),
            NOW - 3 * HOUR,
            1,
        ),
    ],
    ids=["alone", "the-oldest", "off", "unreachable", "never-finished", "late", "failing"],
)
def test_it_is_complete_as_of_the_oldest_source_that_is_on(others, as_of, incomplete):
    known = told(standing(finished=LATER), *others)
    assert known.as_of == as_of
    named = [f"guardduty/{ACCOUNT}/us-east-1"] * incomplete
    assert [each.key for each in known.incomplete] == named
    assert known.complete()["incomplete"] == known.as_json()["incomplete"] == named


def test_an_account_has_the_name_that_it_was_given():
    (source,) = told(standing(finished=DONE, account=OTHER)).sources
    assert (source.account, source.name) == (OTHER, "shop")


def test_a_source_of_which_only_events_came_is_in_doubt(sample):
    known = told(beside=Delivery("d", json.dumps(sample("01")), NOW))
    (source,) = known.sources
    said = source.as_json(NOW, known.interval_ms)
    assert (said["source"], said["state"]) == ("guardduty", "unknown")
    assert "lastEventOn" in said
    assert "never reconciled" in str(said["incomplete"])
    assert known.complete()["reason"] == NOTHING_KNOWN


def test_an_empty_graph_is_not_complete():
    assert told().as_json() == {
        "completeAsOf": None,
        "incomplete": [],
        "reason": NOTHING_KNOWN,
        "sources": [],
    }

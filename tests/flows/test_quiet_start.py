"""What a deployment finds at first is told in one summary, once its sources were loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secgraph.adapters.image.opened import reader_in_memory
from secgraph.alerts.quiet import Deployment
from secgraph.alerts.stored import DEPLOYMENT, dump_deployment, load_deployment
from secgraph.flows.asking import asker
from secgraph.flows.evaluate import evaluate
from secgraph.flows.evaluated import EvaluationReport
from secgraph.flows.status import SETTLED_MS, UNASKED_MS, Source, Status, status
from secgraph.graph.loading import items_of
from secgraph.image.expand import expand
from secgraph.rules.pack import load
from secgraph.sources.observed import source_state
from secgraph.sources.scope import GUARDDUTY, Reader
from secgraph.sources.standing import Finished, Standing, State
from tests.flows.alert_world import CHANNELS, QUARTER
from tests.flows.alert_world import World as Alerts
from tests.reconcile.reconcile_world import World
from tests.reconcile.source_model import SHOP, scope

HOUR = 3_600_000
NOW = 1_795_000_000_000
FINDINGS = 5_000
RULE = """[{"name": "findings", "description": "d", "pollingInterval": "FIFTEEN_MINUTES",
 "queries": [{"query": "FIND Finding WITH open = true"}],
 "operations": [{"when": "{{queries.query0.total > 0}}", "actions": [
   {"type": "SET_PROPERTY", "targetProperty": "alertLevel", "targetValue": "HIGH"},
   {"type": "CREATE_ALERT"}]}]}]"""


def source(state: str = "on", **said: object) -> Source:
    return Source("guardduty", "123456789012", "eu-west-1", "shop", state, said)


DONE = source(completeAsOf=NOW - HOUR, reconciledOn=NOW - HOUR)


@pytest.mark.parametrize(
    ("held", "waited", "settling"),
    [
        ([], UNASKED_MS - 1, True),
        ([], UNASKED_MS, False),
        ([source("unknown")], UNASKED_MS - 1, True),
        ([source()], SETTLED_MS - 1, True),
        ([source()], SETTLED_MS, False),
        ([source()], -1, False),
        ([DONE, source()], HOUR, True),
        ([DONE], HOUR, False),
        ([source(completeAsOf=NOW, reconciledOn=NOW)], HOUR, True),
        ([source(failure="denied"), source("off"), source("unreachable"), DONE], HOUR, False),
    ],
)
def test_the_first_load_holds_rules_up_for_so_long(held, waited, settling):
    assert Status(held, NOW).settling(NOW - waited) is settling


@pytest.mark.parametrize(
    ("held", "doubt"),
    [
        (source("off"), ""),
        (source("unknown"), "never reconciled"),
        (source("unreachable", reason="no role"), "no role"),
        (replace(DONE, said={**DONE.said, "failure": "denied"}), "denied"),
        (source(), "first load"),
        (DONE, ""),
        (source(completeAsOf=NOW - 49 * HOUR), "two intervals"),
    ],
)
def test_what_speaks_against_completeness_is_named(held, doubt):
    said = Status([held], NOW)
    assert doubt in held.doubt(NOW, said.interval_ms)
    assert bool(said.incomplete) is bool(doubt)


def test_an_answer_names_five_and_counts_the_others():
    said = Status([source("unreachable")] * 7, NOW).complete()
    assert (len(said["incomplete"]), said["more"], said["asOf"]) == (5, 2, None)


def test_a_deployment_that_was_stored_before_has_no_beginning():
    text = dump_deployment(Deployment()).replace(', "beganOn": null', "").replace(',"beganOn":null', "")
    assert "beganOn" not in text
    assert load_deployment(text) == Deployment()
    assert load_deployment(dump_deployment(Deployment(began_on=5))).began_on == 5


def test_what_5000_findings_open_at_first_is_one_message():
    world, alerts = World(), Alerts()
    entities = [
        {"_key": f"f{n}", "_type": "aws_guardduty_finding", "_class": "Finding", "open": True}
        for n in range(FINDINGS)
    ]
    found = items_of({"entities": entities}, now=5)

    def tick(loaded: int) -> EvaluationReport:
        world.now += QUARTER
        items = [*found[:loaded], *world.memory.items()]
        reader = reader_in_memory([expand(item, world.now) for item in items])
        run = alerts._begin()
        return evaluate(
            load(RULE, "p.json").rules,
            ask=asker(reader, now=world.now, clock=lambda: world.now),
            store=alerts,
            channels=CHANNELS,
            now=world.now,
            run=run.name,
            settling=lambda began_on: status(reader, now=world.now).settling(began_on),
        )

    assert tick(1).quiet, "before the reconcile has begun"
    began_on = load_deployment(alerts.items[DEPLOYMENT].body).began_on
    assert began_on == world.now
    loading = Standing(scope(GUARDDUTY, SHOP), Reader(SHOP), State.ON, world.now)
    world.bring([source_state(loading, world.now)], world.memory)
    during = tick(FINDINGS // 2)
    assert (during.quiet, during.told, during.results[0].total) == (True, (), FINDINGS // 2)
    done = Finished(began_on, world.now, FINDINGS, FINDINGS, FINDINGS, 0, 0)
    world.bring([source_state(replace(loading, finished=done), world.now)], world.memory)
    assert len(tick(FINDINGS).told) == len(CHANNELS), "one summary in each channel"
    assert not tick(FINDINGS).told
    assert len(alerts.made) == len(CHANNELS)
    assert load_deployment(alerts.items[DEPLOYMENT].body).began_on == began_on

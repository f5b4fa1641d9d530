"""The function that reconciles: what it is set to read, what may be asked of it, what it counts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from secgraph import contract
from secgraph.errors import InputError, SettingsError, StoreUnavailable
from secgraph.handlers import runtime, source_runtime
from secgraph.handlers.reconcile import FAILURES, MARGIN_MS, SCHEDULED_MARGIN_MS, handler
from secgraph.sources.scope import GUARDDUTY, Reader
from secgraph.sources.standing import Failure, State
from tests.handlers.conftest import Context
from tests.reconcile.reconcile_world import World
from tests.reconcile.source_model import BANK, EVERYWHERE, HUB, REGION, SHOP, scope

TICK = {"source": "aws.events", "detail-type": "Scheduled Event", "account": HUB, "region": REGION}
READER = {"account": BANK, "role": "arn:aws:iam::333333333333:role/reader", "externalId": "id"}
SETTINGS: dict[str, Any] = {"hours": 24, "readers": [READER]}


@pytest.fixture
def here() -> Context:
    return Context(invoked_function_arn=f"arn:aws:lambda:{REGION}:{HUB}:function:reconcile")


@pytest.fixture
def world(monkeypatch, tmp_path) -> World:
    """Sources, graph and ledger in memory, for the functions of a deployment with two readers."""
    made = World()
    monkeypatch.setattr(runtime, "now", lambda: made.now)
    monkeypatch.setattr(runtime, "ASSET", tmp_path)
    monkeypatch.setattr(runtime, "accounts", dict)
    monkeypatch.setattr(source_runtime, "ports", made.ports)
    monkeypatch.setenv(contract.SOURCES, json.dumps(SETTINGS))
    return made


def counted(text: str) -> dict[str, float]:
    """What was measured, by its name."""
    lines = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    return {name: one[name][0] for one in lines for name in one if isinstance(one[name], list)}


def test_without_more_the_own_account_and_region_are_read(world, here, monkeypatch):
    monkeypatch.setenv(contract.SOURCES, '{"hours":24}')
    plan = source_runtime.plan(here)
    assert (plan.readers, plan.regions) == ((Reader(HUB),), (REGION,))
    assert plan.interval_ms == 24 * 3_600_000


def test_what_is_set_is_read_besides_and_nobody_twice(world, here, tmp_path):
    own = {**READER, "account": HUB}
    shipped = {"hours": 6, "regions": [REGION, "us-east-1"], "readers": [own, READER]}
    (tmp_path / contract.SOURCES_FILE).write_text(json.dumps(shipped))  # it prevails over the variable
    plan = source_runtime.plan(here)
    assert plan.readers == (Reader(HUB), Reader(BANK, READER["role"], "id"))
    assert (plan.regions, plan.interval_ms) == ((REGION, "us-east-1"), 6 * 3_600_000)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"hours": "x"}', '{"hours": 1, "readers": [{}]}'])
def test_settings_that_no_deployment_writes_are_named(world, here, monkeypatch, text):
    monkeypatch.setenv(contract.SOURCES, text)
    with pytest.raises(SettingsError, match=r"^SECGRAPH_SOURCES: not .* deploy the stack again"):
        source_runtime.plan(here)


def test_switched_off_it_says_so(world, here, monkeypatch):
    monkeypatch.delenv(contract.SOURCES)
    answer = handler({}, here)
    assert answer["error"]["code"] == "INPUT"
    assert "switched off" in answer["error"]["message"]
    with pytest.raises(InputError, match="switched off"):
        handler(TICK, here)


def test_the_first_tick_brings_in_what_was_there_before_and_counts_it(world, here, capsys):
    for number in range(4):
        world.aws.attack(SHOP, number)
    answer = handler(TICK, here)
    assert answer["finished"] is True
    assert "askedOn" not in answer
    assert sum(each["listed"] for each in answer["scopes"]) == 4
    assert len(world.open_arns()) == 4
    assert counted(capsys.readouterr().out) == {contract.METRIC_FINDINGS_REPAIRED: 4.0}
    assert handler(TICK, here) == {"scopes": [], "waiting": 0, "finished": True}, "none is due"
    json.dumps(answer)


def test_what_is_asked_for_is_read_at_once_and_no_other(world, here):
    handler(TICK, here)
    world.now += 60_000
    answer = handler({"source": GUARDDUTY, "account": SHOP, "region": None}, here)
    (only,) = answer["scopes"]
    assert (only["source"], only["account"], only["did"]) == (GUARDDUTY, SHOP, "finished")
    assert answer["askedOn"] > 0
    again = handler({"source": GUARDDUTY, "account": SHOP, "askedOn": answer["askedOn"]}, here)
    assert (again["finished"], again["askedOn"]) == (True, answer["askedOn"])


@pytest.mark.parametrize(("event", "margin"), [(TICK, SCHEDULED_MARGIN_MS), ({}, MARGIN_MS)])
def test_it_stops_in_time_and_goes_on_with_the_next(world, here, event, margin):
    here.remaining = margin - 1
    answer = handler(event, here)
    assert (answer["scopes"], answer["finished"]) == ([], False), "nobody was asked yet"
    assert world.aws.calls == []
    here.remaining = margin
    assert handler(event, here)["finished"] is True
    assert set(world.standings) == set(EVERYWHERE)


WRONG: list[tuple[Any, str]] = [
    ([], "the event is no object; send {} or"),
    ({"sources": GUARDDUTY}, "sources: unknown field; an event may have source, account, region, askedOn"),
    ({"source": "GuardDuty"}, "source: expected one of guardduty, inspector2"),
    ({"source": [GUARDDUTY]}, "source: expected one of guardduty, inspector2"),
    ({"account": 111111111111}, "account: expected an account id, a text of 12 digits"),
    ({"account": "1111"}, "account: expected an account id, a text of 12 digits"),
    ({"region": "Ireland"}, "region: expected a region such as eu-west-1"),
    ({"region": "us-east-1"}, "region: only eu-west-1 is read; the setting `sources` adds others"),
    ({"askedOn": "now"}, "askedOn: expected the number of an earlier answer, epoch milliseconds"),
    ({"askedOn": True}, "askedOn: expected the number"),
    ({"askedOn": -1}, "askedOn: expected the number"),
    ({"account": "999999999999"}, "nothing that is read matches this; `secgraph status` lists what is"),
]


@pytest.mark.parametrize(("event", "says"), WRONG)
def test_a_wrong_request_is_told_with_its_field_and_the_remedy(world, here, event, says):
    answer = handler(event, here)
    assert answer["error"]["code"] == "INPUT"
    assert answer["error"]["message"].startswith(says)


def test_a_store_that_fails_fails_the_tick_and_answers_a_person(world, here):
    def fails(where: str) -> None:
        raise StoreUnavailable("the table did not answer")

    world.between = fails
    with pytest.raises(StoreUnavailable):
        handler(TICK, here)
    assert handler({}, here) == {"error": {"code": "STORE", "message": "the table did not answer"}}


def test_a_reader_that_is_refused_rings_at_every_tick_until_it_is_let_in(world, here, capsys, caplog):
    world.aws.refusing = {BANK}
    for _ in range(2):
        handler(TICK, here)
        said = capsys.readouterr().out
        assert counted(said)[contract.METRIC_SOURCES_FAILED] == 2.0, "both sources of the account"
        logged = caplog.records[-1]
        assert logged.scopes[f"guardduty/{BANK}/{REGION}"] == f"{BANK} refused the call"
    world.aws.refusing = set()
    world.now += 2 * 3_600_000
    handler(TICK, here)
    assert contract.METRIC_SOURCES_FAILED not in counted(capsys.readouterr().out)


def test_failures_ring_once_they_repeat_and_an_account_that_left_never_does(world, here, capsys):
    handler(TICK, here)
    capsys.readouterr()
    for attempts, rings in ((FAILURES - 1, False), (FAILURES, True)):
        where = scope(GUARDDUTY, SHOP)
        failure = Failure("throttled", attempts, world.now)
        world.standings[where] = replace(world.standings[where], failure=failure)
        handler(TICK, here)
        said = counted(capsys.readouterr().out)
        assert (contract.METRIC_SOURCES_FAILED in said) is rings
    left = replace(world.standings[where], state=State.UNREACHABLE, reason="left")
    world.standings[where] = left
    handler(TICK, here)
    assert contract.METRIC_SOURCES_FAILED not in counted(capsys.readouterr().out)


def test_the_ports_of_a_deployment_are_those_of_its_tables_and_bucket(deployment, monkeypatch):
    monkeypatch.setenv(contract.LEDGER_TABLE, "ledger")
    deployment.dynamodb.create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": contract.LEDGER_TABLE_KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": contract.LEDGER_TABLE_KEY, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    source_runtime.ledger.cache_clear()
    ports = source_runtime.ports.__wrapped__()
    source_runtime.ledger.cache_clear()
    assert list(ports.ledger.all()) == []
    ports.seen.add("run", 0, ["a"])
    assert set(ports.seen.all("run")) == {"a"}
    listed = deployment.s3.list_objects_v2(Bucket="bucket")["Contents"]
    assert all(one["Key"].startswith(contract.RECONCILE_PREFIX) for one in listed)

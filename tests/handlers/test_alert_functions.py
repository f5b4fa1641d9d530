"""The functions around alerts on one deployment: rules evaluated, people told, things tagged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from secgraph import contract
from secgraph.adapters.channels.sns import TopicChannel
from secgraph.adapters.parameters import ParameterStore
from secgraph.errors import StoreUnavailable
from secgraph.handlers import alert_runtime, evaluate, notify, project, query, runtime
from secgraph.handlers.ingest import handler as ingest
from secgraph.j1ql.server.parameters import Secret
from tests.handlers.conftest import PARAMETERS, Deployment
from tests.handlers.upkeep import catch_up, evaluated

HOUR = 3_600_000
ATTACKED = {
    "name": "attacked",
    "description": "d",
    "alertLevel": "HIGH",
    "queries": [{"query": "FIND aws_instance THAT HAS aws_guardduty_finding"}],
}

Own = Callable[..., None]


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Own:
    """Give a function that puts rules in the place of the bundled ones."""
    folder = tmp_path / "packs"
    folder.mkdir()
    monkeypatch.setattr(contract, "PACKS_FOLDER", str(folder))

    def put(*rules: dict[str, Any]) -> None:
        (folder / "own.json").write_text(json.dumps(rules))
        alert_runtime.packs.cache_clear()
        evaluate._rules.cache_clear()

    return put


def change_mark(deployment: Deployment) -> str | None:
    """What the stream would tell of a change: the mark, if it is there."""
    key = {contract.ALERT_TABLE_KEY: {"S": contract.CHANGE_ITEM}}
    item = deployment.dynamodb.get_item(TableName="alerts", Key=key).get("Item")
    return None if item is None else item["rev"]["N"]


def test_the_first_flood_is_one_summary_and_nothing_new_is_silence(
    deployment, sample, batch, context, monkeypatch
):
    assert evaluated({}, context)["quiet"] is True
    assert notify.handler({}, context)["messages"] == []
    ingest(batch(sample("01"), sample("02")), context)
    started = runtime.now()
    told = []
    for hours in (1, 2):
        monkeypatch.setattr(runtime, "now", lambda hours=hours: started + hours * HOUR)
        evaluated({}, context)
        assert deployment.messages() == [], "who evaluates tells nobody"
        for _ in range(2):
            notify.handler({"Records": []}, context)
        told.append([each["MessageAttributes"]["transition"]["Value"] for each in deployment.messages()])
    assert told == [["summary"], []]


def test_the_first_summary_waits_where_sources_are_reconciled(
    deployment, sample, batch, context, monkeypatch, own
):
    own(ATTACKED)
    monkeypatch.setenv(contract.SOURCES, '{"hours": 24}')
    ingest(batch(sample("01"), sample("02")), context)
    started, quiet = runtime.now(), []
    for hours in (0, 1, 2):
        monkeypatch.setattr(runtime, "now", lambda hours=hours: started + hours * HOUR)
        quiet.append(evaluated({}, context)["quiet"])
    assert quiet == [True, True, False], "no reconcile has begun within two hours"
    assert len(notify.handler({}, context)["messages"]) == 1


def test_what_keeps_a_run_from_its_messages_is_counted(deployment, context, own, capsys):
    own(ATTACKED)
    deployment.store("decision/attacked", "no JSON")
    capsys.readouterr()
    report = evaluated({}, context)
    assert len(report["faults"]) == 1
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [one[contract.METRIC_RULES_FAILED] for one in metrics if contract.METRIC_RULES_FAILED in one] == [
        [1.0]
    ]


@pytest.mark.thorough
def test_what_the_topic_refuses_is_counted_and_sent_later_once(
    deployment, sample, batch, context, monkeypatch, own, capsys
):
    own(ATTACKED)
    evaluated({}, context)
    ingest(batch(sample("01"), sample("02")), context)
    started = runtime.now()
    monkeypatch.setattr(runtime, "now", lambda: started + 24 * HOUR)
    evaluated({}, context)
    topic, away = runtime.environment(contract.ALERT_TOPIC), "arn:aws:sns:eu-west-1:123456789012:away"
    monkeypatch.setenv(contract.ALERT_TOPIC, away)
    capsys.readouterr()
    (refused,) = notify.handler({}, context)["messages"]
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [one[contract.METRIC_MESSAGES_FAILED] for one in metrics] == [[1.0]]
    assert away in refused["error"]
    monkeypatch.setenv(contract.ALERT_TOPIC, topic)
    for hours in (25, 26):
        monkeypatch.setattr(runtime, "now", lambda hours=hours: started + hours * HOUR)
        notify.handler({}, context)
    assert len(deployment.messages()) == 1


def test_a_repeated_request_is_a_run_of_its_own(deployment, sample, batch, context, monkeypatch, own):
    """Lambda may deliver a request twice, under one id: what one try claimed is not the other's to send."""

    class Died(BaseException):
        """The process ends while it sends."""

    def die(*_: object) -> None:
        raise Died

    own(ATTACKED)
    ingest(batch(sample("01"), sample("02")), context)
    evaluated({}, context)
    monkeypatch.setattr(TopicChannel, "send", die)
    started, claims = runtime.now(), []
    for hours in (0, 1):
        monkeypatch.setattr(runtime, "now", lambda hours=hours: started + hours * HOUR)
        with pytest.raises(Died):
            notify.handler({}, context)
        (record,) = alert_runtime.alerts().read_all(contract.OUTBOX_PREFIX).values()
        claims += [run for run in [json.loads(record.body).get("claimedBy")] if run]
    assert len(set(claims)) == 2
    assert all(claim.startswith(context.aws_request_id) for claim in claims)


def test_nothing_is_sent_when_the_time_is_nearly_up(deployment, sample, batch, context, own):
    own(ATTACKED)
    ingest(batch(sample("01"), sample("02")), context)
    evaluated({}, context)
    context.remaining = notify.MARGIN_MS - 1
    report = notify.handler({}, context)
    assert (report["messages"], report["waiting"]) == ([], 1)


# ── on change ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_projector_marks_a_change_only_if_a_rule_waits_for_one(
    deployment, sample, batch, context, own, monkeypatch, caplog
):
    own(ATTACKED)
    ingest(batch(sample("01")), context)
    catch_up(context)
    assert change_mark(deployment) is None
    own({**ATTACKED, "evaluateOn": "change"})
    ingest(batch(sample("02")), context)
    catch_up(context)
    marked = change_mark(deployment)
    assert marked == str(runtime.image(runtime.now()).state().version)
    assert project.handler({"Records": []}, context)["rows"] == 0
    assert change_mark(deployment) == marked, "nothing was published"
    monkeypatch.setenv(contract.ALERT_TABLE, "away")
    alert_runtime.change_mark.cache_clear()
    catch_up(context)
    assert "rules on change wait for the schedule" in caplog.text


def test_on_change_only_those_rules_are_evaluated_that_ask_for_it(deployment, sample, batch, context, own):
    stream = {"Records": [{"eventName": "MODIFY"}]}
    own(ATTACKED)
    assert evaluate.handler(stream, context)["rules"] == []
    own(ATTACKED, {**ATTACKED, "name": "at once", "evaluateOn": "change"})
    assert "for the first time" in evaluate.handler(stream, context)["reason"], "and no alarm rings for it"
    ingest(batch(sample("01"), sample("02")), context)
    catch_up(context)
    report = evaluate.handler(stream, context)
    assert [(rule["rule"], rule["total"]) for rule in report["rules"]] == [("at once", 1)]
    # By hand, and with no time left: it is looked at after the next window.
    before, context.remaining = change_mark(deployment), evaluate.MARGIN_MS - 1
    again = evaluate.handler({"trigger": "change"}, context)
    assert (again["rules"], again["postponed"]) == ([], ["at once"])
    assert change_mark(deployment) != before


def test_the_first_flood_is_summed_up_by_the_schedule(deployment, sample, batch, context, own, monkeypatch):
    """It comes in many changes, and the first of them is not all of it."""
    own({**ATTACKED, "evaluateOn": "change"})
    ingest(batch(sample("01"), sample("02")), context)
    catch_up(context)
    stream = {"Records": [{"eventName": "MODIFY"}]}
    assert [evaluate.handler(stream, context)["quiet"] for _ in range(2)] == [True, True]
    assert notify.handler({}, context)["waiting"] == 0
    started = runtime.now()
    monkeypatch.setattr(runtime, "now", lambda: started + HOUR)
    evaluated({}, context)
    (summary,) = notify.handler({}, context)["messages"]
    assert (summary["channel"], summary["error"]) == ("topic", "")


def test_each_tick_makes_up_for_a_change_of_which_nobody_heard(
    deployment, sample, batch, context, own, monkeypatch, capsys
):
    at_once = {**ATTACKED, "name": "at once", "evaluateOn": "change"}
    own(ATTACKED, at_once, {**at_once, "name": "off", "pollingInterval": "DISABLED"})
    evaluated({}, context)
    started = runtime.now()
    monkeypatch.setattr(runtime, "now", lambda: started + HOUR)
    capsys.readouterr()
    assert [rule["rule"] for rule in evaluated({}, context)["rules"]] == ["at once"]
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [one.get(contract.METRIC_RULE_RUNS) for one in metrics] == [[1.0]]
    monkeypatch.setenv(contract.INTERVALS, '{"own.json": "ONE_DAY"}')
    assert evaluated({}, context)["rules"] == []


# ── parameters, tags, links ───────────────────────────────────────────────────────────────────────────


@pytest.mark.thorough
def test_rules_and_questions_see_the_parameters_and_questions_no_secret(
    deployment, sample, batch, context, own, monkeypatch
):
    ssm = boto3.client("ssm")
    for name, type_, text in (
        ("Type", "String", "aws_guardduty_finding"),
        ("Token", "SecureString", "shop-web-1"),
    ):
        ssm.put_parameter(Name=f"{PARAMETERS}/{name}", Type=type_, Value=text)
    ingest(batch(sample("01"), sample("02")), context)
    asked = "FIND aws_instance WITH name = ${param.Token}"
    own(
        {**ATTACKED, "name": "by secret", "queries": [{"query": asked}]},
        {**ATTACKED, "name": "missing", "queries": [{"query": asked.replace("Token", "Absent")}]},
    )
    rules = {rule["rule"]: rule for rule in evaluated({}, context)["rules"]}
    assert rules["by secret"]["total"] == 1
    assert "param.Absent is not defined" in rules["missing"]["error"]
    plain = "FIND Finding WITH _type = ${param.Type}"
    assert query.handler({"query": plain}, context)["totalCount"] == 1
    error = query.handler({"query": asked}, context)["error"]
    assert (error["code"], "rules may use and questions may not" in error["message"]) == ("INPUT", True)
    assert "shop-web-1" not in json.dumps(error)


def test_parameters_are_read_again_after_some_minutes_and_at_once_if_that_failed(deployment, monkeypatch):
    ssm = boto3.client("ssm")
    ssm.put_parameter(Name=f"{PARAMETERS}/Own", Type="SecureString", Value="1")
    now = runtime.now()
    assert runtime.parameters(now, secrets=True)["Own"] == Secret("1")
    ssm.put_parameter(Name=f"{PARAMETERS}/Own", Type="SecureString", Value="2", Overwrite=True)
    kept = runtime.PARAMETERS_KEPT_MS
    told = [runtime.parameters(now + later, secrets=True)["Own"] for later in (kept - 1, kept)]
    assert told == [Secret("1"), Secret("2")]

    def away(_: object) -> None:
        raise StoreUnavailable("the parameters cannot be read")

    runtime._parameters.clear()
    with monkeypatch.context() as broken:
        broken.setattr(ParameterStore, "read", away)
        failed = runtime.parameters(now, secrets=True)
        with pytest.raises(StoreUnavailable):
            failed["Own"]
    assert runtime.parameters(now, secrets=True)["Own"] == Secret("2")


def test_a_rule_tags_what_it_found_and_the_next_run_changes_nothing(
    deployment, sample, batch, context, own, monkeypatch
):
    action = {
        "type": "TAG_ENTITIES",
        "entities": "{{queries.query0.data}}",
        "tags": [{"name": "Attacked", "value": "{{alertLevel}}"}],
    }
    when = {"type": "FILTER", "condition": "{{queries.query0.total > 0}}"}
    own({**ATTACKED, "operations": [{"when": when, "actions": [{"type": "CREATE_ALERT"}, action]}]})
    ingest(batch(sample("01"), sample("02")), context)
    started, told = runtime.now(), []
    for days in (0, 1):
        monkeypatch.setattr(runtime, "now", lambda days=days: started + days * 24 * HOUR)
        told.append(evaluated({}, context)["tagged"])
    assert [run["attacked"]["written"] for run in told] == [1, 0]
    catch_up(context)
    (instance,) = query.handler({"query": "FIND aws_instance WITH tag.Attacked = 'HIGH'"}, context)["data"]
    assert instance["entity"]["_version"] == 2


def test_the_link_of_an_alert_has_the_rule_s_name_where_it_goes(monkeypatch):
    assert evaluate._web_link("a b") == ""
    monkeypatch.setenv(contract.ALERT_LINK, "https://wiki.example.com/{rule}?v=1")
    assert evaluate._web_link("a/b &c") == "https://wiki.example.com/a%2Fb%20%26c?v=1"


def test_the_reach_of_the_asset_is_that_of_actions(monkeypatch, tmp_path):
    monkeypatch.setattr(runtime, "ASSET", tmp_path)
    alert_runtime.reach.cache_clear()
    assert not alert_runtime.reach().hosts
    (tmp_path / contract.REACH_FILE).write_text('{"version": 1, "hosts": {"api.example.com": {}}}')
    alert_runtime.reach.cache_clear()
    assert set(alert_runtime.reach().hosts) == {"api.example.com"}
    alert_runtime.reach.cache_clear()

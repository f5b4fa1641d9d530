"""Every context key: what is taken, and the message for what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra import ROOT, packaging
from infra.alert_settings import INTERVALS
from infra.context import SettingsError
from infra.settings import KEYS, Settings, from_context
from infra.source_settings import OFF, Sources, sources_of
from secgraph import contract
from secgraph.alerts.reach import read as read_reach
from secgraph.j1ql.server.stored import parameters_of
from secgraph.rules.rule import Interval

GOOD = {"123456789012": {"name": "shop-prod", "production": True}, "210987654321": {"name": "lab"}}

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/slack-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/"
QUEUE_ARN = "arn:aws:sqs:eu-west-1:111122223333:"
REACH: dict[str, Any] = {
    "version": 1,
    "topics": ["arn:aws:sns:eu-west-1:111122223333:security"],
    "queues": [f"{QUEUE_URL}tickets", f"{QUEUE_ARN}more"],
    "hosts": {"api.example.com": {"secrets": ["Token"]}, "hooks.example.com:8443": {}},
}

SMART = {"version": 1, "smartClasses": {"Größe": ["FIND aws_instance WITH cores > 8"]}}


def write(folder: Path, text: str, name: str = "accounts.json") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_no_context_gives_the_defaults() -> None:
    assert from_context({}) == Settings()


def test_keys_of_the_cdk_are_left_alone() -> None:
    assert from_context({"aws:cdk:bundling-stacks": [], "@aws-cdk/core:x": True, "a/b": 1}) == Settings()


def test_every_key_is_taken(tmp_path: Path) -> None:
    (tmp_path / "secgraph").mkdir()
    (tmp_path / "reach").mkdir()
    write(tmp_path, "{}", "own.json")
    settings = from_context(
        {
            "accounts": write(tmp_path, json.dumps(GOOD)),
            "packs": str(tmp_path),
            "smartClasses": write(tmp_path, json.dumps(SMART), "smart.json"),
            "sources": "false",
            "alertEmail": "security@example.com",
            "chat": "true",
            "slackSecret": SECRET,
            "webhook": "https://hooks.example.com/secgraph?team=sec",
            "webhookSecret": SECRET,
            "reach": write(tmp_path / "reach", json.dumps(REACH), "reach.json"),
            "parameters": "/security/rules",
            "kmsKeys": f"{KEY}1,{KEY}2",
            "intervals": '{"*": "ONE_HOUR", "aws-threats": "FIFTEEN_MINUTES", "own.json": "ONE_DAY"}',
            "alertLink": "https://wiki.example.com/alerts/{rule}",
            "testSource": "true",
            "testEvents": True,
            "memory": "3008",
            "retention": 365,
            "rawRetention": "30",
            "asset": str(tmp_path),
        }
    )
    assert json.loads(settings.accounts) == GOOD
    assert settings.packs == settings.asset == tmp_path
    assert json.loads(settings.smart_classes) == SMART
    assert settings.sources == OFF
    assert (settings.alerts.email, settings.test_source) == ("security@example.com", True)
    alerts = settings.alerts
    assert (alerts.chat, alerts.slack_secret, alerts.webhook_secret) == (True, SECRET, SECRET)
    assert (alerts.webhook, alerts.parameters) == (
        "https://hooks.example.com/secgraph?team=sec",
        "/security/rules",
    )
    assert (alerts.keys, alerts.link) == ((f"{KEY}1", f"{KEY}2"), "https://wiki.example.com/alerts/{rule}")
    assert json.loads(alerts.intervals) == {
        "*": "ONE_HOUR",
        "aws-threats.json": "FIFTEEN_MINUTES",
        "own.json": "ONE_DAY",
    }
    assert alerts.reach.topics == tuple(REACH["topics"])
    assert alerts.reach.queues == (f"{QUEUE_ARN}tickets", f"{QUEUE_ARN}more")
    assert json.loads(alerts.reach.text) == {**REACH, "queues": [f"{QUEUE_URL}tickets", f"{QUEUE_URL}more"]}
    assert (settings.test_events, settings.memory_mb) == ("with-registry", 3008)
    assert (settings.retention_days, settings.raw_days) == (365, 30)


@pytest.mark.parametrize(
    ("value", "meant"),
    [("true", "with-registry"), ("existing", "existing-registry"), ("false", "no"), (False, "no")],
)
def test_test_events_know_where_the_registry_comes_from(value: object, meant: str) -> None:
    assert from_context({"testEvents": value}).test_events == meant


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("alertemail", "a@example.com", "did you mean alertEmail?"),
        ("colour", "red", f"the keys are {', '.join(KEYS)}."),
        ("alertEmail", "a@example.com,b@example.com", "is not one e-mail address"),
        ("testSource", "yes", "must be true or false, not 'yes'"),
        ("chat", "slack", "must be true or false, not 'slack'"),
        ("slackSecret", "hunter2", "must be the whole ARN of a secret"),
        ("webhookSecret", SECRET[:-7], "must be the whole ARN of a secret"),
        ("webhook", "https://hooks.example.com/", "needs webhookSecret beside it"),
        ("webhookSecret", SECRET, "needs webhook beside it"),
        ("webhook", "http://hooks.example.com/", "must be an https URL"),
        ("webhook", "https://me:hunter2@hooks.example.com/", "must be an https URL"),
        ("webhook", "https://hooks.example.com:99999/", "must be an https URL"),
        ("webhook", "https://hooks.slack.com/services/T/B/x", "give slackSecret"),
        ("webhook", "https://10.0.0.5/h", "must be an https URL"),
        ("webhook", "https://localhost/h", "must be an https URL"),
        ("webhook", "https://ex\u00e4mple.com/h", "must be an https URL"),
        ("webhook", "https://hooks.example.com/\u00e4", "must be an https URL"),
        ("alertLink", "https:///alerts/{rule}", "must be an https URL"),
        ("alertLink", "https://{rule}.example.com/", "must be an https URL"),
        ("alertLink", "https://ex\u00e4mple.com/{rule}", "must be an https URL"),
        ("alertLink", "https://wiki.example.com/?r={name}", "must hold {rule} once"),
        ("alertLink", "https://wiki.example.com/{rule}/{rule}", "must hold {rule} once"),
        ("alertLink", "https://wiki.example.com/{rule}/{name}", "must be an https URL"),
        ("parameters", "security", "must be a path such as /security/rules"),
        ("parameters", "/aws/rules", "which begins with no /aws"),
        ("kmsKeys", "alias/own", "'alias/own' is not the ARN of a KMS key"),
        ("intervals", "hourly", "is not JSON: line 1"),
        ("intervals", "[]", 'write an object: {"*": "ONE_HOUR"'),
        ("intervals", {"mine": "ONE_HOUR"}, "there is no pack 'mine'; the packs are *, aws-threats.json"),
        ("intervals", {"*": "HOURLY"}, "*: 'HOURLY' is none of DISABLED, FIFTEEN_MINUTES"),
        ("reach", "no/such/file.json", "cannot be read: No such file"),
        ("sources", "no/such/file.json", "cannot be read: No such file"),
        ("source", "false", "did you mean sources?"),
        ("testEvents", "maybe", "must be true, false or existing"),
        ("memory", "511", "from 512 to 10240"),
        ("memory", "10241", "from 512 to 10240"),
        ("memory", "2GB", "a whole number of MB"),
        ("retention", "100", "CloudWatch keeps logs for one of 1, 3, 5"),
        ("rawRetention", "0", "from 1 to 36500"),
        ("rawRetention", "36501", "from 1 to 36500"),
        ("rawRetention", "a year", "a whole number of days"),
        ("packs", "no/such/folder", "is not a folder"),
        ("accounts", "no/such/file.json", "cannot be read: No such file"),
        ("asset", "no/such/folder", "is no built asset"),
    ],
)
def test_a_wrong_value_names_its_key_and_the_remedy(key: str, value: object, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_context({key: value})
    assert str(caught.value).startswith(f"-c {key}: ")
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_intervals_are_those_of_rules() -> None:
    assert {interval.name for interval in Interval} == set(INTERVALS)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], 'must hold {"version": 1'),
        ({"version": True}, 'must hold {"version": 1'),
        ({"version": 1, "mail": []}, "there is no part 'mail'"),
        ({"version": 1, "topics": "all"}, "topics must be a list of texts"),
        (
            {"version": 1, "topics": ["arn:aws:sns:*:*:*"]},
            "is not the ARN of an SNS topic",
        ),
        ({"version": 1, "topics": [f"{REACH['topics'][0]}.alerts"]}, "is not the ARN of an SNS topic"),
        (
            {"version": 1, "topics": [f"{REACH['topics'][0]}{number}" for number in range(200)]},
            "more topics and queues than the sender's role can name",
        ),
        ({"version": 1, "queues": ["https://sqs.example.com/x"]}, "is neither URL nor ARN of an SQS queue"),
        ({"version": 1, "hosts": ["api.example.com"]}, 'hosts must be an object: {"api.example.com"'),
        ({"version": 1, "hosts": {"https://api.example.com": {}}}, "is no host; write a lower-case name"),
        ({"version": 1, "hosts": {"*.example.com": {}}}, "is no host"),
        ({"version": 1, "hosts": {"api.example.com:443": {}}}, "is no host"),
        ({"version": 1, "hosts": {"api.example.com": {"secret": []}}}, "there is no field 'secret'"),
        ({"version": 1, "hosts": {"api.example.com": {"secrets": "x"}}}, "secrets must be a list of texts"),
    ],
)
def test_a_wrong_file_of_reach_says_where(tmp_path: Path, document: object, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_context({"reach": write(tmp_path, json.dumps(document), "reach.json")})
    assert str(caught.value).startswith("-c reach: ")
    assert says in str(caught.value)


def test_what_the_stack_takes_for_reach_the_sender_takes_too(tmp_path: Path) -> None:
    settings = from_context({"reach": write(tmp_path, json.dumps(REACH), "reach.json")})
    found = read_reach(json.loads(settings.alerts.reach.text), "reach.json")
    assert found.topics == set(settings.alerts.reach.topics)
    assert len(found.queues) == len(settings.alerts.reach.queues)
    assert dict(found.hosts) == {"api.example.com": {"Token"}, "hooks.example.com:8443": frozenset()}


def test_a_ready_made_asset_and_the_role_have_one_reach(tmp_path: Path) -> None:
    (tmp_path / "secgraph").mkdir()
    settings = from_context(
        {"asset": str(tmp_path), "reach": write(tmp_path, json.dumps(REACH), "given.json")}
    )
    with pytest.raises(SettingsError, match=r"^-c asset: .* give both the same -c reach="):
        packaging.check_ready_made(settings)
    write(tmp_path, settings.alerts.reach.text, contract.REACH_FILE)
    assert packaging.check_ready_made(settings) == tmp_path
    with pytest.raises(SettingsError, match="the same -c reach="):
        packaging.check_ready_made(Settings(asset=tmp_path))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1]", "must hold an object of account ids, not a list"),
        ('{"1": {"name": "x"}}', '"1": an account id has 12 digits'),
        ('{"123456789012": "prod"}', '"123456789012": write {"name": "…", "production": true}'),
        ('{"123456789012": {"production": true}}', "name must be a text that is not empty"),
        ('{"123456789012": {"name": " "}}', "name must be a text that is not empty"),
        ('{"123456789012": {"name": "x", "prod": true}}', "there is no field 'prod'"),
        ('{"123456789012": {"name": "x", "production": "true"}}', "production must be true or false"),
        (
            '{"123456789012": {"name": "x"},\n "123456789012": {"name": "y"}}',
            '"123456789012" stands there twice',
        ),
        ('{"123456789012": }', "is not JSON: line 1, column 18"),
    ],
)
def test_a_wrong_accounts_file_says_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_context({"accounts": write(tmp_path, text)})
    assert "accounts.json" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON: line 1, column 2"),
        ('{"version": 1, "smartClasses": {"A": [], "A": []}}', '"A" stands there twice'),
        ('{"version": 2, "smartClasses": {}}', "version 2 is not known"),
        (
            '{"version": 1, "smartClasses": {"A": ["FIND B", "FIND B WITH c = d"]}}',
            "smart.json: A, query 2, line 1, column 17: d is no value; quote it. (try 'd')",
        ),
    ],
)
def test_a_wrong_file_of_smart_classes_says_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_context({"smartClasses": write(tmp_path, text, "smart.json")})
    assert str(caught.value).startswith("-c smartClasses: ")
    assert says in str(caught.value)


def test_a_ready_made_asset_takes_no_smart_classes(tmp_path: Path) -> None:
    (tmp_path / "secgraph").mkdir()
    settings = Settings(asset=tmp_path, smart_classes=json.dumps(SMART))
    with pytest.raises(SettingsError, match=r"^-c asset: .* build it with -c smartClasses=\.$"):
        packaging.check_ready_made(settings)
    assert packaging.check_ready_made(Settings(asset=tmp_path)) == tmp_path


def test_a_ready_made_asset_has_the_sources_that_no_variable_holds(tmp_path: Path) -> None:
    (tmp_path / "secgraph").mkdir()
    large = Sources(text=f'{{"hours":24,"readers":[{" " * 1000}]}}')
    assert packaging.check_ready_made(Settings(asset=tmp_path, sources=OFF)) == tmp_path
    with pytest.raises(SettingsError, match=r"^-c asset: .* give both the same -c sources=\.$"):
        packaging.check_ready_made(Settings(asset=tmp_path, sources=large))
    write(tmp_path, large.file, contract.SOURCES_FILE)
    assert packaging.check_ready_made(Settings(asset=tmp_path, sources=large)) == tmp_path


def test_a_pack_that_is_not_json_stops_the_synth(tmp_path: Path) -> None:
    write(tmp_path, "{", "broken.json")
    with pytest.raises(SettingsError, match=r"broken\.json is not JSON: line 1"):
        from_context({"packs": str(tmp_path)})


def test_a_folder_without_packs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"holds no \*\.json file"):
        from_context({"packs": str(tmp_path)})


def shown() -> list[dict[str, Any]]:
    """The JSON that docs/deploy.md shows, in its order."""
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)]


def test_the_files_that_the_documents_show_are_taken(tmp_path: Path) -> None:
    smart, sources, reach, stored, intervals = shown()
    read = sources_of(write(tmp_path, json.dumps(sources), "sources.json"))
    assert (len(read.regions), len(read.roles), len(read.administrators)) == (2, 1, 1)
    assert from_context({"smartClasses": write(tmp_path, json.dumps(smart), "smart.json")}).smart_classes
    found = from_context({"reach": write(tmp_path, json.dumps(reach), "reach.json")}).alerts.reach
    assert (len(found.topics), len(found.queues)) == (1, 1)
    variables = dict.fromkeys(stored["secrets"].values(), "t")
    assert len(parameters_of(json.dumps(stored), "parameters.json", variables)) == 3
    assert from_context(intervals["context"]).alerts.intervals

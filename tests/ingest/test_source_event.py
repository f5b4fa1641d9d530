"""Text → SourceEvent, or an error that says what the text is and what to do."""

from __future__ import annotations

import json

import pytest

from secgraph.errors import EventError
from secgraph.ingest.event import parse

ENVELOPE = {"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {"arn": "x"}}


def test_envelope():
    event = parse(json.dumps({**ENVELOPE, "id": "e1", "account": "1", "region": "r"}))
    assert (event.source, event.detail_type, event.id) == ("aws.guardduty", "GuardDuty Finding", "e1")
    assert (event.account, event.region, event.detail.path) == ("1", "r", "detail")
    assert event.detail.held == {"arn": "x"}


def test_text_bytes_and_mapping_are_the_same_event(load):
    event = load("guardduty/instance_brute_force")
    text = json.dumps(event, ensure_ascii=False)
    assert parse(text) == parse("\ufeff" + text) == parse(text.encode()) == parse(event)


@pytest.mark.parametrize(
    ("name", "source", "detail_type", "account"),
    [
        ("guardduty/instance_brute_force", "aws.guardduty", "GuardDuty Finding", "210987654321"),
        ("inspector/package_instance", "aws.inspector2", "Inspector2 Finding", "210987654321"),
    ],
)
def test_bare_finding(load, name, source, detail_type, account):
    event = parse(load(name)["detail"])
    assert event.envelope.held == {}
    assert (event.source, event.detail_type, event.account) == (source, detail_type, account)
    assert event.detail.path == ""


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("{", "cut off"),
        ('{"a": {"b": "tex', "cut off: the JSON is not finished (line 1, column 13"),
        ('{\n  "a": [1, 2,', "cut off"),
        ('{"a" 1}', "is not JSON (line 1, column 6"),
        ('{"a": 1} x', "is not JSON (line 1, column 10"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"a": 1e999}', "too large"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON that can be read"),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe{}", "not UTF-8"),
        ("[1, 2]", "a list of 2 values; send each event on its own"),
        ('"text"', "expected a JSON object, got a text"),
        ("null", "got null"),
        ("{}", "no EventBridge event"),
        ('{"hello": 1}', "no EventBridge event"),
        ('{"Records": []}', "Records: is a batch"),
        ('{"findings": [{"findingArn": "x"}]}', "with 1 findings; send each element of `findings`"),
        ('{"Findings": [{"ProductArn": "x"}, {}]}', "with 2 findings; send each element of `Findings`"),
        ('{"ProductArn": "x", "Id": "y"}', "Security Hub finding (ASFF)"),
        ('{"Resource": {}, "SchemaVersion": "2.0"}', "only a part of a GuardDuty finding (Resource, Schema"),
        (
            '{"resource": {"instanceDetails": {"instanceId": "i-1"}}}',
            "part of a GuardDuty finding (resource)",
        ),
        ('{"Arn": ' + '{"A": ' * 600 + "1" + "}" * 600 + ', "Service": {}}', "nested too deeply"),
        (json.dumps({**ENVELOPE, "source": ""}), "source: is missing"),
        (json.dumps({**ENVELOPE, "source": 7, "detail": []}), "detail: is missing or empty"),
        (json.dumps({**ENVELOPE, "detail-type": None}), "detail-type: is missing"),
        (json.dumps({**ENVELOPE, "detail-type": {"a": 1}}), "detail-type: expected a text, got an object"),
        (json.dumps({"source": "s", "detail-type": "t"}), "detail: is missing"),
        (json.dumps({"detail": {}}), "source: is missing"),
        (json.dumps({**ENVELOPE, "detail": "text"}), "detail: expected an object, got a text"),
        ({"detail": object()}, "cannot be written as JSON"),
    ],
)
def test_what_is_no_event(raw, said):
    with pytest.raises(EventError) as error:
        parse(raw)
    assert said in str(error.value)


def test_every_truncation_says_that_the_event_is_cut_off(load):
    text = json.dumps(load("guardduty/user"))
    for length in range(1, len(text), 7):
        with pytest.raises(EventError, match=r"cut off|is not JSON"):
            parse(text[:length])

"""How far actions reach: what a deployment lists, exactly, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from secgraph.alerts.reach import Reach, read
from secgraph.errors import SettingsError
from secgraph.rules.effects import Effect

TOPIC = "arn:aws:sns:eu-west-1:111122223333:security"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/tickets"
HELD: dict[str, Any] = {
    "version": 1,
    "topics": [TOPIC],
    "queues": [QUEUE],
    "hosts": {
        "api.example.com": {"secrets": ["Token"]},
        "hooks.example.com:8443": {},
        "hooks.slack.com": {"secrets": ["Hook"]},
    },
}
REACH = read(HELD, "reach.json")
TOKEN: Any = {"param": "Token"}
HOOK: Any = {"param": "Hook"}


@pytest.mark.parametrize(
    ("kind", "target", "payload", "refusal"),
    [
        ("sns", TOPIC, {"a": 1}, ""),
        ("sns", f"{TOPIC}2", None, "the topic arn:aws:sns:eu-west-1:111122223333:security2 is not one"),
        ("sns", TOPIC, {"a": {"$sealed": [TOKEN]}}, "a secret parameter may not go to a topic"),
        ("sns", None, None, "the topic None is not one"),
        ("sqs", QUEUE, [], ""),
        ("sqs", TOPIC, [], "is not one that this deployment reaches"),
        ("sqs", {"$sealed": [HOOK]}, [], "a secret parameter may not go to a queue"),
        ("webhook", "https://api.example.com/x?y=1", {}, ""),
        ("webhook", "https://API.example.com:443/x", {}, ""),
        ("webhook", "https://api.example.com:444/x", {}, "the host api.example.com:444 is not one"),
        ("webhook", "https://hooks.example.com:8443/x", {}, ""),
        ("webhook", "https://hooks.example.com/x", {}, "the host hooks.example.com is not one"),
        ("webhook", "https://evil.api.example.com/", {}, "the host evil.api.example.com is not one"),
        ("webhook", "https://api.example.com.evil.example/", {}, "is not one that this deployment reaches"),
        ("webhook", "https://api.example.com./", {}, "is not one that this deployment reaches"),
        ("webhook", "http://api.example.com/", {}, "the address is not https://HOST/…"),
        ("webhook", "https://api.example.com@evil.example/", {}, "the address is not https://HOST/…"),
        ("webhook", "https://api.example.com/", {"headers": {"A": {"$sealed": ["x ", TOKEN]}}}, ""),
        ("webhook", "https://api.example.com/", {"body": [{"$sealed": [HOOK]}]}, "the secret Hook is not"),
        ("webhook", {"$sealed": ["https://api.example.com/", TOKEN]}, {}, ""),
        ("webhook", {"$sealed": ["https://evil.example/", TOKEN]}, {}, "the host evil.example is not one"),
        ("webhook", {"$sealed": ["https://api.example.com", TOKEN]}, {}, ""),
        ("slack", {"$sealed": [HOOK]}, {"text": "x"}, ""),
        ("slack", {"$sealed": [HOOK]}, {"text": {"$sealed": [TOKEN]}}, "may not go into a message of Slack"),
        ("slack", {"$sealed": [{"param": "Other"}]}, {}, "no host in `reach` takes the secret Other"),
        ("slack", {"$sealed": [{}]}, {}, "not of the form"),
        ("slack", None, {"text": "x"}, ""),
        ("slack", None, {"text": {"$sealed": [TOKEN]}}, "may not go into a message of Slack"),
        ("webhook", None, {}, "the address is not https://HOST/…"),
        ("mail", "a@example.com", {}, "nothing sends effects of the kind mail"),
    ],
)  # fmt: skip
def test_what_may_go_out(kind: str, target: Any, payload: Any, refusal: str) -> None:
    refused = REACH.check(Effect(kind, target, payload, "operations[0].actions[0]"))
    if not refusal:
        assert refused is None
        return
    assert refused is not None
    for_good = (
        "may not go",
        "address is not",
        "nothing sends",
        "not of the form",
    )  # others may be listed yet
    assert refused.final is any(each in refusal for each in for_good)
    assert refusal in str(refused)


def test_without_a_configuration_nothing_goes_out() -> None:
    assert Reach().check(Effect("sns", TOPIC, None, "")) is not None
    assert Reach().check(Effect("slack", {"$sealed": [HOOK]}, {}, "")) is not None
    assert read({"version": 1}, "reach.json") == Reach()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": 2}, "version: is not one that this version reads; write 1"),
        ({"topics": ["arn:aws:sns:*:111122223333:x"]}, "which is not the ARN of an SNS topic"),
        ({"topics": "x"}, "topics: is a string; write an array of strings"),
        ({"queues": ["tickets"]}, "which is not the URL of an SQS queue"),
        ({"hosts": {"*.example.com": {}}}, "is not the name of a host"),
        ({"hosts": {"Api.example.com": {}}}, "is not the name of a host"),
        ({"hosts": {"api.example.com:443": {}}}, "is not the name of a host"),
        ({"hosts": {"api.example.com": ["Token"]}}, "is an array; write an object"),
        ({"hosts": {"api.example.com": {"secrets": "Token"}}}, "is a string; write an array of strings"),
        ({"mails": []}, "mails: is not known"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=r"reach\.json") as caught:
        read(HELD | change, "reach.json")
    assert problem in str(caught.value)

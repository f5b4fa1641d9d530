"""Requests to a real server on loopback: what it sees, what its answers mean, where no request ever goes."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from secgraph.adapters.channels.addresses import is_public
from secgraph.adapters.channels.answers import waiting
from secgraph.adapters.channels.https import Https
from secgraph.adapters.channels.kinds import address_in
from secgraph.adapters.channels.slack import SlackAction, SlackChannel
from secgraph.adapters.channels.webhook import WebhookAction, WebhookChannel, header_id
from secgraph.adapters.secrets import Secrets
from secgraph.alerts.channels.slack import card
from secgraph.alerts.channels.structure import structure
from secgraph.alerts.ports import Channel, Outgoing
from secgraph.alerts.reach import Reach
from secgraph.errors import ChannelError
from secgraph.rules.effects import Effect
from tests.channels.far_end import HUGE, NAME, FarEnd, serving
from tests.channels.told import OPENED

NOW = 1_777_636_800
SECRETS = {"Token": "t0p-s3cret", "Hook": "/services/T0/B0/s3cret"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarEnd]:
    with serving(tmp_path_factory.mktemp("far-end")) as far_end:
        yield far_end


@pytest.fixture
def far_end(server: FarEnd) -> FarEnd:
    server.requests.clear()
    return server


@pytest.fixture
def https(far_end: FarEnd) -> Https:
    """The way out, as patient as a busy machine needs it."""
    return way_out(far_end, seconds=60)


def way_out(far_end: FarEnd, seconds: float) -> Https:
    """Make a way out with two allowances for tests: the far end's certificate, and loopback."""
    return Https(
        resolver=lambda host, port: ["127.0.0.1"],
        allowed=lambda address: address == "127.0.0.1",
        context=far_end.context,
        connect_seconds=seconds,
        seconds=seconds,
    )


def told(channel: str = "webhook") -> Outgoing:
    return Outgoing(f"{OPENED.id}#{channel}", notification=OPENED)


def effect(kind: str, target: Any, payload: Any) -> Outgoing:
    return Outgoing("mining#3#action:1 ö", effect=Effect(kind, target, payload, "operations[0].actions[1]"))


def reach(far_end: FarEnd, *secrets: str) -> Reach:
    return Reach(hosts={f"{NAME}:{far_end.port}": frozenset(secrets)})


def refused(send: Callable[[], None]) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        send()
    error = caught.value
    assert error.__cause__ is None, "what caused it may hold the request"
    for secret in ("s3cret", "/429", "/redirect", "/404", "/silence"):
        assert secret not in str(error)
    return error


def webhook(https: Https, url: str) -> Callable[[], None]:
    return lambda: WebhookChannel(https, url, lambda: "key", lambda: NOW).send(told())


# ── what arrives ──────────────────────────────────────────────────────────────────────────────────────


def test_a_signed_notification_arrives(far_end: FarEnd, https: Https) -> None:
    webhook(https, far_end.url("/in?a=1"))()
    (seen,) = far_end.requests
    assert (seen.method, seen.path) == ("POST", "/in?a=1")
    assert json.loads(seen.body) == structure(OPENED)
    assert seen.headers["Host"] == f"{NAME}:{far_end.port}"
    assert seen.headers["Secgraph-Id"] == "mining-on-production#3#webhook"
    signed = seen.headers["Secgraph-Timestamp"].encode() + b"." + seen.body
    assert seen.headers["Secgraph-Timestamp"] == str(NOW)
    assert seen.headers["Secgraph-Signature"] == f"v1={hmac.new(b'key', signed, hashlib.sha256).hexdigest()}"


def test_what_is_sent_again_carries_the_same_id(far_end: FarEnd, https: Https) -> None:
    refused(webhook(https, far_end.url("/500")))
    webhook(https, far_end.url("/in"))()
    lost, again = far_end.requests
    assert lost.headers["Secgraph-Id"] == again.headers["Secgraph-Id"]
    assert lost.body == again.body


def test_messages_of_a_rule_with_a_long_name_have_different_ids() -> None:
    first, second = (header_id(Outgoing(f"{'規則' * 60}#{n}#webhook")) for n in (1, 2))
    assert first != second
    assert first[:900] == second[:900]
    assert max(len(first), len(second)) <= 1_000


def test_a_card_arrives_at_slack(far_end: FarEnd, https: Https) -> None:
    SlackChannel(https, lambda: far_end.url("/services/T0/B0/x")).send(told("slack"))
    assert json.loads(far_end.requests[0].body) == card(OPENED)


def test_the_message_of_an_action_arrives_at_slack_by_a_secret_address(far_end: FarEnd, https: Https) -> None:
    secrets = {"Whole": far_end.url("/services/T0/B0/x")}
    payload = {"channels": ["#sec"], "text": "*hello* &lt;you&gt;", "severity": "HIGH"}
    sealed = {"$sealed": [{"param": "Whole"}]}
    SlackAction(https, reach(far_end, "Whole"), secrets.__getitem__).send(effect("slack", sealed, payload))
    (seen,) = far_end.requests
    assert seen.path == "/services/T0/B0/x"
    (attachment,) = json.loads(seen.body)["attachments"]
    assert (attachment["color"], attachment["blocks"][0]["text"]["text"]) == ("#e01e5a", payload["text"])


def test_the_message_of_an_action_without_an_address_goes_to_the_deployments(
    far_end: FarEnd, https: Https
) -> None:
    outgoing = effect("slack", None, {"channels": [], "text": "hello", "severity": ""})
    SlackAction(https, Reach(), SECRETS.__getitem__, lambda: far_end.url("/own")).send(outgoing)
    assert [seen.path for seen in far_end.requests] == ["/own"]
    error = refused(lambda: SlackAction(https, Reach(), SECRETS.__getitem__).send(outgoing))
    assert error.final
    assert "no slackSecret" in str(error)


@pytest.mark.parametrize("text", ['{"url": "https://hooks.slack.com/services/T/B/x"}', "hooks.slack.com/x"])
def test_a_secret_that_holds_no_url_is_named_and_may_be_mended(text: str) -> None:
    client = boto3.client("secretsmanager", region_name="eu-west-1")
    with Stubber(client) as answers:
        answers.add_response("get_secret_value", {"SecretString": text})
        with pytest.raises(ChannelError, match="arn:x holds no https URL; store the URL alone") as caught:
            address_in(Secrets(client), "arn:x")
    assert not caught.value.final
    assert "services" not in str(caught.value)


def test_the_request_of_an_action_arrives_with_its_secrets(far_end: FarEnd, https: Https) -> None:
    target = {"$sealed": [far_end.url(""), {"param": "Hook"}]}
    payload = {
        "method": "put",
        "headers": {"Authorization": {"$sealed": ["Bearer ", {"param": "Token"}]}, "X-N": 1, "X-Null": None},
        "body": {"key": {"$sealed": [{"param": "Token"}, "!"]}, "rows": [1, "ü"]},
    }
    channel = WebhookAction(https, reach(far_end, "Token", "Hook"), SECRETS.__getitem__)
    with pytest.raises(ChannelError, match="no host in `reach` takes"):
        WebhookAction(https, Reach(), SECRETS.__getitem__).send(effect("webhook", target, payload))
    assert not far_end.requests
    channel.send(effect("webhook", target, payload))
    (seen,) = far_end.requests
    assert (seen.method, seen.path) == ("PUT", "/services/T0/B0/s3cret")
    assert seen.headers["Authorization"] == "Bearer t0p-s3cret"
    assert (seen.headers["X-N"], "X-Null" in seen.headers) == ("1", False)
    assert seen.headers["Content-Type"] == "application/json; charset=utf-8"
    assert seen.headers["Secgraph-Id"] == "mining#3#action:1 %C3%B6"
    assert json.loads(seen.body) == {"key": "t0p-s3cret!", "rows": [1, "ü"]}


def test_a_request_without_a_body_has_none(far_end: FarEnd, https: Https) -> None:
    channel = WebhookAction(https, reach(far_end), SECRETS.__getitem__)
    channel.send(effect("webhook", far_end.url("/x"), {"method": "GET", "headers": {}, "body": None}))
    channel.send(effect("webhook", far_end.url("/x"), {"method": None, "headers": None, "body": "text"}))
    channel.send(effect("webhook", far_end.url("/x"), {"method": "DELETE", "body": {"a": 1}}))
    get, post, delete = far_end.requests
    assert (delete.method, delete.body) == ("DELETE", b'{"a": 1}')
    assert (get.method, get.body, "Content-Type" in get.headers) == ("GET", b"", False)
    assert (post.method, post.body, post.headers["Content-Type"]) == (
        "POST",
        b"text",
        "text/plain; charset=utf-8",
    )


# ── what answers mean ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "final", "retry_after"),
    [
        ("/429/after/7", False, 7_000),
        ("/503/after/120", False, 120_000),
        ("/429/after/Fri,_31_Dec_9999_23:59:59_GMT", False, 86_400_000),
        ("/429/after/soon", False, None),
        ("/429", False, None),
        ("/400/after/7", True, None),
        ("/500", False, None),
        ("/503", False, None),
        ("/408", False, None),
        ("/404/no_service", False, None),
        ("/403/invalid_token", False, None),
        ("/410", False, None),
        ("/401", False, None),
        ("/400/user_not_found", False, None),
        ("/400/invalid_payload", True, None),
        ("/400/s3cret", True, None),
        ("/403/rate_limited", False, None),
        ("/redirect", True, None),
        ("/nonsense", False, None),
    ],
)
def test_what_an_answer_means(
    far_end: FarEnd,
    https: Https,
    path: str,
    final: bool,
    retry_after: int | None,
) -> None:
    error = refused(lambda: SlackChannel(https, lambda: far_end.url(path)).send(told("slack")))
    assert (error.final, error.retry_after) == (final, retry_after)
    assert NAME in str(error)
    assert ("no_service" in str(error)) == (path == "/404/no_service")
    assert len(far_end.requests) == 1, "nothing is sent again, and no redirect followed"


@pytest.mark.parametrize("path", ["/silence", "/drip"])
def test_an_answer_must_be_over_in_time(far_end: FarEnd, path: str) -> None:
    """The far end has the message by then: who sends it again sends it under the same id."""
    error = refused(webhook(way_out(far_end, seconds=0.5), far_end.url(path)))
    assert (error.final, error.retry_after) == (False, None)
    assert "did not answer in time" in str(error)


@pytest.mark.parametrize("how", ["stall", "chunk", "size", "short"])
def test_a_message_that_was_taken_is_not_sent_again_for_the_body_of_the_answer(
    far_end: FarEnd, how: str
) -> None:
    seconds = 0.5 if how == "stall" else 60
    webhook(way_out(far_end, seconds), far_end.url(f"/broken/{how}"))()
    assert len(far_end.requests) == 1


def test_a_huge_answer_is_not_read(far_end: FarEnd, https: Https) -> None:
    webhook(https, far_end.url("/huge"))()
    assert far_end.poured < HUGE


@pytest.mark.parametrize(
    ("header", "milliseconds"),
    [
        ("0", 0),
        ("120", 120_000),
        ("99999999999999999999", 86_400_000),
        ("-5", None),
        ("١٢", None),
        ("1.5", None),
        ("", None),
        ("Fri, 01 May 2026 11:00:00 GMT", 0),
        ("Fri, 01 May 2026 12:01:00 -0000", 60_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400_000),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999", None),
        ("Fri, 99 May 2026 12:01:00 GMT", None),
    ],
)
def test_how_long_to_wait(header: str, milliseconds: int | None) -> None:
    assert waiting(header, lambda: NOW) == milliseconds


# ── where no request goes ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "addresses",
    [["169.254.169.254"], ["127.0.0.1"], ["10.0.0.1", "93.184.215.14"], ["93.184.215.14", "fd00:ec2::254"]],
)
def test_a_name_that_leads_inside_is_refused(far_end: FarEnd, addresses: list[str]) -> None:
    guarded = Https(resolver=lambda host, port: addresses, context=far_end.context)
    error = refused(webhook(guarded, far_end.url("/x")))
    assert not error.final
    assert "not public" in str(error)
    assert not far_end.requests


def test_a_name_is_looked_up_once_and_that_address_gets_the_request(far_end: FarEnd) -> None:
    answers = iter([["127.0.0.1"]])
    asked = []

    def allowed(address: str) -> bool:
        asked.append(address)
        return True

    https = Https(resolver=lambda host, port: next(answers), allowed=allowed, context=far_end.context)
    webhook(https, far_end.url("/x"))()
    assert (len(far_end.requests), asked) == (1, ["127.0.0.1"])


def test_the_certificate_must_be_for_the_name(far_end: FarEnd, https: Https) -> None:
    error = refused(webhook(https, far_end.url("/x", name="other.example.com")))
    assert not error.final
    assert "certificate" in str(error)
    assert not far_end.requests


def test_a_second_address_is_tried_where_the_first_takes_no_connection(far_end: FarEnd) -> None:
    def allowed(address: str) -> bool:
        return True

    both = Https(resolver=lambda *_: ["127.0.0.2", "127.0.0.1"], allowed=allowed, context=far_end.context)
    webhook(both, far_end.url("/x"))()
    assert len(far_end.requests) == 1
    nobody = Https(resolver=lambda *_: [], allowed=allowed, context=far_end.context)
    assert "no address" in str(refused(webhook(nobody, far_end.url("/x"))))


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://hooks.example.com\\@evil.example/",
        "https://hooks.example.com/ x",
        "https://hooks.example.com/\r\nX: y",
        "https://höoks.example.com/",
        "https://hooks.example.com:99999/",
        "https:///x",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_address_of_another_form_is_refused(https: Https, far_end: FarEnd, url: str) -> None:
    assert refused(webhook(https, url)).final
    error = refused(
        lambda: WebhookAction(https, reach(far_end), SECRETS.__getitem__).send(effect("webhook", url, {}))
    )
    assert error.final


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"method": "GET", "body": {"a": 1}}, "a GET carries no body"),
        ({"headers": {"Secgraph-Signature": "v1=0"}}, "not one that a rule may write"),
        ({"method": "CONNECT"}, "the method is not one of"),
        ({"headers": {"Host": "inside"}}, "the header 'Host' is not one"),
        ({"headers": {"Content-Length": "5"}}, "not one that a rule may write"),
        ({"headers": {"X\r\nY": "z"}}, "not one that a rule may write"),
        ({"headers": {"X": {"$sealed": ["a\r\nY: ", {"param": "Token"}]}}}, "not one line of plain ASCII"),
        ({"headers": ["X"]}, "the headers are not an object"),
        ({"body": "x" * 1_048_577}, "1,048,577 bytes"),
        ({"body": {"$sealed": [7]}}, "not of the form"),
        ([], "is not an object"),
    ],
)
def test_a_request_that_would_be_another_one_is_refused(
    far_end: FarEnd, https: Https, payload: Any, reason: str
) -> None:
    channel = WebhookAction(https, reach(far_end, "Token"), SECRETS.__getitem__)
    error = refused(lambda: channel.send(effect("webhook", far_end.url("/x"), payload)))
    assert error.final
    assert reason in str(error)
    assert not far_end.requests


def test_a_secret_that_turns_out_to_lead_elsewhere_is_not_followed(far_end: FarEnd, https: Https) -> None:
    secrets = {"Whole": "https://evil.example/s3cret"}
    sealed = {"$sealed": [{"param": "Whole"}]}
    channel = SlackAction(https, reach(far_end, "Whole"), secrets.__getitem__)
    error = refused(lambda: channel.send(effect("slack", sealed, {"text": "x"})))
    assert "evil.example" in str(error)


def test_a_channel_refuses_what_is_not_for_it(far_end: FarEnd, https: Https) -> None:
    channels: list[tuple[Channel, Outgoing]] = [
        (SlackChannel(https, lambda: far_end.url("/")), effect("slack", far_end.url("/"), {})),
        (WebhookAction(https, reach(far_end), SECRETS.__getitem__), told()),
    ]
    for channel, outgoing in channels:
        with pytest.raises(ChannelError) as caught:
            channel.send(outgoing)
        assert caught.value.final


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("8.8.8.8", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("100.127.255.254", False),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("169.254.169.254", False),
        ("169.254.170.2", False),
        ("172.31.0.1", False),
        ("192.0.0.8", False),
        ("192.0.2.1", False),
        ("192.88.99.1", False),
        ("192.168.0.1", False),
        ("198.19.0.1", False),
        ("203.0.113.4", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", False),
        ("64:ff9b::169.254.169.254", False),
        ("64:ff9b:1::10.0.0.1", False),
        ("100::1", False),
        ("2001::1", False),
        ("2001:db8::1", False),
        ("2002:a9fe:a9fe::1", False),
        ("3fff::1", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2606:2800::1%1", False),
        ("localhost", False),
        ("2130706433", False),
        ("", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public

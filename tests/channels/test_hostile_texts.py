"""Whatever a finding, a tag or a rule is called: each channel takes it, and it does nothing there but be
read."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secgraph.alerts.channels import text, wording
from secgraph.alerts.channels.chat import custom_notification
from secgraph.alerts.channels.mrkdwn import code, plain, prose
from secgraph.alerts.channels.slack import BLOCKS, card, cut, message
from secgraph.alerts.channels.structure import LIMIT, attributes, text_of
from secgraph.alerts.notification import Event, Notification
from secgraph.rules.rule import Level
from tests.channels.told import HOST, HOSTILE, OPENED

NASTY = [
    "<!channel>",
    "<https://evil.example|x>",
    "&amp;",
    "*b*",
    "```",
    ":x:",
    "\n> ",
    "‮",
    "[a](b)",
    "😀",
    "_",
    "\x00",
]
ANY = st.lists(st.sampled_from(NASTY) | st.text(st.characters(codec=None), max_size=8), max_size=6).map(
    "".join
)
LONG = st.sampled_from([1, 1, 40]).flatmap(lambda times: ANY.map(lambda each: each * times))
ROWS = st.builds(
    lambda title, word, link: replace(
        HOST,
        title=title,
        type=word,
        target=word,
        account_name=word,
        region=word,
        owner=word,
        path=title,
        fix=word,
        link=link,
    ),
    LONG,
    LONG,
    st.sampled_from([HOST.link, "https://x@evil.example/", "javascript:alert(1)", "https://a.example/|x>"]),
)
NOTIFICATIONS = st.builds(
    lambda event, level, name, said, rows: replace(
        OPENED, event=event, level=level, rule=name, pack=name, group=name, description=said,
        remediation=said, note=said, queries=(said,) * 4, counted=10_000, total=10_000, rows=tuple(rows),
    ),
    st.sampled_from(Event), st.sampled_from(Level), LONG, LONG, st.lists(ROWS, max_size=5),
)  # fmt: skip
DATE = re.compile(r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|[0-9:UTC -]+>")
WORST = replace(
    OPENED, rows=(replace(HOSTILE, title="&" * 500, path="<" * 500),) * 5, description="&" * 9_000
)


def texts(value: Any) -> Iterator[dict[str, Any]]:
    """Give every text object of a payload."""
    if isinstance(value, dict):
        if value.get("type") in ("mrkdwn", "plain_text"):
            yield value
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def inert(markup: str) -> None:
    """Hold a markup of Slack to dates, one link and escapes: no mention, no other link."""
    rest = DATE.sub("", markup)
    rest = rest.replace(f"<{HOST.link.replace('&', '&amp;')}|Open it>", "")
    rest = rest.replace(f"<{OPENED.link.replace('&', '&amp;')}|The alert>", "")
    assert "<" not in rest
    assert ">" not in rest
    assert re.fullmatch(r"(?s)([^&]|&(amp|lt|gt);)*", rest)


@settings(max_examples=40)
@given(NOTIFICATIONS)
@example(WORST)
def test_a_card_is_within_the_limits_of_slack_and_inert(notification: Notification) -> None:
    _hold_card(notification)


@pytest.mark.thorough
@settings(max_examples=3_000)
@given(NOTIFICATIONS)
def test_many_cards_are_within_the_limits_of_slack_and_inert(notification: Notification) -> None:
    _hold_card(notification)


def _hold_card(notification: Notification) -> None:
    payload = card(notification)
    blocks = payload["blocks"]
    assert payload["text"]
    assert len(blocks) <= 50
    assert len(json.dumps(blocks, ensure_ascii=False)) <= BLOCKS
    assert json.dumps(payload, ensure_ascii=False).encode()
    for block in blocks:
        if block["type"] == "header":
            assert len(block["text"]["text"]) <= 150
        assert len(block.get("fields", [])) <= 10
        assert all(len(each["text"]) <= 2_000 for each in block.get("fields", []))
    for found in texts(blocks):
        assert 1 <= len(found["text"]) <= 3_000
        if found["type"] == "mrkdwn":
            assert found["verbatim"]
            inert(found["text"])
        else:
            assert not set("<>&") & set(found["text"])
    inert(payload["text"])


@settings(max_examples=30)
@given(NOTIFICATIONS)
@example(WORST)
def test_amazon_q_gets_what_it_takes(notification: Notification) -> None:
    found = custom_notification(notification)
    assert json.dumps(found, ensure_ascii=False).encode()
    assert (found["version"], found["source"]) == ("1.0", "custom")
    content = found["content"]
    assert 1 <= len(content["description"]) <= 3_000
    assert len(content["title"]) <= 150
    said = [content["title"], content["description"], *content.get("nextSteps", []), *content["keywords"]]
    for markup in (*said, found["metadata"]["summary"]):
        assert not set("<>") & set(markup)
        assert "](" not in re.sub(r"`[^`]*`", "", markup)
    assert all(isinstance(value, str) for value in found["metadata"]["additionalContext"].values())


@settings(max_examples=30)
@given(NOTIFICATIONS)
def test_mail_and_programs_get_what_they_take(notification: Notification) -> None:
    subject = text.subject(notification)
    assert 0 < len(subject) < 100
    assert all(" " <= char <= "~" for char in subject)
    assert subject.startswith(f"[{notification.level.name}] ")
    body = text.body(notification)
    assert len(body) <= text.BODY
    assert body.encode()
    assert not [char for char in body if char < " " and char != "\n"]
    structure = text_of(notification)
    assert len(structure.encode()) <= LIMIT
    assert json.loads(structure)["more"] == 10_000 - len(notification.rows)
    assert all(attributes(notification).values())


@given(ANY)
def test_prose_shows_the_text_and_formats_nothing(said: str) -> None:
    found = prose(said, 10_000)
    assert not set("<>*~`") & set(found)
    assert not re.search(r":[\w+'-]+:", found)
    assert not re.search(r"(?m)^\s*&gt;", found)
    shown = html.unescape(found)
    assert [char for char in shown if char.isalnum()] == [char for char in said if char.isalnum()]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("aws_guardduty_finding of arn:aws:s3", "aws_guardduty_finding of arn∶aws:s3"),
        ("_bold_ move", "＿bold＿ move"),
        ("a & b < c", "a &amp; b &lt; c"),
        ("  > quoted", "  › quoted"),
        ("[x](y)", "[x] (y)"),
    ],
)
def test_prose_stays_readable(said: str, shown: str) -> None:
    assert prose(said, 100) == shown


def test_a_cut_leaves_no_half_of_an_escape() -> None:
    assert prose("&" * 10, 12) == "&amp;&amp;…"
    assert code("<" * 10, 12) == "`&lt;&lt;…`"
    assert cut("ab <https://x.example|y> c", 10) == "ab…"
    assert cut("abcdef &amp; c", 10) == "abcdef…"
    assert len(plain("x" * 200, 150)) == 150


@pytest.mark.parametrize(
    "url",
    [
        "http://console.aws.amazon.com/",
        "https://console.aws.amazon.com@evil.example/",
        "https://a.example/|x",
        "https://a.example/ x",
        "https://a.example\\@evil.example/",
        "https://[::1]/",
        "https://a.example/" + "x" * 200,
        "javascript:alert(1)",
        "https://аpple.example/",
        "",
    ],
)
def test_only_a_plain_address_becomes_a_link(url: str) -> None:
    assert wording.link(url) == ""
    assert wording.link(HOST.link) == HOST.link


def addressed(characters: int) -> str:
    """Give raw markup with an address of so many characters."""
    return f"<https://console.example.com/{'%F0'.ljust(characters, 'x')}|open>"


TEXTS = st.text(alphabet="ab\n&;<>|lt", max_size=60).map(lambda said: prose(said * 200, 100_000))
LINKED = st.lists(
    st.sampled_from([addressed(20), addressed(380), addressed(2_960), addressed(3_100), "<!here>"])
    | st.sampled_from(["a", "\n", " ", "&lt;", ">", "b|" * 700]),
    min_size=1,
    max_size=12,
).map("".join)


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        ("http：／／evil.example", "http[:]//evil.example"),
        ("ｗｗｗ．evil.example", "www[.]evil.example"),
        ("WWW.evil.example", "WWW[.]evil.example"),
        ("ask it@evil.example", "ask it[@]evil.example"),
        ("a http:\u200b//e.example", "a http: //e.example"),
        ("arn:aws:s3:::shop.data @here", "arn:aws:s3:::shop.data @here"),
        ("http:/\u0301/evil.example", "http[:]//evil.example"),
        ("Jürgen, it@evil.example", "Jürgen, it[@]evil.example"),
        ("ＡＢ", "ＡＢ"),
    ],
)
def test_an_address_in_a_name_is_broken_apart(named: str, shown: str) -> None:
    assert wording.data(named, 80) == shown
    subject = text.subject(replace(OPENED, rule="r", rows=(replace(HOST, title=named),)))
    assert not re.search(r"://|www\.|it@", subject, re.IGNORECASE)


@settings(max_examples=50)
@given(TEXTS | LINKED)
@example(addressed(3_072))
@example(f"{'a' * 2_999} {addressed(2_990)} {'b' * 3_000}")
def test_the_message_of_an_action_is_within_the_limits_of_slack(markup: str) -> None:
    payload = message(markup, Level.HIGH)
    assert payload["attachments"][0]["fallback"]
    (attachment,) = payload["attachments"]
    blocks = attachment["blocks"]
    assert 1 <= len(blocks) <= 50
    assert len(json.dumps(blocks, ensure_ascii=False)) <= BLOCKS
    for found in texts(blocks):
        assert 1 <= len(found["text"]) <= 3_000
        assert re.fullmatch(r"(?s)([^&<]|&(amp|lt|gt);|<[^<>]*>)*", found["text"])


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        (addressed(3_072), ["open"]),
        (f"see {addressed(3_072)} now", ["see open now"]),
        (f"see <https://a.example/{'x' * 3_000}>", ["see …"]),
        ("<" + "x" * 3_500, ["<" + "x" * 2_999, "x" * 501]),
        ("a < b" + " " * 5_995 + "c", ["a < b" + " " * 2_995, "c"]),
        ("x" * 2_990 + addressed(100), ["x" * 2_990, addressed(100)]),
    ],
    ids=["too long", "in a line", "no label", "never closed", "blank", "at a cut"],
)
def test_the_message_of_an_action_is_split_between_its_links(markup: str, shown: list[str]) -> None:
    assert [each["text"] for each in texts(message(markup, None))] == shown


def test_a_link_that_phones_have_no_room_for_keeps_its_label() -> None:
    assert message(addressed(500), None)["attachments"][0]["fallback"] == "open"


def test_the_message_of_an_action_keeps_its_markup_and_says_how_bad_it_is() -> None:
    payload = message("*1 of 2* <https://a.example|x>\nsecond", Level.CRITICAL, ["#sec"])
    assert payload["channel"] == "#sec"
    assert payload["attachments"][0]["fallback"] == "*1 of 2* <https://a.example|x>"
    assert payload["attachments"][0]["color"] == "#8b0000"
    assert [each["text"] for each in texts(payload)] == ["*1 of 2* <https://a.example|x>\nsecond"]
    assert "channel" not in message("x", None, ["#a", "#b"])

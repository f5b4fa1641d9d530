"""What is kept of a row for people: a finding's own type and first sight, and no address to click on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secgraph.alerts.channels.text import body
from secgraph.alerts.digest import END, Digest, digest
from secgraph.alerts.lifecycle import advance
from secgraph.alerts.state import Evaluation
from secgraph.alerts.telling import tell
from secgraph.rules.rows import Row
from secgraph.rules.rule import Level

NOON = 1_777_636_800_000  # 2026-05-01T12:00:00Z
DAY = 86_400_000
FINDING = {
    "_class": ["Finding"],
    "_type": "aws_guardduty_finding",
    "type": "CryptoCurrency:EC2/BitcoinTool.B!DNS",
    "displayName": "i-1 talks to a mining pool",
    "severity": "high",
    "targets": ["i-1"],
    "createdOn": NOON - DAY,
    "firstSeenOn": NOON - 2 * DAY,
}
HOST = {"_class": ["Host"], "_type": "aws_instance", "type": "t3", "instanceId": "i-1", "createdOn": 5}


def said(row: Digest) -> str:
    """Give the lines of a message that are about a row."""
    state, happened = advance(None, Evaluation("r", True, Level.HIGH, 1, (Row(row.hash, {}),)), NOON)
    _, (told,) = tell(state, happened, None)
    text = body(replace(told, rows=(row,)))
    return text[text.index("What:") : text.index("Open since")]


def test_a_finding_says_its_own_type_and_when_it_was_first_seen():
    text = said(digest(Row(1, FINDING), NOON))
    assert "high · CryptoCurrency:EC2/BitcoinTool.B!DNS · on i-1" in text
    assert "first seen 2026-04-29 12:00 UTC" in text
    assert "· since" not in text


def test_a_thing_says_what_it_is_and_since_when_it_is_here():
    text = said(digest(Row(1, HOST), NOON))
    assert "aws_instance · on i-1\n" in text
    assert "since 2026-05-01 12:00 UTC" in text


@pytest.mark.parametrize("moment", [None, "yesterday", True, -1, END, float("inf"), float("nan")])
def test_a_moment_that_no_calendar_shows_gives_way(moment: object):
    found = digest(Row(1, {**FINDING, "firstSeenOn": moment}), NOON)
    assert found.found == NOON - DAY
    assert "first seen 9999-12-31 23:59 UTC" in said(replace(found, found=END - 1))


@pytest.mark.parametrize("name", ["displayName", "targets", "region", "severity", "owner", "recommendation"])
def test_an_address_in_a_name_is_nothing_to_click_on(name: str):
    row = digest(Row(1, {**FINDING, name: "pay at https://evil.example/?x or HTTP://evil.example"}), NOON)
    assert "://" not in said(row)
    assert "https[:]//evil.example" in said(row)

"""docs/accounts.md is true: its commands are ones that the app takes, its tables those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from infra.hub_settings import KEYS, MAX_SPOKES, HubSettings, SpokeSettings, hub_settings, spoke_settings
from infra.patterns import PATTERNS
from infra.settings import check_names

TEXT = (Path(__file__).parent.parent.parent / "docs" / "accounts.md").read_text("utf-8")


def contexts() -> list[dict[str, str]]:
    """The context of each `make deploy` in the document."""
    found = []
    for arguments in re.findall(r'^\$ make deploy ARGS="(.*)"$', TEXT, re.M):
        words = shlex.split(arguments)
        assert words[::2] == ["-c"] * (len(words) // 2)
        found.append(dict(word.split("=", 1) for word in words[1::2]))
    return found


def test_its_commands_make_a_hub_a_spoke_and_a_spoke_that_is_read() -> None:
    hub, spoke, read = contexts()
    for context in (hub, spoke, read):
        check_names(context)
    assert hub_settings(hub) == HubSettings(organization="o-exampleorg1")
    assert spoke_settings(spoke) == SpokeSettings(spoke["hubBus"])
    assert spoke_settings(read) == SpokeSettings(spoke["hubBus"], read["hubRole"], read["externalId"])


def test_its_settings_are_those_that_there_are() -> None:
    rows = re.findall(r"^\| (`.*?`) \| (?:hub|spoke|both) \|", TEXT, re.M)
    named = [name for row in rows for name in re.findall("`([^`]+)`", row)]
    assert sorted(named) == sorted([*KEYS, "testSource"])
    assert f"ids of up to {MAX_SPOKES} accounts" in TEXT


def test_it_lists_what_is_forwarded() -> None:
    rows = re.findall(r"^\| `([a-z0-9.]+)` \| (`.*`) \|$", TEXT, re.M)
    listed = [(source, *re.findall("`([^`]+)`", names)) for source, names in rows]
    assert listed == [(pattern.source, pattern.detail_type, *pattern.calls) for pattern in PATTERNS]

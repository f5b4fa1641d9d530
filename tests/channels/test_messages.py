"""What each channel says, kept as files. SECGRAPH_UPDATE_GOLDEN=1 writes them anew; read the difference."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secgraph.alerts.channels import text
from secgraph.alerts.channels.chat import custom_notification
from secgraph.alerts.channels.slack import card
from secgraph.alerts.channels.structure import attributes, structure
from secgraph.alerts.notification import Notification
from tests.channels.told import TOLD

GOLDEN = Path(__file__).parent / "golden"


def mail(notification: Notification) -> str:
    return f"{text.subject(notification)}\n\n{text.body(notification)}\n"


def as_json(render: Callable[[Notification], Any]) -> Callable[[Notification], str]:
    return lambda notification: json.dumps(render(notification), indent=2, ensure_ascii=False) + "\n"


CHANNELS: dict[str, Callable[[Notification], str]] = {
    "text.txt": mail,
    "slack.json": as_json(card),
    "chat.json": as_json(custom_notification),
    "structure.json": as_json(structure),
    "attributes.json": as_json(attributes),
}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("name", TOLD)
def test_each_channel_says_it_as_its_file_does(name: str, channel: str) -> None:
    found = CHANNELS[channel](TOLD[name])
    kept = GOLDEN / f"{name}.{channel}"
    if os.environ.get("SECGRAPH_UPDATE_GOLDEN"):
        kept.write_text(found)
    assert found == kept.read_text()


def test_every_file_has_its_notification_and_channel() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {
        f"{name}.{each}" for name in TOLD for each in CHANNELS
    }

"""docs/alerts.md shows what is sent, and its receiver of webhooks works. SECGRAPH_UPDATE_GOLDEN=1 writes the
messages into it anew."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from secgraph.alerts.channels.signing import signature
from secgraph.alerts.channels.structure import attributes, structure
from secgraph.alerts.notification import Event
from tests.channels.test_messages import GOLDEN
from tests.channels.told import OPENED

FILE = Path(__file__).parent.parent.parent / "docs" / "alerts.md"
MESSAGE = re.compile(r"(<!-- golden: (\S+) -->\n```\w+\n)(.*?)```", re.S)


def _document() -> str:
    text = FILE.read_text("utf-8")
    if os.environ.get("SECGRAPH_UPDATE_GOLDEN"):
        text = MESSAGE.sub(lambda found: f"{found[1]}{(GOLDEN / found[2]).read_text()}```", text)
        FILE.write_text(text, "utf-8")
    return text


DOCUMENT = _document()
EMBEDDED = [(found[2], found[3]) for found in MESSAGE.finditer(DOCUMENT)]


@pytest.mark.parametrize(("name", "shown"), EMBEDDED, ids=[name for name, _ in EMBEDDED])
def test_messages_are_shown_as_they_are(name: str, shown: str) -> None:
    assert shown == (GOLDEN / name).read_text()


def test_every_form_is_shown() -> None:
    assert len(EMBEDDED) == 4


def _first_column(heading: str) -> set[str]:
    table = DOCUMENT.partition(f"| {heading} |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_field_and_attribute_is_described() -> None:
    held = structure(OPENED)
    assert _first_column("field") == set(held)
    assert _first_column("field of a row") == set(held["rows"][0])
    assert _first_column("attribute") == set(attributes(OPENED))
    for name in held["rule"]:
        assert f"`{name}`" in DOCUMENT
    for event in Event:
        assert event.name.lower() in DOCUMENT


def test_the_receiver_takes_what_is_signed_and_nothing_else() -> None:
    (source,) = re.findall(r"```python\n(import hashlib.*?)```", DOCUMENT, re.S)
    names: dict[str, Any] = {}
    exec(source, names)
    body, now = b'{"version":1}', 1_777_636_800
    headers = {"Secgraph-Timestamp": str(now), "Secgraph-Signature": signature("key", now, body)}

    def verified(secret: str = "key", body: bytes = body, later: int = 0, at: str = "", by: str = "") -> bool:
        changed = {"Secgraph-Timestamp": at} if at else {"Secgraph-Signature": by} if by else {}
        return bool(names["verified"](secret, headers | changed, body, now + later))

    assert verified()
    assert verified(later=300)
    assert not verified(later=301)
    assert not verified(later=-301)
    assert not verified(secret="other")
    assert not verified(body=body + b" ")
    assert not verified(at=str(now + 1))
    assert not verified(at="²")
    assert not verified(by="v1=")

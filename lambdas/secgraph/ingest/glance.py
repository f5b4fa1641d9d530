"""Any text → what it seems to be about, for a person who looks through what was not understood."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

_IDS: Final = ("findingArn", "arn", "id", "Arn", "Id")


@dataclass(frozen=True, slots=True)
class Glance:
    """The envelope's source and detail-type and the finding's own id; each empty where it cannot be read.

    They are the event's own words, of any length and with any character.
    """

    source: str = ""
    detail_type: str = ""
    finding: str = ""


def glance(body: str) -> Glance:
    """Read as much as can be read; never fails."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return Glance()
    if not isinstance(document, dict):
        return Glance()
    detail = document.get("detail")
    finding = detail if isinstance(detail, dict) else document if detail is None else {}
    ids = (finding.get(name) for name in _IDS)
    return Glance(
        source=_text(document.get("source")),
        detail_type=_text(document.get("detail-type")),
        finding=next((text for text in map(_text, ids) if text), ""),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

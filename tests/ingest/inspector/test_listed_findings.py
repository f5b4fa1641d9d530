"""A finding as ListFindings answers it says, byte for byte, what its event says, in every form of moments."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from secgraph.ingest.event import parse
from secgraph.ingest.normalise import normalise
from secgraph.ingest.timestamps import milliseconds

EVENTS = [
    path
    for path in sorted((Path(__file__).parent / "fixtures").glob("*.event.json"))
    if json.loads(path.read_text("utf-8"))["detail-type"] == "Inspector2 Finding"
]
EASTERN = timezone(timedelta(hours=2))
FORMS = {
    "event": lambda moment: f"{moment:%a %b %d %H:%M:%S.000 UTC %Y}",
    "older event": lambda moment: f"{moment:%b %d, %Y, %I:%M:%S\u202f%p}",
    "command line": lambda moment: moment.astimezone(EASTERN).isoformat(),
    "boto3": lambda moment: moment,
}


def redated(held: Any, form: Any, name: str = "") -> Any:
    """Write every moment (`…At`) in this form, to the second, as the coarsest form does."""
    if isinstance(held, dict):
        return {key: redated(value, form, key) for key, value in held.items()}
    if isinstance(held, list):
        return [redated(member, form) for member in held]
    if not name.endswith("At") or held is None:
        return held
    return form(datetime.fromtimestamp(milliseconds(held) // 1000, UTC))


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.name.split(".")[0])
def test_answer_and_event_say_the_same(path):
    event = json.loads(path.read_text("utf-8"))
    said = {
        name: repr(normalise(parse(redated(event["detail"], form)), received_on=1))
        for name, form in FORMS.items()
    }
    enveloped = normalise(parse({**event, "detail": redated(event["detail"], FORMS["event"])}), received_on=1)
    assert set(said.values()) == {repr(enveloped)}

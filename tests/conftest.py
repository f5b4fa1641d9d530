"""What every test may use: the sample events, ready to be changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EVENTS = Path(__file__).parent.parent / "examples" / "demo"


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """Give a function that reads a sample event by the start of its file's name (`01`)."""

    def read(start: str) -> dict[str, Any]:
        (file,) = EVENTS.glob(f"{start}*.json")
        event: dict[str, Any] = json.loads(file.read_text())
        return event

    return read

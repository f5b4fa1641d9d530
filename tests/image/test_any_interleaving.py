"""The machine of tests/image/machine.py, for a moment and, with `-m thorough`, for as long as it takes."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from secgraph.image import manifest, plan
from tests.image.machine import ImageMachine


@pytest.fixture(autouse=True)
def _few_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deltas are folded early."""
    monkeypatch.setattr(manifest, "OPEN_AT_MOST", 4)
    monkeypatch.setattr(plan, "OPEN_AT_MOST", 4)


@pytest.mark.parametrize(
    ("examples", "steps"), [(15, 20), pytest.param(600, 50, marks=pytest.mark.thorough, id="many")]
)
def test_reading_the_image_equals_reading_the_table(examples: int, steps: int) -> None:
    limits = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run_state_machine_as_test(ImageMachine, settings=limits)

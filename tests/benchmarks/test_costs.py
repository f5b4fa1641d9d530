"""docs/costs.md shows what its script prints, and the script reckons as it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.costs import __main__ as costs
from benchmarks.costs.count import ingested
from benchmarks.costs.deployment import deployed
from benchmarks.costs.model import DAYS, Counted, Month, batches, bill, compactions, projections
from benchmarks.costs.prices import US_EAST_1

DOCUMENT = Path(__file__).parents[2] / "docs" / "costs.md"
HELD = Counted(**json.loads(costs.COUNTED.read_text("utf-8")))


def test_the_document_shows_what_the_script_prints() -> None:
    assert costs.tables() in DOCUMENT.read_text("utf-8")


def test_a_million_findings_a_month_cost_less_than_the_goal() -> None:
    assert sum(line.dollars for line in bill(Month(1_000_000), deployed(), HELD, US_EAST_1)) < 150


@pytest.mark.thorough
def test_units_are_those_that_ingest_needs_today() -> None:
    """Units and items are counted, not measured: the same today as when they were kept."""
    found = ingested()
    names = ("units_new", "units_touched", "units_again", "read_units", "items_new", "items_touched")
    for name in (*names, "index_units_new", "index_units_touched", "index_bytes"):
        assert found[name] == pytest.approx(getattr(HELD, name), rel=0.01), name


def test_what_comes_together_costs_less() -> None:
    month = Month(1_000_000)
    assert batches(month, deployed()) < month.events
    assert batches(Month(100), deployed()) == pytest.approx(100, rel=0.01)
    assert batches(Month(10**9), deployed()) == 10**9 / deployed().batch_events
    assert (
        batches(month, deployed()) <= projections(month, deployed(), HELD) <= 4 * batches(month, deployed())
    )


def test_compaction_comes_by_rows_or_by_age() -> None:
    few = compactions(Month(10), deployed(), HELD)
    assert few == DAYS * 24 / deployed().compact_age_hours
    assert compactions(Month(10_000_000), deployed(), HELD) > few


def test_nothing_happens_for_little() -> None:
    idle = replace(Month(0), evaluations=0, questions=0)
    lines = {(it.service, it.what): it.dollars for it in bill(idle, deployed(), HELD, US_EAST_1)}
    standing = sum(dollars for (service, _), dollars in lines.items() if service in ("CloudWatch", "KMS"))
    assert sum(lines.values()) - standing < 1

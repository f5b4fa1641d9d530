"""What a finding costs to be written, in write units, as the genuine DynamoDB Local counts them."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.dynamodb import write_units
from benchmarks.estate import Estate

NOW = 1_795_000_000_000


@pytest.mark.dynamodb_local
def test_a_finding_costs_few_write_units_and_its_repetition_none(dynamodb_local) -> None:
    texts = list(islice(Estate(1_000).events(), 200))
    new, again, touched = write_units(dynamodb_local.client(), texts, NOW)
    assert 1 < new[1] <= 4
    assert again[1:] == (0, 0)
    assert touched[1] <= touched[2] < 2, "a unit for each item: the finding, and what else of it has a clock"

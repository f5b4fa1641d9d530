"""The bill knows how many alarms, metrics and keys a deployment has."""

from __future__ import annotations

import pytest
from aws_cdk.assertions import Template

from benchmarks.costs.deployment import ALARMS, KEYS, METRICS
from secgraph import contract


@pytest.mark.thorough
def test_the_bill_counts_the_alarms(template: Template) -> None:
    template.resource_count_is("AWS::CloudWatch::Alarm", ALARMS)


@pytest.mark.thorough
def test_the_bill_counts_the_keys(template: Template) -> None:
    template.resource_count_is("AWS::KMS::Key", KEYS)


def test_the_bill_counts_the_metrics() -> None:
    names = [value for name, value in vars(contract).items() if name.startswith("METRIC_")]
    assert len(names) == METRICS

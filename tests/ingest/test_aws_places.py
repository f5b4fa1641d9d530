"""Partitions: one and the same whether a region or an ARN tells, with addresses of their own."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest

from secgraph.ingest.aws import PARTITIONS, Place, arn_of, partition_in, partition_of
from secgraph.ingest.registry import registered

KNOWN = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text("utf-8"))[
    "partitions"
]


def test_every_partition_that_aws_publishes_is_known_with_its_regions_and_domain():
    for each in KNOWN:
        name, domain = each["id"], each["outputs"]["dnsSuffix"]
        assert Place(name, "1").domain == domain
        regions = [region for region in each["regions"] if not region.endswith("-global")]
        assert {partition_in(region) for region in regions} == {name}
        address = f"111122223333.dkr.ecr.{regions[0]}.{domain}/shop/web:1"
        found = registered(address, name)
        assert found is not None
        assert found.used.key == f"arn:{name}:ecr:{regions[0]}:111122223333:repository/shop/web"


@pytest.mark.parametrize("name", ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso-b"])
def test_what_is_stated_prevails_over_the_arn_where_it_is_a_partition(name):
    arn = arn_of("arn:aws:guardduty:eu-west-1:111122223333:detector/d")
    assert arn is not None
    assert partition_of(name, arn) == name
    assert partition_of("N/A", arn) == partition_of(None, arn) == "aws"


def test_consoles_of_partitions():
    assert Place("aws-eusc", "1", "eusc-de-east-1").console("x") == (
        "https://eusc-de-east-1.console.amazonaws-eusc.eu/x"
    )
    assert len({Place(name, "1", "r").console("x") for name in PARTITIONS}) == len(PARTITIONS)

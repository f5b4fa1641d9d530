"""Item → its key in the set of open findings: what a name of a scope must look like."""

from __future__ import annotations

import pytest

from secgraph.graph.model import Item, Observation, Ref
from secgraph.graph.open_set import BUCKETS, bucket_of, index_key, open_in


def of(account: object, region: object) -> Item:
    said = {"_class": ("Finding",), "open": True, "accountId": account, "region": region}
    thing = Ref.of("arn:aws:guardduty:finding/1", "aws_guardduty_finding")
    block = Observation("guardduty/finding", 1, said)  # type: ignore[arg-type]
    return Item(thing, {block.block: block}, {}, 1, 1, version=1, rev=1)


def test_the_key_names_the_scope_and_the_bucket() -> None:
    item = of("111122223333", "us-gov-east-1")
    bucket = bucket_of(item.thing.id)
    assert open_in(item) == f"guardduty#111122223333#us-gov-east-1#{bucket:02}"
    assert open_in(item) == index_key("guardduty", "111122223333", "us-gov-east-1", bucket)


@pytest.mark.parametrize(
    "account", ["", "1111222233334", "11112222333", "1111#2222333", 111122223333.5, None]
)
def test_an_account_that_there_cannot_be_is_nowhere(account: object) -> None:
    assert open_in(of(account, "eu-west-1")) == ""


@pytest.mark.parametrize(
    "region", ["", "eu_west_1", "EU-WEST-1", "r" * 65, "eu-west-1\n", "\ud800", True, None]
)
def test_a_region_that_there_cannot_be_is_nowhere(region: object) -> None:
    assert open_in(of("111122223333", region)) == ""


def test_ids_spread_over_all_buckets() -> None:
    ids = [Ref.of(f"finding/{number}", "t").id for number in range(500)]
    assert {bucket_of(id_) for id_ in ids} == set(range(BUCKETS))

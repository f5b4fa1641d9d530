"""Of a family of blocks an item keeps the newest, whatever the order in which they come."""

from __future__ import annotations

import random

import pytest

from secgraph.graph import merge
from secgraph.graph.families import FAMILY_LIMIT
from secgraph.graph.merge import Outcome
from secgraph.graph.model import Edge, GraphChange, Item, Observation, Ref

HOST = Ref.of("arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc", "aws_instance")


def path(number: int, time: int, *, is_open: bool) -> GraphChange:
    group = Ref.of(f"arn:aws:ec2:eu-west-1:111122223333:security-group/sg-{number}", "aws_security_group")
    edges = (Edge("PROTECTS", group, outgoing=False),) if is_open else ()
    block = f"inspector2/networkPath/{number:04}"
    return GraphChange(HOST, Observation(block, time, {"_class": ("Host",)}, edges), received_on=1)


def folded(changes: list[GraphChange]) -> Item:
    item = None
    for change in changes:
        item = merge.apply(item, [change], now=1, settings={}).item
    assert item is not None
    return item


@pytest.mark.parametrize("seed", range(4))
def test_the_newest_are_kept_in_any_order(seed: int) -> None:
    deal = random.Random(seed)
    times = [deal.randrange(1, 90) for _ in range(60)]
    opened = [path(number, time, is_open=True) for number, time in enumerate(times)]
    closed = [path(number, time + deal.randrange(40), is_open=False) for number, time in enumerate(times)]
    changes = opened + deal.sample(closed, 40)
    expected = folded(changes)
    assert len(expected.blocks) == FAMILY_LIMIT
    for _ in range(3):
        shuffled = deal.sample(changes, len(changes))
        assert folded(shuffled).blocks == expected.blocks
        assert merge.apply(None, shuffled, now=1, settings={}).item.blocks == expected.blocks


def test_a_thousand_do_not_grow_an_item_nor_touch_its_other_blocks() -> None:
    others = [
        GraphChange(HOST, Observation(f"inspector2/{name}", 0, {"_class": ("Host",)}), received_on=1)
        for name in ("key", "coverage/PACKAGE", "awsEc2Instance")
    ]
    item = folded([*others, *(path(number, 10 + number, is_open=True) for number in range(1_000))])
    assert len(item.blocks) == FAMILY_LIMIT + 3
    again = merge.apply(item, [path(3, 13, is_open=True)], now=2, settings={})
    assert again.outcomes == (Outcome.STALE,)
    assert not again.written

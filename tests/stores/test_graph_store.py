"""What every graph store promises: conditional writes, whole items, bulk reads."""

from __future__ import annotations

from dataclasses import replace

from secgraph.graph.model import Edge, Item, Observation, Ref


def item(name: str, rev: int = 1, **properties) -> Item:
    thing = Ref.of(f"arn:aws:ec2:eu-west-1:111122223333:instance/{name}", "aws_instance")
    vpc = Ref.of("arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1", "aws_vpc")
    facts = {"_class": ("Host",), "accountId": "111122223333", **properties}
    edges = (
        Edge("HAS", vpc, outgoing=False),
        Edge("USES", vpc, outgoing=True, discriminator="a", properties={"port": 22}),
    )
    return Item(
        thing=thing,
        blocks={
            "guardduty/instanceDetails": Observation("guardduty/instanceDetails", 7, facts, edges, rank=3)
        },
        collected={"remoteIpAddresses": (("192.0.2.1", 5), ("192.0.2.2", 4))},
        created_on=1,
        begin_on=2,
        version=3,
        rev=rev,
        reopened_on=4,
    )


def test_an_item_comes_back_as_it_was_put(store):
    put = item("i-1", ports=(22, 443), text="naïve “quotes” \u2028 \x00 🔥", score=9.8, public=True)
    assert store.graph.write([put]) == []
    assert store.graph.read([put.thing.id, "nobody"]) == {put.thing.id: put}


def test_reading_nothing_gives_nothing(store):
    assert store.graph.read([]) == {}
    assert store.graph.write([]) == []


def test_a_first_write_loses_to_an_item_that_exists(store):
    store.graph.write([item("i-1", state="first")])
    assert store.graph.write([item("i-1", state="second")]) == [item("i-1").thing.id]
    held = store.graph.read([item("i-1").thing.id])[item("i-1").thing.id]
    assert held.blocks["guardduty/instanceDetails"].properties["state"] == "first"


def test_a_write_needs_the_rev_before_its_own(store):
    store.graph.write([item("i-1")])
    assert store.graph.write([item("i-1", rev=3)]) == [item("i-1").thing.id]
    assert store.graph.write([item("i-1", rev=2, state="new")]) == []
    assert store.graph.write([item("i-1", rev=2, state="late")]) == [item("i-1").thing.id]
    assert store.graph.read([item("i-1").thing.id])[item("i-1").thing.id].rev == 2


def test_a_batch_writes_what_it_can_and_names_what_lost(store):
    store.graph.write([item("i-1")])
    lost = store.graph.write([item("i-1"), item("i-2"), item("i-3")])
    assert lost == [item("i-1").thing.id]
    assert len(store.graph.read([item(name).thing.id for name in ("i-1", "i-2", "i-3")])) == 3


def test_more_items_than_one_request_holds(store):
    items = [item(f"i-{number}") for number in range(230)]
    assert store.graph.write(items) == []
    held = store.graph.read([one.thing.id for one in items])
    assert held == {one.thing.id: one for one in items}
    assert store.graph.write([replace(one, rev=2) for one in items]) == []

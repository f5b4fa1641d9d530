"""What DynamoDB keeps of an item: text while it fits a write unit, else compressed; old layouts are read."""

from __future__ import annotations

import base64
from dataclasses import replace

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.dynamodb_items import attributes_of, item_of
from secgraph.graph import stored
from secgraph.graph.model import Item, Observation, Ref

TABLE = "graph"
LAYOUT_2 = (
    "eLucd4o/Q4kT80QTQ6MU82Rdw2RDS11TE1ND3SQLU0tdQwuLRBPj1DTzNAtErMFr5sN7MCIOkqCg8WWJFF/GqPGFFF1GyLFF"
    "RFORiJZiSWoFqG1SMQpGwSgYUKAELGpqATOz8BI="
)
"""The body of `of("x" * 900)` as the first version of layout 2 wrote it."""


def of(text: str, key: str = "instance/ü") -> Item:
    facts = Observation("guardduty/instanceDetails", 7, {"_class": ("Host",), "text": text})
    thing = Ref.of(key, "aws_instance")
    return Item(thing, {facts.block: facts}, {}, created_on=1, begin_on=2, version=3, rev=9)


def fitting() -> int:
    """How long the text may be of an item that is still kept as text."""
    return next(length for length in range(1_000) if "B" in attributes_of(of("x" * (length + 1)))["body"])


def test_an_item_of_one_unit_reads_in_the_console():
    attributes = attributes_of(of("naïve"))
    assert attributes["body"] == {"S": stored.dump(of("naïve"))}
    assert (attributes["key"], attributes["type"]) == ({"S": "instance/ü"}, {"S": "aws_instance"})
    assert item_of(attributes) == of("naïve")


def test_a_larger_item_is_compressed():
    for text in ("x" * 5_000, "naïve 🔥 \u2028 \x00 \ud800 " * 100):
        attributes = attributes_of(of(text))
        assert len(attributes["body"]["B"]) < 300
        assert item_of(attributes) == of(text)


def test_what_is_kept_as_text_costs_one_unit_and_little_more_would_cost_two(genuine):
    for length, units in ((fitting(), 1), (fitting() + 20, 2)):
        item = of("x" * length)
        attributes = {**attributes_of(item), "body": {"S": stored.dump(item)}}
        put = genuine.put_item(TableName=TABLE, Item=attributes, ReturnConsumedCapacity="TOTAL")
        assert put["ConsumedCapacity"]["CapacityUnits"] == units


def test_layout_1_is_read_and_written_anew(dynamodb):
    old = of("x" * 2_000)
    raw = {**attributes_of(old), "v": {"N": "1"}, "body": {"S": stored.dump(old)}}
    dynamodb.put_item(TableName=TABLE, Item=raw)
    graph = DynamoDBGraph(dynamodb, TABLE)
    assert graph.read([old.thing.id]) == {old.thing.id: old}
    new = replace(old, rev=10, version=4)
    assert graph.write([new]) == []
    assert list(graph.scan(1)) == [new]
    held = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": old.thing.id}})["Item"]
    assert held == attributes_of(new)


def test_what_the_first_version_of_the_layout_wrote_is_read():
    assert item_of({"v": {"N": "2"}, "body": {"B": base64.b64decode(LAYOUT_2)}}) == of("x" * 900)

"""What DynamoDB keeps of an item: text while it fits a write unit, else compressed; old layouts are read."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.dynamodb_items import attributes_of, item_of
from secgraph.graph import stored
from secgraph.graph.model import Item, Observation, Ref

TABLE = "graph"
LAYOUT_2 = (
    "eLueBopAQ4kT80QTQ6MU82Rdw2RDS11TE1ND3SQLU0tdQwuLRBPj1DTzNAtErMFr5sN7MCIOkqCg8WWJFF/GqPGFFF1GyLFF"
    "RFORiJZiSWoFqG1SMQpGwSgYUKAELGpqATga8BM="
)
"""What `of("x" * 900)` is packed to in the first version of layout 2."""


def of(text: str, key: str = "instance/ü") -> Item:
    facts = Observation("guardduty/instanceDetails", 7, {"_class": ("Host",), "text": text})
    thing = Ref.of(key, "aws_instance")
    return Item(thing, {facts.block: facts}, {}, created_on=1, begin_on=2, version=3, rev=9)


def packed_of(text: str) -> bytes:
    packed: bytes = attributes_of(of(text))["packed"]["B"]
    return packed


def fitting() -> int:
    """How long the text may be of an item that is still kept as text."""
    return next(length for length in range(1_000) if packed_of("x" * (length + 1)))


def test_an_item_of_one_unit_reads_in_the_console():
    attributes = attributes_of(of("naïve"))
    assert (attributes["body"], attributes["packed"]) == ({"S": stored.dump(of("naïve"))}, {"B": b""})
    assert (attributes["key"], attributes["type"]) == ({"S": "instance/ü"}, {"S": "aws_instance"})
    assert item_of(attributes) == of("naïve")


def test_a_larger_item_is_compressed():
    for text in ("x" * 5_000, "naïve 🔥 \u2028 \x00 \ud800 " * 100):
        attributes = attributes_of(of(text))
        assert len(attributes["packed"]["B"]) < 300
        assert item_of(attributes) == of(text)


def test_what_is_kept_as_text_costs_one_unit_and_little_more_would_cost_two(genuine):
    for length, units in ((fitting(), 1), (fitting() + 20, 2)):
        item = of("x" * length)
        attributes = {**attributes_of(item), "body": {"S": stored.dump(item)}, "packed": {"B": b""}}
        put = genuine.put_item(TableName=TABLE, Item=attributes, ReturnConsumedCapacity="TOTAL")
        assert put["ConsumedCapacity"]["CapacityUnits"] == units


def test_layout_1_is_read_and_written_anew(dynamodb):
    old = of("x" * 2_000)
    raw = {**attributes_of(old), "v": {"N": "1"}, "body": {"S": stored.dump(old)}}
    del raw["packed"]
    dynamodb.put_item(TableName=TABLE, Item=raw)
    graph = DynamoDBGraph(dynamodb, TABLE)
    assert graph.read([old.thing.id]) == {old.thing.id: old}
    new = replace(old, rev=10, version=4)
    assert graph.write([new]) == []
    assert next(graph.pages()).items == (new,)
    held = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": old.thing.id}})["Item"]
    assert held == attributes_of(new)


def test_a_program_of_before_refuses_what_it_could_not_read():
    """It took `body` for a text of format 1, whatever `v` said."""
    for text in ("naïve", "x" * 5_000):
        body = json.loads(attributes_of(of(text))["body"]["S"])
        assert body["v"] == stored.FORMAT > 1
        assert body["id"], "named in the refusal"


def test_an_item_is_packed_anew_and_unpacked_as_it_grows_and_shrinks(dynamodb):
    graph = DynamoDBGraph(dynamodb, TABLE)
    for rev, text in enumerate(("x" * 2_000, "x", "x" * 3_000), 1):
        item = replace(of(text), rev=rev)
        assert graph.write([item]) == []
        assert graph.read([item.thing.id]) == {item.thing.id: item}
        assert next(graph.pages()).items == (item,)


def test_what_the_first_version_of_the_layout_wrote_is_read():
    assert item_of({"v": {"N": "2"}, "packed": {"B": base64.b64decode(LAYOUT_2)}}) == of("x" * 900)

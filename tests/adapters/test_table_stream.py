"""Events of the table's stream as Lambda hands them over: what is read, and what is set aside for good."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import pytest

from secgraph import contract
from secgraph.adapters.dynamodb_items import Unreadable, attributes_of
from secgraph.adapters.s3_aside import S3Aside
from secgraph.adapters.table_stream import TableChange, changes_of
from secgraph.errors import InputError
from secgraph.graph.locators import locator
from secgraph.graph.model import Item, Observation, Ref
from secgraph.image.rows import Version

AT = 1_795_000_000


def of(thing: Ref, rev: int, text: str = "short") -> Item:
    said = {"s/b": Observation("s/b", 1, {"_class": ("Host",), "note": text})}
    return Item(thing, said, {}, created_on=1, begin_on=1, version=1, rev=rev)


HOST = Ref.of("instance/1", "aws_instance")
LONG = "long " * 500


def as_lambda_has_it(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in attributes.items()
    }


def record(item: Item, name: str = "MODIFY", at: object = AT) -> dict[str, Any]:
    image = as_lambda_has_it(attributes_of(item))
    return {
        "eventID": "0123",
        "eventName": name,
        "dynamodb": {
            "ApproximateCreationDateTime": at,
            "Keys": {"id": image["id"]},
            "OldImage" if name == "REMOVE" else "NewImage": image,
            "SequenceNumber": "111",
        },
    }


@pytest.mark.parametrize("at", [AT, float(AT), f"{AT}.0"])
def test_a_write_is_an_item_and_which_write_of_it(at: object) -> None:
    for text in ("short", LONG):
        item = of(HOST, 7, text)
        change = TableChange(HOST.id, Version(7, AT * 1_000), item)
        assert changes_of({"Records": [record(item, at=at)]}) == ([change], [])


def test_what_left_the_rev_alone_is_left_out() -> None:
    """It entered an older finding into the index of open findings."""
    told = record(of(HOST, 7))
    for rev, changes in ((7, 0), (6, 1)):
        told["dynamodb"]["OldImage"] = as_lambda_has_it(attributes_of(of(HOST, rev)))
        assert [len(found) for found in changes_of({"Records": [told]})] == [changes, 0]
    told["dynamodb"]["OldImage"] = {"id": {"S": "of somebody else"}}
    assert len(changes_of({"Records": [told]})[0]) == 1


def test_what_is_taken_out_is_gone_with_its_last_rev() -> None:
    gone = TableChange(HOST.id, Version(3, AT * 1_000, gone=True), None)
    assert changes_of({"Records": [record(of(HOST, 3), "REMOVE")]}) == ([gone], [])


@pytest.mark.parametrize("name", ["INSERT", "REMOVE"])
def test_a_locator_is_left_out(name: str) -> None:
    assert changes_of({"Records": [record(of(locator("guardduty-finding-id:1"), 1), name)]}) == ([], [])


def test_of_a_program_of_before_the_item_is_read() -> None:
    item = of(HOST, 2)
    old = record(item)
    old["dynamodb"]["NewImage"] |= {"v": {"N": "1"}}
    del old["dynamodb"]["NewImage"]["packed"]
    assert changes_of({"Records": [old]})[0][0].item == item


def spoilt(**image: Any) -> dict[str, Any]:
    poison = record(of(HOST, 2))
    poison["dynamodb"]["NewImage"] |= image
    return poison


POISON = {
    "of a later version": (spoilt(v={"N": "9"}), "layout 9.*upgrade secgraph"),
    "not JSON": (spoilt(body={"S": "{"}, packed={"B": ""}), "no item of the graph|cannot be read|JSON"),
    "not packed": (spoilt(packed={"B": base64.b64encode(b"x").decode()}), "no item of the graph"),
    "not base64": (spoilt(packed={"B": "?"}), "no record of the graph table's stream"),
    "no number": (spoilt(v={"N": "two"}), "no item of the graph"),
    "no image": ({"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": HOST.id}}}}, "no record"),
    "no moment": (record(of(HOST, 2), at="noon"), "no record"),
    "no texts": (spoilt(v="2"), "no record|no item"),
}


@pytest.mark.parametrize("name", POISON)
def test_what_cannot_be_read_holds_up_nothing_else(name: str) -> None:
    poison, says = POISON[name]
    other = record(of(Ref.of("instance/2", "aws_instance"), 1))
    changes, unreadable = changes_of({"Records": [poison, other]})
    assert [change.id for change in changes] == [other["dynamodb"]["Keys"]["id"]["S"]]
    (one,) = unreadable
    assert (one.id, one.found) == (HOST.id, poison)
    with pytest.raises(ValueError, match=says):
        raise ValueError(one.reason)


@pytest.mark.parametrize("event", [{}, [], {"Records": [{"body": "{}"}]}, {"Records": None}])
def test_what_is_no_event_of_a_stream_is_refused(event: Any) -> None:
    with pytest.raises(InputError, match="no event of a table's stream"):
        changes_of(event)


def test_what_is_set_aside_is_kept_once_with_its_reason(aws: None) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aside = S3Aside(s3, "bucket")
    scanned = Unreadable(HOST.id, "why", attributes_of(of(HOST, 2, LONG)))
    streamed = Unreadable("", "why else", {"dynamodb": {"Keys": {}}})
    for _ in range(2):
        aside.put([scanned, streamed])
    listed = s3.list_objects_v2(Bucket="bucket", Prefix=contract.ASIDE_PREFIX)["Contents"]
    kept = [json.loads(s3.get_object(Bucket="bucket", Key=each["Key"])["Body"].read()) for each in listed]
    assert sorted(each["reason"] for each in kept) == ["why", "why else"]
    (found,) = [each["found"] for each in kept if each["id"] == HOST.id]
    assert found == as_lambda_has_it(attributes_of(of(HOST, 2, LONG)))

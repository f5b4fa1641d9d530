"""Raw and quarantined events in S3, and the way back into the queue: what is put comes out again, in moto."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from secgraph import contract
from secgraph.adapters import s3_archive
from secgraph.adapters.s3_archive import S3Archive
from secgraph.adapters.s3_quarantine import S3Quarantine
from secgraph.adapters.sqs_requeue import BATCH_BYTES, SQSRequeue
from secgraph.errors import StoreError, StoreUnavailable
from secgraph.ingest import archive
from secgraph.ingest.ports import Delivery, Quarantined, Recent

HOUR = 3_600_000
NOON = 1_795_003_200_000  # 2026-11-18 12:00 UTC
HOSTILE = '{"a": "\x1b[2J\ud800 ü\u2028\\n"}'


@pytest.fixture
def s3(aws: None) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


def keys(s3: Any) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket="bucket").get("Contents", [])]


def test_a_batch_is_one_object_by_its_hour_and_comes_out_as_it_went_in(s3: Any) -> None:
    store = S3Archive(s3, "bucket")
    batch = [Delivery("m1", HOSTILE, NOON), Delivery("m2", "", NOON + HOUR - 1)]
    late = Delivery("m3", "{}", NOON + HOUR)
    for _ in range(2):
        store.put(batch)
    assert [key.rpartition("/")[0] for key in keys(s3)] == ["raw/2026/11/18/12"]
    store.put([late, Delivery("m4", "{}", NOON - HOUR)])
    assert [key[4:17] for key in keys(s3)] == ["2026/11/18/11", "2026/11/18/12", "2026/11/18/13"]
    assert list(store.read()) == [Delivery("m4", "{}", NOON - HOUR), *batch, late]
    packed = s3.get_object(Bucket="bucket", Key=keys(s3)[1])["Body"].read()
    first = json.loads(gzip.decompress(packed).splitlines()[0])
    assert first == {"v": 1, "received_on": NOON, "id": "m1", "body": HOSTILE}
    assert packed[4:8] == b"\0\0\0\0", "no time of packing: the same batch is the same object"


def _packed(text: bytes) -> bytes:
    """Pack without the moment, so that every worker gives the test the same name."""
    return gzip.compress(text, mtime=0)


def test_of_the_archive_the_newest_objects_are_found_by_when_they_were_written(s3: Any) -> None:
    store = S3Archive(s3, "bucket")
    now = int(datetime.now(UTC).timestamp() * 1_000)
    for hours in (0, 1, 30):
        store.put([Delivery(f"{hours}", "{}", now - hours * HOUR)])
    found = store.recent(now - 60_000, now, at_most=9)
    assert {one.id for one in found.deliveries} == {"0", "1"}, "by when they were written, not received"
    assert found.is_whole
    part = store.recent(now - 60_000, now, at_most=1)
    assert (len(part.deliveries), part.is_whole) == (1, False)
    assert store.recent(now + 5_000, now + 5_000, at_most=9) == Recent((), is_whole=True)


def test_an_hour_with_more_than_is_listed_is_not_the_whole(s3: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(s3_archive, "LISTED_AT_MOST", 2)
    store = S3Archive(s3, "bucket")
    for number in range(3):
        store.put([Delivery(f"{number}", "{}", NOON)])
    assert not store.recent(NOON, NOON, at_most=9).is_whole


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no gzip", "is no object of the raw archive"),
        (_packed(b"{}\n"), "x:1: is no record of the raw archive"),
        (_packed(b'{"v":2,"received_on":1,"id":"","body":""}\n'), "written in format 2.*upgrade"),
        (
            _packed(b'{"v":1,"received_on":true,"id":"","body":""}\n'),
            "received_on: expected a JSON int",
        ),
        (_packed(b'{"v":1,"received_on":1,"id":"","body":""}\n')[:-9], "is no object"),
    ],
)
def test_what_the_archive_did_not_write_is_named(content: bytes, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        archive.unpack(content, "x")


def test_quarantine_gives_back_what_was_put_and_forgets_what_is_removed(s3: Any) -> None:
    store = S3Quarantine(s3, "bucket")
    events = [Quarantined(f"{n:064x}", "detail.arn: is missing", HOSTILE, NOON + n) for n in range(25)]
    store.put(events)
    store.put([Quarantined(events[0].id, "another reason", HOSTILE, NOON + HOUR)])
    s3.put_object(Bucket="bucket", Key=f"{contract.QUARANTINE_PREFIX}notes.txt", Body=b"by hand")
    found = sorted(store.find(), key=lambda event: event.id)
    assert found == events, "received when it was first, whatever came later"
    assert list(store.find(events[7].id)) == [events[7]]
    store.remove([*(event.id for event in events[1:]), "0" * 63 + "f"])
    assert [event.id for event in store.find()] == [events[0].id]
    store.remove([events[0].id])
    store.put([Quarantined(events[0].id, "another reason", HOSTILE, NOON)])
    assert [event.reason for event in store.find()] == ["another reason"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "is no record"),
        (b'{"v": 2}', "written in format 2.*upgrade"),
        (b"[]", "is no record"),
        (b"\xff", "is no record"),
    ],
)
def test_a_quarantined_object_that_cannot_be_read_is_named_and_keeps_no_other_back(
    s3: Any, body: bytes, says: str
) -> None:
    store, good = S3Quarantine(s3, "bucket"), Quarantined("b" * 64, "why", "{}", NOON)
    store.put([good])
    at = {"Bucket": "bucket", "Key": f"{contract.QUARANTINE_PREFIX}{'a' * 64}.json"}
    s3.put_object(**at, Body=body)
    bad, other = sorted(store.find(), key=lambda event: event.id)
    assert other == good
    assert re.match(f"s3://bucket/quarantine/aaa.*{says}", bad.reason)
    assert (bad.id, bad.is_readable) == ("a" * 64, False)
    assert bad.received_on == s3.head_object(**at)["LastModified"].timestamp() * 1_000
    store.remove([bad.id])
    assert list(store.find()) == [good]


def test_a_bucket_that_does_not_answer_is_said(s3: Any) -> None:
    quarantine, raw = S3Quarantine(s3, "none"), S3Archive(s3, "none")
    for call in (
        lambda: raw.put([Delivery("m", "{}", NOON)]),
        lambda: list(raw.read()),
        lambda: list(quarantine.find()),
        lambda: quarantine.remove(["a" * 64]),
        lambda: quarantine.put([Quarantined("a" * 64, "", "", NOON)]),
    ):
        with pytest.raises(StoreUnavailable, match=r"NoSuchBucket"):
            call()


def test_events_are_sent_with_their_first_receipt_and_hidden_for_a_while(aws: None) -> None:
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="ingest")["QueueUrl"]
    large = json.dumps("x" * (BATCH_BYTES - 200))
    bodies = [*(f'{{"n": {n}}}' for n in range(12)), large, "{}"]
    events = [Quarantined(f"{n:064x}", "", body, NOON + n) for n, body in enumerate(bodies)]
    assert SQSRequeue(sqs, queue, hidden_seconds=0).send(events) == {}
    received = {}
    while found := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in found:
            received[message["Body"]] = message["MessageAttributes"][contract.RECEIVED_ON_ATTRIBUTE]
    assert {body: one["StringValue"] for body, one in received.items()} == {
        event.body: str(event.received_on) for event in events
    }
    SQSRequeue(sqs, queue, hidden_seconds=60).send(events[:1])
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    with pytest.raises(StoreUnavailable, match="takes no events"):
        SQSRequeue(sqs, f"{queue}-none", hidden_seconds=0).send(events[:1])


def test_what_the_queue_refuses_is_told_by_its_id(aws: None) -> None:
    sqs = boto3.client("sqs")
    events = [Quarantined(f"{n:064x}", "", "{}", NOON) for n in range(11)]
    failed = {"Id": "3", "SenderFault": True, "Code": "InvalidMessageContents", "Message": "no"}
    with Stubber(sqs) as stub:
        stub.add_response("send_message_batch", {"Successful": [], "Failed": [failed]})
        stub.add_client_error("send_message_batch", "InternalError")
        refused = SQSRequeue(sqs, "https://queue", hidden_seconds=0).send(events)
    assert refused[events[3].id] == "InvalidMessageContents: no"
    assert refused.keys() == {events[3].id, events[10].id}

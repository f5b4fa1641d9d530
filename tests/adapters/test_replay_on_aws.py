"""A replay's archive, tables and notes on AWS, in moto; and a function of a deployment that is called."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from random import Random
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from secgraph import contract
from secgraph.adapters import dynamodb_replay
from secgraph.adapters.deployed import Deployed
from secgraph.adapters.deployed_function import DeployedFunction
from secgraph.adapters.dynamodb_notes import DynamoDBNotes
from secgraph.adapters.dynamodb_replay import CopyOfTable, ReplayedTable
from secgraph.adapters.s3_archive import S3Archive
from secgraph.errors import InputError, StoreUnavailable
from secgraph.flows.ingest import WarmCache, ingest
from secgraph.flows.replay import Ingesting, Ports, Request, replay
from secgraph.ingest.ports import Delivery, Quarantined
from tests.converge.delivery import Kept
from tests.flows.replay_world import ACCOUNTS, a_day

NOW = 1_795_000_000_000
LATER = 1_900_000_000_000
HOUR = 3_600_000
SHELL: Any = {"region_name": "eu-west-1", "aws_access_key_id": "a", "aws_secret_access_key": "s"}


@pytest.fixture
def s3(aws: None) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


def test_the_archive_is_listed_on_from_a_key_and_read(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = S3Archive(s3, "bucket")
    for hour in range(3):
        archive.put([Delivery(f"m{hour}", "{}", NOW + hour * HOUR)])
    first = archive.objects("", 0)
    assert (len(first.keys), first.last) == (3, "")
    assert archive.objects(first.keys[0], 0).keys == first.keys[1:]
    assert archive.objects("", int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1_000)).keys == ()

    listing = s3.list_objects_v2
    monkeypatch.setattr(s3, "list_objects_v2", lambda **request: listing(**request, MaxKeys=2))
    assert archive.objects("", 0).last == first.keys[1]
    assert archive.objects(first.keys[1], 0).keys == first.keys[2:]

    s3.put_object(Bucket="bucket", Key="raw/odd", Body=b"no gzip")
    s3.delete_object(Bucket="bucket", Key=first.keys[0])
    batch = archive.deliveries([*first.keys, "raw/odd"])
    assert [one.id for one in batch.deliveries] == ["m1", "m2"]
    (unreadable,) = batch.unreadable
    assert unreadable.startswith("s3://bucket/raw/odd: is no object of the raw archive")
    with pytest.raises(StoreUnavailable, match="elsewhere cannot be read"):
        S3Archive(s3, "elsewhere").deliveries(["raw/a"])
    with pytest.raises(StoreUnavailable, match="elsewhere cannot be read"):
        S3Archive(s3, "elsewhere").objects("", 0)


def test_a_replay_on_aws_is_equal_to_the_table_and_may_be_done_again(
    s3: Any, make_table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_replay, "LISTED_AT_ONCE", 20)
    client = make_table("graph", contract.GRAPH_TABLE_KEY)
    make_table("copy", contract.GRAPH_TABLE_KEY)
    make_table("ledger", contract.LEDGER_TABLE_KEY)
    archive, graph = S3Archive(s3, "bucket"), ReplayedTable(client, "graph")
    day, aside = a_day(Random(1), 8), Kept[Quarantined]()
    ingest(
        day,
        writer=graph,
        quarantine=aside,
        archive=archive,
        now=LATER,
        settings=ACCOUNTS,
        cache=WarmCache(),
    )
    ports = Ports(archive, graph, CopyOfTable(client, "copy"), DynamoDBNotes(client, "ledger"))

    def call(token: str) -> dict[str, Any]:
        return replay(
            Request(),
            ports=ports,
            how=Ingesting(ACCOUNTS),
            clock=lambda: LATER,
            token=token,
            stop=lambda: False,
        )

    told = call("one")
    assert (told["finished"], told["equal"], told["emptied"]) == (True, True, 0)
    again = call("two")
    assert again["emptied"] > 20
    assert again["hashes"] == told["hashes"]


def test_a_table_that_gives_back_part_of_a_deletion_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_replay, "ATTEMPTS", 2)
    client = boto3.client(
        "dynamodb", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s"
    )
    deletion = {"copy": [{"DeleteRequest": {"Key": {"id": {"S": "a"}}}}]}
    with Stubber(client) as stub:
        stub.add_response("scan", {"Items": [{"id": {"S": "a"}}]})
        stub.add_response("batch_write_item", {"UnprocessedItems": deletion}, {"RequestItems": deletion})
        stub.add_response("batch_write_item", {"UnprocessedItems": {}}, {"RequestItems": deletion})
        assert CopyOfTable(client, "copy").empty_some() == 1
        stub.add_response("scan", {"Items": [{"id": {"S": "a"}}]})
        stub.add_response("batch_write_item", {"UnprocessedItems": deletion})
        stub.add_response("batch_write_item", {"UnprocessedItems": deletion})
        with pytest.raises(StoreUnavailable, match="gave up on part of a deletion"):
            CopyOfTable(client, "copy").empty_some()
        stub.add_client_error("scan", "AccessDeniedException")
        with pytest.raises(StoreUnavailable, match="copy cannot be emptied"):
            CopyOfTable(client, "copy").empty_some()


def test_a_note_is_put_by_one_of_two(make_table: Any) -> None:
    notes = DynamoDBNotes(make_table("ledger", contract.LEDGER_TABLE_KEY), "ledger")
    assert notes.note("replay") == ("", 0)
    assert notes.put_note("replay", "one", 1)
    assert not notes.put_note("replay", "other", 1)
    assert notes.put_note("replay", "one", 1)  # the SDK tried again: it is done
    assert notes.put_note("replay", "two", 2)
    assert notes.note("replay") == ("two", 2)
    absent = DynamoDBNotes(boto3.client("dynamodb"), "absent")
    with pytest.raises(StoreUnavailable, match="absent cannot be read"):
        absent.note("replay")
    with pytest.raises(StoreUnavailable, match="absent cannot be written"):
        absent.put_note("replay", "", 1)


# ── a function of a deployment ────────────────────────────────────────────────────────────────────────


def called(answer: object, *, failed: bool = False) -> Any:
    client = boto3.client("lambda", **SHELL)
    body = json.dumps(answer).encode()
    told = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body))}
    with Stubber(client) as stub:
        stub.add_response(
            "invoke",
            {**told, **({"FunctionError": "Unhandled"} if failed else {})},
            {"FunctionName": "Replay-1", "Payload": b'{"into": "graph"}'},
        )
        return DeployedFunction(client, "Replay-1").call({"into": "graph"})


def test_a_function_is_called_and_what_it_says_is_told() -> None:
    assert called({"did": "busy"}) == {"did": "busy"}
    with pytest.raises(InputError, match="into: expected"):
        called({"error": {"code": "INPUT", "message": "into: expected one of them"}})
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        called({"error": {"code": "STORE", "message": "cannot be read"}})
    with pytest.raises(StoreUnavailable, match="Replay-1 failed, its log says why: Task timed out"):
        called({"errorMessage": "Task timed out"}, failed=True)
    with pytest.raises(StoreUnavailable, match="Replay-1 failed"):
        called(None)


def test_a_function_that_cannot_be_reached_and_a_stack_without_it_are_told() -> None:
    client = boto3.client("lambda", **SHELL)
    function = DeployedFunction(client, "Replay-1")
    with Stubber(client) as stub:
        stub.add_client_error("invoke", "TooManyRequestsException")
        with pytest.raises(StoreUnavailable, match="cannot be invoked"):
            function.call({})
    with pytest.raises(InputError, match="without a ReplayFunction; deploy again"):
        Deployed("bucket", "queue", boto3.Session()).function("ReplayFunction")

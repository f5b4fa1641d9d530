"""The image's bucket and the rebuild queue where AWS refuses: what is not there, and what may not be done."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from secgraph.adapters.deployed import of_names
from secgraph.adapters.image.s3_store import S3Store
from secgraph.adapters.sqs_rebuild import Finish, ReadSegment, RebuildQueue, Start, message_of, work_of
from secgraph.errors import InputError, ObjectMissing, StoreUnavailable
from secgraph.image.manifest import Rebuild

REBUILD = Rebuild("0000000000001-t", 3, 1)


@cache
def client(service: str) -> Any:
    """One for all tests: to make it takes longer than any of them."""
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
    return boto3.client(service, region_name="eu-west-1", **keys)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("listed", "raised"),
    [
        ({"Contents": []}, ObjectMissing),
        ({"Contents": [{"Key": "image/a.json.gz"}]}, ObjectMissing),
        ({"Contents": [{"Key": "image/a"}]}, StoreUnavailable),
        (None, StoreUnavailable),
    ],
)
def test_who_may_list_no_more_than_a_prefix_is_refused_what_is_not_there(
    listed: dict[str, Any] | None, raised: type[Exception]
) -> None:
    with Stubber(client("s3")) as s3:
        s3.add_client_error("get_object", "AccessDenied", http_status_code=403)
        if listed is None:
            s3.add_client_error("list_objects_v2", "AccessDenied", http_status_code=403)
        else:
            s3.add_response("list_objects_v2", listed, {"Bucket": "b", "Prefix": "image/a", "MaxKeys": 1})
        with pytest.raises(raised, match="image/a"):
            S3Store(client("s3"), "b", "image/").get("a")
        s3.assert_no_pending_responses()


def test_what_may_not_be_written_is_no_object_that_is_missing() -> None:
    with Stubber(client("s3")) as s3:
        s3.add_client_error("put_object", "AccessDenied", http_status_code=403)
        with pytest.raises(StoreUnavailable, match="AccessDenied"):
            S3Store(client("s3"), "b", "image/").put("a", b"")


@pytest.mark.parametrize(
    "work", [Start(), Start("missing"), Start("anew"), ReadSegment(REBUILD, 2), Finish(REBUILD)]
)
def test_work_is_a_message_and_work_again(work: Any) -> None:
    assert work_of(message_of(work)) == work


def test_work_that_the_queue_does_not_take_says_so() -> None:
    with Stubber(client("sqs")) as sqs:
        sqs.add_response("send_message_batch", {"Successful": [], "Failed": []})
        sqs.add_response(
            "send_message_batch",
            {"Successful": [], "Failed": [{"Id": "0", "Code": "Throttled", "SenderFault": False}]},
        )
        sqs.add_client_error("send_message_batch", "AccessDenied")
        sqs.add_client_error("change_message_visibility", "ReceiptHandleIsInvalid")
        queue = RebuildQueue(client("sqs"), "https://queue")
        with pytest.raises(StoreUnavailable, match="Throttled"):
            queue.send([ReadSegment(REBUILD, number) for number in range(12)])
        with pytest.raises(StoreUnavailable, match="AccessDenied"):
            queue.send([Start()])
        with pytest.raises(StoreUnavailable, match="ReceiptHandleIsInvalid"):
            queue.soon("receipt", 1)


def test_a_stack_of_a_version_without_an_image_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    found = of_names("bucket", "queue")
    for ask in (found.graph, found.rebuild_queue):
        with pytest.raises(InputError, match="without a graph image; deploy again"):
            ask()

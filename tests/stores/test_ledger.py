"""The ledger table and what a run has seen, on moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from secgraph.adapters.dynamodb_ledger import DynamoDBLedger, dump, load
from secgraph.adapters.s3_seen import S3Seen
from secgraph.errors import StoreError
from secgraph.sources.scope import Reader, Scope
from secgraph.sources.standing import Failure, Finished, Phase, Run, Standing, State

SCOPE = Scope("guardduty", "111122223333", "eu-west-1")
PLAIN = Standing(SCOPE, Reader("111122223333"), State.ON, 1)
FULL = replace(
    PLAIN,
    reader=Reader("111122223333", "arn:r", "x"),
    detector="d",
    reason="r",
    run=Run("run", 2, Phase.CLOSING, "3:c", 4, 5, 6, 7, 8, 9, 1, 10),
    finished=Finished(1, 2, 3, 4, 5, 6, 7),
    failure=Failure("f", 2, 3),
    requested_on=4,
    busy_until=5,
)


@pytest.fixture
def ledger(make_table: Callable[[str, str], Any]) -> DynamoDBLedger:
    return DynamoDBLedger(make_table("ledger", "id"), "ledger")


def test_a_standing_comes_back_as_it_was(ledger):
    assert ledger.read(SCOPE) is None
    for rev, standing in enumerate((PLAIN, FULL, PLAIN), 1):
        kept = replace(standing, rev=rev)
        assert ledger.write(kept)
        assert ledger.read(SCOPE) == kept
        assert list(ledger.all()) == [kept]


def test_only_the_next_rev_is_written_and_a_repeated_write_has_won(ledger):
    assert ledger.write(PLAIN)
    assert ledger.write(PLAIN)
    assert not ledger.write(replace(PLAIN, detector="other"))
    assert not ledger.write(replace(PLAIN, rev=3))
    assert ledger.write(replace(PLAIN, rev=2, detector="other"))
    assert not ledger.write(replace(PLAIN, rev=2))


def test_what_others_keep_in_the_table_is_passed_over(ledger):
    assert ledger.write(PLAIN)
    boto3.client("dynamodb").put_item(TableName="ledger", Item={"id": {"S": "index/open"}})
    assert list(ledger.all()) == [PLAIN]


def test_a_later_version_is_left_alone_and_nonsense_is_named():
    later = json.loads(dump(PLAIN)) | {"v": 2}
    with pytest.raises(StoreError, match="format 2; this version of secgraph reads format 1: upgrade"):
        load(json.dumps(later))
    for text in ("", "[]", '{"v": 1}', dump(PLAIN).replace('"on"', '"odd"')):
        with pytest.raises(StoreError, match="cannot be read"):
            load(text)


def test_what_a_run_has_seen_is_kept_by_part_until_it_is_forgotten(aws: None):
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="bucket")
    seen = S3Seen(client, "bucket")
    assert seen.all("run") == set()
    seen.add("run", 0, ["a", "b"])
    seen.add("run", 0, ["a", "c"])
    seen.add("run", 12, ["d"])
    seen.add("run-2", 0, ["e"])
    assert seen.all("run") == {"a", "c", "d"}
    seen.forget("run")
    seen.forget("run")
    assert (seen.all("run"), seen.all("run-2")) == (set(), {"e"})
    client.put_object(Bucket="bucket", Key="reconcile/run-2/00000001.gz", Body=b"odd")
    with pytest.raises(StoreError, match="is no part of a run"):
        seen.all("run-2")

"""Quarantine in S3: one object per event under `quarantine/`, named by the event's hash."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import QUARANTINE_PREFIX
from secgraph.errors import StoreError, StoreUnavailable
from secgraph.ingest.ports import Quarantined

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FORMAT: Final = 1
PARALLEL: Final = 10
"""As many at a time as a client of botocore keeps connections for."""
DELETE_LIMIT: Final = 1_000
_OURS: Final = re.compile(rf"{QUARANTINE_PREFIX}([0-9a-f]{{64}})\.json")


class S3Quarantine:
    """The Quarantine on AWS, and what a person needs to look into it. The functions may only put."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, events: Sequence[Quarantined]) -> None:
        """Write each event as JSON: `v`, `reason`, `receivedOn`, `body`. One that is kept already stays as it
        is, with its first receipt; a replay removes the record first, so that it gets the new reason."""
        for event in events:
            text = json.dumps(
                {"v": FORMAT, "reason": event.reason, "receivedOn": event.received_on, "body": event.body},
                ensure_ascii=False,
            )
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=_key(event.id),
                    Body=text.encode("utf-8", "surrogatepass"),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
            except (ClientError, BotoCoreError) as error:
                if _is_kept_already(error):
                    continue
                raise StoreUnavailable(
                    f"event {event.id} could not be quarantined in {self._bucket}: {error}"
                ) from error

    def find(self, start: str = "") -> Iterator[Quarantined]:
        """Give the events whose id begins like this; objects that ingest did not name are passed over, and
        those whose content it did not write are given as not readable."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{QUARANTINE_PREFIX}{start}"
        )
        try:
            with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
                for page in pages:
                    keys = [one["Key"] for one in page.get("Contents", []) if _OURS.fullmatch(one["Key"])]
                    for first in range(0, len(keys), PARALLEL):
                        found = pool.map(self._get, keys[first : first + PARALLEL])
                        yield from [event for event in found if event]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the quarantine in {self._bucket} cannot be read: {error}") from error

    def remove(self, ids: Sequence[str]) -> None:
        """Delete the objects of these events."""
        for first in range(0, len(ids), DELETE_LIMIT):
            keys = [{"Key": _key(id_)} for id_ in ids[first : first + DELETE_LIMIT]]
            try:
                answer = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": keys, "Quiet": True},  # type: ignore[typeddict-item]
                )
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"nothing could be removed from {self._bucket}: {error}") from error
            if failed := answer.get("Errors"):
                raise StoreUnavailable(
                    f"{len(failed)} of {len(keys)} events could not be removed from {self._bucket}: "
                    f"{failed[0].get('Code')}: {failed[0].get('Message')}"
                )

    def _get(self, key: str) -> Quarantined | None:
        """Read one event; None if it was removed since it was listed."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except self._client.exceptions.NoSuchKey:
            return None
        content, where = answer["Body"].read(), f"s3://{self._bucket}/{key}"
        try:
            return _read(_id(key), content, where)
        except StoreError as error:
            written_on = int(answer["LastModified"].timestamp() * 1_000)
            there = content.decode("utf-8", "backslashreplace")
            return Quarantined(_id(key), str(error), there, written_on, is_readable=False)


def _key(id_: str) -> str:
    return f"{QUARANTINE_PREFIX}{id_}.json"


def _id(key: str) -> str:
    return key.removeprefix(QUARANTINE_PREFIX).removesuffix(".json")


def _is_kept_already(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"].get("Code") == "PreconditionFailed"


def _read(id_: str, content: bytes, where: str) -> Quarantined:
    try:
        record = json.loads(content.decode("utf-8", "surrogatepass"))
        if record["v"] != FORMAT:
            raise StoreError(
                f"{where}: is written in format {record['v']}; this version of secgraph reads format"
                f" {FORMAT}: upgrade secgraph"
            )
        return Quarantined(id_, str(record["reason"]), str(record["body"]), int(record["receivedOn"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"{where}: is no record of the quarantine: {error!r}; discard it") from error

"""The raw archive in S3: what ingest/archive.py makes of a batch goes in, all that was archived comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import RAW_PREFIX
from secgraph.errors import StoreError, StoreUnavailable
from secgraph.ingest import archive
from secgraph.ingest.ports import Delivery, RawBatch, RawPage, Recent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

HOUR_MS: Final = 3_600_000
PARALLEL: Final = 8
LISTED_AT_MOST: Final = 10_000
"""Objects of an hour, a thousand to a request. Within it their names do not sort by time."""


class S3Archive:
    """The Archive on AWS, its reader for a replay (RawArchive), and the RecentArchive."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, deliveries: Sequence[Delivery]) -> None:
        """Write the batch as one object, as two where it reaches over a full hour."""
        for packed in archive.pack(deliveries):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=packed.key,
                    Body=packed.content,
                    ContentType="application/gzip",
                )
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(
                    f"{len(deliveries)} events could not be archived in {self._bucket}: {error}"
                ) from error

    def read(self) -> Iterator[Delivery]:
        """Give every delivery, by the hour of its receipt; one that was redelivered comes more than once.

        Raises StoreError for an object that cannot be read, or that a later version wrote.
        """
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=RAW_PREFIX)
        try:
            for page in pages:
                for listed in page.get("Contents", []):
                    yield from self._unpacked(listed["Key"])
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the raw archive in {self._bucket} cannot be read: {error}") from error

    def recent(self, since: int, now: int, at_most: int) -> Recent:
        """Give what was archived from `since` to `now` (epoch ms) out of the newest `at_most` objects.

        Of what had been received more than an hour before `since`, nothing is found. Raises StoreError as
        `read` does.
        """
        listed, is_whole = self._written(since, now)
        newest = sorted(listed, key=lambda one: one["LastModified"], reverse=True)[:at_most]
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            found = pool.map(self._unpacked, [one["Key"] for one in newest])
            deliveries = tuple(one for batch in found for one in batch)
        return Recent(deliveries, is_whole and len(listed) <= at_most)

    def objects(self, after: str, since: int) -> RawPage:
        """List up to 1,000 objects that come after a key, less those written before `since` (epoch ms)."""
        begun = datetime.fromtimestamp(since // 1_000, UTC)  # S3 tells seconds
        try:
            answer = self._client.list_objects_v2(
                Bucket=self._bucket, Prefix=RAW_PREFIX, StartAfter=after or RAW_PREFIX
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the raw archive in {self._bucket} cannot be read: {error}") from error
        listed = answer.get("Contents", [])
        last = listed[-1]["Key"] if answer["IsTruncated"] else ""
        return RawPage(tuple(one["Key"] for one in listed if one["LastModified"] >= begun), last)

    def deliveries(self, keys: Sequence[str]) -> RawBatch:
        """Read objects, several at a time. One that has expired meanwhile has nothing in it."""
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            found = list(pool.map(self._one, keys))
        return RawBatch(
            tuple(one for batch in found if not isinstance(batch, str) for one in batch),
            tuple(batch for batch in found if isinstance(batch, str)),
        )

    def _one(self, key: str) -> list[Delivery] | str:
        """Give what lies in an object, or why that cannot be read."""
        try:
            return self._unpacked(key)
        except StoreUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "NoSuchKey":
                return []
            raise
        except StoreError as error:
            return str(error)

    def _written(self, since: int, now: int) -> tuple[list[ObjectTypeDef], bool]:
        """List what was written since a moment; and tell whether that is all."""
        begun = datetime.fromtimestamp(since // 1_000, UTC)  # S3 tells seconds
        listed: list[ObjectTypeDef] = []
        is_whole = True
        for hour in range(since // HOUR_MS - 1, now // HOUR_MS + 1):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket,
                Prefix=archive.hour_prefix(hour * HOUR_MS),
                PaginationConfig={"MaxItems": LISTED_AT_MOST + 1},
            )
            try:
                there = [one for page in pages for one in page.get("Contents", [])]
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(
                    f"the raw archive in {self._bucket} cannot be read: {error}"
                ) from error
            is_whole = is_whole and len(there) <= LISTED_AT_MOST
            listed += [one for one in there if one["LastModified"] >= begun]
        return listed, is_whole

    def _unpacked(self, key: str) -> list[Delivery]:
        try:
            content = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the raw archive in {self._bucket} cannot be read: {error}") from error
        return archive.unpack(content, f"s3://{self._bucket}/{key}")

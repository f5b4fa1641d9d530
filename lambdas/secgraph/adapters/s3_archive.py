"""The raw archive in S3: what ingest/archive.py makes of a batch goes in, all that was archived comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import RAW_PREFIX
from secgraph.errors import StoreUnavailable
from secgraph.ingest import archive
from secgraph.ingest.ports import Delivery

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Archive:
    """The Archive on AWS, and its reader for a rebuild."""

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
                    answer = self._client.get_object(Bucket=self._bucket, Key=listed["Key"])
                    yield from archive.unpack(answer["Body"].read(), f"s3://{self._bucket}/{listed['Key']}")
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the raw archive in {self._bucket} cannot be read: {error}") from error

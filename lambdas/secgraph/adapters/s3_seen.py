"""What a run has seen → objects under `reconcile/RUN/`, one for each part: gzip over lines of `_id`s."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import RECONCILE_PREFIX
from secgraph.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PARALLEL: Final = 8
DELETED_AT_ONCE: Final = 1_000


class S3Seen:
    """The SeenFindings on AWS. What nobody forgot expires with the bucket's rule."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def add(self, run: str, part: int, ids: Sequence[str]) -> None:
        """Keep one part."""
        body = gzip.compress("\n".join(ids).encode("ascii"), mtime=0)
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"{_prefix(run)}{part:08}.gz",
                Body=body,
                ContentType="application/gzip",
            )
        except (ClientError, BotoCoreError) as error:
            raise self._failed("kept", error) from error

    def all(self, run: str) -> Set[str]:
        """Give all parts together: a set of a few dozen bytes for each finding."""
        found: set[str] = set()
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            for ids in pool.map(self._get, self._keys(run)):
                found.update(ids)
        return found

    def forget(self, run: str) -> None:
        """Remove the parts of a run."""
        keys = list(self._keys(run))
        for start in range(0, len(keys), DELETED_AT_ONCE):
            objects: Any = [{"Key": key} for key in keys[start : start + DELETED_AT_ONCE]]
            try:
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
                )
            except (ClientError, BotoCoreError) as error:
                raise self._failed("removed", error) from error
            if errors := answer.get("Errors"):
                raise self._failed("removed", errors[0].get("Message", ""))

    def _keys(self, run: str) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=_prefix(run)
        )
        try:
            for page in pages:
                yield from (each["Key"] for each in page.get("Contents", []))
        except (ClientError, BotoCoreError) as error:
            raise self._failed("listed", error) from error

    def _get(self, key: str) -> list[str]:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise self._failed("read", error) from error
        try:
            return gzip.decompress(body).decode("ascii").split()
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise StoreError(f"s3://{self._bucket}/{key}: is no part of a run: {error}") from error

    def _failed(self, what: str, error: object) -> StoreUnavailable:
        return StoreUnavailable(f"what a run has seen cannot be {what} in {self._bucket}: {error}")


def _prefix(run: str) -> str:
    return f"{RECONCILE_PREFIX}{run}/"

"""The image in S3, under a prefix of a bucket. In and out: named objects, bytes.

The pointer changes on the condition that it is as it was read (If-Match), or that there is none
(If-None-Match). S3 answers 412 to those who come second, and 409 to those who come at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from secgraph.errors import ObjectDamaged, ObjectMissing, StoreUnavailable
from secgraph.image.names import MANIFEST
from secgraph.image.ports import Pointer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

DELETE_LIMIT: Final = 1_000
BODIES_AT_MOST: Final = 3
"""How often an object is asked for whose bytes stop coming; the client asks again for what is not answered
at all."""
PART_BYTES: Final = 16 << 20

_MISSING: Final = frozenset({"NoSuchKey", "404"})
_REFUSED: Final = frozenset({"AccessDenied", "403"})
_UNCHANGED: Final = frozenset({"NotModified", "304"})
_SHORT: Final = frozenset({"InvalidRange", "416"})
_LOST: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}) | _MISSING
"""NoSuchKey: the pointer was there, and somebody has removed it."""


class S3Store:
    """ObjectStore over S3. The client says how often it tries, and how many connections it keeps."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._parallel: int = client.meta.config.max_pool_connections  # type: ignore[attr-defined]

    # ── objects ───────────────────────────────────────────────────────────────────────────────────────

    def get(self, name: str) -> bytes:
        """Read an object whole."""
        return self._read(name)[0]

    def get_ranges(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read stretches (offset, length) of an object, side by side, in their order. Raises ObjectDamaged if
        it ends before one does."""
        if len(ranges) < 2:
            return [self._stretch(name, *each) for each in ranges]
        with ThreadPoolExecutor(min(self._parallel, len(ranges))) as pool:
            return list(pool.map(lambda each: self._stretch(name, *each), ranges))

    def put(self, name: str, body: bytes) -> None:
        """Write an object."""
        with self._told(name):
            self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=body)

    def put_file(self, name: str, path: str) -> None:
        """Write an object from a local file, in parts if it is large."""
        parts = TransferConfig(
            multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=self._parallel
        )
        with self._told(name):
            self._client.upload_file(path, self._bucket, self._key(name), Config=parts)

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects; one that is not there counts as removed."""
        for first in range(0, len(names), DELETE_LIMIT):
            some = names[first : first + DELETE_LIMIT]
            with self._told(some[0]):
                answer = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": self._key(name)} for name in some], "Quiet": True},
                )
            if failed := answer.get("Errors"):
                raise StoreUnavailable(
                    f"{len(failed)} of {len(some)} objects of the graph image could not be removed: "
                    f"{failed[0].get('Key')}: {failed[0].get('Code')}: {failed[0].get('Message')}"
                )

    def names(self, prefix: str) -> list[str]:
        """List the objects whose names begin like this, without the pointer."""
        return sorted(self.sizes(prefix))

    def sizes(self, prefix: str) -> dict[str, int]:
        """List them with their sizes in bytes."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._key(prefix)
        )
        with self._told(prefix):
            found = {it["Key"]: it["Size"] for page in pages for it in page.get("Contents", [])}
        found.pop(self._key(MANIFEST), None)
        return {key.removeprefix(self._prefix): size for key, size in found.items()}

    # ── the pointer ───────────────────────────────────────────────────────────────────────────────────

    def pointer(self) -> Pointer | None:
        """Read the pointer; its tag is the entity tag that S3 gives it."""
        try:
            return Pointer(*self._read(MANIFEST))
        except ObjectMissing:
            return None

    def pointer_unless(self, tag: str) -> Pointer | None:
        """Read the pointer unless it still has this tag."""
        try:
            return Pointer(*self._read(MANIFEST, IfNoneMatch=tag))
        except ObjectMissing:
            return None
        except StoreUnavailable as error:
            if _code(error.__cause__) in _UNCHANGED:
                return None
            raise

    def swap(self, body: bytes, held: str | None) -> str | None:
        """Replace the pointer if it still has the tag `held`."""
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if held is None else {"IfMatch": held}
        try:
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(MANIFEST),
                Body=body,
                ContentType="application/json",
                **condition,
            )
        except (ClientError, BotoCoreError) as error:
            if _code(error) in _LOST:
                return None
            self._failed(MANIFEST, error)
        return answer["ETag"]

    # ── requests ──────────────────────────────────────────────────────────────────────────────────────

    def _key(self, name: str) -> str:
        return self._prefix + name

    def _stretch(self, name: str, offset: int, length: int) -> bytes:
        if length == 0:
            return b""
        try:
            body, _ = self._read(name, Range=f"bytes={offset}-{offset + length - 1}")
        except StoreUnavailable as error:
            if _code(error.__cause__) not in _SHORT:
                raise
            body = b""
        if len(body) != length:
            raise ObjectDamaged(f"{name}: ends at {offset + len(body)}, before {offset + length}")
        return body

    def _read(self, name: str, **asked: Any) -> tuple[bytes, str]:
        """Give bytes and entity tag."""
        left = BODIES_AT_MOST
        while True:
            left -= 1
            with self._told(name):
                answer = self._answer(name, asked)
                try:
                    return answer["Body"].read(), answer["ETag"]
                except BotoCoreError:
                    if not left:
                        raise

    def _answer(self, name: str, asked: dict[str, Any]) -> GetObjectOutputTypeDef:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._key(name), **asked)
        except ClientError as error:
            if _code(error) in _REFUSED and self._is_not_there(name):
                raise ObjectMissing(f"s3://{self._bucket}/{self._key(name)}: is not there") from error
            raise

    def _is_not_there(self, name: str) -> bool:
        """Tell it by a list. Who may list no more than prefixes of a bucket is refused what is not there."""
        try:
            listed = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._key(name), MaxKeys=1)
        except (ClientError, BotoCoreError):
            return False
        return self._key(name) not in {each["Key"] for each in listed.get("Contents", [])}

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, Boto3Error) as error:
            self._failed(name, error)

    def _failed(self, name: str, error: Exception) -> NoReturn:
        where = f"s3://{self._bucket}/{self._key(name)}"
        if _code(error) in _MISSING:
            raise ObjectMissing(f"{where}: is not there") from error
        raise StoreUnavailable(f"{where}: {error}") from error


def _code(error: BaseException | None) -> str:
    return error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""

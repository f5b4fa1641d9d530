"""What the image cannot take → objects under `image-aside/`, one for each, with the reason.

An object is JSON: `v`, `reason`, `id` (the item's `_id`, if that is known) and `found`, the record of the
stream or the attributes of the item in DynamoDB's JSON, bytes as base64. Its name is the SHA-256 of `found`,
so that what comes again is kept once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.adapters.dynamodb_items import Unreadable
from secgraph.contract import ASIDE_PREFIX
from secgraph.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FORMAT: Final = 1


class S3Aside:
    """The place for items of the table that the image goes without."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, items: Iterable[Unreadable]) -> None:
        """Keep these. Raises StoreUnavailable if one could not be kept."""
        for item in items:
            found = json.dumps(item.found, sort_keys=True, default=_text_of_bytes)
            name = hashlib.sha256(found.encode("ascii")).hexdigest()
            kept = {"v": FORMAT, "reason": item.reason, "id": item.id, "found": json.loads(found)}
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=f"{ASIDE_PREFIX}{name}.json",
                    Body=json.dumps(kept).encode("ascii"),
                    ContentType="application/json",
                )
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(
                    f"what the image cannot take could not be kept in {self._bucket}: {error}"
                ) from error


def _text_of_bytes(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"{type(value).__name__} is nothing that DynamoDB knows")

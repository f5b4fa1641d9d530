"""Quarantine in S3: one object per event under `quarantine/`, named by the event's hash."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import QUARANTINE_PREFIX
from secgraph.errors import StoreUnavailable
from secgraph.ingest.ports import Quarantined

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Quarantine:
    """The Quarantine on AWS."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, events: Sequence[Quarantined]) -> None:
        """Write each event as JSON: `v`, `reason`, `receivedOn`, `body`."""
        for event in events:
            text = json.dumps(
                {"v": 1, "reason": event.reason, "receivedOn": event.received_on, "body": event.body},
                ensure_ascii=False,
            )
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=f"{QUARANTINE_PREFIX}{event.id}.json",
                    Body=text.encode("utf-8", "surrogatepass"),
                    ContentType="application/json",
                )
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(
                    f"event {event.id} could not be quarantined in {self._bucket}: {error}"
                ) from error

"""Quarantined events → the ingest queue again, each with its first receipt as a message attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import RECEIVED_ON_ATTRIBUTE
from secgraph.errors import StoreUnavailable
from secgraph.ingest.ports import Quarantined

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH: Final = 10
"""As many messages as SQS takes in one request."""
BATCH_BYTES: Final = 256 * 1024
"""Together, unless one alone is larger: every version of the service takes as much."""


class SQSRequeue:
    """The Requeue on AWS. What it sends stays hidden for `hidden_seconds`, at most 900: whoever sends has as
    long to take the record out of quarantine before ingest may put it there again."""

    def __init__(self, client: SQSClient, queue: str, *, hidden_seconds: int) -> None:
        self._client = client
        self._queue = queue
        self._hidden_seconds = hidden_seconds

    def send(self, events: Sequence[Quarantined]) -> Mapping[str, str]:
        """Send the events; give why by id for those that the queue did not take."""
        refused: dict[str, str] = {}
        for part in _parts(events):
            try:
                answer = self._client.send_message_batch(
                    QueueUrl=self._queue,
                    Entries=[self._entry(number, event) for number, event in enumerate(part)],
                )
            except (ClientError, BotoCoreError) as error:
                if len(part) == len(events):
                    raise StoreUnavailable(f"the queue {self._queue} takes no events: {error}") from error
                refused |= {event.id: str(error) for event in part}
                continue
            for failed in answer.get("Failed", []):
                refused[part[int(failed["Id"])].id] = f"{failed['Code']}: {failed.get('Message', '')}"
        return refused

    def _entry(self, number: int, event: Quarantined) -> SendMessageBatchRequestEntryTypeDef:
        return {
            "Id": str(number),
            "MessageBody": event.body,
            "DelaySeconds": self._hidden_seconds,
            "MessageAttributes": {
                RECEIVED_ON_ATTRIBUTE: {"DataType": "Number", "StringValue": str(event.received_on)}
            },
        }


def _parts(events: Sequence[Quarantined]) -> Iterator[list[Quarantined]]:
    part: list[Quarantined] = []
    taken = 0
    for event in events:
        size = len(event.body.encode("utf-8", "surrogatepass")) + 100  # with room for the attribute
        if part and (len(part) == BATCH or taken + size > BATCH_BYTES):
            yield part
            part, taken = [], 0
        part.append(event)
        taken += size
    if part:
        yield part

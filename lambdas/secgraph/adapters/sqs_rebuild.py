"""The work of a rebuild of the image as messages of a queue: what is to be done → text, and back.

    {"start": "always" | "missing" | "anew"}                        begin one, or go on with the one that runs
    {"rebuild": [id, segments, started on, stream], "segment": 3}   read on in a segment
    {"rebuild": [id, segments, started on, stream]}                 finish: every segment is read

Each may come twice, and then changes nothing the second time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.errors import InputError, StoreUnavailable
from secgraph.image.manifest import Rebuild

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH: Final = 10
"""As many messages as SQS takes in one request."""
When = Literal["always", "missing", "anew"]
_WHENS: Final = get_args(When)


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a rebuild: if "missing" where there is no base yet, or one that follows another stream of the
    table; "anew" also in the place of one that runs."""

    when: When = "always"


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """Read on in one segment of the table."""

    rebuild: Rebuild
    segment: int


@dataclass(frozen=True, slots=True)
class Finish:
    """Publish the base: every segment is read."""

    rebuild: Rebuild


Work = Start | ReadSegment | Finish


class RebuildQueue:
    """The queue that the rebuild function works off."""

    def __init__(self, client: SQSClient, queue: str) -> None:
        self._client = client
        self._queue = queue

    def send(self, work: Sequence[Work]) -> None:
        """Send all of it. Raises StoreUnavailable if the queue did not take it all."""
        for first in range(0, len(work), BATCH):
            texts = [message_of(each) for each in work[first : first + BATCH]]
            try:
                answer = self._client.send_message_batch(
                    QueueUrl=self._queue,
                    Entries=[{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts)],
                )
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"the queue {self._queue} takes no messages: {error}") from error
            for failed in answer.get("Failed", []):
                raise StoreUnavailable(
                    f"the queue {self._queue} did not take a message: {failed['Code']}: "
                    f"{failed.get('Message', '')}"
                )

    def soon(self, receipt: str, seconds: int) -> None:
        """Let a message that is being worked on, and failed, come again after so many seconds. Raises
        StoreUnavailable."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._queue, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the queue {self._queue} keeps a message back: {error}") from error


def message_of(work: Work) -> str:
    """Write what is to be done."""
    match work:
        case Start(when):
            return json.dumps({"start": when})
        case ReadSegment(rebuild, segment):
            return json.dumps({"rebuild": astuple(rebuild), "segment": segment})
        case Finish(rebuild):
            return json.dumps({"rebuild": astuple(rebuild)})


def work_of(body: str) -> Work:
    """Read what `message_of` wrote. Raises InputError."""
    try:
        match json.loads(body):
            case {"start": str(when)} if when in _WHENS:
                return Start(cast("When", when))
            case {
                "rebuild": [str(id_), int(segments), int(started_on), str(stream)],
                "segment": int(segment),
            }:
                return ReadSegment(Rebuild(id_, segments, started_on, stream), segment)
            case {"rebuild": [str(id_), int(segments), int(started_on), str(stream)]}:
                return Finish(Rebuild(id_, segments, started_on, stream))
    except (ValueError, RecursionError):
        pass
    raise InputError(
        'this is no message of a rebuild; `secgraph image rebuild` sends them, or send {"start": "always"}'
    )

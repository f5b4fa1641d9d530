"""Messages to SQS queues: what the actions of rules send. In: Outgoing with an effect. Out: one
SendMessage."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.adapters.channels.given import effect_of, sent_once
from secgraph.adapters.channels.sns import FIFO, FIFO_GROUP
from secgraph.alerts.ports import Outgoing
from secgraph.alerts.reach import Reach
from secgraph.errors import ChannelError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LIMIT: Final = 262_144
"""Bytes of a message: SQS takes 1 MiB, unless a queue's own MaximumMessageSize is less, as it long was for
all."""
NEVER: Final = frozenset(
    {"InvalidMessageContents", "InvalidParameterValue", "InvalidAttributeValue", "MissingParameter"}
)
"""Codes of errors that the same message brings each time."""


_REFUSED: Final = re.compile("[\ufffe\uffff]")


class SQSAction:
    """What SEND_SQS_MESSAGE sends: {"data": …}. `clients` gives the client for a region, "" being our own.

    A FIFO queue drops what it was sent before; others are given the id, to do so themselves.
    """

    def __init__(self, clients: Callable[[str], SQSClient], reach: Reach) -> None:
        self._clients = clients
        self._reach = reach

    def send(self, outgoing: Outgoing) -> None:
        """Send an effect. Raises ChannelError."""
        effect = effect_of(outgoing)
        if refused := self._reach.check(effect):
            raise refused
        queue = str(effect.target)
        # SQS refuses some characters; as escapes of JSON it takes every one, and they mean the same.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
        body = _REFUSED.sub(
            lambda found: f"\\u{ord(found[0]):04x}", json.dumps({"data": effect.payload}, ensure_ascii=False)
        )
        size = len(body.encode()) + len(outgoing.id.encode()) + len("idString")
        if size > LIMIT:
            raise ChannelError(
                f"the message has {size:,} bytes, and {LIMIT:,} are sent at most; let the action send less",
                final=True,
            )
        self._send(queue, body, outgoing)

    def _send(self, queue: str, body: str, outgoing: Outgoing) -> None:
        once: dict[str, Any] = {}
        if queue.endswith(FIFO):
            once = {"MessageGroupId": FIFO_GROUP, "MessageDeduplicationId": sent_once(outgoing)}
        try:
            self._clients(region_of(queue)).send_message(
                QueueUrl=queue,
                MessageBody=body,
                MessageAttributes={"id": {"DataType": "String", "StringValue": outgoing.id}},
                **once,
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "").rpartition(".")[2]
            raise ChannelError(
                f"the queue {queue} did not take the message: {error}", final=code in NEVER
            ) from error
        except BotoCoreError as error:
            raise ChannelError(f"the queue {queue} did not take the message: {error}") from error


def region_of(queue: str) -> str:
    """Give the region in a queue's URL, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; "" for any other."""
    host = queue.partition("://")[2].partition("/")[0].split(".")
    return host[1] if len(host) > 3 and host[0] == "sqs" and host[2] == "amazonaws" else ""

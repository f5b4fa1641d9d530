"""Messages to SNS: notifications to the deployment's topic and to the one of Amazon Q, and what actions
publish.

The body is for people, and the structure for programs goes along as the attribute `notification`. SNS could
send each protocol a body of its own (MessageStructure=json), but then drops the attributes
(boto/boto3#1513), and with them what every filter policy asks for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.adapters.channels.given import effect_of, notification_of, sent_once
from secgraph.alerts.channels import text
from secgraph.alerts.channels.chat import custom_notification
from secgraph.alerts.channels.structure import attributes, text_of
from secgraph.alerts.ports import Outgoing
from secgraph.alerts.reach import Reach
from secgraph.errors import ChannelError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

LIMIT: Final = 262_144
"""Bytes of a message with its attributes."""
STRUCTURE: Final = "notification"
FIFO: Final = ".fifo"
FIFO_GROUP: Final = "secgraph"
NEVER: Final = frozenset(
    {"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "ValidationException"}
)
"""Codes of errors that the same message brings each time."""


class TopicChannel:
    """The deployment's topic: text for people, the structure and the attributes for programs."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def send(self, outgoing: Outgoing) -> None:
        """Publish a notification. Raises ChannelError."""
        notification = notification_of(outgoing)
        words = {**attributes(notification), STRUCTURE: text_of(notification)}
        _publish(
            self._client,
            self._topic,
            outgoing,
            Subject=text.subject(notification),
            Message=text.body(notification),
            MessageAttributes=_typed(words),
        )


class ChatChannel:
    """The topic that Amazon Q Developer in chat applications reads."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def send(self, outgoing: Outgoing) -> None:
        """Publish a notification. Raises ChannelError."""
        notification = notification_of(outgoing)
        _publish(
            self._client,
            self._topic,
            outgoing,
            Message=json.dumps(custom_notification(notification), ensure_ascii=False),
            MessageAttributes=_typed(attributes(notification)),
        )


class SNSAction:
    """What PUBLISH_SNS_MESSAGE publishes: {"data": …}. `clients` gives the client for a region."""

    def __init__(self, clients: Callable[[str], SNSClient], reach: Reach) -> None:
        self._clients = clients
        self._reach = reach

    def send(self, outgoing: Outgoing) -> None:
        """Publish an effect. Raises ChannelError."""
        effect = effect_of(outgoing)
        if refused := self._reach.check(effect):
            raise refused
        topic = str(effect.target)
        _publish(
            self._clients(topic.split(":")[3]),
            topic,
            outgoing,
            Message=json.dumps({"data": effect.payload}, ensure_ascii=False),
            MessageAttributes=_typed({"id": outgoing.id}),
        )


def _publish(client: SNSClient, topic: str, outgoing: Outgoing, **message: Any) -> None:
    size = _size(message)
    if size > LIMIT:
        raise ChannelError(
            f"the message has {size:,} bytes, and SNS takes {LIMIT:,}; let the action send less", final=True
        )
    if topic.endswith(FIFO):
        message |= {"MessageGroupId": FIFO_GROUP, "MessageDeduplicationId": sent_once(outgoing)}
    try:
        client.publish(TopicArn=topic, **message)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise ChannelError(
            f"the topic {topic} did not take the message: {error}", final=code in NEVER
        ) from error
    except BotoCoreError as error:
        raise ChannelError(f"the topic {topic} did not take the message: {error}") from error


def _typed(words: Mapping[str, str | tuple[str, ...]]) -> dict[str, dict[str, str]]:
    return {
        name: {"DataType": "String", "StringValue": value}
        if isinstance(value, str)
        else {"DataType": "String.Array", "StringValue": json.dumps(value, ensure_ascii=False)}
        for name, value in words.items()
    }


def _size(message: Mapping[str, Any]) -> int:
    """Count the bytes that SNS counts: the body, and of attributes name, type and value."""
    counted = [message["Message"]]
    for name, value in message["MessageAttributes"].items():
        counted += [name, value["DataType"], value["StringValue"]]
    return sum(len(each.encode()) for each in counted)

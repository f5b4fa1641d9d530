"""Messages to an SNS topic: one message in, one Publish out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.alerts.ports import Message
from secgraph.errors import ChannelError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SNSNotifier:
    """The Notifier on AWS: human text, and message attributes for the filter policies of subscribers."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def publish(self, message: Message) -> None:
        """Publish to the topic. Raises ChannelError."""
        try:
            self._client.publish(
                TopicArn=self._topic,
                Subject=message.subject,
                Message=message.body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in message.attributes.items()
                },
            )
        except (ClientError, BotoCoreError) as error:
            raise ChannelError(f"the topic {self._topic} did not take the message: {error}") from error

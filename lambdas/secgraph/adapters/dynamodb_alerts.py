"""The alert table in DynamoDB: stored items in and out, each put on the condition that nobody was faster.

One DynamoDB item per alert: `id` (partition key), `rev`, `v` (format) and `body` (alerts/stored.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.alerts.ports import Stored
from secgraph.alerts.stored import VERSION
from secgraph.contract import ALERT_TABLE_KEY
from secgraph.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ABSENT: Final = {
    "ConditionExpression": "attribute_not_exists(#id)",
    "ExpressionAttributeNames": {"#id": ALERT_TABLE_KEY},
}


class DynamoDBAlerts:
    """The AlertStore on AWS."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def read_all(self) -> Mapping[str, Stored]:
        """Give every item by id, read consistently."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        try:
            items = [_stored(raw) for page in pages for raw in page["Items"]]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the alert table {self._table} cannot be read: {error}") from error
        return {item.id: item for item in items}

    def read(self, id_: str) -> Stored | None:
        """Give one item, read consistently."""
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={ALERT_TABLE_KEY: {"S": id_}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the alert table {self._table} cannot be read: {error}") from error
        raw = answer.get("Item")
        return None if raw is None else _stored(raw)

    def put(self, item: Stored) -> bool:
        """Write an item unless its stored `rev` has moved. False if another writer was faster."""
        condition: dict[str, Any] = dict(_ABSENT)
        if item.rev > 1:
            condition = {
                "ConditionExpression": "rev = :held",
                "ExpressionAttributeValues": {":held": {"N": str(item.rev - 1)}},
            }
        try:
            self._client.put_item(TableName=self._table, Item=_attributes(item), **condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            # The SDK repeats a write whose answer was lost, and the repetition meets its own first try.
            return self.read(item.id) == item
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the alert table {self._table} cannot be written: {error}") from error
        return True


def _attributes(item: Stored) -> dict[str, Any]:
    return {
        ALERT_TABLE_KEY: {"S": item.id},
        "rev": {"N": str(item.rev)},
        "v": {"N": str(VERSION)},
        "body": {"S": item.body},
    }


def _stored(raw: Mapping[str, Any]) -> Stored:
    return Stored(raw[ALERT_TABLE_KEY]["S"], int(raw["rev"]["N"]), raw["body"]["S"])

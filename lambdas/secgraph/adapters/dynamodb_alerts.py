"""The alert table in DynamoDB: stored items in and out, each put on the condition that nobody was faster.

One DynamoDB item for each: `id` (partition key), `rev`, and `body`, which holds its version
(alerts/stored.py, alerts/outbox.py). What goes beside an item is written in one transaction with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.alerts.ports import Stored
from secgraph.contract import ALERT_TABLE_KEY
from secgraph.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTEMPTS: Final = 4
"""Tries of one transaction while others are at work on the same items."""
_ABSENT: Final = {
    "ConditionExpression": "attribute_not_exists(#id)",
    "ExpressionAttributeNames": {"#id": ALERT_TABLE_KEY},
}


class DynamoDBAlerts:
    """The AlertStore on AWS."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def read_all(self, prefix: str = "") -> Mapping[str, Stored]:
        """Give every item, or those whose id begins so, by id and read consistently."""
        asked: dict[str, Any] = {"TableName": self._table, "ConsistentRead": True}
        if prefix:
            asked |= {
                "FilterExpression": "begins_with(#id, :prefix)",
                "ExpressionAttributeNames": {"#id": ALERT_TABLE_KEY},
                "ExpressionAttributeValues": {":prefix": {"S": prefix}},
            }
        pages = self._client.get_paginator("scan").paginate(**asked)
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

    def put(self, item: Stored, beside: Sequence[Stored] = ()) -> bool:
        """Write an item unless its stored `rev` has moved, and what goes beside it, all or nothing. False if
        another writer was faster."""
        if beside:
            return self._put_together(item, beside)
        try:
            self._client.put_item(TableName=self._table, Item=_attributes(item), **_condition(item))
        except self._client.exceptions.ConditionalCheckFailedException:
            # The SDK repeats a write whose answer was lost, and the repetition meets its own first try.
            return self.read(item.id) == item
        except (ClientError, BotoCoreError) as error:
            raise self._unwritten(error) from error
        return True

    def _put_together(self, item: Stored, beside: Sequence[Stored]) -> bool:
        writes: list[Any] = [
            {"Put": {"TableName": self._table, "Item": _attributes(each), **_condition(each)}}
            for each in (item, *beside)
        ]
        for attempt in range(1, ATTEMPTS + 1):
            try:
                # The SDK makes a token for the request: its own repetitions count as one.
                self._client.transact_write_items(TransactItems=writes)
                return True
            except self._client.exceptions.TransactionCanceledException as error:
                if _failed_condition(error):
                    # An earlier try, of which the caller heard nothing, may have been this one.
                    return self.read(item.id) == item
                if attempt == ATTEMPTS:
                    raise self._unwritten(error) from error
            except (ClientError, BotoCoreError) as error:
                raise self._unwritten(error) from error
        return False

    def delete(self, item: Stored) -> bool:
        """Take out an item that is stored with exactly this `rev`; False if it is not."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key={ALERT_TABLE_KEY: {"S": item.id}},
                ConditionExpression="rev = :held",
                ExpressionAttributeValues={":held": {"N": str(item.rev)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        except (ClientError, BotoCoreError) as error:
            raise self._unwritten(error) from error
        return True

    def _unwritten(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"the alert table {self._table} cannot be written: {error}")


def _condition(item: Stored) -> dict[str, Any]:
    if item.rev == 1:
        return dict(_ABSENT)
    return {
        "ConditionExpression": "rev = :held",
        "ExpressionAttributeValues": {":held": {"N": str(item.rev - 1)}},
    }


def _failed_condition(error: ClientError) -> bool:
    """Tell whether a transaction was cancelled because an item is not as it should be. Otherwise another
    transaction was at work on one of them, or there was no capacity: it may succeed the next time."""
    reasons: list[Mapping[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)


def _attributes(item: Stored) -> dict[str, Any]:
    return {
        ALERT_TABLE_KEY: {"S": item.id},
        "rev": {"N": str(item.rev)},
        "body": {"S": item.body},
    }


def _stored(raw: Mapping[str, Any]) -> Stored:
    return Stored(raw[ALERT_TABLE_KEY]["S"], int(raw["rev"]["N"]), raw["body"]["S"])

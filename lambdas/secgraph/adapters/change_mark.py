"""The mark in the alert table that says: the image has changed. Its stream starts the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import ALERT_TABLE_KEY, CHANGE_ITEM
from secgraph.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ChangeMark:
    """One item, written over and over. It has the form of the table's other items."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def set(self, version: int) -> None:
        """Say that this version of the image was published. Raises StoreUnavailable.

        Without a condition: what counts is that it changes, and whoever reads the image reads the newest.
        """
        item = {
            ALERT_TABLE_KEY: {"S": CHANGE_ITEM},
            "rev": {"N": str(version)},
            "body": {"S": "{}"},
        }
        try:
            self._client.put_item(TableName=self._table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the alert table {self._table} cannot be written: {error}") from error

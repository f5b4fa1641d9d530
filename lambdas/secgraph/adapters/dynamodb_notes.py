"""Notes in the ledger table: texts by name, each put on the condition that nobody was faster.

`id` (`note/…`), `rev`, `text`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import LEDGER_TABLE_KEY
from secgraph.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX: Final = "note/"


class DynamoDBNotes:
    """The Notes of flows/replay_state.py."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def note(self, name: str) -> tuple[str, int]:
        """Give a text and its `rev`, read consistently; `("", 0)` if there is none."""
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={LEDGER_TABLE_KEY: {"S": PREFIX + name}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the ledger {self._table} cannot be read: {error}") from error
        held: Any = answer.get("Item")
        return ("", 0) if held is None else (held["text"]["S"], int(held["rev"]["N"]))

    def put_note(self, name: str, text: str, rev: int) -> bool:
        """Put a text if the stored `rev` is `rev - 1`, or if there is none.

        A put that the SDK tried again since its answer was lost finds itself in the way: it has been done.
        """
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    LEDGER_TABLE_KEY: {"S": PREFIX + name},
                    "rev": {"N": str(rev)},
                    "text": {"S": text},
                },
                ConditionExpression="attribute_not_exists(rev) OR rev = :before",
                ExpressionAttributeValues={":before": {"N": str(rev - 1)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self.note(name) == (text, rev)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the ledger {self._table} cannot be written: {error}") from error
        return True

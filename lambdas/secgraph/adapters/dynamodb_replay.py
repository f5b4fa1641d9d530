"""The two tables of a replay: both read page by page, and the one beside emptied.

Deleted are 25 items to a request (BatchWriteItem), of which DynamoDB may give back some for later:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.adapters.dynamodb_graph import PARALLEL_REQUESTS, DynamoDBGraph
from secgraph.contract import GRAPH_TABLE_KEY
from secgraph.errors import StoreUnavailable
from secgraph.graph.ports import ItemPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DELETED_AT_ONCE: Final = 25
LISTED_AT_ONCE: Final = 1_000
ATTEMPTS: Final = 8


class ReplayedTable(DynamoDBGraph):
    """The graph table, as a replay reads and fills it."""

    def page(self, after: str) -> ItemPage:
        """Give the items of up to 1 MB after an `_id`, locators left out; see graph.ports.ItemTable."""
        page = next(self.pages(after=after or None))
        return ItemPage(page.items, len(page.unreadable), page.last or "")


class CopyOfTable(ReplayedTable):
    """The table beside. Nothing else is kept there, so that it may be emptied."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        super().__init__(client, table)
        self._copy_client = client
        self._copy = table

    def empty_some(self) -> int:
        """Delete up to 1,000 items; give their number, 0 once there are none."""
        try:
            answer = self._copy_client.scan(
                TableName=self._copy,
                ConsistentRead=True,
                Limit=LISTED_AT_ONCE,
                ProjectionExpression="#id",
                ExpressionAttributeNames={"#id": GRAPH_TABLE_KEY},
            )
            keys = answer["Items"]
            parts = [keys[start : start + DELETED_AT_ONCE] for start in range(0, len(keys), DELETED_AT_ONCE)]
            with ThreadPoolExecutor(max_workers=PARALLEL_REQUESTS) as pool:
                list(pool.map(self._delete, parts))
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the table {self._copy} cannot be emptied: {error}") from error
        return len(keys)

    def _delete(self, keys: list[dict[str, Any]]) -> None:
        request: Any = {self._copy: [{"DeleteRequest": {"Key": key}} for key in keys]}
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, min(2.0, 0.05 * 2 ** (attempt - 1))))  # noqa: S311
            request = self._copy_client.batch_write_item(RequestItems=request)["UnprocessedItems"]
            if not request:
                return
        raise StoreUnavailable(
            f"the table {self._copy} gave up on part of a deletion {ATTEMPTS} times in a row"
        )

"""The graph table in DynamoDB: items in, items out, each put on the condition that nobody was faster.

One DynamoDB item per graph item: `id` (partition key), `rev`, `v` (format), `key`, `type` and `body`
(graph/stored.py). Reads are consistent, in batches of 100; puts run in parallel.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import GRAPH_TABLE_KEY
from secgraph.errors import StoreTooLarge, StoreUnavailable
from secgraph.graph import stored
from secgraph.graph.model import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_GET_LIMIT: Final = 100
PARALLEL_PUTS: Final = 16
ATTEMPTS: Final = 8


class DynamoDBGraph:
    """The GraphWriter on AWS, and the scan that a table load reads from."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        """Give the stored items among these ids, read consistently."""
        wanted = sorted(set(ids))
        found: dict[str, Item] = {}
        for start in range(0, len(wanted), BATCH_GET_LIMIT):
            for raw in self._batch_get(wanted[start : start + BATCH_GET_LIMIT]):
                item = stored.load(raw["body"]["S"])
                found[item.thing.id] = item
        return found

    def write(self, items: Sequence[Item]) -> Collection[str]:
        """Put each item unless its stored `rev` has moved; give the ids that lost."""
        lost: list[str] = []
        failures: list[Exception] = []
        with ThreadPoolExecutor(max_workers=min(PARALLEL_PUTS, len(items) or 1)) as pool:
            for item, result in zip(items, pool.map(self._put, items), strict=True):
                if isinstance(result, Exception):
                    failures.append(result)
                elif not result:
                    lost.append(item.thing.id)
        if failures:
            raise StoreUnavailable(
                f"{len(failures)} of {len(items)} items could not be written to {self._table}: {failures[0]}"
            ) from failures[0]
        return lost

    def scan(self, limit: int) -> Iterator[Item]:
        """Give every item of the table. Raises StoreTooLarge past `limit` items, before they are read out."""
        seen = 0
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table, ConsistentRead=True, ProjectionExpression="body"
        )
        try:
            for page in pages:
                seen += len(page["Items"])
                if seen > limit:
                    raise StoreTooLarge(
                        f"the graph table {self._table} holds more than {limit} items, which is as much as a "
                        "query loads from the table"
                    )
                for raw in page["Items"]:
                    yield stored.load(raw["body"]["S"])
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the graph table {self._table} cannot be read: {error}") from error

    def _batch_get(self, ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        request: Any = {
            self._table: {"Keys": [{GRAPH_TABLE_KEY: {"S": id_}} for id_ in ids], "ConsistentRead": True}
        }
        for attempt in range(ATTEMPTS):
            try:
                answer = self._client.batch_get_item(RequestItems=request)
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"the graph table {self._table} cannot be read: {error}") from error
            yield from answer["Responses"].get(self._table, [])
            request = answer["UnprocessedKeys"]
            if not request:
                return
            # Full jitter; the table throttles a part of the batch and says so by handing it back.
            time.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))  # noqa: S311
        raise StoreUnavailable(
            f"the graph table {self._table} gave up on part of a read {ATTEMPTS} times in a row"
        )

    def _put(self, item: Item) -> bool | Exception:
        """Put one item: True if written, False if another writer was faster, else what went wrong."""
        arguments: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
        if item.rev > 1:
            arguments = {
                "ConditionExpression": "rev = :held",
                "ExpressionAttributeValues": {":held": {"N": str(item.rev - 1)}},
            }
        try:
            self._client.put_item(TableName=self._table, Item=_attributes(item), **arguments)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        except (ClientError, BotoCoreError) as error:
            return error
        return True


def _attributes(item: Item) -> dict[str, Any]:
    return {
        GRAPH_TABLE_KEY: {"S": item.thing.id},
        "rev": {"N": str(item.rev)},
        "v": {"N": str(stored.FORMAT)},
        "key": {"S": item.thing.key},
        "type": {"S": item.thing.type},
        "body": {"S": stored.dump(item)},
    }

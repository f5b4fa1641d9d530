"""The set of open findings on AWS: the sparse index of the graph table, and how an older table comes into it.

The index holds the items that have the attribute `openIn` (adapters/dynamodb_items.py), and of them the keys
alone. It is behind the table by moments.

Versions before it wrote no such attribute. So the table is read once, page by page, for findings without it;
those that are open get it. That is no write of the item: its `rev` stays, and the stream's reader passes it
over (adapters/table_stream.py). A function of such a version may still be at work while the table is read, so
it is read once more, an hour later at the soonest. Where it stands is kept in the ledger table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.dynamodb_items import read_item
from secgraph.contract import GRAPH_TABLE_KEY, LEDGER_TABLE_KEY, OPEN_INDEX, OPEN_INDEX_KEY
from secgraph.errors import StoreUnavailable
from secgraph.graph.model import Item
from secgraph.graph.open_set import SOURCES, index_key, open_in
from secgraph.sources.ports import OpenPage
from secgraph.sources.scope import Scope

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LISTED_AT_ONCE: Final = 1_000
READINGS: Final = 2
"""Of a table that an older version has written."""
APART_MS: Final = 60 * 60_000
"""By which they lie apart: longer than a function of the older version runs after an update."""
PLACE: Final = "index/open"
"""The item of the ledger table that says how far the table has been read."""


@dataclass(frozen=True, slots=True)
class _Place:
    """`readings` came to their end, the last one on `ended_on` (epoch ms); `after` is the `_id` after which
    the present one goes on, empty at its beginning."""

    readings: int = 0
    ended_on: int = 0
    after: str = ""


class DynamoDBOpenFindings:
    """OpenFindings over the graph table and its index. `clock` gives epoch milliseconds."""

    def __init__(
        self, client: DynamoDBClient, table: str, ledger_table: str, clock: Callable[[], int]
    ) -> None:
        self._client = client
        self._table = table
        self._ledger_table = ledger_table
        self._clock = clock
        self._graph = DynamoDBGraph(client, table)
        self._is_upgraded = False

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        """Give the stored items among these ids, read consistently."""
        return self._graph.read(ids)

    def open_ids(self, scope: Scope, bucket: int, cursor: str) -> OpenPage:
        """List one bucket of a scope, up to 1,000 at a time."""
        key = {"S": index_key(scope.source, scope.account, scope.region, bucket)}
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": OPEN_INDEX,
            "KeyConditionExpression": "#key = :key",
            "ExpressionAttributeNames": {"#key": OPEN_INDEX_KEY},
            "ExpressionAttributeValues": {":key": key},
            "Limit": LISTED_AT_ONCE,
        }
        if cursor:
            request["ExclusiveStartKey"] = {OPEN_INDEX_KEY: key, GRAPH_TABLE_KEY: {"S": cursor}}
        try:
            answer = self._client.query(**request)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the open findings of {self._table} cannot be read: {error}") from error
        return OpenPage(tuple(found[GRAPH_TABLE_KEY]["S"] for found in answer["Items"]), _last(answer))

    def upgraded(self) -> bool:
        """Read one page more of the table if it is to be read; true if it need not be read on now."""
        if self._is_upgraded:
            return True
        place = self._place()
        if self._has_to_be_read(place):
            place = self._page(place)
            self._keep(place)
        self._is_upgraded = place.readings >= READINGS
        return not self._has_to_be_read(place)

    def _has_to_be_read(self, place: _Place) -> bool:
        is_due = place.readings == 0 or self._clock() - place.ended_on >= APART_MS
        return place.readings < READINGS and is_due

    def _page(self, place: _Place) -> _Place:
        """Enter the open findings of one page into the index.

        One that another writer changes meanwhile gets its key from that one. One that cannot be read is
        known to whoever reads the table for the image, and cannot be closed either.
        """
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "FilterExpression": f"#type IN ({', '.join(_TYPES)}) AND attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#type": "type", "#key": OPEN_INDEX_KEY},
            "ExpressionAttributeValues": _TYPES,
        }
        if place.after:
            request["ExclusiveStartKey"] = {GRAPH_TABLE_KEY: {"S": place.after}}
        try:
            answer = self._client.scan(**request)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the graph table {self._table} cannot be read: {error}") from error
        items = [one for one in map(read_item, answer["Items"]) if isinstance(one, Item)]
        self._graph.index([item for item in items if open_in(item)])
        last = _last(answer)
        if last:
            return _Place(place.readings, place.ended_on, last)
        return _Place(place.readings + 1, self._clock())

    def _place(self) -> _Place:
        try:
            answer = self._client.get_item(
                TableName=self._ledger_table, Key={LEDGER_TABLE_KEY: {"S": PLACE}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the ledger {self._ledger_table} cannot be read: {error}") from error
        held = answer.get("Item")
        if held is None:
            return _Place()
        return _Place(int(held["readings"]["N"]), int(held["endedOn"]["N"]), held["after"]["S"])

    def _keep(self, place: _Place) -> None:
        """Keep how far the table was read. Of two that read it at once, the later one has the say: then some
        of it is read again, which changes nothing."""
        item = {
            LEDGER_TABLE_KEY: {"S": PLACE},
            "readings": {"N": str(place.readings)},
            "endedOn": {"N": str(place.ended_on)},
            "after": {"S": place.after},
        }
        try:
            self._client.put_item(TableName=self._ledger_table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the ledger {self._ledger_table} cannot be written: {error}") from error


_TYPES: Final[Mapping[str, Any]] = {f":type{n}": {"S": type_} for n, type_ in enumerate(sorted(SOURCES))}


def _last(answer: Mapping[str, Any]) -> str:
    """Give the `_id` after which a list goes on, empty at its end."""
    key = answer.get("LastEvaluatedKey")
    return "" if key is None else str(key[GRAPH_TABLE_KEY]["S"])

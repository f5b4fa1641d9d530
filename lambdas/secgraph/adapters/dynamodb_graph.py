"""The graph table in DynamoDB: items in, items out, each written on the condition that nobody was faster.

Its attributes are those of adapters/dynamodb_items.py. Reads are consistent, 100 items to a request. Writes
go 25 to a request, as PartiQL statements (adapters/dynamodb_statements.py): BatchWriteItem takes no
conditions, a transaction costs twice the write units and fails as a whole, a request for each item ten times
the processor time (docs/decisions/0018).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.adapters.dynamodb_items import Unreadable, item_of, read_item
from secgraph.adapters.dynamodb_statements import Statements
from secgraph.contract import GRAPH_TABLE_KEY
from secgraph.errors import StoreUnavailable
from secgraph.graph.locators import LOCATOR
from secgraph.graph.model import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

READ_AT_ONCE: Final = 100
WRITTEN_AT_ONCE: Final = 25
PARALLEL_REQUESTS: Final = 8
"""Of one read or write; the client needs as many connections."""
ATTEMPTS: Final = 8
PATIENCE_SECONDS: Final = 10.0
"""Less than an endpoint that hangs takes (see handlers/runtime.CONFIG), more than a write that goes well."""

_LOST: Final = frozenset({"ConditionalCheckFailed", "DuplicateItem"})
_PASSING: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
"""What befalls single statements of a batch and passes. Where it befalls a request, the SDK tries again."""


@dataclass(frozen=True, slots=True)
class ScanPage:
    """What one request of a scan read: the items, and what is none. `last` is the `_id` after which the scan
    goes on, None at its end."""

    items: tuple[Item, ...]
    unreadable: tuple[Unreadable, ...]
    last: str | None


_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


@dataclass(slots=True)
class _Written:
    """What became of a batch: the `_id`s that lost to another writer, and why others were not written."""

    lost: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Broken:
    """Why a request of a write failed, empty if none did; until when others are begun all the same."""

    patient_until: float
    reason: str = ""


class DynamoDBGraph:
    """The GraphWriter on AWS, and the scan that a rebuild of the image reads from."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        # Kept: to start threads for each read and write takes longer than what they do.
        self._pool = ThreadPoolExecutor(max_workers=PARALLEL_REQUESTS)
        self._statements = Statements(table)

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        """Give the stored items among these ids, read consistently."""
        items = map(item_of, self._get(ids))
        return {item.thing.id: item for item in items}

    def readable(self, ids: Collection[str]) -> tuple[Mapping[str, Item], int]:
        """Give the stored items among these ids that can be read, read consistently; and how many cannot."""
        found = [read_item(raw) for raw in self._get(ids)]
        items = {one.thing.id: one for one in found if isinstance(one, Item)}
        return items, len(found) - len(items)

    def write(self, items: Sequence[Item]) -> Collection[str]:
        """Put each item unless its stored `rev` has moved; give the ids that lost.

        Where a request failed and the write takes long, as at an endpoint that hangs, no further request is
        begun: to learn that of each takes longer than there is time.
        """
        return self._write(items, self._statements.put)

    def index(self, items: Sequence[Item]) -> Collection[str]:
        """Enter open findings, as they are stored, into the index; give the ids that lost since their `rev`
        has moved. As `write`, but all that an item says stays, its `rev` included."""
        return self._write(items, self._statements.index)

    def _write(self, items: Sequence[Item], statement: Callable[[Item], Any]) -> Collection[str]:
        broken = _Broken(time.monotonic() + PATIENCE_SECONDS)
        parts = _in_parts(items, WRITTEN_AT_ONCE)
        written = list(self._in_parallel(lambda part: self._batch_put(part, statement, broken), parts))
        if failures := [failure for part in written for failure in part.failures]:
            raise StoreUnavailable(
                f"{len(failures)} of {len(items)} items could not be written to {self._table}: {failures[0]}"
            )
        return [id_ for part in written for id_ in part.lost]

    def pages(self, segment: int = 0, of: int = 1, after: str | None = None) -> Iterator[ScanPage]:
        """Give every item but locators of one of `of` segments of the table, consistently, a page of up to
        1 MB at a time; `after` is the `last` of a page where it is to go on."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "FilterExpression": "#type <> :locator",
            "ExpressionAttributeNames": {"#type": "type"},
            "ExpressionAttributeValues": {":locator": {"S": LOCATOR}},
            "Segment": segment,
            "TotalSegments": of,
        }
        while True:
            if after is not None:
                request["ExclusiveStartKey"] = {GRAPH_TABLE_KEY: {"S": after}}
            try:
                answer = self._client.scan(**request)
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"the graph table {self._table} cannot be read: {error}") from error
            key: Any = answer.get("LastEvaluatedKey")
            after = None if key is None else key[GRAPH_TABLE_KEY]["S"]
            found = [read_item(raw) for raw in answer["Items"]]
            yield ScanPage(
                tuple(one for one in found if isinstance(one, Item)),
                tuple(one for one in found if isinstance(one, Unreadable)),
                after,
            )
            if after is None:
                return

    def size(self) -> int:
        """Tell how many items the table holds, as it counted them some hours ago."""
        try:
            return self._client.describe_table(TableName=self._table)["Table"]["ItemCount"]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the graph table {self._table} cannot be read: {error}") from error

    def _in_parallel(self, work: Callable[[_Part], _Result], parts: Sequence[_Part]) -> Iterable[_Result]:
        """Do the same with several parts at a time; the results come in their order."""
        return map(work, parts) if len(parts) < 2 else self._pool.map(work, parts)

    def _get(self, ids: Collection[str]) -> list[Mapping[str, Any]]:
        parts = _in_parts(sorted(set(ids)), READ_AT_ONCE)
        return [raw for found in self._in_parallel(self._batch_get, parts) for raw in found]

    def _batch_get(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        request: Any = {
            self._table: {"Keys": [{GRAPH_TABLE_KEY: {"S": id_}} for id_ in ids], "ConsistentRead": True}
        }
        found: list[Mapping[str, Any]] = []
        for attempt in range(ATTEMPTS):
            _wait(attempt)
            try:
                answer = self._client.batch_get_item(RequestItems=request)
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"the graph table {self._table} cannot be read: {error}") from error
            found += answer["Responses"].get(self._table, [])
            request = answer["UnprocessedKeys"]
            if not request:
                return found
        raise StoreUnavailable(
            f"the graph table {self._table} gave up on part of a read {ATTEMPTS} times in a row"
        )

    def _batch_put(
        self, items: Sequence[Item], statement: Callable[[Item], Any], broken: _Broken
    ) -> _Written:
        """Write items in one request, and those again that were throttled."""
        written = _Written()
        waiting = {item.thing.id: statement(item) for item in items}
        throttled: dict[str, str] = {}
        for attempt in range(ATTEMPTS):
            _wait(attempt)
            if broken.reason and time.monotonic() > broken.patient_until:
                written.failures += [broken.reason] * len(waiting)
                return written
            try:
                answer = self._client.batch_execute_statement(Statements=list(waiting.values()))
            except (ClientError, BotoCoreError) as error:
                broken.reason = str(error)
                written.failures += [str(error)] * len(waiting)
                return written
            throttled = _sort_out(waiting, answer["Responses"], written)
            if not throttled:
                return written
            waiting = {id_: waiting[id_] for id_ in throttled}
        written.failures += throttled.values()
        return written


def _sort_out(ids: Iterable[str], responses: Sequence[Any], written: _Written) -> dict[str, str]:
    """Note what is lost and what failed; give what was throttled, with the reason."""
    throttled: dict[str, str] = {}
    for id_, response in zip(ids, responses, strict=True):
        error = response.get("Error", {})
        code, reason = error.get("Code"), f"{error.get('Code')}: {error.get('Message')}"
        if code in _LOST:
            written.lost.append(id_)
        elif code in _PASSING:
            throttled[id_] = reason
        elif error:
            written.failures.append(reason)
    return throttled


def _in_parts(whole: Sequence[_Part], size: int) -> list[Sequence[_Part]]:
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def _wait(attempt: int) -> None:
    """Wait before each attempt but the first (0), longer each time, with full jitter: the table throttles
    parts of a batch."""
    if attempt:
        time.sleep(random.uniform(0, min(2.0, 0.05 * 2 ** (attempt - 1))))  # noqa: S311

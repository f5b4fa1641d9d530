"""The ledger table: one item for each Standing, put on the condition that nobody was faster.

`id` (`scope/…`, beside which others keep items of their own), `rev`, and `body`, JSON text with its version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.contract import LEDGER_TABLE_KEY
from secgraph.errors import StoreError, StoreUnavailable
from secgraph.sources.scope import Reader, Scope
from secgraph.sources.standing import Failure, Finished, Phase, Run, Standing, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX: Final = "scope/"
FORMAT: Final = 1


class DynamoDBLedger:
    """The LedgerStore."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def all(self) -> Iterator[Standing]:
        """Read every standing, consistently."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression="begins_with(#id, :prefix)",
            ExpressionAttributeNames={"#id": LEDGER_TABLE_KEY},
            ExpressionAttributeValues={":prefix": {"S": PREFIX}},
        )
        try:
            for page in pages:
                yield from map(_standing, page["Items"])
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the ledger {self._table} cannot be read: {error}") from error

    def read(self, scope: Scope) -> Standing | None:
        """Read one, consistently."""
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={LEDGER_TABLE_KEY: {"S": PREFIX + scope.key}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the ledger {self._table} cannot be read: {error}") from error
        held = answer.get("Item")
        return None if held is None else _standing(held)

    def write(self, standing: Standing) -> bool:
        """Put a standing unless its stored `rev` has moved. One that the SDK tried again since its answer was
        lost finds itself in the way: it has been done."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    LEDGER_TABLE_KEY: {"S": PREFIX + standing.scope.key},
                    "rev": {"N": str(standing.rev)},
                    "body": {"S": dump(standing)},
                },
                **_unmoved(standing.rev),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self.read(standing.scope) == standing
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the ledger {self._table} cannot be written: {error}") from error
        return True


def _unmoved(rev: int) -> dict[str, Any]:
    if rev == 1:
        return {"ConditionExpression": "attribute_not_exists(rev)"}
    return {
        "ConditionExpression": "rev = :before",
        "ExpressionAttributeValues": {":before": {"N": str(rev - 1)}},
    }


def dump(standing: Standing) -> str:
    """Write a standing as JSON text."""
    return json.dumps({"v": FORMAT, **asdict(standing)}, default=_word, ensure_ascii=False)


def _word(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def load(text: str) -> Standing:
    """Read what `dump` wrote. Raises StoreError for a later version, and for what it did not write."""
    try:
        held: dict[str, Any] = json.loads(text)
        version = held.pop("v")
        if version != FORMAT:
            raise StoreError(
                f"an item of the ledger is written in format {version}; this version of secgraph reads "
                f"format {FORMAT}: upgrade secgraph"
            )
        run, finished, failure = held.pop("run"), held.pop("finished"), held.pop("failure")
        return Standing(
            scope=Scope(**held.pop("scope")),
            reader=Reader(**held.pop("reader")),
            state=State(held.pop("state")),
            run=None if run is None else Run(**run | {"phase": Phase(run["phase"])}),
            finished=None if finished is None else Finished(**finished),
            failure=None if failure is None else Failure(**failure),
            **held,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"an item of the ledger cannot be read ({error!r}); delete it: its scope is then discovered anew"
        ) from error


def _standing(attributes: Any) -> Standing:
    try:
        return load(attributes["body"]["S"])
    except KeyError as error:
        raise StoreError(
            f"the item {attributes.get(LEDGER_TABLE_KEY)} of the ledger has no body; delete it"
        ) from error

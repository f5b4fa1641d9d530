"""An empty AWS account in moto, for as long as a `with` lasts; what the shell says of AWS is not heard."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import pytest

from tests.moto_partiql import batch_execute_statement

NONE: Final[Mapping[str, str]] = MappingProxyType({})


@contextmanager
def account() -> Iterator[None]:
    """Open the account. The shell's settings come back afterwards."""
    from moto import mock_aws  # here: most tests need no AWS, and it takes long to import
    from moto.dynamodb.models import DynamoDBBackend

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.setattr(DynamoDBBackend, "batch_execute_statement", batch_execute_statement)
        with mock_aws():
            patch.setattr("boto3.DEFAULT_SESSION", _session())
            yield


@cache
def _session() -> Any:
    """Give what makes the clients: one for all accounts of a process, as it reads much."""
    import boto3

    return boto3.Session()


def make_table(name: str, key: str, client: Any = None, *, indexes: Mapping[str, str] = NONE) -> Any:
    """Make a table as the stack does, inside `account` unless a client says where, and give its client.
    `indexes` are sparse ones of keys only: their names, and the attribute of each."""
    import boto3

    client = client or boto3.client("dynamodb")
    more: dict[str, Any] = {
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, attribute in indexes.items()
        ]
    }
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": "S"} for attribute in (key, *indexes.values())
        ],
        BillingMode="PAY_PER_REQUEST",
        **(more if indexes else {}),
    )
    return client

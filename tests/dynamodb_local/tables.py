"""An empty table for a test: in moto, or on the genuine DynamoDB Local."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests import aws_account

MOTO: Final = "moto"
PLACES: Final = (MOTO, pytest.param("DynamoDB Local", marks=pytest.mark.dynamodb_local))
"""The parameters of a fixture that uses `table`."""


@contextmanager
def table(
    request: pytest.FixtureRequest, name: str, key: str, indexes: Mapping[str, str] = aws_account.NONE
) -> Iterator[Any]:
    """Make a table in the place that the fixture's parameter says, and give its client."""
    if request.param == MOTO:
        yield request.getfixturevalue("make_table")(name, key, indexes=indexes)
        return
    client = request.getfixturevalue("dynamodb_local").client()
    aws_account.make_table(name, key, client, indexes=indexes)
    try:
        yield client
    finally:
        client.delete_table(TableName=name)

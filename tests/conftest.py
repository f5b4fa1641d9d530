"""What every test may use: the sample events, ready to be changed, and an AWS account in moto."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

EVENTS = Path(__file__).parent.parent / "examples" / "demo"


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """Give a function that reads a sample event by the start of its file's name (`01`)."""

    def read(start: str) -> dict[str, Any]:
        (file,) = EVENTS.glob(f"{start}*.json")
        event: dict[str, Any] = json.loads(file.read_text())
        return event

    return read


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account in moto; what the shell says of AWS is not heard."""
    from moto import mock_aws  # here: most tests need no AWS, and it takes long to import

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield


@pytest.fixture
def make_table(aws: None) -> Callable[[str, str], Any]:
    """Give a function that makes a table by its name and key, as the stack does, and gives its client."""
    import boto3

    def make(name: str, key: str) -> Any:
        client = boto3.client("dynamodb")
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return client

    return make

"""What every test may use: the sample events, ready to be changed, and an AWS account in moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests import aws_account

if TYPE_CHECKING:
    from tests.dynamodb_local.server import DynamoDBLocal

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
"""How long an example takes says how busy the machine is, not what is wrong."""

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
def aws() -> Iterator[None]:
    """An empty AWS account in moto."""
    with aws_account.account():
        yield


@pytest.fixture
def make_table(aws: None) -> Callable[[str, str], Any]:
    """Give a function that makes a table by its name and key, as the stack does, and gives its client."""
    return aws_account.make_table


@pytest.fixture(scope="session")
def dynamodb_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamoDBLocal]:
    """The genuine DynamoDB Local, one for all tests of this process."""
    from tests.dynamodb_local.server import QUICK, DynamoDBLocal  # here: few tests need boto3

    with DynamoDBLocal(tmp_path_factory.mktemp("dynamodb-local"), QUICK) as server:
        yield server

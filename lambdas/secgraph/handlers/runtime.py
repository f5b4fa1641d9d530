"""The composition root of the functions: environment and AWS clients in, ports out.

Everything here is made once per execution environment and reused by its invocations.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from secgraph import contract
from secgraph.adapters.dynamodb_graph import PARALLEL_REQUESTS, DynamoDBGraph
from secgraph.errors import SettingsError
from secgraph.graph.accounts import accounts_of
from secgraph.graph.model import AccountSettings

if TYPE_CHECKING:
    from secgraph.adapters.s3_archive import S3Archive
    from secgraph.adapters.s3_quarantine import S3Quarantine
    from secgraph.j1ql.server.settings import Server

logger: Final = Logger(service=contract.SERVICE)
metrics: Final = Metrics(namespace=contract.METRICS_NAMESPACE, service=contract.SERVICE)

ASSET: Final = Path(__file__).resolve().parent.parent.parent
CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=PARALLEL_REQUESTS,
    connect_timeout=2,
    read_timeout=5,
)
"""For every client: the SDK by itself waits a minute, several times over, longer than a function may run.

A request to an endpoint that hangs gives up after 4 × (2 + 5) seconds and pauses of 1 + 2 + 4 seconds at
most: 35 of the 60 that ingest and query have. It happens once an invocation, since the requests of a read or
a write run side by side, those that wait are dropped once one gave up, and nothing further is asked of a
store that failed. So what could not be stored is handed back in time and with the reason. All of these
endpoints answer within a fraction of a second when they are well.
"""


def now() -> int:
    """Tell the time in epoch milliseconds; the only clock of the functions."""
    return time.time_ns() // 1_000_000


def measure(name: str, number: int) -> None:
    """Write one count to CloudWatch's embedded metric format; nothing is written where nothing happened."""
    metrics.add_metric(name, MetricUnit.Count, number)
    metrics.flush_metrics()


def environment(name: str) -> str:
    """Give an environment variable. Raises SettingsError if the deployment did not set it."""
    value = os.environ.get(name)
    if not value:
        raise SettingsError(f"environment variable {name} is not set; deploy the stack again")
    return value


@cache
def graph() -> DynamoDBGraph:
    """Give the graph table."""
    # To check every parameter of every item again costs a quarter of a write's processor time.
    client = boto3.client("dynamodb", config=CONFIG.merge(Config(parameter_validation=False)))
    return DynamoDBGraph(client, environment(contract.GRAPH_TABLE))


@cache
def quarantine() -> S3Quarantine:
    """Give the place for events that were not understood."""
    from secgraph.adapters.s3_quarantine import S3Quarantine

    return S3Quarantine(boto3.client("s3", config=CONFIG), environment(contract.BUCKET))


@cache
def archive() -> S3Archive:
    """Give the place for every delivery as it came."""
    from secgraph.adapters.s3_archive import S3Archive

    return S3Archive(boto3.client("s3", config=CONFIG), environment(contract.BUCKET))


@cache
def accounts() -> Mapping[str, AccountSettings]:
    """Give the deployment's account settings: from the asset's file, else from the environment."""
    shipped = ASSET / contract.ACCOUNTS_FILE
    if shipped.exists():
        return accounts_of(shipped.read_text("utf-8"), contract.ACCOUNTS_FILE)
    return accounts_of(os.environ.get(contract.ACCOUNTS) or "{}", contract.ACCOUNTS)


@cache
def server() -> Server:
    """Give what the administrator has set for queries: the smart classes in the asset, if there are any."""
    from secgraph.j1ql.server.settings import PLAIN, Server
    from secgraph.j1ql.server.smart_classes import smart_classes_of

    shipped = ASSET / contract.SMART_CLASSES_FILE
    if not shipped.exists():
        return PLAIN
    return Server(smart_classes_of(shipped.read_text("utf-8"), contract.SMART_CLASSES_FILE))


def test_source_enabled() -> bool:
    """Tell whether this deployment takes events of its own test source."""
    return os.environ.get(contract.TEST_SOURCE_ENABLED) == "true"

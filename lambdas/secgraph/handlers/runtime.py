"""The composition root of the functions: environment and AWS clients in, ports out.

Everything here is made once per execution environment and reused by its invocations.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Final

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from secgraph import contract
from secgraph.adapters.dynamodb_graph import PARALLEL_REQUESTS, DynamoDBGraph
from secgraph.errors import SettingsError, StoreUnavailable
from secgraph.graph.accounts import accounts_of
from secgraph.graph.model import AccountSettings
from secgraph.j1ql.moments import iso

if TYPE_CHECKING:
    from secgraph.adapters.dynamodb_items import Unreadable
    from secgraph.adapters.image.builder import ParquetBuilder
    from secgraph.adapters.image.reader import ImageReader
    from secgraph.adapters.image.s3_store import S3Store
    from secgraph.adapters.s3_archive import S3Archive
    from secgraph.adapters.s3_aside import S3Aside
    from secgraph.adapters.s3_quarantine import S3Quarantine
    from secgraph.adapters.sqs_rebuild import RebuildQueue
    from secgraph.j1ql.server.settings import Server
    from secgraph.j1ql.server.smart_classes import SmartClasses
    from secgraph.j1ql.server.stored import Found, StoredParameters

logger: Final = Logger(service=contract.SERVICE)
metrics: Final = Metrics(namespace=contract.METRICS_NAMESPACE, service=contract.SERVICE)

CACHE: Final = Path(gettempdir()) / "image"
"""What was fetched of the image; it stays for the invocations to come."""
PARAMETERS_KEPT_MS: Final = 5 * 60_000
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
def aside() -> S3Aside:
    """Give the place for items that the image goes without."""
    from secgraph.adapters.s3_aside import S3Aside

    return S3Aside(boto3.client("s3", config=CONFIG), environment(contract.BUCKET))


def set_aside(items: Sequence[Unreadable]) -> None:
    """Keep items that the image goes without, count and log them. Raises StoreUnavailable."""
    if not items:
        return
    aside().put(items)
    measure(contract.METRIC_SET_ASIDE, len(items))
    logger.error(
        "some items of the graph table cannot be shown", first={item.id: item.reason for item in items[:5]}
    )


@cache
def image_store() -> S3Store:
    """Give the objects of the graph image."""
    from secgraph.adapters.image.s3_store import S3Store

    return S3Store(boto3.client("s3", config=CONFIG), environment(contract.BUCKET), contract.IMAGE_PREFIX)


@cache
def builder() -> ParquetBuilder:
    """Give the maker of the image's bases."""
    from secgraph.adapters.image.builder import ParquetBuilder

    return ParquetBuilder(image_store(), CACHE)


def graph_stream() -> str:
    """Name the stream that tells what changes in the graph table."""
    return environment(contract.GRAPH_STREAM)


@cache
def rebuild_queue() -> RebuildQueue:
    """Give the queue that a rebuild of the image goes through."""
    from secgraph.adapters.sqs_rebuild import RebuildQueue

    return RebuildQueue(boto3.client("sqs", config=CONFIG), environment(contract.REBUILD_QUEUE))


@cache
def _image() -> ImageReader:
    from secgraph.adapters.image.reader import ImageReader
    from secgraph.adapters.relations.reader import Limits

    memory_mb = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or 2048)
    return ImageReader(image_store(), CACHE, Limits(memory=f"{memory_mb * 6 // 10}MB"))


def image_if_any(now: int) -> ImageReader | None:
    """Give the newest version of the image; None before it has a base: its deltas hold what changed since a
    deployment, and not what the table held before."""
    reader = _image()
    state = reader.refresh(now)
    if not state.generation:
        return None
    if state.fallback:
        logger.error("a part of the graph image cannot be read", fallback=state.fallback)
    return reader


def image(now: int) -> ImageReader:
    """Give the newest version of the image. Raises StoreUnavailable before there is one."""
    reader = image_if_any(now)
    if reader is None:
        raise StoreUnavailable(
            "the graph image is being built from the table for the first time; a deployment starts that, and "
            f"at the latest {contract.COMPACT_EVERY_MINUTES} minutes later it is noticed: ask again. If it "
            "stays so, the logs of the functions Compact and Rebuild say why"
        )
    return reader


def read_from(reader: ImageReader) -> dict[str, object]:
    """Say what an answer was read from: which version of the image, and how fresh it is."""
    state = reader.state()
    said: dict[str, object] = {
        "version": state.version,
        "generation": state.generation,
        "until": iso(state.until),
        "publishedOn": iso(state.published_on),
    }
    return said | ({"fallback": state.fallback} if state.fallback else {})


@cache
def accounts() -> Mapping[str, AccountSettings]:
    """Give the deployment's account settings: from the asset's file, else from the environment."""
    shipped = ASSET / contract.ACCOUNTS_FILE
    if shipped.exists():
        return accounts_of(shipped.read_text("utf-8"), contract.ACCOUNTS_FILE)
    return accounts_of(os.environ.get(contract.ACCOUNTS) or "{}", contract.ACCOUNTS)


@cache
def smart_classes() -> SmartClasses:
    """Give the smart classes in the asset, if there are any, and the built-in ones."""
    from secgraph.j1ql.server.settings import PLAIN
    from secgraph.j1ql.server.smart_classes import smart_classes_of

    shipped = ASSET / contract.SMART_CLASSES_FILE
    if not shipped.exists():
        return PLAIN.smart_classes
    return smart_classes_of(shipped.read_text("utf-8"), contract.SMART_CLASSES_FILE)


def server(now: int, *, secrets: bool) -> Server:
    """Give what the administrator has set for queries; only rules may use parameters that are secrets."""
    from secgraph.j1ql.server.settings import Server

    return Server(smart_classes(), parameters(now, secrets=secrets))


_parameters: dict[bool, tuple[int, StoredParameters]] = {}
"""With and without secrets: when they were last made, and they."""


def parameters(now: int, *, secrets: bool) -> StoredParameters:
    """Give the stored parameters, which are read once one is asked for, and again some minutes later."""
    from secgraph.j1ql.server.stored import StoredParameters

    made_on, held = _parameters.get(secrets, (0, None))
    if held is None or held.failed or not 0 <= now - made_on < PARAMETERS_KEPT_MS:
        held = StoredParameters(partial(_read_parameters, secrets))
        _parameters[secrets] = now, held
    return held


def _read_parameters(secrets: bool) -> Found:
    from secgraph.adapters.parameters import ParameterStore

    client = boto3.client("ssm", config=CONFIG)
    return ParameterStore(client, environment(contract.PARAMETERS), secrets=secrets).read()


def administrators() -> frozenset[str]:
    """Name the accounts whose events may speak of other accounts' findings."""
    return frozenset(environment(contract.ADMINISTRATORS).split(","))


def test_source_enabled() -> bool:
    """Tell whether this deployment takes events of its own test source."""
    return os.environ.get(contract.TEST_SOURCE_ENABLED) == "true"

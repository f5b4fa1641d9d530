"""What ingest costs on the genuine DynamoDB Local: findings a second, and write units.

Speed: the ingest flow, in batches as SQS delivers them, against BatchWriteItem of the items that it left, one
request after the other, and as many at a time as the flow makes; each into an empty table. Only the ratios
mean anything elsewhere.

Units: DynamoDB Local tells what BatchWriteItem consumed, but not what PartiQL statements did. AWS charges the
same for both, so every item that the flow writes is put into a table beside it, and that is what is counted.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from botocore.config import Config

from benchmarks.estate import Estate
from benchmarks.figures import Figure
from secgraph.adapters.dynamodb_graph import PARALLEL_REQUESTS, WRITTEN_AT_ONCE, DynamoDBGraph
from secgraph.adapters.dynamodb_items import attributes_of
from secgraph.adapters.local_graph import LocalGraph
from secgraph.contract import GRAPH_TABLE_KEY
from secgraph.flows.ingest import APPLIED, UNCHANGED, WarmCache, count, ingest
from secgraph.graph.model import Item
from secgraph.ingest.ports import Delivery
from tests.aws_account import make_table
from tests.dynamodb_local.download import PROGRAM
from tests.dynamodb_local.java import java
from tests.dynamodb_local.server import DynamoDBLocal

ENTITIES: Final = 10_000
FINDINGS: Final = 2_000
"""The first of that estate: most bring something new with them, as when a deployment begins."""
BATCH: Final = 50
"""As many events as SQS hands to the function at once."""
WARM_UP: Final = 300
RUNS: Final = 3


def dynamodb(now: int) -> Iterator[Figure]:
    """Measure, where there is Java and DynamoDB Local has been downloaded."""
    what = "ingest, DynamoDB Local"
    if java() is None:
        yield Figure(what, "not measured", "no Java 17")
    elif not PROGRAM.exists():
        yield Figure(what, "not measured", "`make test-dynamodb-local` downloads it")
    else:
        with tempfile.TemporaryDirectory() as folder, DynamoDBLocal(Path(folder)) as server:
            config = Config(max_pool_connections=PARALLEL_REQUESTS, parameter_validation=False)
            client = server.client(config)
            texts = list(islice(Estate(ENTITIES).events(), FINDINGS))
            yield from _speed(what, client, texts, now)
            for what, units, items in write_units(client, texts, now):
                yield Figure(f"write units, {what}", f"{units:.2f}", f"{items:.2f} items for each finding")


def _speed(what: str, client: Any, texts: Sequence[str], now: int) -> Iterator[Figure]:
    warm = list(islice(Estate(ENTITIES, seed=8).events(), WARM_UP))
    _raw(client, _ingested(client, warm, now)[1], PARALLEL_REQUESTS)
    runs: list[tuple[float, float, float]] = []
    for _ in range(RUNS):
        flow, items = _ingested(client, texts, now)
        runs.append((flow, _raw(client, items, 1), _raw(client, items, PARALLEL_REQUESTS)))
    one, many = (statistics.median(run[way] / run[0] for run in runs) for way in (1, 2))
    note = (
        f"{one:.2f} of BatchWriteItem of the same items, {many:.2f} of as much of it at a time; "
        f"{len(texts):,} findings"
    )
    yield Figure(what, f"{len(texts) / statistics.median(run[0] for run in runs):,.0f}/s", note)


def _ingested(client: Any, texts: Sequence[str], now: int) -> tuple[float, list[dict[str, Any]]]:
    """Give how long the flow took, in seconds, and the items that it left, as DynamoDB keeps them."""
    table = _table(client, "flow")
    started = time.perf_counter()
    _ingest(texts, DynamoDBGraph(client, table), now, APPLIED)
    seconds = time.perf_counter() - started
    pages = client.get_paginator("scan").paginate(TableName=table)
    return seconds, [item for page in pages for item in page["Items"]]


def _raw(client: Any, items: Sequence[dict[str, Any]], at_once: int) -> float:
    """Give how long BatchWriteItem takes with the same items, in seconds."""
    table = _table(client, "raw")
    parts = [items[start : start + WRITTEN_AT_ONCE] for start in range(0, len(items), WRITTEN_AT_ONCE)]
    started = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(partial(_batch_write, client, table), parts))
    return time.perf_counter() - started


def write_units(client: Any, texts: Sequence[str], now: int) -> Iterator[tuple[str, float, float]]:
    """Give, for events that are new, the same again, and touched by their source: the write units and the
    items written, each for one finding."""
    graph = DynamoDBGraph(client, _table(client, "flow"))
    writer = _Metered(graph, client, _table(client, "beside"))
    for what, events, expected in (
        ("a new finding", texts, APPLIED),
        ("the same event again", texts, UNCHANGED),
        ("an update of volatile fields", [_later(text) for text in texts], APPLIED),
    ):
        writer.units, writer.items = 0.0, 0
        _ingest(events, writer, now, expected)
        yield what, writer.units / len(events), writer.items / len(events)


@dataclass(slots=True)
class _Metered:
    """A GraphWriter that counts the items written and the units that they cost."""

    graph: DynamoDBGraph
    client: Any
    beside: str
    units: float = 0.0
    items: int = 0

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        return self.graph.read(ids)

    def write(self, items: Sequence[Item]) -> Collection[str]:
        if lost := self.graph.write(items):
            raise SystemExit(f"{len(lost)} items were lost to nobody")
        for start in range(0, len(items), WRITTEN_AT_ONCE):
            part = [attributes_of(item) for item in items[start : start + WRITTEN_AT_ONCE]]
            self.units += _batch_write(self.client, self.beside, part)
        self.items += len(items)
        return ()


def _batch_write(client: Any, table: str, items: Sequence[dict[str, Any]]) -> float:
    """Put some items, and give the units that it cost."""
    units = 0.0
    request: Any = {table: [{"PutRequest": {"Item": item}} for item in items]}
    while request:
        answer = client.batch_write_item(RequestItems=request, ReturnConsumedCapacity="TOTAL")
        units += sum(each["CapacityUnits"] for each in answer["ConsumedCapacity"])
        request = answer["UnprocessedItems"]
    return units


def _ingest(texts: Sequence[str], writer: Any, now: int, expected: str) -> None:
    cache = WarmCache()
    with LocalGraph.in_memory() as aside:
        for start in range(0, len(texts), BATCH):
            events = enumerate(texts[start : start + BATCH])
            part = [Delivery(str(number), text, now) for number, text in events]
            reports = ingest(part, writer=writer, quarantine=aside, now=now, settings={}, cache=cache)
            counted = {name: number for name, number in count(reports).items() if number}
            if counted != {expected: len(part)}:
                raise SystemExit(f"the events came out as {counted}, not {expected}")


def _later(text: str) -> str:
    """Give the event of a finding that the source touched again: its bookkeeping, nothing else."""
    event = json.loads(text)
    detail = event["detail"]
    if "epss" in detail:
        detail["epss"] = {"score": 0.5}
    detail["updatedAt"] = detail["updatedAt"].replace("6:", "7:", 1).replace("T08:", "T09:")
    if "service" in detail:
        detail["service"]["count"] += 1
    return json.dumps(event)


def _table(client: Any, name: str) -> str:
    """Give an empty table."""
    if name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)
    make_table(name, GRAPH_TABLE_KEY, client)
    return name

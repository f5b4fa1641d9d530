"""The real flows over a small estate → what one of each needs: units, requests, bytes, processor time.

The graph table is a dictionary here, and the bucket a folder, so that what is timed is ours alone. Units
follow from the bytes of what is written and read, as DynamoDB counts them; `make bench` counts them on
DynamoDB Local.
"""

from __future__ import annotations

import itertools
import json
import math
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks import stamped
from benchmarks.costs.model import Counted
from benchmarks.estate import Estate
from secgraph.adapters.bundled import bundled
from secgraph.adapters.dynamodb_items import attributes_of, item_of
from secgraph.adapters.image.builder import ParquetBuilder
from secgraph.adapters.image.folder_store import FolderStore
from secgraph.adapters.image.reader import ImageReader
from secgraph.adapters.image.s3_store import PART_BYTES
from secgraph.adapters.pack_files import read_packs
from secgraph.contract import GRAPH_TABLE_KEY, OPEN_INDEX_KEY, PACKS_FOLDER
from secgraph.errors import QueryError
from secgraph.flows.ask import ask
from secgraph.flows.compact import compact
from secgraph.flows.ingest import WarmCache, ingest
from secgraph.flows.project import StreamRecord, project
from secgraph.graph.model import Item
from secgraph.image.ports import ObjectStore, Pointer
from secgraph.image.rows import Version
from secgraph.ingest import archive
from secgraph.ingest.ports import Delivery, Quarantined
from secgraph.rules.pack import load_all

NOW: Final = 1_795_000_000_000
SPAN: Final = 30 * 24 * 3_600_000
EVENTS: Final = 1_000
BATCH: Final = 5
"""Events that reach the ingest function at once, as at a million a month."""
STANDING: Final = 50_000
CHANGED: Final = 0.01


def counted() -> Counted:
    """Count everything, in about a minute and a half."""
    told = ingested()
    with tempfile.TemporaryDirectory() as folder:
        image = _imaged(Path(folder))
    return Counted(**told, **image, start_seconds=1.0)


# ── ingest ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Table:
    """A GraphWriter that keeps items as DynamoDB does, and counts what DynamoDB would charge."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    write_units: int = 0
    index_units: int = 0
    read_units: int = 0
    written: list[Item] = field(default_factory=list)

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        # An item that is not there costs one unit all the same.
        self.read_units += sum(_units(self.items.get(id_), 4_096) for id_ in ids)
        return {id_: item_of(self.items[id_]) for id_ in ids if id_ in self.items}

    def write(self, items: Sequence[Item]) -> Collection[str]:
        for item in items:
            attributes, before = attributes_of(item), self.items.get(item.thing.id)
            # An update is charged by the larger of what was there and what is.
            self.write_units += max(_units(attributes, 1_024), _units(before, 1_024))
            self.index_units += _index_units(
                (before or {}).get(OPEN_INDEX_KEY), attributes.get(OPEN_INDEX_KEY)
            )
            self.items[item.thing.id] = attributes
            self.written.append(item)
        return ()


@dataclass(slots=True)
class _Aside:
    """A Quarantine that nothing may go to."""

    def put(self, events: Sequence[Quarantined]) -> None:
        raise SystemExit(f"an event was not understood: {events[0].reason}")


def _index_units(before: object, after: object) -> int:
    """Count the writes of an index of keys: to put an entry in, to take one out, both where its key changes.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
    """
    return 0 if before == after else (before is not None) + (after is not None)


def _index_bytes(attributes: Mapping[str, Any]) -> int:
    """Measure the entry of an item in the index: its keys, and DynamoDB's own overhead of an entry."""
    keys = {name: attributes[name] for name in (GRAPH_TABLE_KEY, OPEN_INDEX_KEY) if name in attributes}
    return _bytes(keys) + 100 if OPEN_INDEX_KEY in keys else 0


def _units(attributes: Mapping[str, Any] | None, unit: int) -> int:
    return max(1, math.ceil(_bytes(attributes) / unit)) if attributes else 1


def _bytes(attributes: Mapping[str, Any]) -> int:
    """Measure an item as DynamoDB does: names and values; a number takes half its digits and one."""
    size = 0
    for name, typed in attributes.items():
        ((kind, value),) = typed.items()
        size += len(name) + (len(value) // 2 + 1 if kind == "N" else len(_raw(value)))
    return size


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def ingested() -> dict[str, float]:
    """Count what ingest needs for an event."""
    """Count what ingest needs for an event."""
    events = list(islice(Estate(STANDING).events(), EVENTS))
    table, cache, found = _Table(), WarmCache(), {}
    work: dict[str, float] = {}
    for what, texts in (
        ("new", events),
        ("again", events),
        ("touched", [_later(text) for text in events]),
    ):
        table.write_units, table.index_units, table.written = 0, 0, []
        started = time.process_time()
        for start in range(0, EVENTS, BATCH):
            part = [
                Delivery(str(number), text, NOW) for number, text in enumerate(texts[start : start + BATCH])
            ]
            ingest(part, writer=table, quarantine=_Aside(), now=NOW, settings={}, cache=cache)
        work[what] = (time.process_time() - started) / EVENTS
        found[f"units_{what}"] = table.write_units / EVENTS
        found[f"index_units_{what}"] = table.index_units / EVENTS
        found[f"items_{what}"] = len(table.written) / EVENTS
    packed = [
        archive.pack(
            [Delivery(str(number), text, NOW) for number, text in enumerate(events[start : start + BATCH])]
        )
        for start in range(0, EVENTS, BATCH)
    ]
    sizes = [_bytes(attributes) for attributes in table.items.values()]
    entries = [_index_bytes(attributes) for attributes in table.items.values()]
    return {
        "units_new": found["units_new"],
        "units_touched": found["units_touched"],
        "units_again": found["units_again"],
        "index_units_new": found["index_units_new"],
        "index_units_touched": found["index_units_touched"],
        "items_new": found["items_new"],
        "items_touched": found["items_touched"],
        "read_units": table.read_units / (3 * EVENTS),
        "item_bytes": sum(sizes) / len(sizes) + 100,  # DynamoDB's own overhead of an item
        "index_bytes": sum(entries) / sum(map(bool, entries)),
        "raw_bytes": sum(len(each.content) for parts in packed for each in parts) / EVENTS,
        "ingest_event_seconds": work["new"],
        "ingest_batch_seconds": 0.02,
        "ingest_waits": 3.0,  # archive, read, write; what runs side by side is one
    }


def _delivered(texts: Sequence[str]) -> list[Delivery]:
    return [Delivery(str(number), text, NOW) for number, text in enumerate(texts)]


def _later(text: str) -> str:
    """Give the event of a finding that its source saw again: its bookkeeping, nothing else."""
    event = json.loads(text)
    event["detail"]["updatedAt"] = event["detail"]["updatedAt"].replace("6:", "7:", 1).replace("T08:", "T09:")
    if "service" in event["detail"]:
        event["detail"]["service"]["count"] += 1
    return json.dumps(event)


# ── image ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Bucket:
    """An ObjectStore over a folder that counts requests. Nobody knows that it is one, and reads its files."""

    inner: ObjectStore
    puts: int = 0
    gets: int = 0

    def get(self, name: str) -> bytes:
        self.gets += 1
        return self.inner.get(name)

    def get_ranges(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.gets += len(ranges)
        return self.inner.get_ranges(name, ranges)

    def put(self, name: str, body: bytes) -> None:
        self.puts += 1
        self.inner.put(name, body)

    def put_file(self, name: str, path: str) -> None:
        self.puts += 1 + math.ceil(Path(path).stat().st_size / PART_BYTES)
        self.inner.put_file(name, path)

    def delete(self, names: Sequence[str]) -> None:
        self.inner.delete(names)  # costs nothing

    def names(self, prefix: str) -> list[str]:
        self.puts += 1  # a LIST costs as much
        return self.inner.names(prefix)

    def sizes(self, prefix: str) -> Mapping[str, int]:
        self.puts += 1
        return self.inner.sizes(prefix)

    def pointer(self) -> Pointer | None:
        self.gets += 1
        return self.inner.pointer()

    def pointer_unless(self, tag: str) -> Pointer | None:
        self.gets += 1
        return self.inner.pointer_unless(tag)

    def swap(self, body: bytes, held: str | None) -> str | None:
        self.puts += 1
        return self.inner.swap(body, held)

    def spent(self) -> tuple[int, int]:
        """Give the PUTs and GETs since the last time."""
        spent = self.puts, self.gets
        self.puts = self.gets = 0
        return spent


def _imaged(folder: Path) -> dict[str, float]:
    store = _Bucket(FolderStore(folder / "bucket"))
    items = list(stamped.items(Estate(STANDING), now=NOW, span=SPAN))
    for start in range(0, len(items), 5_000):
        _project(items[start : start + 5_000], store)
    builder = ParquetBuilder(store, folder / "work")
    compact(store=store, builder=builder, now=NOW, token="first")
    store.spent()
    changed = items[:: round(1 / CHANGED)]
    batch = [_timed(lambda it=it: _project([it], store)) for it in changed[:20]]  # type: ignore[misc]
    puts, gets = store.spent()
    rest = _timed(lambda: _project(changed[20:], store))
    store.spent()
    seconds = _timed(lambda: compact(store=store, builder=builder, now=NOW + 1, token="second"))
    built = store.spent()
    size = sum(path.stat().st_size for path in (folder / "bucket").rglob("*") if path.is_file())
    opened, gets_opened, rule = _read(store, folder)
    return {
        "project_row_seconds": rest / len(changed[20:]),
        "project_batch_seconds": sum(batch) / len(batch),
        "project_puts": puts / len(batch),
        "project_gets": gets / len(batch),
        "compact_seconds_a_million": seconds * 1_000_000 / STANDING,
        "compact_puts": float(built[0]),
        "compact_gets": float(built[1]),
        "open_seconds_a_million": opened * 1_000_000 / STANDING,
        "open_gets": gets_opened,
        "rule_seconds_a_million": rule * 1_000_000 / STANDING,
        "image_bytes": size / len(items),
    }


def _project(items: Sequence[Item], store: _Bucket) -> None:
    """Bring the items in, as if each had been written once more."""
    again = next(_TIMES)
    records = [StreamRecord(item.thing.id, Version(item.rev + again, NOW), item) for item in items]
    project(records, store=store, now=NOW, token=str(again))


_TIMES: Final = itertools.count()


def _read(store: _Bucket, folder: Path) -> tuple[float, float, float]:
    """Give the seconds of the first rule and of the others, and the requests of all rules of the packs."""
    rules = [rule for pack in load_all(read_packs([bundled(PACKS_FOLDER)])) for rule in pack.rules]
    texts = [query.text for rule in rules for query in rule.queries]
    reader = ImageReader(store, folder / "cache")
    store.spent()
    reader.refresh(NOW)
    times = [_timed(lambda text=text: _asked(text, reader)) for text in texts]  # type: ignore[misc]
    again = [_timed(lambda text=text: _asked(text, reader)) for text in texts]  # type: ignore[misc]
    _, gets = store.spent()
    reader.close()
    return sum(times) - sum(again), float(gets), sum(again) / len(again)


def _asked(text: str, reader: ImageReader) -> None:
    try:
        ask(text, reader=reader, now=NOW)
    except QueryError as error:
        raise SystemExit(f"a rule of the packs cannot be asked: {error}") from error


def _timed(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started

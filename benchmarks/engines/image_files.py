"""The files of the graph image: built of delta files as a rebuild does, changed and compacted as AWS does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.engines import spool
from benchmarks.engines.asked import NOW, Asked
from benchmarks.engines.counted_store import CountedStore
from benchmarks.engines.image import Image
from secgraph.adapters.image.builder import ParquetBuilder
from secgraph.adapters.image.folder_store import FolderStore
from secgraph.flows.compact import compact as bring_in
from secgraph.flows.next_base import Ground, make
from secgraph.flows.published import change as publish
from secgraph.graph.relations import Kind, column
from secgraph.image import deltas
from secgraph.image.manifest import EMPTY, Delta, FileRef
from secgraph.image.manifest import opened as laid
from secgraph.image.names import delta_name
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import ItemRow, ShownEdge, Version

CHANGED_EVERY: Final = 100
ROWS_A_DELTA: Final = 2_000
_LATER: Final = NOW + 3_600_000
_CLOSED: Final[Sequence[tuple[str, Kind, object]]] = (
    ("open", Kind.BOOLEAN, False),
    ("active", Kind.BOOLEAN, False),
    ("status", Kind.STRING, "closed"),
)


def stored(files: Path) -> FolderStore:
    """Give the store of an image in a folder."""
    return FolderStore(files / "store")


def counted(files: Path) -> CountedStore:
    """Give the same as if it were in S3: what is read of it is fetched, and counted."""
    return CountedStore(stored(files))


def opened(store: ObjectStore, cache: Path, asked: Asked) -> Image:
    """Open an image for questions."""
    return Image(store, cache, asked)


def build(spooled: Path, files: Path) -> None:
    """Make the first base of the delta files that the scan of a table left."""
    store = stored(files)
    ground = Ground(EMPTY, None, None, spool.batches(spooled))
    with TemporaryDirectory(dir=files) as work:
        make(ground, store=store, builder=ParquetBuilder(store, Path(work)), now=NOW, token="first")


def change(spooled: Path, files: Path) -> dict[str, Any]:
    """Publish deltas in which every hundredth finding has been closed."""
    store = stored(files)
    rows = _closed(row for rows in spool.batches(spooled) for row in rows)
    number = 0
    while part := list(islice(rows, ROWS_A_DELTA)):
        body = deltas.pack(part)
        name = delta_name(_LATER, f"changed{number}")
        store.put(name, body)
        delta = Delta(FileRef.of(name, body), len(part), _LATER)
        publish(store, lambda manifest: laid(manifest, delta, _LATER))  # noqa: B023
        number += 1
    return {"deltas": number}


def compact(files: Path) -> dict[str, Any]:
    """Bring the deltas into the next base."""
    store = stored(files)
    with TemporaryDirectory(dir=files) as work:
        builder = ParquetBuilder(store, Path(work))
        done = bring_in(store=store, builder=builder, now=_LATER + 1, token="second")
    if done is None:
        raise SystemExit("there was nothing to compact")
    return asdict(done)


def _closed(rows: Iterator[ItemRow]) -> Iterator[ItemRow]:
    findings = (row for row in rows if row.entity is not None and "Finding" in row.entity.classes)
    for row in islice(findings, None, None, round(CHANGED_EVERY * 0.8)):
        if row.entity is not None:
            columns, document = json.loads(row.entity.columns), json.loads(row.entity.body)
            for name, kind, value in _CLOSED:
                columns[column(name, kind)] = value
                document[1][name] = value
            entity = replace(row.entity, columns=json.dumps(columns), body=json.dumps(document))
            version = Version(row.version.rev + 1, _LATER)
            yield replace(row, version=version, entity=entity, edges=tuple(map(_had, row.edges)))


def _had(edge: ShownEdge) -> ShownEdge:
    return replace(edge, verb="HAD") if edge.verb == "HAS" else edge

"""An estate → its items as files on disk, as the scan of a table for a rebuild leaves them: delta files.

Two processes make them side by side: one the larger part of the findings, one the others and all that the
findings share. The same size gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.engines.asked import NOW, Asked
from benchmarks.estate import Estate, Flaw
from benchmarks.stamped import Share, items
from secgraph.graph.model import id_of
from secgraph.image import deltas
from secgraph.image.expand import expand
from secgraph.image.rows import ItemRow

SPAN: Final = 90 * 24 * 60 * 60 * 1000
"""The findings came in over the last 90 days, so that the last day holds a ninetieth of them."""
ROWS_A_FILE: Final = 5_000
SHARES: Final = (Share(frozenset({0}), 4, is_sharing=True), Share(frozenset({1, 2, 3}), 4, is_sharing=False))


def spool(entities: int, folder: Path) -> None:
    """Write the delta files, and what Q8 is asked of."""
    folder.mkdir(parents=True)
    with ProcessPoolExecutor(len(SHARES)) as pool:
        list(pool.map(partial(spool_share, entities, folder), range(len(SHARES))))
    Asked(NOW, start_of(entities)).write(folder)


def batches(folder: Path) -> Iterator[Sequence[ItemRow]]:
    """Read the files, one after the other."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        yield deltas.unpack(path.read_bytes(), path.name)


def spool_share(entities: int, folder: Path, number: int) -> None:
    """Write the delta files of one of the SHARES."""
    stream = items(Estate(entities), now=NOW, span=SPAN, share=SHARES[number])
    rows = (expand(item, NOW) for item in stream)
    file = 0
    while part := list(islice(rows, ROWS_A_FILE)):
        (folder / f"{number}-{file:05}.jsonl.gz").write_bytes(deltas.pack(part))
        file += 1


def start_of(entities: int) -> str:
    """Find a finding of a typical instance: with about a dozen others, in an account and region with an
    average number."""
    estate = Estate(entities)
    host = estate.typical
    told = next(it for it in estate.told() if it.host == host and isinstance(it.about, Flaw))
    return id_of(f"arn:aws:inspector2:{host.region}:{host.account}:finding/{told.id}")

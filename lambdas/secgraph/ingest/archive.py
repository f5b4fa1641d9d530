"""Deliveries → the objects of the raw archive, and an object's text → the deliveries in it.

An object is gzip over JSON lines: `{"v":1,"received_on":1795000000000,"id":"…","body":"…"}`. Its name is
`raw/YYYY/MM/DD/HH/{SHA-256 of the lines}.jsonl.gz` by the hour of receipt, UTC, so that the names sort by
time and the same batch again is the same object.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from secgraph.contract import RAW_PREFIX
from secgraph.errors import StoreError
from secgraph.ingest.ports import Delivery

FORMAT: Final = 1
LEVEL: Final = 6
"""Of zlib: level 9 takes three times as long for a hundredth less."""
_FIELDS: Final = {"received_on": int, "id": str, "body": str}


@dataclass(frozen=True, slots=True)
class RawObject:
    """One object of the archive."""

    key: str
    content: bytes


def pack(deliveries: Sequence[Delivery]) -> list[RawObject]:
    """Give one object for each hour in which some of the deliveries came: for a batch, nearly always one."""
    hours: dict[str, list[str]] = defaultdict(list)
    for delivery in deliveries:
        hours[hour_prefix(delivery.received_on)].append(_line(delivery))
    return [_object(prefix, "".join(lines).encode("ascii")) for prefix, lines in hours.items()]


def hour_prefix(moment: int) -> str:
    """Give how the names begin of all objects with deliveries received in the hour of a moment (epoch ms)."""
    return f"{RAW_PREFIX}{datetime.fromtimestamp(moment / 1000, UTC):%Y/%m/%d/%H}/"


def unpack(content: bytes, where: str) -> list[Delivery]:
    """Read an object. Raises StoreError, naming `where` and the line, for a format of a later version and for
    what the archive did not write."""
    try:
        lines = gzip.decompress(content).decode("ascii").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise StoreError(f"{where}: is no object of the raw archive: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        delivery = read_line(line, f"{where}:{number}")
        if delivery is None:
            raise StoreError(f"{where}:{number}: is no record of the raw archive")
        found.append(delivery)
    return found


def read_line(line: str, where: str) -> Delivery | None:
    """Read one record; None for any other text. Raises StoreError for a record that this version cannot
    read."""
    if not line.startswith('{"v":'):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if record.keys() != {"v", *_FIELDS}:
        return None
    if record["v"] != FORMAT:
        raise StoreError(
            f"{where}: the raw archive is written in format {json.dumps(record['v'])[:40]}; this version of "
            f"secgraph reads format {FORMAT}: upgrade secgraph"
        )
    for name, kind in _FIELDS.items():
        if type(record[name]) is not kind:
            raise StoreError(
                f"{where}: {name}: expected a JSON {kind.__name__} in a record of the raw archive"
            )
    return Delivery(record["id"], record["body"], record["received_on"])


def _line(delivery: Delivery) -> str:
    # ASCII with JSON's escapes: any text survives, also half of a surrogate pair.
    record = {"v": FORMAT, "received_on": delivery.received_on, "id": delivery.id, "body": delivery.body}
    return json.dumps(record, separators=(",", ":")) + "\n"


def _object(prefix: str, lines: bytes) -> RawObject:
    # Named by the lines and not by what zlib made of them, which differs from version to version.
    name = hashlib.sha256(lines).hexdigest()
    return RawObject(f"{prefix}{name}.jsonl.gz", gzip.compress(lines, LEVEL, mtime=0))

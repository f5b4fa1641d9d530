"""Delta files. In: rows. Out: bytes, and back; of several rows of one item, the newest.

A file is gzip'd JSON lines: a header, then a row a line. Files one after the other are a file again, whose
rows are theirs in order: so folding copies bytes, and reads none of them.

    {"format":1}
    [id, rev, at, gone, null | [type, classes, deleted, columns, body, text],
     [[verb, other, outgoing, deleted, stated, columns], …]]
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from secgraph.errors import ObjectDamaged, StoreError
from secgraph.image.rows import ItemRow, ShownEdge, ShownEntity, Version

FORMAT: Final = 1
LEVEL: Final = 6
"""Of the benchmark's estate: 40% smaller than at level 1, for 60 µs a row instead of 25; level 9 takes 160
for another 5%."""
_HEADER: Final = json.dumps({"format": FORMAT}, separators=(",", ":"))
_encoded: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def newest(rows: Iterable[ItemRow]) -> list[ItemRow]:
    """Keep the newest row of each item, where its first one stood."""
    held: dict[str, ItemRow] = {}
    for row in rows:
        known = held.get(row.id)
        if known is None or row.version.is_newer(known.version):
            held[row.id] = row
    return list(held.values())


def pack(rows: Iterable[ItemRow]) -> bytes:
    """Write rows. The same ones always give the same bytes."""
    lines = [_HEADER, *(_encoded(_plain(row)) for row in rows), ""]
    return gzip.compress("\n".join(lines).encode("utf-8", "surrogatepass"), LEVEL, mtime=0)


def unpack(body: bytes, name: str) -> list[ItemRow]:
    """Read what `pack` wrote, once or several times one after the other; `name` is for the errors.

    Raises StoreError for the format of a later version, ObjectDamaged for what is no delta file.
    """
    try:
        lines = gzip.decompress(body).decode("utf-8", "surrogatepass").split("\n")
        if not _is_header(lines[0], name):
            raise ValueError("there is no header")
        return [_row(line) for line in lines if line and not _is_header(line, name)]
    except (ValueError, LookupError, TypeError, EOFError, OSError, zlib.error) as error:
        raise ObjectDamaged(f"{name}: is no delta of the graph image ({error!r})") from error


def _is_header(line: str, name: str) -> bool:
    if line[:1] != "{":
        return False
    format_ = json.loads(line)["format"]
    if format_ != FORMAT:
        raise StoreError(
            f"{name}: is in format {format_}; this version of secgraph reads format {FORMAT}: upgrade "
            "secgraph before using this image"
        )
    return True


def _plain(row: ItemRow) -> list[Any]:
    version, entity = row.version, row.entity
    shown = entity and [
        entity.type,
        entity.classes,
        int(entity.deleted),
        entity.columns,
        entity.body,
        entity.text,
    ]
    edges = [
        [it.verb, it.other, int(it.outgoing), int(it.deleted), it.stated, it.columns] for it in row.edges
    ]
    return [row.id, version.rev, version.at, int(version.gone), shown, edges]


def _row(line: str) -> ItemRow:
    id_, rev, at, gone, shown, edges = json.loads(line)
    return ItemRow(
        id_,
        Version(rev, at, bool(gone)),
        shown and _entity(*shown),
        tuple([_edge(*edge) for edge in edges]),
    )


def _entity(type_: str, classes: Sequence[str], deleted: int, *texts: str) -> ShownEntity:
    return ShownEntity(type_, tuple(classes), bool(deleted), *texts)


def _edge(verb: str, other: str, outgoing: int, deleted: int, stated: str | None, columns: str) -> ShownEdge:
    return ShownEdge(verb, other, bool(outgoing), bool(deleted), stated, columns)

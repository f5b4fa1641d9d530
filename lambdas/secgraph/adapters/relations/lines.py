"""Rows of items → the lines that cross to DuckDB: JSON objects, put together from what is JSON already.

The property columns of a row (image/columns.py) are joined to its fixed columns as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from secgraph.adapters.relations.folding import Folded, Newest
from secgraph.image.columns import encoded, sound
from secgraph.image.rows import ShownEdge, ShownEntity

Ends = tuple[str, int | None, int | None]
"""A verb, and the sorts that it leads from and to; None where no entity is shown."""

ITEM: Final = {
    "id": "BIGINT",
    "hash": "UBIGINT",
    "key": "VARCHAR",
    "rev": "BIGINT",
    "at": "BIGINT",
    "gone": "BOOLEAN",
}


def entity_line(id_: int, sort: int | None, entity: ShownEntity) -> str:
    """Write the row of an entity."""
    return _line(f'"id":{id_},"sort":{_number(sort)},"deleted":{_flag(entity.deleted)}', entity.columns)


def relationship_lines(folded: Folded, before: Mapping[int, int]) -> Iterator[tuple[ShownEdge, str, Ends]]:
    """Give each relationship of the newest rows, its line, and what it links. `before` are the sorts of ends
    that no row is of."""
    newest, ids, hashes = folded.newest, folded.ids, folded.hashes
    for owner, it in newest.items():
        for number, edge in enumerate(it.row.edges, it.first):
            other = ids[hashes[edge.other]]
            there = newest.get(other)
            sort = before.get(other) if there is None else there.sort
            src, dst, src_sort, dst_sort = owner, other, it.sort, sort
            if not edge.outgoing:
                src, dst, src_sort, dst_sort = other, owner, sort, it.sort
            fixed = (
                f'"id":{number},"owner":{owner},"class":{_text(edge.verb)},"src":{src},"dst":{dst},'
                f'"src_sort":{_number(src_sort)},"dst_sort":{_number(dst_sort)},'
                f'"deleted":{_flag(edge.deleted)},"stated":{_text(edge.stated)}'
            )
            yield edge, _line(fixed, edge.columns), (edge.verb, src_sort, dst_sort)


def item_line(id_: int, newest: Newest, hashes: Mapping[str, int]) -> str:
    """Write the row of an item."""
    row = newest.row
    return (
        f'{{"id":{id_},"hash":{hashes[row.id]},"key":{_text(row.id)},"rev":{row.version.rev},'
        f'"at":{row.version.at},"gone":{_flag(row.version.gone)}}}'
    )


def _text(text: str | None) -> str:
    return "null" if text is None else sound(encoded(text))


def _number(number: int | None) -> str:
    return "null" if number is None else str(number)


def _flag(is_so: object) -> str:
    return "true" if is_so else "false"


def _line(fixed: str, columns: str) -> str:
    """Write a row: its fixed columns as fields of a JSON object, and the object of its property columns."""
    return f"{{{fixed}}}" if columns == "{}" else f"{{{fixed},{columns[1:]}"

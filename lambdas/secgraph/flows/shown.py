"""All that a reader shows, to compare it. In: a GraphReader. Out: documents, relationships, in portions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from secgraph.flows.verify import Between
from secgraph.graph.ports import GraphReader
from secgraph.graph.relations import Kind, Reads, Statement, column, quoted

AT_ONCE: Final = 5_000

_NAMES: Final = tuple(column(name, Kind.STRING) for name in ("_id", "_key", "_type"))
_ENDS: Final = ", ".join(f"{end}.{quoted(name)}" for end in ("s", "t") for name in _NAMES)
_BETWEEN: Final = f"""
SELECT {_ENDS}, r.class, r.stated FROM relationship AS r
JOIN entity AS s ON s.id = r.src JOIN entity AS t ON t.id = r.dst
WHERE r.src >= $1 AND r.src <= $2"""  # noqa: S608 (our own names, quoted)

_AFTER: Final = f"SELECT id FROM entity WHERE id > $1 ORDER BY id LIMIT {AT_ONCE}"  # noqa: S608


class ShownBy:
    """What a reader shows (flows/verify.py: Shown)."""

    def __init__(self, reader: GraphReader) -> None:
        self._reader = reader

    def entities(self) -> Iterator[Sequence[str]]:
        """Give the documents of all entities, some at a time."""
        for ids in self._ids():
            yield self._reader.documents(ids)

    def relationships(self) -> Iterator[Sequence[Between]]:
        """Give all relationships whose ends are both there, some at a time."""
        reads = Reads(entity=frozenset(_NAMES), links=None)
        for ids in self._ids():
            rows = self._reader.fetch(Statement(_BETWEEN, (ids[0], ids[-1]), reads))
            yield [_between(*row) for row in rows]

    def _ids(self) -> Iterator[list[int]]:
        """Give the ids of all entities, in their order."""
        last = -1
        while True:
            found = self._reader.fetch(Statement(_AFTER, (last,), Reads()))
            ids = [int(row[0] or 0) for row in found]
            if not ids:
                return
            yield ids
            last = ids[-1]


def _between(*cells: object) -> Between:
    source_id, source_key, source_type, target_id, target_key, target_type, verb = map(str, cells[:7])
    stated = None if cells[7] is None else str(cells[7])
    return Between(source_id, source_key, source_type, target_id, target_key, target_type, verb, stated)

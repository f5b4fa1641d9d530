"""Rows and documents → the response of j1ql.md section 12: list, table or tree.

Rows name entities by id. `named` lists the ids, so that their documents can be had, all at once; `response`
puts them in place, and derives relationships from those of their ends.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import cast

from secgraph.graph.documents import Divided, Json, divided_relationship
from secgraph.graph.relations import Cell, Kind, Rows
from secgraph.j1ql.results.records import edge, entities, read, relationships, vertex, whole
from secgraph.j1ql.sql.plan import (
    METADATA,
    EntityCells,
    ListShape,
    Plan,
    RelationshipCells,
    TableShape,
    TreeShape,
    ValueCells,
)

_LISTS = frozenset({Kind.STRINGS, Kind.NUMBERS, Kind.BOOLEANS, Kind.MIXED})

UNDEFINED = object()
"""The cell that is left out."""


def named(plan: Plan, rows: Rows) -> list[int]:
    """List the ids of the entities whose documents the response needs, each once."""
    if isinstance(plan.shape, TreeShape):
        return [_id(row[2]) for row in rows if row[0] == "v"]
    places = [1] if isinstance(plan.shape, ListShape) else list(_places(plan.shape))
    found = dict.fromkeys(row[place] for row in rows for place in places)
    return [_id(it) for it in found if it is not None]


def _places(shape: TableShape) -> Iterator[int]:
    """List where the ids of entities stand in a row."""
    place = 1
    for column in (*shape.columns, *shape.meta):
        if isinstance(column, EntityCells):
            yield place
        elif isinstance(column, RelationshipCells):
            yield from (place, place + 1)
        place += column.width


def _id(cell: Cell) -> int:
    return cast("int", cell)


def response(plan: Plan, rows: Rows, documents: Mapping[int, str]) -> dict[str, Json]:
    """Give `type`, `data`, for tables `columns`, and `totalCount` when it is known. `documents` has those of
    the `named` entities by id. Records that occur several times in a table are shared: not to be changed."""
    with _uncollected():
        return _response(plan, rows, documents)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking, all the while a large answer is put together, for cycles that
    it cannot have: that takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _response(plan: Plan, rows: Rows, documents: Mapping[int, str]) -> dict[str, Json]:
    if isinstance(plan.shape, ListShape):
        data = [vertex(it) for it in entities([documents[_id(row[1])] for row in rows])]
        answer: dict[str, Json] = {"type": "list", "data": data}
    elif isinstance(plan.shape, TableShape):
        answer = _table(plan.shape, rows, _Records(documents))
    else:
        return {"type": "tree", "data": _tree(rows, documents)}
    total = _total(plan, rows)
    return answer if total is None else {**answer, "totalCount": total}


def _total(plan: Plan, rows: Rows) -> int | None:
    """Count the whole result; an empty page past the first tells nothing."""
    if not rows:
        return 0 if plan.offset == 0 and plan.skip == 0 else None
    found = max(int(rows[0][0] or 0) - plan.skip, 0)
    return found if plan.limit is None else min(found, plan.limit)


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────


class _Records:
    """The records of a table, each entity read and shown once however many cells have it."""

    def __init__(self, documents: Mapping[int, str]) -> None:
        found = entities(list(documents.values()))
        self._entities: dict[Cell, Divided] = dict(zip(documents, found, strict=True))
        self._shown: dict[Cell, dict[str, Json]] = {}

    def shown(self, cells: Sequence[Cell]) -> dict[str, Json]:
        """Give the record of some cells as a cell of the answer shows it."""
        if len(cells) > 1:
            start, end = (self._entities[it][0]["_id"] for it in cells[:2])
            return edge(self.properties(cells), start, end)
        if cells[0] not in self._shown:
            metadata, properties = self._entities[cells[0]]
            self._shown[cells[0]] = vertex((metadata.copy(), properties))
        return self._shown[cells[0]]

    def properties(self, cells: Sequence[Cell]) -> dict[str, Json]:
        """Give its properties, metadata first."""
        if len(cells) > 1:
            metadata, rest = divided_relationship(next(relationships([cells], self._entities)))
        else:
            metadata, rest = self._entities[cells[0]]
        return metadata | rest

    def id(self, cells: Sequence[Cell]) -> Json:
        """Give its `_id`."""
        return self.properties(cells)["_id"] if len(cells) > 1 else self._entities[cells[0]][0]["_id"]


def _table(shape: TableShape, rows: Rows, records: _Records) -> dict[str, Json]:
    spreads = any(not isinstance(it, ValueCells) and it.spread for it in shape.columns)
    data = [_row(shape, row, records) for row in rows]
    names = dict.fromkeys(column.name for column in shape.columns)
    if spreads:
        names = _spread_names(shape, data)
    return {"type": "table", "data": data, "columns": list(names)}


def _spread_names(shape: TableShape, data: Sequence[Mapping[str, Json]]) -> dict[str, None]:
    """Put the names that `x.*` brought at the place where it stands."""
    present = dict.fromkeys(name for row in data for name in row if name != METADATA)
    names: dict[str, None] = {}
    for column in shape.columns:
        if isinstance(column, ValueCells) or not column.spread:
            names[column.name] = None
        else:
            names |= dict.fromkeys(name for name in present if name.startswith(column.name))
    return names


def _row(shape: TableShape, row: Sequence[Cell], records: _Records) -> dict[str, Json]:
    found: dict[str, Json] = {}
    place = 1
    for column in shape.columns:
        cells = row[place : place + column.width]
        place += column.width
        if isinstance(column, ValueCells):
            _put(found, column.name, _value(column.kinds, cells))
        elif cells[0] is not None and column.spread:
            found |= {f"{column.name}{name}": value for name, value in records.properties(cells).items()}
        elif cells[0] is not None:
            _put(found, column.name, records.shown(cells))
    if shape.meta:
        found[METADATA] = {"byAlias": _by_alias(shape.meta, row[place:], records)}
    return found


def _put(row: dict[str, Json], name: str, value: Json) -> None:
    if value is not UNDEFINED:
        row[name] = value


def _value(kinds: Sequence[Kind], cells: Sequence[Cell]) -> Json:
    present = {kind: cell for kind, cell in zip(kinds, cells, strict=True) if cell is not None}
    if not present:
        return UNDEFINED
    kind = Kind.MIXED if Kind.MIXED in present else next(iter(present))
    return read(str(present[kind])) if kind in _LISTS else whole(present[kind])


def _by_alias(
    meta: Sequence[EntityCells | RelationshipCells], cells: Sequence[Cell], records: _Records
) -> dict[str, Json]:
    found: dict[str, Json] = {}
    place = 0
    for record in meta:
        its = cells[place : place + record.width]
        place += record.width
        if its[0] is not None:
            id_ = records.id(its)
            part = "entity" if isinstance(record, EntityCells) else "relationship"
            found[record.name] = {"id": id_, part: {"_id": id_}}
    return found


# ── trees ─────────────────────────────────────────────────────────────────────────────────────────────


def _tree(rows: Rows, documents: Mapping[int, str]) -> dict[str, Json]:
    """Put entities and relationships each in order: by their distance from the start, then by id."""
    ordered = sorted(rows, key=itemgetter(1, 2))
    ids = [_id(row[2]) for row in ordered if row[0] == "v"]
    found = [row[3:] for row in ordered if row[0] == "e"]
    held: dict[Cell, Divided] = dict(zip(ids, entities([documents[id_] for id_ in ids]), strict=True))
    edges = [
        edge(properties, held[it[0]][0]["_id"], held[it[1]][0]["_id"])
        for it, properties in zip(found, relationships(found, held), strict=True)
    ]
    return {"vertices": [vertex(it) for it in held.values()], "edges": edges}

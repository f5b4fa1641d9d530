"""Rows → the response of j1ql.md section 12: list, table or tree."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Final

from secgraph.graph.documents import Divided, Json, divided_entity, divided_relationship
from secgraph.graph.relations import Cell, Kind, Rows
from secgraph.j1ql.sql.plan import (
    EntityCells,
    IdCell,
    ListShape,
    Plan,
    RelationshipCells,
    TableShape,
    ValueCells,
)

_LISTS = frozenset({Kind.STRINGS, Kind.NUMBERS, Kind.BOOLEANS, Kind.MIXED})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT_ONCE: Final = 32
"""Documents that are read together."""

UNDEFINED = object()
"""The cell that is left out."""


def response(plan: Plan, rows: Rows) -> dict[str, Json]:
    """Give `type`, `data`, for tables `columns`, and `totalCount` when it is known."""
    with _uncollected():
        return _response(plan, rows)


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


def _response(plan: Plan, rows: Rows) -> dict[str, Json]:
    if isinstance(plan.shape, ListShape):
        data = [vertex(it) for it in _entities([row[1] for row in rows])]
        answer: dict[str, Json] = {"type": "list", "data": data}
    elif isinstance(plan.shape, TableShape):
        answer = _table(plan.shape, rows)
    else:
        return {"type": "tree", "data": _tree(rows)}
    total = _total(plan, rows)
    return answer if total is None else {**answer, "totalCount": total}


def _total(plan: Plan, rows: Rows) -> int | None:
    """Count the whole result; an empty page past the first tells nothing."""
    if not rows:
        return 0 if plan.offset == 0 and plan.skip == 0 else None
    found = max(int(rows[0][0] or 0) - plan.skip, 0)
    return found if plan.limit is None else min(found, plan.limit)


# ── records ───────────────────────────────────────────────────────────────────────────────────────────


def vertex(record: Divided) -> dict[str, Json]:
    """Give an entity as lists, trees and cells show it."""
    entity, properties = record
    _write_moments(entity)
    for name in ("_type", "_class"):
        if name in entity and not isinstance(entity[name], list):
            entity[name] = [entity[name]]
    return {"id": entity["_id"], "entity": entity, "properties": properties}


def edge(record: Divided, from_id: Cell, to_id: Cell) -> dict[str, Json]:
    """Give a relationship as trees and cells show it."""
    relationship, properties = record
    _write_moments(relationship)
    return {
        "id": relationship["_id"],
        "fromVertexId": from_id,
        "toVertexId": to_id,
        "relationship": relationship,
        "properties": properties,
    }


def _write_moments(metadata: dict[str, Json]) -> None:
    for name in _moments_of(tuple(metadata)):
        value = metadata[name]
        if isinstance(value, int | float) and not isinstance(value, bool):
            metadata[name] = _instant(value)


@lru_cache(maxsize=4_096)
def _moments_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """List the names that end in `On`: most records of a type have the same names."""
    return tuple(name for name in names if name.endswith("On"))


@lru_cache(maxsize=4_096)
def _instant(milliseconds: float) -> Json:
    """Write a moment as ISO text to the millisecond; what no calendar holds stays a number."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return milliseconds
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(text: str) -> Json:
    return whole(float(text))


_READ: Final = json.JSONDecoder(parse_float=_number).decode
"""Reads JSON, every whole number without its fraction."""


def _entities(documents: Sequence[Cell]) -> Iterator[Divided]:
    return _read_all(documents, divided_entity)


def _relationships(documents: Sequence[Cell]) -> Iterator[Divided]:
    return _read_all(documents, divided_relationship)


def _read_all(documents: Sequence[Cell], divided: Callable[[dict[str, Json]], Divided]) -> Iterator[Divided]:
    """Read documents some at once: names that they share become one text, and what was read is shaped while
    the processor still has it at hand."""
    for start in range(0, len(documents), AT_ONCE):
        part = documents[start : start + AT_ONCE]
        found: list[Json] = _READ(f"[{','.join(map(str, part))}]")
        for it in found:
            yield (it[0], it[1]) if isinstance(it, list) else divided(it)


def whole(value: Json) -> Json:
    """Write a whole number without its fraction: 5000, not 5000.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────


def _table(shape: TableShape, rows: Rows) -> dict[str, Json]:
    spreads = any(not isinstance(it, ValueCells) and it.spread for it in shape.columns)
    data = [_row(shape, row) for row in rows]
    names = dict.fromkeys(column.name for column in shape.columns)
    if spreads:
        names = _spread_names(shape, data)
    return {"type": "table", "data": data, "columns": list(names)}


def _spread_names(shape: TableShape, data: Sequence[Mapping[str, Json]]) -> dict[str, None]:
    """Put the names that `x.*` brought at the place where it stands."""
    present = dict.fromkeys(name for row in data for name in row if name != "_meta")
    names: dict[str, None] = {}
    for column in shape.columns:
        if isinstance(column, ValueCells) or not column.spread:
            names[column.name] = None
        else:
            names |= dict.fromkeys(name for name in present if name.startswith(column.name))
    return names


def _row(shape: TableShape, row: Sequence[Cell]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    place = 1
    for column in shape.columns:
        cells = row[place : place + column.width]
        place += column.width
        if isinstance(column, ValueCells):
            _put(found, column.name, _value(column.kinds, cells))
        elif cells[0] is not None and column.spread:
            metadata, properties = _divided(column, cells[0])
            found |= {f"{column.name}{name}": value for name, value in (metadata | properties).items()}
        elif cells[0] is not None:
            _put(found, column.name, _whole_record(column, cells))
    if shape.meta:
        found["_meta"] = {"byAlias": _by_alias(shape.meta, row[place:])}
    return found


def _put(row: dict[str, Json], name: str, value: Json) -> None:
    if value is not UNDEFINED:
        row[name] = value


def _value(kinds: Sequence[Kind], cells: Sequence[Cell]) -> Json:
    present = {kind: cell for kind, cell in zip(kinds, cells, strict=True) if cell is not None}
    if not present:
        return UNDEFINED
    kind = Kind.MIXED if Kind.MIXED in present else next(iter(present))
    return _READ(str(present[kind])) if kind in _LISTS else whole(present[kind])


def _whole_record(column: EntityCells | RelationshipCells, cells: Sequence[Cell]) -> dict[str, Json]:
    record = _divided(column, cells[0])
    return vertex(record) if isinstance(column, EntityCells) else edge(record, cells[1], cells[2])


def _divided(column: EntityCells | RelationshipCells, document: Cell) -> Divided:
    return next((_entities if isinstance(column, EntityCells) else _relationships)([document]))


def _by_alias(meta: Sequence[IdCell], ids: Sequence[Cell]) -> dict[str, Json]:
    return {
        cell.name: {"id": id_, cell.part: {"_id": id_}}
        for cell, id_ in zip(meta, ids, strict=True)
        if id_ is not None
    }


# ── trees ─────────────────────────────────────────────────────────────────────────────────────────────


def _tree(rows: Rows) -> dict[str, Json]:
    """Put entities and relationships each in order: by their distance from the start, then by dense id."""
    ordered = sorted(rows, key=itemgetter(1, 2))
    entities = [row for row in ordered if row[0] == "v"]
    relationships = [row for row in ordered if row[0] == "e"]
    vertices = [vertex(it) for it in _entities([row[3] for row in entities])]
    ids = {row[2]: it["id"] for row, it in zip(entities, vertices, strict=True)}
    edges = [
        edge(it, ids[row[4]], ids[row[5]])
        for row, it in zip(relationships, _relationships([row[3] for row in relationships]), strict=True)
    ]
    return {"vertices": vertices, "edges": edges}

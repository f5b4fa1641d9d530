"""Entities laid over those of a base → the parts of the next one. In: tables, parts. Out: parts.

A part in whose range of ids nothing came or went stays as it is. The others are written anew, few at a time,
so that memory is bounded by the size of a part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from queue import SimpleQueue
from typing import Final

from secgraph.adapters.image.documents_merge import merge_documents
from secgraph.adapters.image.parts import columns_of
from secgraph.adapters.image.texts import texts_of
from secgraph.adapters.image.workshop import HIDDEN, Workshop
from secgraph.adapters.relations.shapes import ENTITY, empty, listed
from secgraph.graph.relations import Catalogue, column, quoted
from secgraph.image.base import END_OF_IDS, SORT_SHIFT, EntityPart
from secgraph.image.layout import Cut, Piece, cuts, settled

AT_ONCE: Final = 2
"""Parts that are written side by side: DuckDB alone uses but one processor for much of it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A part of a base; which columns the entities of a sort fill, and in which sorts one is deleted, as far
    as that is known without reading what stays."""

    part: EntityPart
    borne: Mapping[int, frozenset[str]]
    deleted: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A part that has to be written: its number, ids, and the parts that it comes from."""

    number: int
    first: int
    end: int
    sources: Sequence[EntityPart]


def write_entities(shop: Workshop, known: Catalogue) -> list[Written]:
    """Write the parts that change. `known` is what base and deltas hold together."""
    planned: list[_Plan | Written] = []
    for piece in settled(list(_pieces(shop))):
        sources = [shop.parts[number] for number in piece.sources]
        if piece.is_changed:
            planned += [_Plan(len(planned) + place, *each, sources) for place, each in _ranges(shop, piece)]
        else:
            planned.append(_kept(replace(sources[0], first=piece.first, end=piece.end), known))
    free: SimpleQueue[Workshop] = SimpleQueue()

    def write(plan: _Plan | Written) -> Written:
        if isinstance(plan, Written):
            return plan
        own = free.get()
        try:
            return _written(own, plan)
        finally:
            free.put(own)

    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(AT_ONCE):
            free.put(stack.enter_context(shop.beside()))
        return list(pool.map(write, planned))


# ── plan ──────────────────────────────────────────────────────────────────────────────────────────────


def _pieces(shop: Workshop) -> Iterator[Piece]:
    """Count what is in the range of each part."""
    arrived, touched = _laid_over(shop)
    if not shop.parts:
        yield Piece(0, END_OF_IDS, arrived.get(0, {}), (), is_changed=True)
    for number, part in enumerate(shop.parts):
        rows = {part.first >> SORT_SHIFT: part.rows}
        hidden = 0
        if number in touched:
            rows, hidden = _counted(shop, part)
        new = arrived.get(number, {})
        total = {sort: rows.get(sort, 0) + new.get(sort, 0) for sort in {*rows, *new}}
        yield Piece(part.first, part.end, total, (number,), is_changed=bool(new or hidden))


def _laid_over(shop: Workshop) -> tuple[dict[int, dict[int, int]], set[int]]:
    """Count the entities that are laid over each part, by the sort in their id; and tell in the ranges of
    which parts something is laid over."""
    firsts = [part.first for part in shop.parts] or [0]
    number = f"list_sum([(id >= first)::INTEGER FOR first IN {firsts}])::INTEGER - 1"
    arrived: dict[int, dict[int, int]] = {}
    for place, sort, rows in shop.rows(
        f"SELECT {number}, id >> {SORT_SHIFT}, count(*) FROM delta_entity GROUP BY ALL"  # noqa: S608 (numbers)
    ):
        arrived.setdefault(place, {})[sort] = rows
    touched = shop.rows(f"SELECT DISTINCT {number} FROM delta_item")  # noqa: S608
    return arrived, {place for (place,) in touched}


def _counted(shop: Workshop, part: EntityPart) -> tuple[dict[int, int], int]:
    """Count the entities of a part that stay, by the sort in their id, and those that are hidden."""
    stay: dict[int, int] = {}
    hidden = 0
    for sort, all_, gone in shop.rows(
        f"SELECT e.id >> {SORT_SHIFT}, count(*), count(i.id) FROM ({shop.selects.entities([part], ())}) AS e "  # noqa: S608
        "LEFT JOIN delta_item AS i USING (id) GROUP BY ALL"
    ):
        stay[sort] = all_ - gone
        hidden += gone
    return stay, hidden


def _ranges(shop: Workshop, piece: Piece) -> list[tuple[int, tuple[int, int]]]:
    """Divide a piece. Gives the ranges of its parts, numbered."""
    sources = [shop.parts[number] for number in piece.sources]
    edges = [
        cut.sort << SORT_SHIFT if not cut.place else _id_at(shop, sources, cut) for cut in cuts(piece.rows)
    ]
    return list(enumerate(pairwise([piece.first, *edges, piece.end])))


def _id_at(shop: Workshop, sources: Sequence[EntityPart], cut: Cut) -> int:
    first, end = cut.sort << SORT_SHIFT, (cut.sort + 1) << SORT_SHIFT
    ids = (
        f"SELECT id FROM ({shop.selects.entities(sources, ())}) WHERE id NOT IN {HIDDEN} "  # noqa: S608
        "UNION ALL SELECT id FROM delta_entity"
    )
    ((found,),) = shop.rows(
        f"SELECT id FROM ({ids}) WHERE id >= {first} AND id < {end} "  # noqa: S608
        f"ORDER BY id LIMIT 1 OFFSET {cut.place}"
    )
    return int(found)


# ── parts ─────────────────────────────────────────────────────────────────────────────────────────────


def _written(shop: Workshop, plan: _Plan) -> Written:
    within = f"id >= {plan.first} AND id < {plan.end}"
    _gather(shop, plan.sources, within)
    borne = shop.filled("piece", "sort", [name for name in shop.columns("piece") if name not in ENTITY])
    deleted = frozenset(sort for (sort,) in shop.rows("SELECT DISTINCT sort FROM piece WHERE deleted"))
    held = listed([*ENTITY, *map(quoted, sorted({name for names in borne.values() for name in names}))])
    columns = shop.write(f"SELECT {held} FROM piece ORDER BY id", f"entities-{plan.number}.parquet")  # noqa: S608
    shop.rows("DROP TABLE piece")
    documents = merge_documents(shop, f"documents-{plan.number}.bin", plan.first, plan.end, plan.sources)
    texts = texts_of(shop, f"texts-{plan.number}.parquet", within, plan.sources)
    sorts = frozenset(borne)
    part = EntityPart(plan.first, plan.end, columns.rows, sorts, columns, documents, texts)
    return Written(part, borne, deleted)


def _gather(shop: Workshop, sources: Sequence[EntityPart], within: str) -> None:
    """Put the entities of a part into the table `piece`."""
    laid = set(shop.columns("delta_entity"))
    before = {name for part in sources for name in columns_of(part.columns)}
    names = sorted((laid | before) - ENTITY.keys())
    shown = listed([*ENTITY, *[quoted(name) if name in laid else empty(name) for name in names]])
    shop.rows(
        "CREATE OR REPLACE TEMP TABLE piece AS "  # noqa: S608 (names are quoted)
        f"SELECT * FROM ({shop.selects.entities(sources, names)}) WHERE {within} AND id NOT IN {HIDDEN} "
        f"UNION ALL SELECT {shown} FROM delta_entity WHERE {within}"
    )


def _kept(part: EntityPart, known: Catalogue) -> Written:
    """Say what the entities of a part that stays may have."""
    columns = columns_of(part.columns)
    borne: dict[int, set[str]] = {}
    for pair, sorts in known.entity_sorts.items():
        if (place := column(*pair)) in columns:
            for sort in sorts & part.sorts:
                borne.setdefault(sort, set()).add(place)
    filled = {sort: frozenset(names) for sort, names in borne.items()}
    return Written(part, filled, known.deleted & part.sorts)

"""Every kind of reader over a drawn graph. What one answers, all must: a new kind is one line of READERS.

A graph is drawn as in the specification: flat JSON objects, `_from` and `_to` the ends of a relationship.
All but the one in memory get it as people do, through items: `secgraph load` → store → relations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import duckdb

from secgraph.adapters.image.builder import ParquetBuilder
from secgraph.adapters.image.reader import ImageReader
from secgraph.adapters.relations.reader import DuckDBReader, lock_down
from secgraph.adapters.relations.relations import Relations
from secgraph.cli.beside import asking, writing
from secgraph.flows.load import load
from secgraph.flows.project import StreamRecord, project
from secgraph.flows.rebuild import rebuild_whole
from secgraph.flows.segments import Page
from secgraph.graph.loading import items_of
from secgraph.graph.model import Entity, Item, Relationship, Value
from secgraph.graph.ports import GraphReader
from secgraph.graph.relations import Catalogue
from secgraph.image.expand import row_of
from secgraph.image.rows import ItemRow, Version
from tests.image.model import MemoryStore

Drawn = Mapping[str, Any]
Opened = AbstractContextManager[GraphReader]

LOADED_ON: Final = 1_700_000_000_000
_SIZES: Final = (1, 10, 1_000)


@contextmanager
def in_memory(entities: Sequence[Drawn], relationships: Sequence[Drawn] = ()) -> Iterator[DuckDBReader]:
    """Put the records straight into the relations, and lock the connection down."""
    with duckdb.connect(":memory:") as connection:
        relations = Relations(connection)
        relations.apply(rows(entities, relationships))
        lock_down(connection)
        yield Told(connection, relations)


class Told(DuckDBReader):
    """A reader whose catalogue tells sizes of links, as that of a base does, whether they are true or not:
    they may change how an answer is found, and never the answer."""

    def catalogue(self) -> Catalogue:
        held = super().catalogue()
        return replace(held, sizes={link: _SIZES[crc32(repr(link).encode()) % 3] for link in held.links})


@contextmanager
def beside_a_file(
    entities: Sequence[Drawn], relationships: Sequence[Drawn], folder: Path
) -> Iterator[ImageReader]:
    """Load a file in two batches, the ends of relationships first, and open its image as a query does."""
    path = folder / "graph.duckdb"
    items = items_written(entities, relationships)
    with writing(path) as beside:
        load(items[1::2], writer=beside.graph)
    with writing(path) as beside:
        load(items[::2], writer=beside.graph)
    with asking(path) as reader:
        yield reader


@contextmanager
def compacted(
    entities: Sequence[Drawn], relationships: Sequence[Drawn], folder: Path
) -> Iterator[ImageReader]:
    """Bring it into a base of which half is not yet as it is drawn, then into the next one, beside a file."""
    path = folder / "graph.duckdb"
    for drawn in ((as_before(entities), relationships[::2]), (entities, relationships)):
        with writing(path) as beside:
            load(items_written(*drawn), writer=beside.graph)
            beside.catch_up()
            beside.compact()
    with asking(path) as reader:
        yield reader


def as_before(entities: Sequence[Drawn]) -> list[Drawn]:
    """Give every second entity another class, and other properties."""
    kept = ("_id", "_key", "_type")
    return [
        {name: it[name] for name in kept if name in it} | {"_class": "Before", "old": number}
        if number % 2
        else it
        for number, it in enumerate(entities)
    ]


@contextmanager
def image(entities: Sequence[Drawn], relationships: Sequence[Drawn], folder: Path) -> Iterator[ImageReader]:
    """Half of it in a base, the other half as it was before, and in deltas over that as it is drawn; read
    through a cache as the query function does."""
    store = MemoryStore()
    old, new = items_written(as_before(entities), relationships[::2]), items_written(entities, relationships)
    builder = ParquetBuilder(store, folder / "work")
    rebuild_whole(store=store, table=_Table(old), builder=builder, now=LOADED_ON, token="base")
    changed = [replace(it, rev=it.rev + 1) for it in new if it not in old]
    records = [StreamRecord(it.thing.id, Version(it.rev, LOADED_ON), it) for it in changed]
    project(records, store=store, now=LOADED_ON, token="delta")
    with closing(ImageReader(store, folder / "cache")) as reader:
        reader.refresh(LOADED_ON)
        yield reader


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of one page."""

    items: Sequence[Item]

    def scan(self, _segment: int, _of: int, _position: str | None) -> Page:
        return Page(self.items, None, LOADED_ON)


READERS: Final[Mapping[str, Callable[[Sequence[Drawn], Sequence[Drawn], Path], Opened]]] = {
    "in memory": lambda entities, relationships, _: in_memory(entities, relationships),
    "beside a file": beside_a_file,
    "compacted": compacted,
    "base and deltas": image,
}


def items_written(entities: Sequence[Drawn], relationships: Sequence[Drawn]) -> list[Item]:
    """Make the items of a graph file. An end that is not drawn is known by its name alone: not written."""
    drawn = {it["_id"] for it in entities}
    ends = dict.fromkeys(it[side] for it in relationships for side in ("_from", "_to"))
    named = [{"_id": end, "_type": "unknown", "_class": "Unknown"} for end in ends if end not in drawn]
    document = {"entities": [*entities, *named], "relationships": relationships}
    return [item for item in items_of(document, now=LOADED_ON) if item.thing.id in drawn]


def rows(entities: Sequence[Drawn], relationships: Sequence[Drawn]) -> list[ItemRow]:
    """Each entity owns the relationships that leave it; ends that are not drawn own theirs too."""
    owned: dict[str, list[Relationship]] = {}
    for it in relationships:
        owned.setdefault(it["_from"], []).append(Relationship(it["_from"], it["_to"], properties(it)))
    drawn = {it["_id"]: Entity(properties(it)) for it in entities}
    return [row_of(id_, drawn.get(id_), owned.get(id_, ()), Version(1, 0)) for id_ in {**drawn, **owned}]


def properties(drawn: Drawn) -> dict[str, Value]:
    """Lists become tuples; `_from` and `_to` are ends and no properties."""
    kept = {name: value for name, value in drawn.items() if name not in ("_from", "_to")}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}

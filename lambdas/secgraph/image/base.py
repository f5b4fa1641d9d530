"""The base of an image: what compaction wrote, file by file. In: JSON. Out: frozen values, and back.

    manifest ─names→ base description ─names→ nodes, parts of entities, groups of relationships

The description is one JSON object, gzip'd, with the version of its format; a later one is refused.

Ids: `sort at first sight << SORT_SHIFT | ordinal`, given once and never again. So entities of one sort have
ids in a row, an id stays what it is when others come and go, and nothing need be looked up to find an
entity's part. An end of which nothing was ever seen counts under the sort UNSEEN.

A file of rows is Parquet. `chunks` lists, for each column and row group, where its bytes lie and what they
sum up to, so that a reader fetches those alone and knows that they are whole.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from secgraph.errors import StoreError
from secgraph.graph.relations import Catalogue, Kind, Link, Sort

FORMAT: Final = 1
SORT_SHIFT: Final = 32
UNSEEN: Final = (1 << 24) - 1
DOCUMENTS_A_BLOCK: Final = 24
"""More pack better (with 8, a million documents take 25 MB more; with 32, 3 MB less) and cost more to look
into: those of a tree lie in nearly as many blocks."""
END_OF_IDS: Final = (UNSEEN + 1) << SORT_SHIFT


@dataclass(frozen=True, slots=True)
class Chunk:
    """One column in one row group of a Parquet file: `offset` and `size` in bytes, `crc` the CRC-32 of
    them."""

    column: str
    row_group: int
    offset: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class RowsFile:
    """A Parquet file. The footer lies from `footer` to the end (`size`), with CRC-32 `footer_crc`."""

    name: str
    size: int
    rows: int
    footer: int
    footer_crc: int
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class DocumentsFile:
    """The documents of a part: blocks of DOCUMENTS_A_BLOCK, each compressed and with a checksum of its own,
    then from `index` to the end (`size`) where they lie, with CRC-32 `index_crc`."""

    name: str
    size: int
    index: int
    index_crc: int


@dataclass(frozen=True, slots=True)
class EntityPart:
    """Entities whose ids lie from `first` up to, not including, `end`, in the order of their ids: their
    property columns, documents, and texts. `sorts` are those that occur in it.

    A part ends where the next one begins, the first begins at 0 and the last ends at END_OF_IDS: so each new
    id has its part. The columns are those that any of its entities fills, after id, sort and deleted."""

    first: int
    end: int
    rows: int
    sorts: frozenset[int]
    columns: RowsFile
    documents: DocumentsFile
    texts: RowsFile


@dataclass(frozen=True, slots=True)
class EdgeGroup:
    """All relationships of these links, in the order (class, src_sort, dst_sort, src, dst). `links` None: of
    ends that are not there, which nobody sees. The n-th row has the id `first` + n.

    Columns: class, src, dst, src_sort, dst_sort, deleted, stated, outgoing BOOLEAN (the owner is `src`, else
    it is `dst`), and the property columns that any of them fills."""

    links: frozenset[Link] | None
    first: int
    rows: int
    file: RowsFile


@dataclass(frozen=True, slots=True)
class Base:
    """All that one compaction left.

    `nodes` has a row for each item and each end: hash UBIGINT (image/rows.key_hash), sort INTEGER and ordinal
    INTEGER (together the id), rev INTEGER, minute INTEGER (of the write, epoch), gone BOOLEAN; rev is NULL
    for an end of which no item was seen. It is sorted by hash, so that looking up few reads few of its row
    groups. `ordinals` is the next free one for each sort.
    """

    generation: int
    made_on: int
    catalogue: Catalogue
    ordinals: Mapping[int, int]
    nodes: RowsFile
    entities: tuple[EntityPart, ...]
    relationships: tuple[EdgeGroup, ...]


def dump(base: Base) -> bytes:
    """Write a description. The same one always gives the same bytes."""
    held = {
        "v": FORMAT,
        "generation": base.generation,
        "madeOn": base.made_on,
        "catalogue": _catalogue(base.catalogue),
        "ordinals": sorted(base.ordinals.items()),
        "nodes": _rows(base.nodes),
        "entities": [_part(part) for part in base.entities],
        "relationships": [
            [None if it.links is None else _links(it.links), it.first, it.rows, _rows(it.file)]
            for it in base.relationships
        ],
    }
    text = json.dumps(held, separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode("utf-8"), 6, mtime=0)


def load(body: bytes) -> Base:
    """Read what `dump` wrote. Raises StoreError for the format of a later version."""
    held: dict[str, Any] = json.loads(gzip.decompress(body))
    if held["v"] != FORMAT:
        raise StoreError(
            f"The base of the graph image is in format {held['v']}; this version of secgraph reads format "
            f"{FORMAT}: upgrade secgraph before reading this image"
        )
    return Base(
        generation=held["generation"],
        made_on=held["madeOn"],
        catalogue=_read_catalogue(held["catalogue"]),
        ordinals=dict(held["ordinals"]),
        nodes=_read_rows(held["nodes"]),
        entities=tuple(_read_part(*part) for part in held["entities"]),
        relationships=tuple(
            EdgeGroup(None if links is None else _read_links(links), first, rows, _read_rows(file))
            for links, first, rows, file in held["relationships"]
        ),
    )


def _part(part: EntityPart) -> list[Any]:
    columns, documents, texts = _rows(part.columns), _documents(part.documents), _rows(part.texts)
    return [part.first, part.end, part.rows, sorted(part.sorts), columns, documents, texts]


def _read_part(
    first: int, end: int, rows: int, sorts: list[int], columns: Any, documents: Any, texts: Any
) -> EntityPart:
    return EntityPart(
        first, end, rows, frozenset(sorts), _read_rows(columns), DocumentsFile(*documents), _read_rows(texts)
    )


def _rows(file: RowsFile) -> list[Any]:
    """The names of columns once, then the chunks with numbers for them."""
    columns = list(dict.fromkeys(chunk.column for chunk in file.chunks))
    number = {column: place for place, column in enumerate(columns)}
    chunks = [[number[it.column], it.row_group, it.offset, it.size, it.crc] for it in file.chunks]
    return [file.name, file.size, file.rows, file.footer, file.footer_crc, columns, chunks]


def _read_rows(held: list[Any]) -> RowsFile:
    name, size, rows, footer, footer_crc, columns, chunks = held
    return RowsFile(
        name, size, rows, footer, footer_crc, tuple(Chunk(columns[column], *rest) for column, *rest in chunks)
    )


def _documents(file: DocumentsFile) -> list[Any]:
    return [file.name, file.size, file.index, file.index_crc]


def _links(links: Iterable[Link]) -> list[list[Any]]:
    return [_link(link) for link in sorted(links)]


def _link(link: Link) -> list[Any]:
    return [link.verb, link.source, link.target]


def _read_links(held: Iterable[list[Any]]) -> frozenset[Link]:
    return frozenset(Link(*link) for link in held)


def _catalogue(catalogue: Catalogue) -> dict[str, Any]:
    return {
        "sorts": [[sort.number, sort.type, list(sort.classes)] for sort in catalogue.sorts],
        "entityProperties": _properties(catalogue.entity_properties),
        "verbs": sorted(catalogue.verbs),
        "relationshipProperties": _properties(catalogue.relationship_properties),
        "entitySorts": _bearers(catalogue.entity_sorts),
        "relationshipVerbs": _bearers(catalogue.relationship_verbs),
        "links": _links(catalogue.links),
        "deleted": sorted(catalogue.deleted),
        "sizes": [[*_link(link), catalogue.sizes[link]] for link in sorted(catalogue.sizes)],
    }


def _read_catalogue(held: Mapping[str, Any]) -> Catalogue:
    return Catalogue(
        sorts=tuple(Sort(number, type_, tuple(classes)) for number, type_, classes in held["sorts"]),
        entity_properties=_read_properties(held["entityProperties"]),
        verbs=frozenset(held["verbs"]),
        relationship_properties=_read_properties(held["relationshipProperties"]),
        entity_sorts={(name, Kind(kind)): frozenset(them) for name, kind, them in held["entitySorts"]},
        relationship_verbs={
            (name, Kind(kind)): frozenset(them) for name, kind, them in held["relationshipVerbs"]
        },
        links=_read_links(held["links"]),
        deleted=frozenset(held["deleted"]),
        sizes={Link(*link): size for *link, size in held.get("sizes", ())},  # older bases have none
    )


def _properties(properties: Mapping[str, frozenset[Kind]]) -> list[list[Any]]:
    return [[name, sorted(kind.value for kind in properties[name])] for name in sorted(properties)]


def _read_properties(held: Iterable[tuple[str, list[str]]]) -> dict[str, frozenset[Kind]]:
    return {name: frozenset(map(Kind, kinds)) for name, kinds in held}


def _bearers(bearers: Mapping[tuple[str, Kind], frozenset[Any]]) -> list[list[Any]]:
    return sorted([name, kind.value, sorted(them)] for (name, kind), them in bearers.items())

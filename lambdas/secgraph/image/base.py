"""The base of an image: what compaction wrote, file by file. In: JSON. Out: frozen values, and back.

    manifest ─names→ base description ─names→ nodes, parts of entities, groups of relationships

Ids: `sort at first sight << SORT_SHIFT | ordinal`, given once and never again. So entities of one sort have
ids in a row, an id stays what it is when others come and go, and nothing need be looked up to find an
entity's part. An end of which nothing was ever seen counts under the sort UNSEEN.

A file of rows is Parquet. `chunks` lists, for each column and row group, where its bytes lie and what they
sum up to, so that a reader fetches those alone and knows that they are whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.graph.relations import Catalogue, Link

FORMAT: Final = 1
SORT_SHIFT: Final = 32
UNSEEN: Final = (1 << 24) - 1
DOCUMENTS_A_BLOCK: Final = 4


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
    property columns, documents, and texts. `sorts` are those that occur in it."""

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
    ends that are not there, which nobody sees. The n-th row has the id `first` + n."""

    links: frozenset[Link] | None
    first: int
    rows: int
    file: RowsFile


@dataclass(frozen=True, slots=True)
class Base:
    """All that one compaction left.

    `nodes` has a row for each item and each end: hash UBIGINT (image/rows.key_hash), sort INTEGER and ordinal
    INTEGER (together the id), rev INTEGER, minute INTEGER (of the write, epoch), gone BOOLEAN; rev is NULL
    for an end of which no item was seen. `ordinals` is the next free one for each sort.
    """

    generation: int
    made_on: int
    catalogue: Catalogue
    ordinals: Mapping[int, int]
    nodes: RowsFile
    entities: tuple[EntityPart, ...]
    relationships: tuple[EdgeGroup, ...]

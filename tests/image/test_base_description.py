"""The description of a base as bytes."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from secgraph.errors import StoreError
from secgraph.graph.relations import Catalogue, Kind, Link, Sort
from secgraph.image import base as bases
from secgraph.image.base import Base, Chunk, DocumentsFile, EdgeGroup, EntityPart, RowsFile

LINK = Link("HAS", 0, 1)
ROWS = RowsFile(
    "bases/1-a/x.parquet", 90, 3, 70, 5, (Chunk("name#s", 0, 4, 40, 1), Chunk("Ü#ls", 1, 44, 26, 2))
)
BASE = Base(
    generation=3,
    made_on=1_795_262_400_000,
    catalogue=Catalogue(
        sorts=(Sort(0, "aws_instance", ("Host",)), Sort(1, "cve", ())),
        entity_properties={"name": frozenset({Kind.STRING, Kind.NUMBER})},
        verbs=frozenset({"HAS", "USES"}),
        relationship_properties={"port": frozenset({Kind.NUMBER})},
        entity_sorts={("name", Kind.STRING): frozenset({0, 1}), ("name", Kind.NUMBER): frozenset({1})},
        relationship_verbs={("port", Kind.NUMBER): frozenset({"USES"})},
        links=frozenset({LINK}),
        deleted=frozenset({1}),
        sizes={LINK: 3},
    ),
    ordinals={0: 7, bases.UNSEEN: 1},
    nodes=ROWS,
    entities=(
        EntityPart(0, bases.END_OF_IDS, 3, frozenset({0, 1}), ROWS, DocumentsFile("d", 9, 3, 4), ROWS),
    ),
    relationships=(EdgeGroup(frozenset({LINK}), 0, 3, ROWS), EdgeGroup(None, 3, 1, ROWS)),
)


def test_a_description_reads_as_it_was_written() -> None:
    assert bases.load(bases.dump(BASE)) == BASE
    assert bases.dump(bases.load(bases.dump(BASE))) == bases.dump(BASE)


def test_a_base_that_does_not_tell_sizes_is_read() -> None:
    held = json.loads(gzip.decompress(bases.dump(BASE)))
    del held["catalogue"]["sizes"]
    read = bases.load(gzip.compress(json.dumps(held).encode()))
    assert read == replace(BASE, catalogue=replace(BASE.catalogue, sizes={}))


def test_a_later_format_is_refused() -> None:
    held = json.loads(gzip.decompress(bases.dump(BASE)))
    later = gzip.compress(json.dumps(held | {"v": bases.FORMAT + 1}).encode())
    with pytest.raises(StoreError, match="upgrade secgraph"):
        bases.load(later)

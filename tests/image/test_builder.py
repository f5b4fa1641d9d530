"""Rows, in any order and divided anyhow between bases: reading the last base equals reading the rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from secgraph.adapters.image.base_tables import CachedBase
from secgraph.adapters.image.builder import ParquetBuilder
from secgraph.adapters.image.cached import local_files
from secgraph.adapters.image.folder_store import FolderStore
from secgraph.adapters.image.nodes import GONE_KEPT_MS
from secgraph.adapters.image.work_folder import work_folder
from secgraph.errors import ObjectDamaged, StoreError
from secgraph.image import base as bases
from secgraph.image import layout
from secgraph.image.base import DOCUMENTS_A_BLOCK, Base
from secgraph.image.plan import files_of
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import ItemRow, ShownEdge, ShownEntity, Version, key_hash
from tests.image.base_facts import NOW, expected, read, row, things
from tests.image.model import MemoryStore


class Image:
    """A base that grows."""

    def __init__(self, folder: Path, store: ObjectStore) -> None:
        self.store = store
        self.folder = folder
        self.base: Base | None = None
        self.builder = ParquetBuilder(store, folder / "work")

    def build(self, *deltas: Sequence[ItemRow], now: int = NOW) -> Base:
        generation = 1 + (self.base.generation if self.base else 0)
        self.base = self.builder.build(self.base, deltas, generation=generation, now=now, token="0-t")
        assert bases.load(bases.dump(self.base)) == self.base
        return self.base

    def tables(self) -> CachedBase:
        assert self.base is not None
        return CachedBase(self.base, local_files(self.store, self.folder / "cache"))


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path, FolderStore(tmp_path / "image"))


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts and groups of a few rows."""
    for name, rows in (("PART", 4), ("SMALL", 3), ("SORT_OF_ITS_OWN", 2), ("LINK_OF_ITS_OWN", 6)):
        monkeypatch.setattr(layout, name, rows)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize(
    "seed", [1, 2, *[pytest.param(seed, marks=pytest.mark.thorough) for seed in range(3, 12)]]
)
def test_reading_a_base_equals_reading_the_rows(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    image = Image(tmp_path, FolderStore(tmp_path / "image") if seed % 2 else MemoryStore())
    ids = things(random.choice([3, 12, 40]))
    rows = [row(random, id_, ids, rev) for id_ in ids for rev in range(1, random.randrange(2, 5))]
    random.shuffle(rows)
    told: list[ItemRow] = []
    while rows:
        many = random.randrange(1, len(ids) + 2)
        deltas, rows = rows[:many], rows[many:]
        base = image.build(deltas[::2], deltas[1::2])
        told += [*deltas[::2], *deltas[1::2]]
        assert read(image.tables(), ids) == expected(told)
        _is_whole(base)


def _is_whole(base: Base) -> None:
    """Parts cover all ids, none is empty, and the catalogue lists every link and how many there are."""
    edges = [0, *[part.end for part in base.entities]]
    assert [part.first for part in base.entities] == edges[:-1]
    assert not base.entities or edges[-1] == bases.END_OF_IDS
    assert all(part.rows and part.rows == part.columns.rows for part in base.entities)
    assert {link for group in base.relationships for link in group.links or ()} == base.catalogue.links
    sizes = base.catalogue.sizes
    assert sizes.keys() == base.catalogue.links
    for group in base.relationships:
        assert group.links is None or sum(sizes[link] for link in group.links) == group.rows


# ── what stays ────────────────────────────────────────────────────────────────────────────────────────

HOST, FINDING, ACCOUNT, UNKNOWN = things(4)


def item(id_: str, type_: str, *others: str, rev: int = 1, at: int = NOW, name: str = "") -> ItemRow:
    entity = ShownEntity(
        type_, ("Thing",), False, json.dumps({"name#s": name or id_}), json.dumps([{}, {"name": name}]), name
    )
    edges = tuple([ShownEdge("HAS", other, True, False, None, "{}") for other in others])
    return ItemRow(id_, Version(rev, at), entity, edges)


def gone(id_: str, rev: int, at: int = NOW) -> ItemRow:
    return ItemRow(id_, Version(rev, at, gone=True), None, ())


@pytest.mark.usefixtures("_small")
def test_what_did_not_change_keeps_its_files(image: Image) -> None:
    hosts, findings = things(20)[:10], things(20)[10:]
    first = image.build(
        [item(id_, "aws_instance") for id_ in hosts] + [item(id_, "finding", hosts[0]) for id_ in findings]
    )
    assert len(first.entities) > 3
    second = image.build([item(findings[-1], "finding", hosts[0], rev=2, name="another")])
    kept = files_of(first).keys() & files_of(second).keys()
    changed = [part for part in second.entities if part.columns.name not in kept]
    assert len(changed) == 1
    assert second.entities[: len(first.entities) - 1] == first.entities[:-1]
    assert read(image.tables(), [*hosts, *findings]).entities[findings[-1]][2] == (("name#s", "another"),)


def test_a_block_of_documents_goes_over_as_it_is(image: Image) -> None:
    ids = things(2 * DOCUMENTS_A_BLOCK)
    first = image.build([item(id_, "aws_instance", name=id_) for id_ in ids])
    second = image.build([item(ids[0], "aws_instance", rev=2, name="another")])
    before, after = (image.store.get(base.entities[0].documents.name) for base in (first, second))
    assert before[first.entities[0].documents.index // 2 : first.entities[0].documents.index] in after


def test_ids_are_given_once(image: Image) -> None:
    hashes = [key_hash(id_) for id_ in (HOST, FINDING, UNKNOWN)]
    image.build([item(FINDING, "finding", HOST, UNKNOWN)])
    first = image.tables().known(hashes)
    assert [first[hash_].version for hash_ in hashes] == [None, Version(1, NOW), None]
    image.build([item(HOST, "aws_instance", rev=7)])
    second = image.tables().known(hashes)
    assert {hash_: it.id for hash_, it in first.items()} == {hash_: it.id for hash_, it in second.items()}
    assert second[hashes[0]].version == Version(7, NOW)


@pytest.mark.thorough
def test_who_is_gone_stays_known_for_two_days_and_as_an_end_for_as_long_as_something_leads_there(
    image: Image,
) -> None:
    hashes = {id_: key_hash(id_) for id_ in (HOST, FINDING, ACCOUNT)}
    image.build([item(FINDING, "finding", HOST), item(HOST, "aws_instance"), item(ACCOUNT, "account")])
    image.build([gone(HOST, 1), gone(ACCOUNT, 1)])
    known = image.tables().known(hashes.values())
    assert {it.version.gone for it in known.values() if it.version} == {True, False}
    image.build([item(HOST, "aws_instance", rev=1)])  # a write that comes late
    assert read(image.tables(), list(hashes)).entities.keys() == {FINDING}
    image.build([item(FINDING, "finding", HOST, rev=2, at=NOW)], now=NOW + GONE_KEPT_MS + 60_000)
    known = image.tables().known(hashes.values())
    assert known.keys() == {hashes[HOST], hashes[FINDING]}
    assert known[hashes[HOST]].version is None


def test_an_empty_base_can_be_built_and_read(image: Image) -> None:
    assert image.build().entities == ()
    assert read(image.tables(), []) == expected([])
    image.build([item(HOST, "aws_instance")])
    image.build([gone(HOST, 1)])
    assert read(image.tables(), [HOST]) == expected([])
    assert image.tables().base.catalogue.entity_sorts == {}


def test_what_a_process_that_died_left_is_removed_and_what_another_works_in_is_not(tmp_path: Path) -> None:
    left = tmp_path / "build-left"
    (left / "spilled").mkdir(parents=True)
    (left / "spilled" / "some.tmp").write_bytes(b"rows")
    with work_folder(tmp_path) as one, work_folder(tmp_path) as other:
        assert sorted(tmp_path.iterdir()) == sorted([one, other])
    assert list(tmp_path.iterdir()) == []


def test_work_folders_of_any_number_at_once_stay_as_long_as_they_are_worked_in(tmp_path: Path) -> None:
    def work(_: int) -> bool:
        with work_folder(tmp_path) as folder:
            (folder / "part").write_bytes(b"rows")
            return folder.exists() and (folder / "part").read_bytes() == b"rows"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(100)))
    assert list(tmp_path.iterdir()) == []


def test_a_base_that_does_not_fit_is_a_clear_error_and_leaves_no_files(tmp_path: Path) -> None:
    (tmp_path / "work" / "build-of-a-process-that-died").mkdir(parents=True)
    builder = ParquetBuilder(MemoryStore(), tmp_path / "work", memory="4MB")
    rows = [item(id_, "aws_instance", HOST, name=id_ * 20) for id_ in things(2_000)]
    with pytest.raises(StoreError, match=r"could not be made: .*Give it more memory than 4MB"):
        builder.build(None, [rows], generation=1, now=NOW, token="0-t")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_work_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file")
    builder = ParquetBuilder(MemoryStore(), tmp_path / "work")
    with pytest.raises(StoreError, match=r"could not be made: .*permissions"):
        builder.build(None, [], generation=1, now=NOW, token="0-t")


def test_look_ups_can_be_closed_and_go_on(image: Image) -> None:
    image.build([item(HOST, "aws_instance")])
    tables = image.tables()
    for _ in range(2):
        assert tables.known([key_hash(HOST)])[key_hash(HOST)].version == Version(1, NOW)
        tables.close()
        tables.close()


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["columns", "documents", "texts"])
def test_damage_goes_into_no_other_base(image: Image, kind: str) -> None:
    base = image.build([item(id_, "aws_instance", name=f"{id_} of the host") for id_ in things(20)])
    file = getattr(base.entities[0], kind)
    path = image.folder / "image" / file.name
    body = bytearray(path.read_bytes())
    body[len(body) // 3] ^= 1
    path.write_bytes(body)
    with pytest.raises(ObjectDamaged, match=file.name):
        image.build([item(HOST, "aws_instance", rev=2)])

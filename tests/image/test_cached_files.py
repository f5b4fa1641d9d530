"""Objects as local files: what is not whole is never used."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from pathlib import Path
from threading import Barrier

import duckdb
import pytest

from secgraph.adapters.image import cached
from secgraph.adapters.image.base_tables import CachedBase
from secgraph.adapters.image.builder import ParquetBuilder
from secgraph.adapters.image.cached import GAP, CachedFiles, FilesInPlace, Stretch, Wanted, local_files
from secgraph.adapters.image.folder_store import FolderStore
from secgraph.errors import ObjectDamaged, ObjectMissing
from secgraph.image.base import Base
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import ItemRow, ShownEdge, ShownEntity, Version, key_hash
from tests.image.base_facts import NOW, things
from tests.image.model import MemoryStore

BODY = bytes(range(256)) * 1_024


@dataclass
class CountingStore(MemoryStore):
    """Keeps which ranges were asked for."""

    ranges: list[tuple[str, int, int]] = field(default_factory=list)

    def get_ranges(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.ranges += [(name, *each) for each in ranges]
        return super().get_ranges(name, ranges)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore({"a/b": BODY, "c": BODY})


def wanted(name: str, *places: tuple[int, int]) -> Wanted:
    stretches = [Stretch(at, size, zlib.crc32(BODY[at : at + size])) for at, size in places]
    return Wanted(name, len(BODY), stretches)


def test_stretches_are_fetched_once_and_joined_where_they_lie_close(
    store: CountingStore, tmp_path: Path
) -> None:
    files = CachedFiles(store, tmp_path)
    places = [(4, 10), (100, 50), (150 + GAP + 1, 7)]
    for _ in range(2):
        files.ensure([wanted("a/b", *reversed(places)), wanted("c", (0, 3))])
    assert sorted(store.ranges) == [("a/b", 4, 146), ("a/b", 150 + GAP + 1, 7), ("c", 0, 3)]
    assert files.read([wanted("a/b", *places)]) == [[BODY[at : at + size] for at, size in places]]
    held = files.path("a/b").stat()
    assert held.st_size == len(BODY)
    assert held.st_blocks * 512 < len(BODY)


def test_another_process_fetches_only_what_is_not_there_and_whole(
    store: CountingStore, tmp_path: Path
) -> None:
    CachedFiles(store, tmp_path).ensure([wanted("a/b", (4, 10), (100_000, 10), (200_000, 10))])
    with (tmp_path / "a/b").open("r+b") as file:
        file.seek(100_003)
        file.write(b"!")
    store.ranges.clear()
    files = CachedFiles(store, tmp_path)
    files.ensure([wanted("a/b", (4, 10), (100_000, 10), (200_000, 10), (50_000, 1))])
    assert sorted(store.ranges) == [("a/b", 50_000, 50_010)]
    assert files.read([wanted("a/b", (100_000, 10))]) == [[BODY[100_000:100_010]]]


@pytest.mark.parametrize("kind", ["flipped", "cut", "missing"])
@pytest.mark.parametrize("in_place", [True, False])
def test_what_is_damaged_or_missing_is_named_and_not_kept(tmp_path: Path, kind: str, in_place: bool) -> None:
    damaged = bytearray(BODY)
    damaged[105] ^= 4
    body = {"flipped": bytes(damaged), "cut": BODY[:103], "missing": None}[kind]
    store: ObjectStore = FolderStore(tmp_path / "image") if in_place else MemoryStore()
    if body is not None:
        store.put("a/b", body)
    files = local_files(store, tmp_path / "cache")
    assert isinstance(files, FilesInPlace if in_place else CachedFiles)
    for _ in range(2):
        with pytest.raises(ObjectMissing if kind == "missing" else ObjectDamaged, match="a/b"):
            files.ensure([wanted("a/b", (100, 10))])
    if kind == "flipped":
        files.ensure([wanted("a/b", (0, 100))])


def test_the_file_that_was_not_used_for_the_longest_time_goes_unless_somebody_uses_it(
    tmp_path: Path,
) -> None:
    store = CountingStore(dict.fromkeys("abcd", BODY))
    whole = (0, len(BODY))
    user = CachedFiles(store, tmp_path)
    user.ensure([wanted("b", whole)])
    CachedFiles(store, tmp_path).ensure([wanted("a", whole)])
    CachedFiles(store, tmp_path).ensure([wanted("c", whole)])
    CachedFiles(store, tmp_path, limit=3 * len(BODY) + 50_000).ensure([wanted("d", whole)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c", "d"]
    CachedFiles(store, tmp_path, limit=len(BODY)).ensure([wanted("a", whole)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert user.read([wanted("b", whole)]) == [[BODY]]


@dataclass
class OnesStore(MemoryStore):
    """Makes bytes as they are asked for, so that it holds none."""

    def get_ranges(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [b"1" * size for _, size in ranges]


def test_what_is_made_sure_of_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("RANGE", 64 << 10), ("LOAD", 128 << 10), ("AT_ONCE", 2)):
        monkeypatch.setattr(cached, name, size)
    piece = 32 << 10
    crc = zlib.crc32(b"1" * piece)
    stretches = [Stretch(at * piece, piece, crc) for at in range(128)]
    wanted = [Wanted(name, 128 * piece, stretches) for name in "ab"]
    tracemalloc.start()
    try:
        CachedFiles(OnesStore(), tmp_path).ensure(wanted)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 128 * piece / 2
    assert all((tmp_path / name).read_bytes() == b"1" * 128 * piece for name in "ab")


def ones(name: str) -> Wanted:
    return Wanted(name, 4, [Stretch(0, 4, zlib.crc32(b"1111"))])


def test_a_file_is_opened_once_whoever_comes_at_the_same_time(tmp_path: Path) -> None:
    """A descriptor too many would hold its lock until the process ends, and the file would never go."""
    for number in range(50):
        _ensured_by_four(CachedFiles(OnesStore(), tmp_path), ones(f"{number}"))
    CachedFiles(OnesStore(), tmp_path, limit=0).ensure([ones("last")])
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def _ensured_by_four(files: CachedFiles, wanted: Wanted) -> None:
    together = Barrier(4)

    def ensure(_: int) -> None:
        together.wait()
        files.ensure([wanted])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ensure, range(4)))


def test_room_is_made_also_while_another_process_makes_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It removes files after they were listed; one of them somebody makes anew, and uses it."""
    for name in "ab":
        CachedFiles(OnesStore(), tmp_path).ensure([ones(name)])
    user = CachedFiles(OnesStore(), tmp_path)
    listed, replaced = Path.rglob, iter([True])

    def listed_and_removed(folder: Path, pattern: str) -> list[Path]:
        found = sorted(listed(folder, pattern))
        (tmp_path / "a").unlink(missing_ok=True)
        return found

    def locked_and_replaced(file: int, how: int) -> None:
        if how & LOCK_EX and next(replaced, False):
            (tmp_path / "b").unlink()
            user.ensure([ones("b")])
        flock(file, how)

    monkeypatch.setattr(Path, "rglob", listed_and_removed)
    monkeypatch.setattr(cached, "flock", locked_and_replaced)
    CachedFiles(OnesStore(), tmp_path, limit=0).ensure([ones("c")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]


# ── a base in a store ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], Base, list[str]]:
    """A base of hosts with two properties, and accounts that have them."""
    store = MemoryStore()
    ids = things(400)
    rows = [
        ItemRow(
            id_,
            Version(1, NOW),
            ShownEntity(
                "aws_instance",
                ("Host",),
                False,
                f'{{"name#s":"{id_}","score#n":{number}}}',
                f'[{{"n":{number}}},{{}}]',
                id_,
            ),
            (ShownEdge("HAS", ids[number // 2], False, False, None, "{}"),),
        )
        for number, id_ in enumerate(ids)
    ]
    work = tmp_path_factory.mktemp("work")
    base = ParquetBuilder(store, work).build(None, [rows], generation=1, now=NOW, token="0-t")
    return store.objects, base, ids


def test_a_select_fetches_the_columns_that_it_names(
    built: tuple[dict[str, bytes], Base, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secgraph.adapters.image.cached.GAP", 0)
    objects, base, _ = built
    store = CountingStore(objects)
    tables = CachedBase(base, CachedFiles(store, tmp_path / "an [odd] 'folder'?*"))
    select = tables.entities(["score#n"])
    with duckdb.connect() as connection:
        store.objects = {}
        found = connection.execute(f'SELECT count(*), sum("score#n") FROM ({select})').fetchone()
        assert found == (400, sum(range(400)))
        read = sum(size for _, _, size in store.ranges)
        assert read < base.entities[0].columns.size / 4
        with pytest.raises(ObjectMissing):
            tables.entities(["name#s"])
        with pytest.raises(ObjectMissing):
            tables.documents([0])


def test_few_look_ups_fetch_few_row_groups(
    built: tuple[dict[str, bytes], Base, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that lie elsewhere are holes in the file, which DuckDB must not read."""
    monkeypatch.setattr("secgraph.adapters.image.nodes._ROW_GROUP", 2_048)
    store = CountingStore()
    ids = things(10_000)
    rows = [
        ItemRow(id_, Version(1, NOW), None, (ShownEdge("HAS", id_, True, False, None, "{}"),)) for id_ in ids
    ]
    base = ParquetBuilder(store, tmp_path / "work").build(None, [rows], generation=1, now=NOW, token="0-t")
    store.ranges.clear()
    files = CachedFiles(store, tmp_path / "cache")
    tables = CachedBase(base, files)
    assert tables.known([key_hash(ids[0]), 5]).keys() == {key_hash(ids[0])}
    assert sum(size for _, _, size in store.ranges) < base.nodes.size * 2 / 3
    for number in range(1, 40):
        hashes = [key_hash(id_) for id_ in ids[number::1_000][:2]]
        assert tables.known(hashes).keys() == set(hashes)
    assert len(tables.known([key_hash(id_) for id_ in ids])) == len(ids)


@pytest.mark.parametrize("at_once", [1, 50])
def test_damaged_documents_are_fetched_again_and_refused_if_the_store_has_no_better(
    built: tuple[dict[str, bytes], Base, list[str]], tmp_path: Path, at_once: int
) -> None:
    objects, base, ids = built
    known = CachedBase(base, CachedFiles(MemoryStore(objects), tmp_path / "0")).known(
        [key_hash(id_) for id_ in ids[:at_once]]
    )
    wanted_ids = [it.id for it in known.values()]
    name = base.entities[0].documents.name
    store = MemoryStore(dict(objects))
    assert len(CachedBase(base, CachedFiles(store, tmp_path)).documents(wanted_ids)) == at_once
    with (tmp_path / name).open("r+b") as file:
        file.write(b"damaged")
    tables = CachedBase(base, CachedFiles(store, tmp_path))
    assert len(tables.documents([*wanted_ids, 1 << 50])) == at_once
    body = bytearray(objects[name])
    body[3] ^= 1
    store.objects[name] = bytes(body)
    with pytest.raises(ObjectDamaged, match=name):
        CachedBase(base, CachedFiles(store, tmp_path / "other")).documents(wanted_ids)

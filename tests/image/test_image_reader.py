"""The reader of the image: only what is new is fetched, what is damaged is read elsewhere, or it says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

import pytest

from secgraph.adapters.image.builder import ParquetBuilder
from secgraph.adapters.image.reader import ImageReader
from secgraph.adapters.relations.reader import Limits
from secgraph.errors import ObjectDamaged, ObjectMissing, QueryError, StoreError, StoreUnavailable
from secgraph.flows.ask import ask
from secgraph.flows.compact import compact
from secgraph.flows.next_base import read_base
from secgraph.flows.project import project
from secgraph.flows.published import change, held
from secgraph.graph.relations import Link, Reads, Statement
from secgraph.image import manifest as manifests
from secgraph.image.deltas import pack
from secgraph.image.expand import expand
from secgraph.image.manifest import Delta, FileRef
from secgraph.image.plan import files_of
from secgraph.image.ports import Pointer
from secgraph.image.rows import ItemRow, ShownEdge, ShownEntity, Version
from tests.image.model import MemoryStore
from tests.image.table import START, Table, item

QUERY = "FIND Host AS h THAT RELATES TO * AS o RETURN h.name, h.value, o.name ORDER BY h.name, o.name"
SEARCH = 'FIND "n1" AS x RETURN x.name'
TREE = "FIND Host THAT RELATES TO * RETURN TREE"


@dataclass
class Watched(MemoryStore):
    """Tells what was read."""

    read: list[str] = field(default_factory=list)

    def get(self, name: str) -> bytes:
        self.read.append(name)
        return super().get(name)


@dataclass
class Image:
    """An image that grows with a table."""

    folder: Path
    table: Table = field(default_factory=Table)
    store: Watched = field(default_factory=Watched)
    projected: int = 0
    tokens: Iterator[int] = field(default_factory=count)

    def write(self, *numbers: int, value: int = 0) -> None:
        """Change things, and bring that into the image as one delta."""
        for number in numbers:
            self.table.put(number, value=value, ends=[0, number + 1])
        records, self.projected = self.table.stream[self.projected :], len(self.table.stream)
        project(records, store=self.store, now=self.table.now, token=str(next(self.tokens)))
        self.table.pass_(1_000)

    def compact(self) -> None:
        builder = ParquetBuilder(self.store, self.folder / "work")
        assert compact(store=self.store, builder=builder, now=self.table.now, token=str(next(self.tokens)))
        self.table.pass_(1_000)

    def files(self) -> list[str]:
        """Name what only the current base needs."""
        manifest = held(self.store).manifest
        assert manifest.stand.base
        before = manifest.previous and manifest.previous.base
        kept = files_of(read_base(self.store, before)) if before else {}
        now = files_of(read_base(self.store, manifest.stand.base))
        return [manifest.stand.base.name, *(name for name in now if name not in kept)]

    @contextmanager
    def reader(self, cache: str = "cache") -> Iterator[ImageReader]:
        with closing(ImageReader(self.store, self.folder / cache)) as reader:
            yield reader


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Give an image of deltas alone."""
    image = Image(tmp_path)
    image.write(0, 1, 2, 3)
    image.write(4, 1, value=1)
    return image


@pytest.fixture
def based(image: Image) -> Image:
    """Give an image with a base, the one before it, and a delta."""
    image.compact()
    image.write(1, 5, value=2)
    image.compact()
    image.write(2, value=3)
    return image


def answers(reader: ImageReader) -> list[object]:
    """Ask for columns, texts, edges and documents."""
    return [ask(query, reader=reader, now=START)["data"] for query in (QUERY, SEARCH, TREE)]


def expected(image: Image) -> list[object]:
    """Ask the same of all items, in memory."""
    with closing(ImageReader(MemoryStore(), image.folder / "none")) as reader:
        reader.extra([expand(it, START) for it in image.table.all_items()])
        return answers(reader)


def plain(found: list[object]) -> list[object]:
    """Trees may come in another order."""
    rows, texts, tree = found
    assert isinstance(tree, dict)
    return [rows, texts, sorted(str(it["entity"]) for it in tree["vertices"]), len(tree["edges"])]


def test_a_store_without_an_image_is_an_empty_graph_of_version_0(tmp_path: Path) -> None:
    with Image(tmp_path).reader() as reader:
        state = reader.refresh(START)
        assert (state.version, state.generation, state.read_on) == (0, 0, START)
        assert answers(reader)[:2] == [[], []]


@pytest.mark.parametrize("kind", ["image", "based"])
def test_what_is_new_is_read_once(kind: str, request: pytest.FixtureRequest) -> None:
    image: Image = request.getfixturevalue(kind)
    with image.reader() as reader:
        reader.refresh(image.table.now)
        assert plain(answers(reader)) == plain(expected(image))
        for value in (7, 8):
            image.write(3, 6, value=value)
            image.store.read.clear()
            state = reader.refresh(image.table.now)
            read = [name for name in image.store.read if not name.endswith(".parquet")]
            assert read == [held(image.store).manifest.stand.deltas[-1].file.name]
            assert plain(answers(reader)) == plain(expected(image))
        assert (state.until, state.published_on) == (image.table.now - 1_000,) * 2
        image.store.read.clear()
        assert replace(reader.refresh(START), read_on=0) == replace(state, read_on=0)
        assert image.store.read == []


@pytest.mark.thorough
def test_another_base_is_taken_up_with_all_that_was_in_use(based: Image) -> None:
    with based.reader() as reader:
        reader.refresh(based.table.now)
        answers(reader)
        based.compact()
        state = reader.refresh(based.table.now)
        assert (state.generation, state.deltas, state.fallback) == (3, 0, "")
        based.store.read.clear()
        ask(QUERY, reader=reader, now=START)
        assert based.store.read == [], "what statements read is loaded with the base"
        assert plain(answers(reader)) == plain(expected(based))


def test_who_finds_a_filled_cache_fetches_no_part_again(based: Image) -> None:
    for fetches in (True, False):
        with based.reader() as reader:
            reader.refresh(based.table.now)
            based.store.read.clear()
            assert plain(answers(reader)) == plain(expected(based))
            assert bool(based.store.read) is fetches


@pytest.mark.thorough
@pytest.mark.parametrize("is_opened", [False, True], ids=["lost before it is opened", "damaged while it is"])
def test_whatever_of_a_base_is_not_whole_is_read_elsewhere(based: Image, is_opened: bool) -> None:
    whole, objects, told = plain(expected(based)), dict(based.store.objects), 0
    for name in based.files():
        with based.reader(cache=name) as reader:
            if is_opened:
                reader.refresh(based.table.now)
            _spoil(based.store, name, is_lost=not is_opened)
            reader.refresh(based.table.now)
            assert plain(answers(reader)) == whole, name
            assert name in reader.state().fallback or not reader.state().fallback
            told += bool(reader.state().fallback)
            based.store.objects.update(objects)
    assert told >= (4 if is_opened else 5), "all but what these questions do not read"


@pytest.mark.thorough
@pytest.mark.parametrize("comes_as_delta", [True, False], ids=["a delta", "rows laid over"])
def test_what_is_new_is_taken_up_though_damage_stands_in_its_way(based: Image, comes_as_delta: bool) -> None:
    based.compact()  # nothing lies over the base, so nothing of it was needed yet
    (ids,) = (name for name in based.files() if name.endswith("nodes.parquet"))
    with based.reader() as reader:
        assert not reader.refresh(based.table.now).fallback
        _spoil(based.store, ids, is_lost=True)
        if comes_as_delta:
            based.write(2, 6, value=4)
            reader.refresh(based.table.now)
        else:
            based.table.put(6, value=4, ends=[1])
            reader.extra([expand(based.table.items[6], based.table.now)])
        assert ids in reader.state().fallback
        assert plain(answers(reader)) == plain(expected(based))


def test_a_reader_that_fell_back_goes_on_with_what_is_new(based: Image) -> None:
    with based.reader() as reader:
        _spoil(based.store, based.files()[0], is_lost=True)
        state = reader.refresh(based.table.now)
        based.write(2, 6, value=8)
        assert reader.refresh(based.table.now).fallback == state.fallback != ""
        assert plain(answers(reader)) == plain(expected(based))


def _spoil(store: MemoryStore, name: str, *, is_lost: bool) -> None:
    if is_lost:
        del store.objects[name]
    else:
        store.objects[name] = store.objects[name][:4] + bytes(len(store.objects[name]) - 4)


def test_the_next_whole_base_ends_a_fallback(based: Image) -> None:
    with based.reader() as reader:
        del based.store.objects[based.files()[0]]
        assert reader.refresh(based.table.now).fallback
        based.compact()
        state = reader.refresh(based.table.now)
        assert (state.generation, state.fallback) == (3, "")
        assert plain(answers(reader)) == plain(expected(based))


def test_what_can_be_had_nowhere_is_an_error_and_what_answered_answers_still(based: Image) -> None:
    with based.reader() as reader, based.reader("another") as late:
        reader.refresh(based.table.now)
        before = plain(answers(reader))
        delta = held(based.store).manifest.stand.deltas[0].file.name
        based.write(0, value=9)
        last = held(based.store).manifest.stand.deltas[-1].file.name
        based.store.objects[last] = b"no delta"
        with pytest.raises(ObjectDamaged, match=rf"{last}.*secgraph image rebuild"):
            reader.refresh(based.table.now)
        assert plain(answers(reader)) == before
        del based.store.objects[delta]
        with pytest.raises(ObjectMissing, match=delta):
            late.refresh(based.table.now)


@pytest.mark.thorough
def test_damage_that_a_query_finds_with_changes_over_it_that_are_no_delta_is_to_be_asked_again(
    based: Image,
) -> None:
    with based.reader() as reader:
        reader.refresh(based.table.now)
        reader.extra([expand(item(9, 1), based.table.now)])
        for name in based.files():
            del based.store.objects[name]
        with pytest.raises(StoreUnavailable, match="Ask again"):
            answers(reader)
        assert plain(answers(reader)) == plain(expected(based))
        assert reader.state().fallback


def test_rows_laid_over_show_at_once_unless_they_are_no_news(based: Image) -> None:
    with based.reader() as reader:
        reader.refresh(based.table.now)
        held_before = plain(answers(reader))
        reader.extra([expand(item(2, 1, value=9), START)])
        assert plain(answers(reader)) == held_before
        newer = item(2, 7, value=9)
        reader.extra([expand(newer, based.table.now)])
        based.table.items[2] = newer
        assert plain(answers(reader)) == plain(expected(based))


# ── ids ───────────────────────────────────────────────────────────────────────────────────────────────


def ids(reader: ImageReader) -> dict[object, int]:
    """Tell the ids of all entities by name."""
    statement = Statement('SELECT "_key#s", id FROM entity', (), Reads(frozenset({"_key#s"})))
    return {key: int(id_ or 0) for key, id_ in reader.fetch(statement)}


@pytest.mark.thorough
def test_after_rows_were_laid_over_ids_are_again_those_of_every_other_reader(based: Image) -> None:
    with based.reader() as reader, based.reader("another") as other:
        reader.refresh(based.table.now)
        reader.extra([expand(item(9, 1), based.table.now)])
        based.write(8, 9)
        for each in (reader, other):
            each.refresh(based.table.now)
        assert ids(reader) == ids(other)
        reader.extra([expand(based.table.items[9], based.table.now)])  # no news, as mostly
        based.store.read.clear()
        reader.refresh(based.table.now)
        assert ids(reader) == ids(other)
        assert based.store.read == []


def test_damage_in_documents_never_shows_another_entity(image: Image) -> None:
    """An end that nothing led to any more, and that came back, has another id in each of the two bases."""
    image.table.put(7, ends=[20])
    image.write(5)
    image.compact()
    image.table.put(7, ends=[])
    image.write(5, value=1)
    image.compact()
    image.write(20, 21)
    (documents,) = (name for name in image.files() if name.endswith(".bin"))
    with image.reader() as reader:
        reader.refresh(image.table.now)
        before = ids(reader)
        _spoil(image.store, documents, is_lost=False)
        with pytest.raises(StoreUnavailable, match="Ask again"):
            reader.documents(list(before.values()))
        after = ids(reader)
        assert after != before
        documents_now = reader.documents(list(after.values()))
        assert [json.loads(text)[0]["_key"] for text in documents_now] == list(after)
        assert documents in reader.state().fallback


@dataclass
class Restless(Watched):
    """Its manifest is replaced each time that somebody looks, and names what is gone."""

    def pointer_unless(self, tag: str) -> Pointer | None:
        pointer = self.pointer()
        assert pointer
        return replace(pointer, tag=f"{tag}+")


def test_a_reader_that_does_not_keep_up_says_so(based: Image) -> None:
    gone = {name: body for name, body in based.store.objects.items() if not name.startswith("bases/")}
    store = Restless(objects=gone, body=based.store.body)
    with closing(ImageReader(store, based.folder / "cache")) as reader:
        with pytest.raises(StoreUnavailable, match="replaced"):
            reader.refresh(START)
        assert reader.state().read_on == 0


# ── memory ────────────────────────────────────────────────────────────────────────────────────────────

VERBS = "ABCD"
ALL_PAIRS = 'SELECT max(s."x#s" || t."x#s") FROM relationship AS s, relationship AS t GROUP BY s.id, t.id'


@pytest.fixture
def wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    """Give an image whose relationships do not fit into 8 MB at once."""
    monkeypatch.setattr("secgraph.image.layout.LINK_OF_ITS_OWN", 1_000)
    image, draw = Image(tmp_path), Random(1)
    shown = ShownEntity("host", ("Host",), False, "{}", "[{},{}]", "t")
    edges = [(f"{draw.getrandbits(1_920):0480x}", verb) for verb in VERBS for _ in range(2_500)]
    rows = [
        ItemRow(
            f"i{place}",
            Version(1, START),
            shown,
            tuple(
                ShownEdge(verb, f"i{(place + step) % 1_000}", True, False, None, json.dumps({"x#s": text}))
                for step, (text, verb) in enumerate(edges[place::1_000])
            ),
        )
        for place in range(1_000)
    ]
    add(image, rows)
    return image


def add(image: Image, rows: list[ItemRow]) -> None:
    """Publish rows as a delta, and compact."""
    body, name = pack(rows), f"deltas/{next(image.tokens)}"
    image.store.put(name, body)
    delta = Delta(FileRef.of(name, body), len(rows), START)
    change(image.store, lambda manifest: manifests.opened(manifest, delta, START))
    image.compact()


def count_of(reader: ImageReader, verb: str, sql: str = "") -> object:
    reads = Reads(relationship=frozenset({"x#s"}), links=frozenset({Link(verb, 0, 0)}))
    sql = sql or f"SELECT count(\"x#s\") FROM relationship WHERE class = '{verb}'"
    return reader.fetch(Statement(sql, (), reads))[0][0]


@pytest.mark.thorough
def test_what_was_asked_before_stands_in_nobodys_way(wide: Image) -> None:
    with closing(ImageReader(wide.store, wide.folder / "cache", Limits(memory="8MB", threads=1))) as reader:
        reader.refresh(START)
        for verb in VERBS + VERBS:
            assert count_of(reader, verb) == 2_500
        with pytest.raises(QueryError, match="8MB of memory"):
            count_of(reader, "A", ALL_PAIRS)
        assert count_of(reader, "B") == 2_500
        # All that was in use does not fit at once:
        add(wide, [ItemRow("new", Version(1, START + 1), None, ())])
        assert reader.refresh(START).version == held(wide.store).manifest.version
        assert [count_of(reader, verb) for verb in VERBS] == [2_500] * len(VERBS)
        assert len(reader.documents([0])) == 1


def test_no_error_of_duckdb_gets_out(based: Image) -> None:
    with based.reader() as reader:
        reader.refresh(based.table.now)
        with pytest.raises(StoreError, match=r"could not be asked.*nonsense"):
            reader.fetch(Statement("SELECT nonsense"))
        assert plain(answers(reader)) == plain(expected(based))

"""Project, compact, rebuild and verify, over the simplest store and builder; the depth is in tests/image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from secgraph.errors import ObjectDamaged, StoreError, StoreUnavailable
from secgraph.flows import rebuild as rebuilds
from secgraph.flows import segments
from secgraph.flows.compact import compact, upkeep
from secgraph.flows.next_base import Compacted, read_base
from secgraph.flows.project import Projected, StreamRecord, project
from secgraph.flows.published import SWAPS_AT_MOST, held
from secgraph.flows.segments import Page, Progress, progress, read_segment
from secgraph.flows.verify import Verified, verify
from secgraph.graph.locators import LOCATOR
from secgraph.graph.model import Ref
from secgraph.image import manifest as manifests
from secgraph.image import plan
from secgraph.image.base import Base
from secgraph.image.manifest import OPEN_AT_MOST, Manifest, Rebuild
from secgraph.image.names import rebuild_folder
from secgraph.image.plan import (
    DUE_AGE_MS,
    HOUR_MS,
    KEPT_DELTA_MS,
    KEPT_MS,
    LOOK_MS,
    ORPHAN_MS,
    files_of,
)
from secgraph.image.rows import Version, key_hash
from tests.image.model import PARTS, Crash, MemoryStore, RowsBuilder, Seen, shown
from tests.image.table import START, Table, item

TOKENS = map(str, count())


class Image:
    """A table and its image, at one time."""

    def __init__(self) -> None:
        self.table = Table()
        self.store = MemoryStore()
        self.builder = RowsBuilder(self.store)
        self.projected = 0

    def project(self, records: Sequence[StreamRecord] | None = None) -> Projected:
        """Project these records, or what is new."""
        if records is None:
            records, self.projected = self.table.stream[self.projected :], len(self.table.stream)
        return project(records, store=self.store, now=self.table.now, token=next(TOKENS))

    def put(self, *numbers: int, value: int = 0) -> None:
        for number in numbers:
            self.table.put(number, value=value, ends=[number + 1])
        self.project()

    def compact(self) -> Compacted | None:
        return compact(store=self.store, builder=self.builder, now=self.table.now, token=next(TOKENS))

    def upkeep(self) -> Compacted | None:
        return upkeep(store=self.store, builder=self.builder, now=self.table.now, token=next(TOKENS))

    def read(self, rebuild: Rebuild, segment: int, *, is_stopped: bool = False) -> Progress | None:
        return read_segment(
            rebuild,
            segment,
            store=self.store,
            table=self.table,
            token=next(TOKENS),
            stop=lambda: is_stopped,
        )

    def finish(self, rebuild: Rebuild) -> Compacted | None:
        return rebuilds.finish(
            rebuild, store=self.store, builder=self.builder, now=self.table.now, token=next(TOKENS)
        )

    def rebuild(self) -> Compacted | None:
        return rebuilds.rebuild_whole(
            store=self.store, table=self.table, builder=self.builder, now=self.table.now, token=next(TOKENS)
        )

    def manifest(self) -> Manifest:
        return held(self.store).manifest

    def verified(self) -> Verified:
        return verify(self.table.all_items, shown(self.store))


@pytest.fixture
def image() -> Image:
    return Image()


# ── project ───────────────────────────────────────────────────────────────────────────────────────────


def test_what_changed_is_seen_and_the_same_again_changes_nothing(image: Image) -> None:
    image.put(1, 2, 3)
    image.table.take_out(2)
    image.table.put(3, value=7)
    assert image.project().rows == 2
    assert image.verified().is_same
    before = shown(image.store)
    image.project(list(reversed(image.table.stream)))
    assert shown(image.store) == before


def test_nothing_to_project_writes_nothing(image: Image) -> None:
    locator = replace(item(1, 1), thing=Ref.of("eni-1", LOCATOR))
    record = StreamRecord(locator.thing.id, Version(1, START), locator)
    assert image.project([]) == image.project([record]) == Projected(0, 0, (), None)
    assert (image.store.body, image.store.objects) == (None, {})


def test_one_that_cannot_be_expanded_goes_aside_and_the_rest_goes_on(image: Image) -> None:
    image.table.put(1)
    broken = replace(item(2, 1), blocks={"inventory/test": None})  # type: ignore[dict-item]
    record = StreamRecord(broken.thing.id, Version(1, START), broken)
    projected = image.project([record, *image.table.stream])
    assert projected.rows == 1
    assert [(aside.id, aside.reason.split(":")[0]) for aside in projected.aside] == [
        (broken.thing.id, "AttributeError")
    ]
    assert image.verified().is_same


def test_no_more_than_64_deltas_are_ever_open(image: Image) -> None:
    written = 0
    for number in range(200):
        image.table.put(number, value=number)
        projected = image.project()
        deltas = image.manifest().stand.deltas
        assert len(deltas) <= OPEN_AT_MOST
        written += deltas[-1].rows
        assert projected.version == number + 1
    assert sum(delta.rows for delta in image.manifest().stand.deltas) == 200
    assert written < 3 * 200
    assert image.verified().is_same


def test_others_who_are_faster_each_time_make_it_fail_and_lose_nothing(image: Image) -> None:
    image.put(1)
    image.table.put(2)
    store = image.store

    class Losing(MemoryStore):
        def swap(self, body: bytes, held: str | None) -> str | None:
            return None

    losing = Losing(store.objects, store.body)
    with pytest.raises(StoreUnavailable, match="try again"):
        project(image.table.stream[1:], store=losing, now=START, token="loser")
    assert losing.calls > SWAPS_AT_MOST
    image.project()
    assert image.verified().is_same


def test_an_answer_that_was_lost_is_not_taken_for_a_failure(image: Image) -> None:
    store = image.store

    class Deaf(MemoryStore):
        def swap(self, body: bytes, held: str | None) -> str | None:
            super().swap(body, held)
            return None

    deaf = Deaf(store.objects)
    image.table.put(1)
    project(image.table.stream, store=deaf, now=START, token="deaf")
    assert deaf.body is not None
    store.body = deaf.body
    assert len(image.manifest().stand.deltas) == 1


# ── compact ───────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_parts_that_changed_are_written_again(image: Image) -> None:
    image.put(*range(30))
    first = image.compact()
    assert first is not None
    assert (first.generation, first.rows, first.entities, first.kept) == (1, 30, 30, 0)
    image.put(4, value=9)
    second = image.compact()
    assert second is not None
    assert (second.generation, second.rows, second.kept, second.written) == (2, 1, 2, 2)
    assert second.bytes_written > 0
    assert image.verified().is_same
    assert image.compact() is None


def test_what_a_reader_may_still_read_stays_and_goes_later(image: Image) -> None:
    image.put(1)
    image.compact()
    first = set(image.store.objects)
    image.put(1, value=1)
    image.compact()
    image.put(1, value=2)
    image.compact()
    assert first <= set(image.store.objects)
    image.table.pass_(KEPT_DELTA_MS)
    image.upkeep()
    assert {name for name in first if name.startswith("deltas/")}.isdisjoint(image.store.objects)
    assert any(name in image.store.objects for name in first)
    image.table.pass_(KEPT_MS)
    image.upkeep()
    assert first & set(image.store.objects) == set(first_files(image))
    assert image.verified().is_same


def first_files(image: Image) -> list[str]:
    """Give what the manifest still needs of the first base."""
    stand = [image.manifest().stand, image.manifest().previous]
    named = {name for it in stand if it and it.base for name in files_of(read_base(image.store, it.base))}
    return [name for name in named if name.startswith("bases/1-")]


def test_what_nobody_names_goes_when_it_is_a_day_old(image: Image) -> None:
    image.put(1)
    image.store.objects |= {
        f"deltas/{START:013d}-lost.jsonl.gz": b"",
        f"bases/7-{START:013d}-lost/nodes": b"",
        f"rebuild/{START:013d}-lost/0000.json": b"",
        "deltas/somebody-elses": b"",
    }
    image.table.pass_(ORPHAN_MS - 1)
    image.put(2)
    image.compact()
    assert len([name for name in image.store.objects if "lost" in name]) == 3
    image.table.pass_(1)
    image.put(3)
    image.compact()
    assert not [name for name in image.store.objects if "lost" in name]
    assert "deltas/somebody-elses" in image.store.objects


def test_the_slower_of_two_compactions_leaves_nothing_behind(image: Image) -> None:
    image.put(*range(9))
    other: list[Compacted | None] = []
    image.store.at = {image.store.calls + 4: lambda: other.append(image.compact())}
    assert image.compact() is None
    assert other[0] is not None
    manifest = image.manifest()
    assert {name for name in image.store.objects if name.startswith("bases/")} == {
        *first_files(image),
        manifest.stand.base.name if manifest.stand.base else "",
    }
    assert image.verified().is_same


def test_a_damaged_base_is_made_again_from_the_one_before(image: Image) -> None:
    image.put(*range(9))
    image.compact()
    image.put(1, value=1)
    image.compact()
    image.put(2, value=2)
    (name,) = [it for it in image.store.objects if it.startswith("bases/2-") and it[-1].isdigit()]
    image.store.objects[name] = b"damaged"
    assert image.verified().is_same
    done = image.compact()
    assert done is not None
    assert name in done.mended
    image.put(3, value=3)
    assert image.verified().is_same
    assert image.compact()


@pytest.mark.parametrize("body", [b"cut", None])
def test_what_is_lost_of_a_part_that_would_stay_goes_into_no_other_base(
    image: Image, body: bytes | None
) -> None:
    """Else two bases would name it, and neither could be read in the place of the other."""
    image.put(*range(9))
    image.compact()
    first = set(image.store.objects)
    image.put(1, value=1)
    image.compact()
    (lost,) = [name for name in set(image.store.names("bases/2-")) - first if name[-1].isdigit()]
    image.put(next(number for number in range(9) if part_of(number) != part_of(1)), value=2)
    image.store.objects = {name: held for name, held in image.store.objects.items() if name != lost}
    image.store.objects |= {lost: body} if body else {}
    done = image.compact()
    assert done is not None
    assert lost in done.mended
    assert image.verified().is_same
    image.put(1, value=3)
    assert image.compact()
    assert image.verified().is_same


def part_of(number: int) -> int:
    return key_hash(item(number, 1).thing.id) % PARTS


def test_what_two_bases_share_only_a_rebuild_replaces(image: Image) -> None:
    image.put(*range(9))
    image.compact()
    image.put(1, value=1)
    image.compact()
    for name in first_files(image):
        image.store.objects[name] = b""
    image.put(1, value=2)
    before = set(image.store.objects)
    with pytest.raises(StoreError, match=r"bases/1-.*secgraph image rebuild"):
        image.compact()
    assert set(image.store.objects) == before
    assert image.rebuild()
    assert image.verified().is_same


class FullDisk(RowsBuilder):
    """Dies when it has written something."""

    def __init__(self, store: MemoryStore, error: BaseException) -> None:
        super().__init__(store)
        self.error = error

    def build(self, base: Base | None, *deltas: Any, **how: Any) -> Base:
        super().build(base, *deltas, **how)
        raise self.error


@pytest.mark.parametrize("error", [ValueError("of any kind"), StoreError("the disk is full")])
def test_a_base_that_cannot_be_made_leaves_nothing(image: Image, error: Exception) -> None:
    image.put(1)
    image.builder = FullDisk(image.store, error)
    with pytest.raises(type(error), match=str(error)):
        image.compact()
    assert image.store.names("bases/") == []


def test_what_compactions_leave_that_never_get_through_goes_when_it_is_old(image: Image) -> None:
    """So does what was retired: folding retires some with each change."""
    image.put(1)
    image.compact()
    image.put(1, value=1)
    image.compact()
    image.put(1, value=2)
    image.builder = FullDisk(image.store, Crash())
    left = []
    for wait in (ORPHAN_MS, ORPHAN_MS, LOOK_MS):
        image.table.pass_(wait)
        if wait == ORPHAN_MS:
            image.table.pass_(HOUR_MS - image.table.now % HOUR_MS)
        with pytest.raises(Crash):
            image.upkeep()
        left.append(len({name.split("/")[1] for name in image.store.names("bases/3-")}))
    assert left == [1, 1, 2]
    assert image.manifest().retired == ()
    assert image.verified().is_same


def test_what_is_folded_while_a_base_is_made_stays_readable(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (manifests, plan):
        monkeypatch.setattr(module, "OPEN_AT_MOST", 3)
    image.put(*range(9))
    image.compact()
    for number in range(3):
        image.put(number, value=1)
    image.store.at = {image.store.calls + 7: lambda: image.put(3, value=1)}
    done = image.compact()
    assert done is not None
    assert done.rows == 3
    assert [delta.rows for delta in image.manifest().stand.deltas] == [4]
    image.table.pass_(KEPT_DELTA_MS)
    image.upkeep()
    for name in [it for it in image.store.objects if it.startswith("bases/2-") and it[-1].isdigit()]:
        del image.store.objects[name]
    assert image.verified().is_same


def test_without_a_base_before_only_a_rebuild_helps(image: Image) -> None:
    image.put(*range(9))
    image.rebuild()
    image.put(1, value=1)
    for name in image.store.objects:
        if name.startswith("bases/") and name[-1].isdigit():
            image.store.objects[name] = b"damaged"
    with pytest.raises(StoreError, match="secgraph image rebuild"):
        image.compact()
    assert image.rebuild()
    assert image.verified().is_same


def test_upkeep_compacts_when_it_is_due(image: Image) -> None:
    image.put(1)
    image.compact()
    image.put(2)
    assert image.upkeep() is None
    image.table.pass_(DUE_AGE_MS)
    done = image.upkeep()
    assert done is not None
    assert done.rows == 1


# ── rebuild ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_rebuild_in_segments_and_goes_sees_what_changes_meanwhile(image: Image) -> None:
    image.put(*range(12))
    image.compact()
    image.table.take_out(0)  # the image never hears of it
    image.projected = len(image.table.stream)
    image.table.pass_(200_000)
    rebuild = rebuilds.begin(store=image.store, segments=2, now=image.table.now, token="r")
    with pytest.raises(StoreError, match="runs already"):
        rebuilds.begin(store=image.store, segments=2, now=image.table.now, token="s")
    for _ in range(3):
        image.read(rebuild, 0, is_stopped=True)
        image.put(2, 3, value=image.table.now)
        image.table.pass_(1_000)
    assert image.compact() is None
    assert [it.is_done for it in progress(rebuild, store=image.store)] == [True, False]
    with pytest.raises(StoreError, match="segments 1 of the rebuild"):
        image.finish(rebuild)
    image.read(rebuild, 1)
    image.table.take_out(4)
    image.project()
    done = image.finish(rebuild)
    assert done is not None
    assert image.verified().is_same
    assert not image.store.names("rebuild/")
    assert image.finish(rebuild) is None
    image.put(5, value=5)
    assert image.compact()


def test_a_rebuild_that_took_too_long_begins_again(image: Image) -> None:
    image.put(1)
    rebuild = rebuilds.begin(store=image.store, segments=1, now=image.table.now, token="r")
    image.table.pass_(ORPHAN_MS)
    with pytest.raises(StoreError, match="begin again"):
        image.finish(rebuild)
    assert image.compact() is not None
    assert image.manifest().rebuild is None
    assert image.read(rebuild, 0) is None


def test_who_is_still_at_a_segment_that_another_has_read_takes_nothing_from_the_base(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "RUN_ROWS", 2)
    image.put(*range(12))
    image.compact()
    image.table.pass_(600_000)
    rebuild = rebuilds.begin(store=image.store, segments=1, now=image.table.now, token="r")

    class Slow:
        def scan(self, *asked: Any) -> Page:
            page = image.table.scan(*asked)
            image.read(rebuild, 0)
            return page

    slow = read_segment(rebuild, 0, store=image.store, table=Slow(), token="slow", stop=lambda: True)
    assert [slow] == progress(rebuild, store=image.store)
    assert slow is not None
    assert (slow.is_done, slow.rows) == (True, 12)
    name = f"{rebuild_folder(rebuild.id)}0000.json"
    done = json.loads(image.store.objects[name])
    late = json.dumps({**done, "isDone": False, "runs": done["runs"][:1]}).encode()

    class Builder(RowsBuilder):
        def build(self, *given: Any, **told: Any) -> Base:
            image.store.objects[name] = late  # it had looked before the other was done
            return super().build(*given, **told)

    image.builder = Builder(image.store)
    assert image.finish(rebuild)
    assert image.verified().is_same


def test_a_rebuild_that_can_be_finished_no_more_is_in_nobodys_way(image: Image) -> None:
    image.put(1, 2)
    rebuild = rebuilds.begin(store=image.store, segments=1, now=image.table.now, token="r")
    image.read(rebuild, 0)
    image.table.pass_(rebuilds.FINISHED_WITHIN_MS + 1)
    with pytest.raises(StoreError, match="begin again with `secgraph image rebuild`"):
        image.finish(rebuild)
    assert image.rebuild()
    assert image.finish(rebuild) is None
    assert image.verified().is_same


def test_what_a_rebuild_may_not_tidy_away_is_told(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    image.put(1, 2)
    rebuild = rebuilds.begin(store=image.store, segments=1, now=image.table.now, token="r")
    image.read(rebuild, 0)

    def refuse(_: Sequence[str]) -> None:
        raise StoreError("AccessDenied")

    monkeypatch.setattr(image.store, "delete", refuse)
    with pytest.raises(StoreError, match="AccessDenied"):
        image.finish(rebuild)
    assert image.verified().is_same


def test_what_only_another_rebuild_can_mend_says_so(image: Image) -> None:
    rebuild = rebuilds.begin(store=image.store, segments=1, now=image.table.now, token="r")
    image.put(1, 2)
    image.read(rebuild, 0)
    image.store.objects[image.manifest().stand.deltas[0].file.name] = b"damaged"
    with pytest.raises(StoreError, match="`secgraph image rebuild --anew`"):
        image.finish(rebuild)
    image.table.pass_(600_000)
    anew = rebuilds.begin(store=image.store, segments=1, now=image.table.now, token="s", anew=True)
    assert image.finish(rebuild) is None
    image.read(anew, 0)
    assert image.finish(anew)
    assert image.verified().is_same


def test_a_manifest_that_cannot_be_read_is_made_again(image: Image) -> None:
    image.put(1, 2)
    image.store.body = b"{"
    with pytest.raises(ObjectDamaged, match="secgraph image rebuild"):
        image.compact()
    image.rebuild()
    assert image.verified().is_same


# ── verify ────────────────────────────────────────────────────────────────────────────────────────────


def test_verify_names_what_differs(image: Image) -> None:
    image.put(1, 2, 3, 4)
    rows = dict(shown(image.store).rows)
    one, two, three, nine = (item(number, 1).thing.id for number in (1, 2, 3, 9))
    rows[two] = replace(rows[two], edges=())  # it leads from 3 to 2
    del rows[three]
    image.table.put(1, value=5)
    image.table.put(9)
    found = verify(image.table.all_items, Seen(rows))
    assert not found.is_same
    assert found.differing == 3
    assert {it.id: [what.split(": ")[0] for what in it.what.split("; ")] for it in found.named} == {
        one: ["properties", "relationships from it"],
        three: ["the table shows it, the image does not", "relationships from it"],
        nine: ["the table shows it, the image does not"],
    }
    assert {it.what.split("; ")[0] for it in found.named if it.id == one} == {"properties: _version, value"}
    assert {type_: sum_.count for type_, sum_ in found.table.entities.items()} == {
        "aws_vpc": 2,
        "aws_guardduty_finding": 1,
        "aws_instance": 2,
    }


def test_what_the_table_lost_is_told(image: Image) -> None:
    image.put(1, 2)
    del image.table.items[2]
    found = verify(image.table.all_items, shown(image.store))
    assert {it.what.split("; ")[0] for it in found.named if it.id == item(2, 1).thing.id} == {
        "the image shows it, the table does not"
    }


def test_verify_forgets_what_only_changed_meanwhile(image: Image) -> None:
    image.put(1, 2)
    late = list(image.table.all_items())
    image.table.put(1, value=1, ends=[2])
    image.project()
    reads = iter([late, image.table.all_items()])
    found = verify(lambda: next(reads), shown(image.store))
    assert (found.differing, found.named, found.is_same) == (1, (), True)

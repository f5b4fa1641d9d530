"""Any sequence of changes, any division into deltas, any interleaving with compactions and rebuilds, a crash
at any step: reading the image equals reading the table.

A table changes; its stream is delivered in order, in pieces, and parts of it again in any order. Meanwhile
the image is compacted, rebuilt, swept and damaged. Each of these may die before or after any call of the
store, and before any call another may be done from beginning to end. After each, nothing that was projected
may have gone back; and whenever the stream has been delivered, the image shows what the table holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import ClassVar, Literal, get_args

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from secgraph.errors import StoreUnavailable
from secgraph.flows.compact import compact, sweep
from secgraph.flows.next_base import Builder, read_base
from secgraph.flows.project import StreamRecord, project
from secgraph.flows.published import held
from secgraph.flows.rebuild import begin, finish
from secgraph.flows.segments import read_segment
from secgraph.flows.verify import Shown, verify
from secgraph.image.manifest import FileRef
from secgraph.image.plan import DAY_MS, HOUR_MS, KEPT_DELTA_MS, files_of
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import APART_MS, Version
from tests.image.model import Crash, MemoryStore, RowsBuilder, shown
from tests.image.table import Table

THINGS = 6
MINUTE_MS = 60_000
WRONG_BY_MS = 9_000
numbers = st.integers(0, THINGS - 1)


Kind = Literal[
    "dies before", "dies after", "write", "change", "redeliver", "compact", "both", "rebuild", "sweep"
]
"""What happens at a call of the store. `change`: something is written and delivered; `both`: and compacted
then."""


@dataclass(frozen=True)
class Fault:
    """At which call of the store, counted from 0, the process dies, or another does something first."""

    call: int
    kind: Kind


def faults(calls: int, *never: Kind) -> st.SearchStrategy[Fault | None]:
    """Draw one for an operation that makes about so many calls."""
    kinds = [kind for kind in get_args(Kind) if kind not in never]
    return st.none() | st.builds(Fault, st.integers(0, calls), st.sampled_from(kinds))


class ImageMachine(RuleBasedStateMachine):
    """Over the simplest image; others put a real builder and a real reader in the place of these."""

    versions_seen: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.store = MemoryStore()
        self.tokens = map(str, count())
        self.delivered = 0
        self.known: dict[str, Version] = {}
        self.taken_out: dict[int, int] = {}
        self.rebuilt_on = 0
        self.damaged = ""

    def builder(self, store: ObjectStore) -> Builder:
        return RowsBuilder(store)

    @contextmanager
    def readers(self) -> Iterator[list[Shown]]:
        """Read the image in each way in which it must show the same."""
        yield [shown(self.store)]

    # ── the table ─────────────────────────────────────────────────────────────────────────────────────

    @rule(number=numbers, value=st.integers(0, 2), ends=st.sets(numbers, max_size=2))
    def write(self, number: int, value: int, ends: set[int]) -> None:
        if number in self.taken_out:
            soonest = self.taken_out.pop(number) + APART_MS + MINUTE_MS + 2 * WRONG_BY_MS + 2_000
            self.table.pass_(max(0, soonest - self.table.now))
        self.table.put(number, value=value, ends=sorted(ends), class_="Host" if value < 2 else "Device")

    @rule(number=numbers)
    def take_out(self, number: int) -> None:
        if number in self.table.items:
            self.table.take_out(number)
            self.taken_out[number] = self.table.now

    @rule(
        time=st.sampled_from([700, 5_000, APART_MS, KEPT_DELTA_MS, HOUR_MS, DAY_MS + HOUR_MS]),
        wrong_by=st.sampled_from([0, 0, -WRONG_BY_MS, WRONG_BY_MS]),
    )
    def wait(self, time: int, wrong_by: int) -> None:
        self.table.pass_(time)
        self.table.wrong_by = wrong_by

    # ── its stream ────────────────────────────────────────────────────────────────────────────────────

    @rule(most=st.integers(1, 5), fault=faults(8))
    def deliver(self, most: int, fault: Fault | None) -> None:
        """The stream keeps its place unless the batch came through."""
        batch = self.table.stream[self.delivered :][:most]
        until = self.delivered + len(batch)
        if self._done(fault, lambda: self._project(batch)):
            self.delivered = max(self.delivered, until)

    @rule(data=st.data(), fault=faults(8, "rebuild"))
    def redeliver(self, data: st.DataObject, fault: Fault | None) -> None:
        """What came once may come again in any order. After a rebuild, not what lies before it: that holds
        nothing of what was taken out earlier, and the stream gives again also what followed."""
        again = [
            it for it in self.table.stream[: self.delivered] if it.version.at > self.rebuilt_on + WRONG_BY_MS
        ]
        if again:
            some = data.draw(st.lists(st.sampled_from(again), max_size=6))
            self._done(fault, lambda: self._project(some))

    def _deliver_all(self) -> None:
        self._project(self.table.stream[self.delivered :])
        self.delivered = len(self.table.stream)

    def _project(self, records: list[StreamRecord]) -> None:
        project(records, store=self.store, now=self.table.now, token=next(self.tokens))
        for record in records:
            before = self.known.get(record.id)
            if before is None or record.version.is_newer(before):
                self.known[record.id] = record.version

    # ── the image ─────────────────────────────────────────────────────────────────────────────────────

    @rule(fault=faults(20))
    def compact(self, fault: Fault | None) -> None:
        self._done(fault, self._compact)

    def _compact(self) -> None:
        store = self.store
        compact(store=store, builder=self.builder(store), now=self.table.now, token=next(self.tokens))

    @rule(segments=st.integers(1, 2), fault=faults(30))
    def rebuild(self, segments: int, fault: Fault | None) -> None:
        self._done(fault, lambda: self._rebuild(segments))

    def _rebuild(self, segments: int) -> None:
        """What was delivered again just before comes only with what followed after it, as the stream does it;
        so here it lies further back."""
        self.table.pass_(APART_MS + 2 * WRONG_BY_MS)
        store, now = self.store, self.table.now
        self.rebuilt_on = now
        claim = begin(store=store, segments=segments, now=now, token=next(self.tokens), anew=True)
        for segment in range(segments):
            for is_last in (False, True):
                read_segment(
                    claim,
                    segment,
                    store=store,
                    table=self.table,
                    token=next(self.tokens),
                    stop=lambda: not is_last,  # noqa: B023 (called before the next turn)
                )
        finish(claim, store=store, builder=self.builder(store), now=now, token=next(self.tokens))

    @rule(fault=faults(8))
    def sweep(self, fault: Fault | None) -> None:
        self._done(fault, self._sweep)

    def _sweep(self) -> None:
        sweep(self.store, self.table.now)

    @precondition(lambda self: not self._is_damaged() and self._expendable())
    @rule(data=st.data(), is_lost=st.booleans())
    def damage(self, data: st.DataObject, is_lost: bool) -> None:
        """A file of the base, of those that the base before does not need."""
        self.damaged = data.draw(st.sampled_from(self._expendable()))
        if is_lost:
            del self.store.objects[self.damaged]
        else:
            self.store.objects[self.damaged] = b"no file of ours"

    def _is_damaged(self) -> bool:
        return self.damaged in self._current()

    def _expendable(self) -> list[str]:
        previous = held(self.store).manifest.previous
        if previous is None or self.store.dies_at is not None:
            return []
        return sorted(self._current() - (self._files(previous.base) if previous.base else set()))

    def _current(self) -> set[str]:
        base = held(self.store).manifest.stand.base
        if base is None or base.name not in self.store.objects:
            return {base.name} if base else set()
        return self._files(base)

    def _files(self, base: FileRef) -> set[str]:
        if self.damaged == base.name:
            return {base.name}
        return {base.name, *files_of(read_base(self.store, base))}

    # ── faults ────────────────────────────────────────────────────────────────────────────────────────

    def _done(self, fault: Fault | None, operation: Callable[[], None]) -> bool:
        """Do it, with the fault. Tell whether it came to its end."""
        self.store.calls, self.store.dies_at, self.store.at = 0, None, {}
        if fault and fault.kind in ("dies before", "dies after"):
            self.store.dies_at, self.store.dies_after = fault.call, fault.kind == "dies after"
        elif fault:
            self.store.at = {fault.call: self._other(fault.kind)}
        try:
            operation()
        except (Crash, StoreUnavailable):
            return False
        finally:
            self.store.dies_at, self.store.at = None, {}
        return True

    def _other(self, kind: Kind) -> Callable[[], None]:
        def write() -> None:
            self.write(len(self.table.stream) % THINGS, len(self.table.stream) % 3, {1})

        def change() -> None:
            write()
            self._deliver_all()

        def both() -> None:
            change()
            self._compact()

        def redeliver() -> None:
            again = self.table.stream[: self.delivered]
            self._project([it for it in reversed(again) if it.version.at > self.rebuilt_on + WRONG_BY_MS])

        return {
            "write": write,
            "change": change,
            "redeliver": redeliver,
            "compact": self._compact,
            "both": both,
            "rebuild": lambda: self._rebuild(1),
            "sweep": self._sweep,
        }[kind]

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def nothing_goes_back(self) -> None:
        if not self.versions_seen:
            return
        rows = shown(self.store).rows
        for id_, version in self.known.items():
            if id_ in rows:
                assert not version.is_newer(rows[id_].version), id_
            else:
                assert version.gone or (self.rebuilt_on and self._went(id_, version)), id_

    def _went(self, id_: str, version: Version) -> bool:
        """Tell whether the thing was taken out after this write: a rebuild may have seen that."""
        later = [it.version for it in self.table.stream if it.id == id_ and it.version.gone]
        return any(it.is_newer(version) for it in later)

    @rule()
    def the_image_equals_the_table(self) -> None:
        self._deliver_all()
        with self.readers() as images:
            for image in images:
                found = verify(self.table.all_items, image)
                assert found.differing == 0, found
                counted = sum(it.count for it in found.image.entities.values())
                assert counted == len(self.table.items)

    def teardown(self) -> None:
        self.the_image_equals_the_table()

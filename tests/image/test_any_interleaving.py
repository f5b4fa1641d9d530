"""The machine of tests/image/machine.py, for a moment and, with `-m thorough`, for as long as it takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from secgraph.adapters.image.builder import ParquetBuilder
from secgraph.adapters.image.reader import ImageReader
from secgraph.flows.next_base import Builder
from secgraph.flows.shown import ShownBy
from secgraph.flows.verify import Shown
from secgraph.graph.relations import Reads, Statement
from secgraph.image import manifest, plan
from secgraph.image.ports import ObjectStore
from tests.image.machine import Fault, ImageMachine

SHIPPED = int(os.environ.get("SECGRAPH_EXAMPLES", "200")) // 50
"""Lives with what ships: each takes some ten seconds."""
IDS = Statement("SELECT id FROM entity ORDER BY id", reads=Reads())


class ParquetMachine(ImageMachine):
    """The builder and the reader that ship. One reader has been open from the beginning, one begins each time
    with what others fetched, one with nothing."""

    versions_seen = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.warm = ImageReader(self.store, self.path / "warm")

    def builder(self, store: ObjectStore) -> Builder:
        return ParquetBuilder(store, self.path / "work")

    @contextmanager
    def readers(self) -> Iterator[list[Shown]]:
        with (
            TemporaryDirectory() as nothing,
            closing(ImageReader(self.store, Path(nothing))) as cold,
            closing(ImageReader(self.store, self.path / "warm")) as again,
        ):
            readers = (cold, again, self.warm)
            for reader in readers:
                reader.refresh(self.table.now)
            found = [_by_id(reader) for reader in readers]
            assert found[0] == found[1] == found[2], "a page would go on elsewhere in another process"
            yield [ShownBy(reader) for reader in readers]

    def teardown(self) -> None:
        super().teardown()
        self.warm.close()
        self.folder.cleanup()


def _by_id(reader: ImageReader) -> dict[int, str]:
    ids = [int(str(row[0])) for row in reader.fetch(IDS)]
    return dict(zip(ids, reader.documents(ids), strict=True))


@pytest.fixture(autouse=True)
def _few_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deltas are folded early."""
    monkeypatch.setattr(manifest, "OPEN_AT_MOST", 4)
    monkeypatch.setattr(plan, "OPEN_AT_MOST", 4)


def test_one_story_with_what_ships() -> None:
    machine = ParquetMachine()
    for number in range(4):
        machine.write(number, number % 3, {(number + 1) % 4, 5})
        machine.deliver(1, None)
    machine.compact(None)
    machine.write(1, 2, {0, 4})
    machine.take_out(2)
    machine.deliver(5, Fault(4, "compact"))
    machine.compact(Fault(9, "dies before"))
    machine.write(2, 0, {1})
    machine.write(4, 1, set())
    machine.deliver(5, Fault(2, "dies after"))
    machine.compact(None)
    machine.teardown()


@pytest.mark.parametrize(
    ("machine", "examples", "steps"),
    [
        (ImageMachine, 15, 20),
        pytest.param(ImageMachine, 150, 40, marks=pytest.mark.thorough, id="many"),
        pytest.param(ParquetMachine, SHIPPED, 25, marks=pytest.mark.thorough, id="many of the shipped"),
    ],
)
def test_reading_the_image_equals_reading_the_table(
    machine: type[ImageMachine], examples: int, steps: int
) -> None:
    limits = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run_state_machine_as_test(machine, settings=limits)

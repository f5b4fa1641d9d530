"""The graph image and the engines it is measured beside say the same of the same data.

Ladybug and numpy are installed by `make bench` alone: without them they are not tried here, but each run of
the benchmark compares them too.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.engines import image_files, spool, sqlite_files, staging
from benchmarks.engines.asked import NOW, QUESTIONS, Asked, UnequalError, check_equal
from benchmarks.engines.report import table
from benchmarks.engines.sqlite import SQLite

ENTITIES = 1_000
PEERS = {
    "ladybug": ("ladybug", "Ladybug"),
    "numpy": ("numpy_reference", "NumpyReference"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate as delta files and staged, and the image of it."""
    root = tmp_path_factory.mktemp("estate")
    for name in ("spool", "staged", "image", "sqlite"):
        (root / name).mkdir()
    for number in range(len(spool.SHARES)):
        spool.spool_share(ENTITIES, root / "spool", number)
    Asked(NOW, spool.start_of(ENTITIES)).write(root / "spool")
    staging.stage(root / "spool", root / "staged")
    image_files.build(root / "spool", root / "image")
    return root


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, tuple[int, str]]:
    """What the image answers: how much, and the digest of it."""
    asked = Asked.read(folder / "spool")
    image = image_files.opened(image_files.stored(folder / "image"), folder / "cache", asked)
    return {question: image.summed_up(question) for question in QUESTIONS}


@pytest.mark.thorough
def test_every_question_but_the_text_of_a_larger_estate_finds_something(expected) -> None:
    assert [question for question, (number, _) in expected.items() if not number] == ["Q7"]


@pytest.mark.thorough
def test_sqlite_says_the_same_with_and_without_its_trigrams(folder: Path, expected) -> None:
    sqlite_files.build(folder / "staged", folder / "sqlite")
    sqlite_files.build_trigrams(folder / "staged", folder / "sqlite")
    for trigrams in (True, False):
        sqlite = SQLite(folder / "sqlite", Asked.read(folder / "spool"), trigrams=trigrams)
        for question in QUESTIONS:
            found = staging.summed_up(question, sqlite.ask(question), folder / "staged")
            check_equal(question, {"image": expected[question], "sqlite": found})


@pytest.mark.thorough
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_says_the_same(folder: Path, expected, name: str) -> None:
    if find_spec(name) is None:
        pytest.skip("`make bench` installs it")
    (folder / name).mkdir()
    import_module(f"benchmarks.engines.{name}_files").build(folder / "staged", folder / name)
    module, session = PEERS[name]
    peer = getattr(import_module(f"benchmarks.engines.{module}"), session)(
        folder / name, Asked.read(folder / "spool")
    )
    for question in [it for it in QUESTIONS if name != "numpy" or peer.answers(it)]:
        found = staging.summed_up(question, peer.ask(question), folder / "staged")
        check_equal(question, {"image": expected[question], name: found})


def test_what_is_fetched_is_counted(folder: Path, tmp_path: Path) -> None:
    store = image_files.counted(folder / "image")
    image = image_files.opened(store, tmp_path, Asked.read(folder / "spool"))
    opened = store.read
    image.ask("Q5")
    first = store.read
    image.ask("Q5")
    assert 0 < opened < first == store.read, "what is held is not fetched again"
    assert first < sum(it.stat().st_size for it in (folder / "image").rglob("*") if it.is_file())


def test_answers_that_differ_are_an_error() -> None:
    with pytest.raises(UnequalError, match=r"Q1 was not answered alike: one: 2 \(a\), other: 2 \(b\)"):
        check_equal("Q1", {"one": (2, "a"), "other": (2, "b")})


def test_a_table_is_aligned() -> None:
    assert table(["", "time"], [["Q1", "1.5"], ["Q1 list", "12.0"]]).splitlines() == [
        "|         | time |",
        "| ------- | ---: |",
        "| Q1      |  1.5 |",
        "| Q1 list | 12.0 |",
    ]

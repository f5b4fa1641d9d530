"""One measurement in a process of its own: `… -m benchmarks.engines.measured WHAT ENGINE FOLDER [QUESTION]`.

    estate   make the data that all engines hold
    build    load the engine's files                           seconds, peak memory
    cold     open them and ask one question, nothing cached    seconds, bytes and requests of S3 (image)
    warm     ask each question again and again                 milliseconds (medians), peak memory, digests
    answers  the same of whole answers (image)
    compact  bring 1% of changed entities into the base (image)

Gives one JSON object. Times are wall times of this process; `cpu` stands beside them, since wall time that is
much more means that the machine had other work too. Imports are over before a clock starts.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.engines.asked import QUESTIONS, Asked, Rows

ENGINES: Final = ("image", "sqlite", "sqlite without trigrams", "ladybug", "numpy")
ENOUGH_SECONDS: Final = 1.5
RUNS: Final = range(5, 26)
"""At least and less than so many runs, of questions that take long and of short ones."""
ESTATE: Final = "estate.json"
BUILT: Final = "built.json"
_FILES: Final = {
    "image": "image_files",
    "sqlite": "sqlite_files",
    "ladybug": "ladybug_files",
    "numpy": "numpy_files",
}
Measured = dict[str, Any]


def main() -> None:
    """Measure what the command line says."""
    what, engine, folder, *question = sys.argv[1:]
    print(json.dumps(_MEASURES[what](engine, Path(folder), *question)))


def _estate(entities: str, folder: Path) -> Measured:
    spool = importlib.import_module("benchmarks.engines.spool")
    staging = importlib.import_module("benchmarks.engines.staging")
    spool.spool(int(entities), folder / "spool")
    (folder / "staged").mkdir()
    staging.stage(folder / "spool", folder / "staged")
    found: Measured = staging.counted(folder / "staged")
    (folder / ESTATE).write_text(json.dumps(found), "utf-8")
    return found


def _build(engine: str, folder: Path) -> Measured:
    module = importlib.import_module(f"benchmarks.engines.{_FILES[engine]}")
    files = folder / engine
    files.mkdir()
    started = time.perf_counter()
    module.build(folder / ("spool" if engine == "image" else "staged"), files)
    found: Measured = {"seconds": time.perf_counter() - started, "peak_mb": _peak(), "mb": _size(files)}
    if engine == "sqlite":
        started = time.perf_counter()
        module.build_trigrams(folder / "staged", files)
        found["trigrams_seconds"] = time.perf_counter() - started
        found["trigrams_mb"] = _size(files) - found["mb"]
    (files / BUILT).write_text(json.dumps(found), "utf-8")
    return found


def _cold(engine: str, folder: Path, question: str) -> Measured:
    open_ = _opener(engine)
    asked = Asked.read(folder / "spool")
    files = folder / engine.partition(" ")[0]
    _forget(files)
    started, cpu = time.perf_counter(), time.process_time()
    open_(files, asked).ask(question)
    found: Measured = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    if engine == "image":
        module = importlib.import_module("benchmarks.engines.image_files")
        with tempfile.TemporaryDirectory() as cache:
            store = module.counted(files)
            module.opened(store, Path(cache), asked).ask(question)
            found |= {"read": store.read, "requests": store.requests}
    return found


def _warm(engine: str, folder: Path) -> Measured:
    session = _opener(engine)(folder / engine.partition(" ")[0], Asked.read(folder / "spool"))
    asked = [it for it in QUESTIONS if getattr(session, "answers", lambda _: True)(it)]
    held: dict[str, Rows] = {}
    times = {it: _timed(lambda: held.update({it: session.ask(it)})) for it in asked}  # noqa: B023
    found: Measured = {"peak_mb": _peak(), "times": times}
    if engine == "image":
        for question, taken in times.items():
            statement = session.compiled(question)
            taken["compiled"] = _timed(lambda: session.compiled(question))["wall"]  # noqa: B023
            taken["planned"] = _timed(lambda: session.planned(statement))["wall"]  # noqa: B023
        return {**found, "sums": {question: session.summed_up(question) for question in asked}}
    summed_up = importlib.import_module("benchmarks.engines.staging").summed_up
    return {**found, "sums": {it: summed_up(it, held[it], folder / "staged") for it in asked}}


def _answers(engine: str, folder: Path) -> Measured:
    session = _opener(engine)(folder / engine, Asked.read(folder / "spool"))
    sizes = {question: len(session.answer(question)) for question in QUESTIONS}
    times = {question: _timed(lambda: session.answer(question)) for question in QUESTIONS}  # noqa: B023
    return {"peak_mb": _peak(), "times": times, "bytes": sizes}


def _compact(engine: str, folder: Path) -> Measured:
    """Measure in a copy: the image itself stays what the other engines hold too."""
    module = importlib.import_module(f"benchmarks.engines.{_FILES[engine]}")
    with tempfile.TemporaryDirectory(dir=folder) as passing:
        files = Path(passing) / engine
        shutil.copytree(folder / engine, files)
        report: Measured = module.change(folder / "spool", files)
        before = _peak()
        started = time.perf_counter()
        report |= module.compact(files)
        return {**report, "seconds": time.perf_counter() - started, "peak_mb": _peak(), "before_mb": before}


_MEASURES: Final[Mapping[str, Callable[..., Measured]]] = {
    "estate": _estate,
    "build": _build,
    "cold": _cold,
    "warm": _warm,
    "answers": _answers,
    "compact": _compact,
}


def _opener(engine: str) -> Callable[[Path, Asked], Any]:
    if engine == "image":
        module = importlib.import_module("benchmarks.engines.image_files")
        return lambda files, asked: module.opened(module.stored(files), files / "cache", asked)
    if engine == "ladybug":
        return importlib.import_module("benchmarks.engines.ladybug").Ladybug  # type: ignore[no-any-return]
    if engine == "numpy":
        module = importlib.import_module("benchmarks.engines.numpy_reference")
        return module.NumpyReference  # type: ignore[no-any-return]
    sqlite = importlib.import_module("benchmarks.engines.sqlite").SQLite
    return lambda files, asked: sqlite(files, asked, trigrams=engine == "sqlite")


def _timed(work: Callable[[], object]) -> dict[str, float]:
    """Run some work once to warm up, then until it has been run often enough; medians in milliseconds."""
    work()
    walls: list[float] = []
    cpus: list[float] = []
    while len(walls) < RUNS.start or (sum(walls) < 1000 * ENOUGH_SECONDS and len(walls) < RUNS.stop):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
    middle = len(walls) // 2
    return {"wall": sorted(walls)[middle], "cpu": sorted(cpus)[middle], "least": min(walls)}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _forget(folder: Path) -> None:
    """Take the files out of the system's memory, so that they are read from the disk."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


if __name__ == "__main__":
    main()

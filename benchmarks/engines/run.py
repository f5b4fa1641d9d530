"""`python -m benchmarks.engines.run`: the graph image beside its peers, at each size, in one run.

Each measurement is a process of its own (measured.py), one after the other. What the engines answer to each
question is compared: if two say different things, that is an error, and no figures are given.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.engines.asked import QUESTIONS, check_equal
from benchmarks.engines.measured import BUILT, ENGINES, ESTATE
from benchmarks.engines.report import MILLION, goals_table, growth_table, size_tables

ROOT: Final = Path(__file__).resolve().parent.parent.parent
COLD_RUNS: Final = 3
SIZES: Final = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000}
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
Measured = dict[str, Any]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--folder", type=Path, help="keep the files here, and use those that are here")
    parser.add_argument("--save", type=Path, help="put the tables into this document, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        root: Path = arguments.folder or Path(passing)
        sizes = [_size(name, root / name) for name in arguments.sizes]
    text = tables(sizes)
    print(text)
    if arguments.save:
        document = arguments.save.read_text("utf-8")
        before, after = document.partition(BEGIN)[0], document.partition(END)[2]
        arguments.save.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


def tables(sizes: Sequence[Mapping[str, Any]]) -> str:
    """Give the tables of all sizes, how cost grows between the last two, and the goals."""
    parts = [size_tables(size) for size in sizes]
    if len(sizes) > 1:
        parts += ["## How cost grows", growth_table(sizes[-2], sizes[-1])]
    if sizes[-1]["asked_for"] == MILLION:
        parts += ["## Goals", goals_table(sizes[-1])]
    return "\n\n".join(parts)


def _size(name: str, folder: Path) -> Measured:
    """Make an estate of a size, load every engine with it, and measure."""
    if not (folder / ESTATE).exists():
        _measured(name, "estate", str(SIZES[name]), folder)
    engines = {engine: _engine(name, engine, folder) for engine in ENGINES}
    for question in QUESTIONS:
        sums = {engine: it["warm"]["sums"].get(question) for engine, it in engines.items()}
        check_equal(question, {engine: tuple(it) for engine, it in sums.items() if it})
    return {
        "asked_for": SIZES[name],
        "counted": json.loads((folder / ESTATE).read_text("utf-8")),
        "engines": engines,
        "answers": _measured(name, "answers", "image", folder),
        "compact": _measured(name, "compact", "image", folder),
    }


def _engine(name: str, engine: str, folder: Path) -> Measured:
    """Build an engine's files unless they are there, then ask. What is no engine, but another way to use the
    files of one, is only asked."""
    if " " in engine:
        return {"warm": _measured(name, "warm", engine, folder)}
    built = folder / engine / BUILT
    build = (
        json.loads(built.read_text("utf-8")) if built.exists() else _measured(name, "build", engine, folder)
    )
    warm = _measured(name, "warm", engine, folder)
    cold = {}
    for question in warm["times"]:
        runs = [_measured(name, "cold", engine, folder, question) for _ in range(COLD_RUNS)]
        cold[question] = sorted(runs, key=lambda run: float(run["seconds"]))[COLD_RUNS // 2]
    return {"build": build, "warm": warm, "cold": cold}


def _measured(name: str, what: str, engine: str, folder: Path, *more: str) -> Measured:
    _told(name, what, engine, *more)
    command = [sys.executable, "-m", "benchmarks.engines.measured", what, engine, str(folder), *more]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    found: Measured = json.loads(done.stdout)
    return found


def _told(*what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {' '.join(what)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

"""Work → how long it takes, as a line of the table: median wall time, and processor time if that differs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BUSY = 1.1
"""Wall time this many times the processor time means that the machine had other work too."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Times:
    """Medians of several runs, in milliseconds; `cpu` is that of all threads of this process."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:,.1f} ms"

    @property
    def load(self) -> str:
        """Say how much of the time was the processor's, if other work got in between."""
        return f"{self.cpu:,.1f} ms CPU" if self.wall > BUSY * self.cpu else ""


def timed(work: Callable[[], object], runs: int) -> Times:
    """Run some work several times."""
    walls: list[float] = []
    cpus: list[float] = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
    return Times(statistics.median(walls), statistics.median(cpus))


def table(figures: Sequence[Figure]) -> str:
    """Put the lines under each other."""
    what, value = (max(len(getattr(it, part)) for it in figures) for part in ("what", "value"))
    return "\n".join(f"{it.what:<{what}}  {it.value:>{value}}  {it.note}".rstrip() for it in figures)

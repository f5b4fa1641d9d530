"""Measurements → tables in Markdown, aligned, with units. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from benchmarks.engines.asked import QUESTIONS
from benchmarks.questions import TITLES

Measured = Mapping[str, Any]
PEERS: Final = {"sqlite": "SQLite", "ladybug": "Ladybug", "numpy": "numpy"}
HOUSE: Final = {"Q1": 7.5, "Q2": 14.0, "Q3": 0.6, "Q4": 0.4, "Q5": 6.6, "Q6": 1.6}
"""What the numpy reference took at a million entities where the goals were set, in milliseconds."""
MILLION: Final = 1_000_000
BUSY: Final = 1.5
"""A median this many times the least says that the machine had other work too."""


def size_tables(size: Measured) -> str:
    """Give all of one size: what was asked, how long it took, and what it costs to keep."""
    counted = size["counted"]
    title = f"## {counted['entities']:,} entities, {counted['relationships']:,} relationships"
    parts = [
        title,
        "Warm, median in milliseconds:",
        table(_WARM, [_warm(size, question) for question in QUESTIONS]),
        "Cold, a new process over files that the system has forgotten, in milliseconds; and what a process "
        "fetches that finds nothing in its cache, as from S3:",
        table(_COLD, [_cold(size, question) for question in QUESTIONS]),
        "To keep:",
        table(_KEPT, _kept(size)),
    ]
    parts.append(_compaction(size["compact"]))
    if busy := _busy(size):
        parts.append(f"Other work got in between while these were measured: {', '.join(busy)}.")
    return "\n\n".join(parts)


def growth_table(smaller: Measured, larger: Measured) -> str:
    """Give by how much each question takes longer of a larger estate."""
    times = larger["counted"]["entities"] / smaller["counted"]["entities"]
    rows = [
        [
            f"{question} {TITLES[question]}",
            *(_growth(smaller, larger, engine, question) for engine in ("image", *PEERS)),
        ]
        for question in QUESTIONS
    ]
    return f"With {times:.1f} times as many entities, warm:\n\n" + table(
        ["", "secgraph", *PEERS.values()], rows
    )


def goals_table(size: Measured) -> str:
    """Give what is asked of a million entities, and what came of it."""
    image = size["engines"]["image"]
    quick = [it for it in QUESTIONS if it != "Q7"]
    slowest = max(quick, key=lambda it: _time(size, "image", it))
    cold = [it for it in QUESTIONS if it not in ("Q7", "Q8")]
    latest = max(cold, key=lambda it: image["cold"][it]["seconds"])
    largest = max(cold, key=lambda it: image["cold"][it]["read"])
    compact = size["compact"]
    peak = max(image["warm"]["peak_mb"], size["answers"]["peak_mb"])
    rows = [
        (
            "warm Q1–Q6 and Q8",
            "100 ms",
            f"{_ms(_time(size, 'image', slowest))} ms ({slowest})",
            _time(size, "image", slowest) <= 100,
        ),
        ("warm Q7", "400 ms", f"{_ms(_time(size, 'image', 'Q7'))} ms", _time(size, "image", "Q7") <= 400),
        (
            "cold Q1–Q6",
            "1.5 s",
            f"{image['cold'][latest]['seconds']:.2f} s ({latest})",
            image["cold"][latest]["seconds"] < 1.5,
        ),
        (
            "read for each of Q1–Q6",
            "20 MB",
            f"{image['cold'][largest]['read'] / 1e6:.1f} MB ({largest})",
            image["cold"][largest]["read"] < 20e6,
        ),
        ("the image", "250 MB", f"{image['build']['mb']:,.0f} MB", image["build"]["mb"] <= 250),
        ("peak memory", "1,500 MB", f"{peak:,.0f} MB", peak <= 1500),
        ("compaction of 1% changed", "60 s", f"{compact['seconds']:.1f} s", compact["seconds"] < 60),
        ("its peak memory", "2,000 MB", f"{compact['peak_mb']:,.0f} MB", compact["peak_mb"] < 2000),
    ]
    lines = [[what, goal, found, "yes" if met else "**no**"] for what, goal, found, met in rows]
    return table(["at a million entities", "at most", "measured", "met"], lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table: the first column to the left, all others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(3, *(len(line[place]) for line in lines)) for place in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.insert(1, rule)
    return "\n".join(
        "| " + " | ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) + " |"
        for line in lines
    )


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────

_WARM: Final = [
    "",
    "results",
    "secgraph",
    "(compiled",
    "planned)",
    "SQLite",
    "Ladybug",
    "numpy",
    "of numpy",
    "whole answer",
]
_COLD: Final = ["", "secgraph", "SQLite", "Ladybug", "numpy", "fetched", "requests"]
_KEPT: Final = ["", "secgraph", "SQLite", "Ladybug", "numpy"]


def _warm(size: Measured, question: str) -> list[str]:
    ours = _time(size, "image", question)
    near = _time(size, "numpy", question) if _has(size, "numpy", question) else None
    found = f"{size['engines']['image']['warm']['sums'][question][0]:,}"
    peers = [_ms(_time(size, it, question)) if _has(size, it, question) else "–" for it in PEERS]
    if question == "Q7":
        without = _time(size, "sqlite without trigrams", "Q7")
        peers[0] = f"{peers[0]} (no index: {_ms(without)})"
    return [
        f"{question} {TITLES[question]}",
        found,
        _ms(ours),
        _ms(size["engines"]["image"]["warm"]["times"][question]["compiled"]),
        _ms(size["engines"]["image"]["warm"]["times"][question]["planned"]),
        *peers,
        _of_numpy(size, question, ours, near),
        _ms(size["answers"]["times"][question]["wall"]),
    ]


def _of_numpy(size: Measured, question: str, ours: float, near: float | None) -> str:
    """Give the ratio to the reference of this run and, at a million, to what it took when the goals were
    set."""
    if near is None:
        return "–"
    ratio = f"{ours / near:,.3g} ×"
    if size["asked_for"] == MILLION and question in HOUSE:
        return f"{ratio} ({ours / HOUSE[question]:,.3g} × of {HOUSE[question]:g} ms)"
    return ratio


def _ms(milliseconds: float) -> str:
    """Write with three digits at most, and two places at most."""
    places = 2 if milliseconds < 1 else 1 if milliseconds < 100 else 0
    return f"{milliseconds:,.{places}f}"


def _cold(size: Measured, question: str) -> list[str]:
    ours = size["engines"]["image"]["cold"][question]
    peers = [size["engines"][it]["cold"].get(question) for it in PEERS]
    return [
        f"{question} {TITLES[question]}",
        f"{1000 * ours['seconds']:,.0f}",
        *(f"{1000 * it['seconds']:,.0f}" if it else "–" for it in peers),
        f"{ours['read'] / 1e6:,.1f} MB",
        f"{ours['requests']:,}",
    ]


def _kept(size: Measured) -> list[list[str]]:
    engines = [size["engines"][it] for it in ("image", *PEERS)]
    sqlite = size["engines"]["sqlite"]["build"]
    built = [f"{it['build']['seconds']:,.1f} s" for it in engines]
    large = [f"{it['build']['mb']:,.0f} MB" for it in engines]
    built[1] += f" + {sqlite['trigrams_seconds']:,.1f} s for trigrams"
    large[1] += f" + {sqlite['trigrams_mb']:,.0f} MB for trigrams"
    peaks = [f"{it['warm']['peak_mb']:,.0f} MB" for it in engines]
    return [
        ["build", *built],
        ["size", *large],
        ["peak memory, building", *(f"{it['build']['peak_mb']:,.0f} MB" for it in engines)],
        ["peak memory, all questions", *peaks],
        ["peak memory, all whole answers", f"{size['answers']['peak_mb']:,.0f} MB", "–", "–", "–"],
    ]


def _compaction(done: Measured) -> str:
    files = done["written"] + done["kept"]
    return (
        f"Compaction of {done['rows']:,} changed entities: {done['seconds']:.1f} s, "
        f"{done['peak_mb']:,.0f} MB of memory, {done['written']} of {files} files written anew "
        f"({done['bytes_written'] / 1e6:,.0f} MB)."
    )


def _growth(smaller: Measured, larger: Measured, engine: str, question: str) -> str:
    if not _has(larger, engine, question):
        return "–"
    return f"{_time(larger, engine, question) / _time(smaller, engine, question):,.1f} ×"


def _time(size: Measured, engine: str, question: str) -> float:
    return float(size["engines"][engine]["warm"]["times"][question]["wall"])


def _has(size: Measured, engine: str, question: str) -> bool:
    return question in size["engines"][engine]["warm"]["times"]


def _busy(size: Measured) -> list[str]:
    return [
        f"{question} of {engine}"
        for engine, measured in size["engines"].items()
        for question, it in measured.get("warm", {"times": {}})["times"].items()
        if it["wall"] > BUSY * it["least"] and it["wall"] > 5
    ]

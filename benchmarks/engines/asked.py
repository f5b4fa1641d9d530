"""Questions → the answers of several engines, made comparable.

An engine answers with integers of its own. What they stand for is looked up afterwards in the staged data
(staging.py), so that no engine's clock runs while names are read:

    LIST   ids of entities        TREE   ids of relationships; its entities are their ends
    COUNT  (type, severity, number)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

LIST, TREE, COUNT = "list", "tree", "count"
QUESTIONS: Final[Mapping[str, str]] = {
    "Q1": TREE,
    "Q1 list": LIST,
    "Q2": LIST,
    "Q3": LIST,
    "Q4": LIST,
    "Q5": COUNT,
    "Q6": TREE,
    "Q7": LIST,
    "Q8": TREE,
}
WORD: Final = "10.0.12.7"
CLASSES: Final = ("Host", "DataStore", "Application", "CodeRepo", "Account", "Service", "Network")
DAY: Final = 24 * 60 * 60 * 1000
NOW: Final = 1_795_000_000_000
_START: Final = "start.json"
Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is asked of: `now` in epoch ms, and the `_id` of the finding that Q8 starts from."""

    now: int
    start: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` left in a folder."""
        return cls(NOW, json.loads((folder / _START).read_text("utf-8")))

    def write(self, folder: Path) -> None:
        """Keep it in a folder."""
        (folder / _START).write_text(json.dumps(self.start), "utf-8")


class Session(Protocol):
    """An engine over its files."""

    def ask(self, question: str) -> Rows:
        """Answer with ids of the staged data."""
        ...


class UnequalError(Exception):
    """Two engines answered the same question differently."""


def digest(lines: Iterable[str]) -> str:
    """Sum up a set of names, so that answers of several processes can be compared."""
    return hashlib.sha256("\n".join(sorted(set(lines))).encode()).hexdigest()[:16]


def check_equal(question: str, answers: Mapping[str, tuple[int, str]]) -> None:
    """Compare what the engines answered: by engine, how much and the digest of it. Raises
    UnequalError."""
    if len(set(answers.values())) > 1:
        told = ", ".join(f"{engine}: {number:,} ({sum_})" for engine, (number, sum_) in answers.items())
        raise UnequalError(f"{question} was not answered alike: {told}")


def types_of(classes: Mapping[str, Collection[str]], *wanted: str) -> list[str]:
    """Give the types that have any of these classes."""
    return sorted(type_ for type_, held in classes.items() if not set(wanted).isdisjoint(held))

"""Choices: everything random is chosen by the next of the bytes that Hypothesis draws, zero for the plainest.

(With a draw for every choice Hypothesis would spend its examples on variations of few queries.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

BYTES: Final = st.binary(min_size=1_000, max_size=1_600)


class Choices:
    """What is chosen within one example; when the bytes are used up, always the first."""

    def __init__(self, drawn: bytes) -> None:
        self._drawn = iter(drawn)

    def of(self, *choices: T) -> T:
        return self.among(choices)

    def among(self, choices: Sequence[T]) -> T:
        return choices[self.count(0, len(choices) - 1)]

    def some(self, choices: Sequence[T], least: int, most: int) -> list[T]:
        """Between `least` and `most` of the choices; one may come twice."""
        return [self.among(choices) for _ in range(self.count(least, most))]

    def count(self, least: int, most: int) -> int:
        return least if least == most else least + next(self._drawn, 0) % (most - least + 1)

    def chance(self, one: int, out_of: int = 10) -> bool:
        """True so many times out of ten."""
        return self.count(0, out_of - 1) >= out_of - one

"""Advice: a word somebody wrote → the word they probably meant (j1ql.md section 17)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LONG = 5
"""From this many letters on two slips are forgiven, below it one."""

LONGEST = 100
"""A longer word gets no advice: comparing it letter by letter costs more than it helps."""


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to `word`: letter case ignored first, then one or two slips; else None."""
    ordered = near(word, candidates)
    return ordered[0] if ordered else None


def near(word: str, candidates: Iterable[str]) -> list[str]:
    """Every candidate near enough to `word` to be proposed, nearest first. One letter is near to itself
    only, in either case: a slip would make any other of it."""
    if len(word) > LONGEST:
        return []
    allowed = 2 if len(word) >= LONG else min(1, len(word) - 1)
    sought, letters = word.lower(), set(word.lower())
    lowered = [(candidate.lower(), candidate) for candidate in candidates]
    likely = [pair for pair in lowered if _shares(letters, set(pair[0]), allowed)]
    ranked = sorted((distance(sought, lower, allowed), candidate) for lower, candidate in likely)
    return [candidate for slips, candidate in ranked if slips <= allowed]


def _shares(letters: set[str], others: set[str], allowed: int) -> bool:
    """Whether so few letters are in one word only that `allowed` slips may explain them, for a slip adds and
    takes away one at most. It saves comparing most of hundreds of names letter by letter."""
    return len(letters - others) <= allowed and len(others - letters) <= allowed


def distance(left: str, right: str, allowed: int) -> int:
    """Damerau-Levenshtein distance (optimal string alignment): one slip is a letter too many, missing,
    wrong, or swapped with its neighbour. Anything above `allowed` comes back as `allowed + 1`."""
    if abs(len(left) - len(right)) > allowed:
        return allowed + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > allowed:
            break  # no later row can come below
    return min(row[-1], allowed + 1)


def short(text: str, most: int = 40) -> str:
    """`text` cut to a length that a message can bear."""
    return text if len(text) <= most else text[: most - 1] + "…"


def listed(names: Iterable[str]) -> str:
    """`"a", "b" or "c"`: names for the `expected` of an error."""
    return joined([f'"{name}"' for name in names], "or")


def joined(names: Sequence[str], word: str = "and") -> str:
    """`a, b and c`."""
    return f" {word} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

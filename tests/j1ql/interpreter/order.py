"""Order: ORDER BY, SKIP and LIMIT, and what they leave open (section 14).

Rows with equal keys may come in any order. So what is sorted is given as runs: in a run the order is free.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from tests.j1ql.interpreter.values import Value, type_of

T = TypeVar("T")
Runs = list[list[T]]
Rank = tuple[Any, ...]
"""The type's place and the value; empty for undefined."""

RANKS = {"number": 0, "string": 1, "boolean": 2, "record": 3}


def rank(value: Value) -> Rank:
    """Where a value sorts: numbers, strings, booleans, records; a list by its first member."""
    if isinstance(value, list):
        return rank(value[0]) if value else ()
    if value is None:
        return ()
    return RANKS[type_of(value)], 0 if type_of(value) == "record" else value


def in_runs(things: Sequence[T], keys: Callable[[T], Sequence[Value]], descending: Sequence[bool]) -> Runs[T]:
    """Sort by the last key first, as sorting keeps the order of equals. Undefined comes last both ways."""

    def ranks(thing: T) -> tuple[Rank, ...]:
        return tuple(map(rank, keys(thing)))

    ranked = [(ranks(thing), thing) for thing in things]
    for place, backwards in reversed(list(enumerate(descending))):
        defined = [it for it in ranked if it[0][place]]
        undefined = [it for it in ranked if not it[0][place]]
        ranked = [*sorted(defined, key=lambda it: it[0][place], reverse=backwards), *undefined]
    return [[thing for _, thing in run] for _, run in groupby(ranked, key=lambda it: it[0])]


def firsts(runs: Runs[T], same: Callable[[T], Hashable]) -> Runs[T]:
    """The first of those that are the same."""
    seen: set[Hashable] = set()
    kept: Runs[T] = []
    for run in runs:
        new = {same(thing): thing for thing in run if same(thing) not in seen}
        seen |= set(new)
        kept.append(list(new.values()))
    return kept


def shares(runs: Runs[T], skip: int | None, limit: int | None) -> list[tuple[list[T], int]]:
    """Each run, and how many of it are left by SKIP and LIMIT: of a run that is cut, any."""
    found = []
    passed, end = 0, float("inf") if limit is None else (skip or 0) + limit
    for run in runs:
        start, passed = passed, passed + len(run)
        found.append((run, int(max(0, min(passed, end) - max(start, skip or 0)))))
    return found

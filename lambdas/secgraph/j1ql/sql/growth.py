"""Growth: a query that hit a limit → its beginnings to count → the step where it grew (j1ql.md section 17).

A query that builds paths is counted in paths, one that only asks what steps lead to in entities. Each
beginning is longer than the one before it by one step; what is inside an optional block is counted as if
it had to be taken. A subquery comes before the step in whose filter it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secgraph.errors import Position, QueryError
from secgraph.j1ql.nodes import Block, EntityPattern, Filter, Hop, Query, Step
from secgraph.j1ql.steps import without_last_blocks
from secgraph.j1ql.text.advice import short
from secgraph.j1ql.walk import comparisons, subqueries_in

MOST = 5_000_000
"""So far a beginning is counted: who needs to know what grew, has seen enough by then."""

NOTABLE = 10_000
"""Fewer paths than these are no explanation of a limit."""

FAR = 100
"""How many times as much as the last step, which is counted in part only, another must grow to be named."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """A query up to a step: `steps` from the start on, or with `where` all of them and WHERE. `before` is
    the place of the beginning that is shorter by that step, in the order of `beginnings`."""

    query: Query
    steps: tuple[Step, ...]
    name: str
    at: Position
    by_paths: bool
    before: int | None = None
    where: bool = False


Counted = tuple[Beginning, int | None]
"""A beginning and how many paths or entities it gives: `MOST` + 1 for more, None if counting did not end."""


def beginnings(query: Query, *, by_paths: bool) -> list[Beginning]:
    """List what to count, in the order of the text."""
    return _Beginnings(query, by_paths, "", []).listed()


@dataclass(frozen=True, slots=True)
class _Beginnings:
    query: Query
    by_paths: bool
    whose: str
    found: list[Beginning]

    def listed(self) -> list[Beginning]:
        query = self.query
        self._nested(query.start.filter)
        start = self._add(
            (),
            f"the start{self.whose}, {short(str(query.start.selector), 60)}",
            query.start.selector.at,
            None,
        )
        is_list = query.returns is None and not self.by_paths
        steps = without_last_blocks(query.steps) if is_list else query.steps
        last, _ = self._steps(tuple(steps), (), start, 1)
        if self.by_paths and query.where is not None:
            self._nested(query.where)
            at = next(comparisons(query.where)).at
            self._add(query.steps, f"WHERE{self.whose}", at, last, where=True)
        return self.found

    def _steps(
        self, steps: tuple[Step, ...], done: tuple[Step, ...], before: int, number: int
    ) -> tuple[int, int]:
        """Add the beginnings that end in one of these steps; give the last one's place, the next number."""
        for place, step in enumerate(steps):
            so_far = (*done, *steps[:place])
            if isinstance(step, Block):
                _, number = self._steps(step.steps, so_far, before, number)
                name = f"the optional block{self.whose} {short(str(step), 60)}"
                before = self._add((*so_far, step), name, step.at, before)
                continue
            self._nested(step.target.filter)
            name = f"step {number}{self.whose}, {_plain(step)}"
            tail = steps[place:] if step.negated else (step,)
            before = self._add((*so_far, *tail), name, step.at, before)
            number += 1
            if step.negated:
                return before, number + _hops(steps[place + 1 :])
        return before, number

    def _add(
        self, steps: Sequence[Step], name: str, at: Position, before: int | None, *, where: bool = False
    ) -> int:
        self.found.append(Beginning(self.query, tuple(steps), name, at, self.by_paths, before, where))
        return len(self.found) - 1

    def _nested(self, filter_: Filter | None) -> None:
        for subquery in subqueries_in(filter_):
            _Beginnings(subquery.query, True, " of the subquery", self.found).listed()


def _plain(hop: Hop) -> str:
    """Write a hop without filter and aliases."""
    bare = replace(hop, target=EntityPattern(hop.target.selector), alias=None)
    return short(str(bare), 60)


def _hops(steps: Sequence[Step]) -> int:
    return sum(_hops(step.steps) if isinstance(step, Block) else 1 for step in steps)


# ── what the counts tell ──────────────────────────────────────────────────────────────────────────────


def blamed(error: QueryError, counted: Sequence[Counted]) -> QueryError:
    """Give the error with the step where the query grew or got stuck; as it is if the counts tell nothing."""
    worst = _worst(counted)
    if worst is None:
        return error
    beginning, count = counted[worst]
    before = None if beginning.before is None else counted[beginning.before][1]
    message = f"{error.message} {_told(beginning, before, count)}"
    return QueryError(error.code, message, beginning.at, expected=error.expected, suggestion=error.suggestion)


def _worst(counted: Sequence[Counted]) -> int | None:
    """Find the beginning that could not be counted to the end, unless one before it grew far more."""
    factors = [_factor(counted, place) for place in range(len(counted))]
    if not factors or counted[-1][1] is None:
        return len(counted) - 1 if factors else None
    if counted[-1][1] > MOST:
        factors[-1] *= FAR
    most = max(factors)
    return factors.index(most) if most > 1 else None


def _factor(counted: Sequence[Counted], place: int) -> float:
    """By how much a step multiplies; a start does not, but may be too large by itself."""
    beginning, count = counted[place]
    if count is None or count < NOTABLE:
        return 0
    if beginning.before is None:
        return float(count > MOST)
    return count / max(counted[beginning.before][1] or 0, 1)


def _told(beginning: Beginning, before: int | None, count: int | None) -> str:
    after = "too many or too slow to count" if count is None else _number(count)
    verb = "gets stuck" if count is None else "grows"
    if before is None:
        return f"It {verb} at {beginning.name}: {after}."
    things = "paths" if beginning.by_paths else "entities"
    return f"It {verb} at {beginning.name}: {before:,} {things} before it, {after} after it."


def _number(count: int) -> str:
    return f"more than {MOST:,}" if count > MOST else f"{count:,}"

"""Emptied: a query that finds nothing → its beginnings to count, and what to count beside an empty one.

    aws_instance WITH tag.Production = true     0
      without WITH                              3
      WITH tag.Production = true                0

A beginning (growth.py) ends in a step. Beside an empty one each of its tests is counted alone, and what there
would be without them, so that one sees which of them keeps everything out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from secgraph.j1ql.nodes import And, Direction, EntityPattern, Filter, Hop, Query, Tree
from secgraph.j1ql.sql.growth import Beginning, beginnings
from secgraph.j1ql.text.advice import short

TEXT: Final = 160

WITHOUT: Final = "without WITH"

Variant = tuple[str, Beginning]
"""What differs, in words, and what to count. Where WITHOUT gives nothing, no single test does."""


def counted(query: Query) -> list[Beginning]:
    """List what to count of a query, in the order of the text, one beginning for each step.

    What WHERE tests is counted last, and then in paths; a query without it and without columns in entities.
    """
    is_list = query.returns is None or isinstance(query.returns, Tree)
    bare = replace(query, returns=None, having=None, order=(), skip=None, limit=None, unique=False)
    return beginnings(bare, by_paths=query.where is not None or not is_list)


def main_line(found: Sequence[Beginning]) -> list[int]:
    """Give the places of the beginnings that every result has passed, from the start on: not those inside
    optional blocks and subqueries."""
    places: list[int] = []
    place: int | None = len(found) - 1
    while place is not None:
        places.append(place)
        place = found[place].before
    return places[::-1]


def is_nested(found: Sequence[Beginning], beginning: Beginning) -> bool:
    """Tell whether a beginning is one of a subquery."""
    return beginning.query is not found[-1].query


def text_of(beginning: Beginning) -> str:
    """Write the last step of a beginning as the language does."""
    if beginning.where:
        return short(f"WHERE {beginning.query.where}", TEXT)
    if not beginning.steps:
        return short(str(beginning.query.start), TEXT)
    return short(" ".join(map(str, beginning.steps[_last(beginning) :])), TEXT)


def _last(beginning: Beginning) -> int:
    """Give the place of the step that a beginning ends in: of a negation and its tail where they begin."""
    negated = (n for n, step in enumerate(beginning.steps) if isinstance(step, Hop) and step.negated)
    return next(negated, len(beginning.steps) - 1)


# ── what to count beside an empty one ─────────────────────────────────────────────────────────────────


def variants(beginning: Beginning) -> Iterator[Variant]:
    """Give what to count to see what keeps everything out; nothing where there is but one thing to blame."""
    if beginning.where:
        yield from _of_where(beginning)
    elif not beginning.steps:
        yield from _of_start(beginning)
    else:
        step = beginning.steps[_last(beginning)]
        if isinstance(step, Hop) and not step.negated:
            yield from _of_hop(beginning, step)


def _of_where(it: Beginning) -> Iterator[Variant]:
    tests = _tests(it.query.where)
    for test in tests if len(tests) > 1 else ():
        yield _shown("WHERE", test), replace(it, query=replace(it.query, where=test))


def _of_start(it: Beginning) -> Iterator[Variant]:
    for words, pattern in _relaxed(it.query.start):
        yield words, replace(it, query=replace(it.query, start=pattern))


def _of_hop(it: Beginning, hop: Hop) -> Iterator[Variant]:
    def ending(last: Hop) -> Beginning:
        return replace(it, steps=(*it.steps[:-1], last))

    for words, pattern in _relaxed(hop.target):
        yield words, ending(replace(hop, target=pattern))
    bare = EntityPattern(hop.target.selector, alias=hop.target.alias)
    if hop.verbs or hop.direction is not Direction.ANY:
        yield "by any relationship", ending(replace(hop, verbs=(), direction=Direction.ANY, target=bare))


def _relaxed(pattern: EntityPattern) -> Iterator[tuple[str, EntityPattern]]:
    tests = _tests(pattern.filter)
    if tests:
        yield WITHOUT, replace(pattern, filter=None)
    for test in tests if len(tests) > 1 else ():
        yield _shown("WITH", test), replace(pattern, filter=test)


def _tests(filter_: Filter | None) -> Sequence[Filter]:
    if filter_ is None:
        return ()
    return filter_.items if isinstance(filter_, And) else (filter_,)


def _shown(word: str, test: Filter) -> str:
    return short(f"{word} {test}", TEXT)

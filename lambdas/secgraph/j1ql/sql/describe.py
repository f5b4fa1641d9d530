"""A query → the steps that it takes, a line each, for people (`secgraph explain`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secgraph.graph.relations import Catalogue
from secgraph.j1ql.nodes import Block, Direction, EntityPattern, Hop, Query, Selector, Step
from secgraph.j1ql.server.smart_classes import SmartClass
from secgraph.j1ql.sql.selectors import matches

_ARROWS = {Direction.ANY: "either way", Direction.OUT: "leaving", Direction.IN: "entering"}


def described(
    query: Query, catalogue: Catalogue, way: str, smart: Sequence[SmartClass] = ()
) -> tuple[str, ...]:
    """List the steps: what is selected, by which stored names, and what becomes of it. `smart` are the
    classes of the server that it uses, in the order in which they are made."""
    lines = [f"query    {query}", f"result   {way}", f"e0       {_pattern(query.start, catalogue)}"]
    lines += _steps(query.steps, catalogue, _Numbers(), "")
    lines += [f"smart    #{each.name}: {checked.query}" for each in smart for checked in each.queries]
    if query.where is not None:
        lines.append(f"where    {query.where}")
    if isinstance(query.returns, tuple):
        lines.append(f"columns  {', '.join(map(str, query.returns))}")
    if query.having is not None:
        lines.append(f"having   {query.having}")
    if query.order:
        lines.append(f"order    {', '.join(map(str, query.order))}")
    if query.skip is not None or query.limit is not None:
        lines.append(f"rows     skip {query.skip or 0}, limit {query.limit or 'none'}")
    return tuple(lines)


class _Numbers:
    """Numbers the hops as they are written."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """Give the next number."""
        self._last += 1
        return self._last


def _steps(steps: Sequence[Step], catalogue: Catalogue, numbers: _Numbers, indent: str) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Block):
            yield f"{indent}optional{' as ' + step.alias if step.alias else ''}"
            yield from _steps(step.steps, catalogue, numbers, indent + "  ")
            continue
        number = numbers.next()
        if step.negated:
            yield f"{indent}without"
            indent += "  "
        yield f"{indent}{f'r{number}':8} {_hop(step, catalogue)}".rstrip()
        yield f"{indent}{f'e{number}':8} {_pattern(step.target, catalogue)}"


def _hop(hop: Hop, catalogue: Catalogue) -> str:
    if not hop.verbs:
        return f"any relationship {_ARROWS[hop.direction]}"
    wanted = {verb.upper() for verb in hop.verbs}
    stored = sorted(verb for verb in catalogue.verbs if verb.upper() in wanted)
    return f"{' or '.join(stored) or 'nothing: no such verb is stored,'} {_ARROWS[hop.direction]}"


def _pattern(pattern: EntityPattern, catalogue: Catalogue) -> str:
    filter_ = "" if pattern.filter is None else f" with {pattern.filter}"
    return f"{pattern.selector}: {_sorts(pattern.selector, catalogue)}{filter_}"


def _sorts(selector: Selector, catalogue: Catalogue) -> str:
    if selector.text is not None or not selector.names or "*" in selector.names:
        return "every type"
    types = {sort.type for sort in catalogue.sorts if any(matches(name, sort) for name in selector.names)}
    return ", ".join(sorted(types)) or "no type has this name"

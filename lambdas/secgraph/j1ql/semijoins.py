"""Lists without paths: which start entities can take the steps at all → semi and anti joins.

A list asks only whether a path exists. Written as joins, every path would be built and thrown away; the
number of paths is a product, the number of entities and relationships passed a sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secgraph.j1ql.nodes import Block, EntityPattern, Hop, Step
from secgraph.j1ql.paths import Frame, Match, Paths


def has_inner_block(steps: Sequence[Step]) -> bool:
    """Tell whether a block has a step after it. Blocks at the end never change which entities start."""
    kept = without_last_blocks(steps)
    for step in kept:
        if isinstance(step, Block):
            return True
        if step.negated:
            return False
    return False


def without_last_blocks(steps: Sequence[Step]) -> Sequence[Step]:
    """Leave out the blocks that nothing follows."""
    last = len(steps)
    while last and isinstance(steps[last - 1], Block):
        last -= 1
    return steps[:last]


def chain_length(steps: Sequence[Step]) -> int:
    """Count the hops that every path takes before the first negation or block."""
    for place, step in enumerate(steps):
        if isinstance(step, Block) or step.negated:
            return place
    return len(steps)


class Semijoins:
    """Writes the start entities as a frame whose only column is `e0`. `where` holds the tests of WHERE by
    the record that they look at (`e0`, `r1`, …)."""

    def __init__(self, paths: Paths, match: Match, where: Mapping[str, Sequence[str]]) -> None:
        self._paths = paths
        self._match = match
        self._where = where

    def start(self, pattern: EntityPattern, steps: Sequence[Step]) -> Frame:
        """Write the frame of the start entities that can take all steps."""
        frame = self._paths.start(pattern)
        frame.conditions += self._where.get("e0", ())
        self._follow(frame, "e0", without_last_blocks(steps))
        return frame

    def _follow(self, frame: Frame, alias: str, steps: Sequence[Step]) -> None:
        if not steps:
            return
        hop = steps[0]
        assert isinstance(hop, Hop)  # noqa: S101 (for the type checker: blocks are handled by paths)
        if hop.negated:
            join, inner = "ANTI", self._paths.tail(hop, steps[1:])
        else:
            join, inner = "SEMI", self._inner(hop, steps[1:])
        name = f"s_{alias}"
        frame.source.append(f"{join} JOIN (\n{inner}) AS {name} ON {name}.near = {alias}.id")

    def _inner(self, hop: Hop, steps: Sequence[Step]) -> str:
        number = self._paths.take_number()
        near, far = f"r{number}", f"e{number}"
        frame = Frame(
            [f"{self._paths.adjacency(hop)} AS {near}", f"JOIN entity AS {far} ON {far}.id = {near}.far"],
            {},
            f"{far}.id",
        )
        frame.conditions += self._match(far, hop.target)
        frame.conditions += [*self._where.get(near, ()), *self._where.get(far, ())]
        self._follow(frame, far, steps)
        return frame.select([f"{near}.near AS near"])

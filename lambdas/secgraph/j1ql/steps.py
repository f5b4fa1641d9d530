"""Steps: what the order of hops, negations and blocks allows. In: steps. Out: answers about them."""

from __future__ import annotations

from collections.abc import Sequence

from secgraph.j1ql.nodes import Block, Hop, Step


def has_negation(steps: Sequence[Step]) -> bool:
    """Tell whether a negation stands among these steps: everything after it belongs to its tail."""
    return any(isinstance(step, Hop) and step.negated for step in steps)


def has_hop(steps: Sequence[Step]) -> bool:
    """Tell whether each way through these steps takes a hop; blocks may be skipped, negations take none."""
    return any(isinstance(step, Hop) and not step.negated for step in steps)


def has_block(steps: Sequence[Step]) -> bool:
    """Tell whether a block adds to the paths: those in the tail of a negation do not."""
    following = steps[chain_length(steps) :][:1]
    return any(isinstance(step, Block) for step in following)


def without_last_blocks(steps: Sequence[Step]) -> Sequence[Step]:
    """Leave out the blocks that nothing follows: they never change where the steps can be taken from."""
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

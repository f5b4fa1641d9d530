"""The blocks of an item → the facts and the edges that it states, in a fixed order of authority. Pure.

The state of the thing is settled first (graph/settled.py); then block lies over block, property by property.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from secgraph.graph.locators import LOCATES
from secgraph.graph.model import Edge, Observation, Scalar, Value
from secgraph.graph.settled import RULES, settle

Collected = Mapping[str, tuple[tuple[Scalar, int], ...]]
"""By property, the values gathered over all observations and when each was last seen, newest first."""
_AUTHORITY: Final = ("config", RULES, "mapper", "guardduty", "inspector2", "inventory", "load")


def facts_of(blocks: Mapping[str, Observation], collected: Collected) -> dict[str, Value]:
    """Lay the blocks over each other, property by property, and add the collected lists."""
    settled = settle(blocks)
    facts: dict[str, Value] = {}
    for observation in _by_authority(settled.blocks):
        facts.update(observation.properties)
    for name, values in collected.items():
        facts[name] = tuple(value for value, _ in values)
    if settled.ended_on is not None:
        facts |= {"_deleted": True, "_endOn": settled.ended_on}
    return facts


def edges_of(blocks: Mapping[str, Observation]) -> Iterator[Edge]:
    """Give the edges of all blocks, the least authoritative first; those of locators are nobody's to see."""
    for observation in _by_authority(settle(blocks).blocks):
        yield from (edge for edge in observation.edges if edge.verb != LOCATES)


def _by_authority(blocks: Mapping[str, Observation]) -> list[Observation]:
    """List the blocks, least authoritative first: what follows from a key alone, the deployment's
    settings, the rules in the order of their blocks' names, whichever was evaluated last, then the sources,
    each in the order of its own clock."""

    def authority(block: Observation) -> tuple[int, int, str]:
        source = block.block.partition("/")[0]
        if source != "config" and block.time == 0:
            return -1, 0, block.block
        time = 0 if source == RULES else block.time
        return _AUTHORITY.index(source) if source in _AUTHORITY else 0, time, block.block

    return sorted(blocks.values(), key=authority)

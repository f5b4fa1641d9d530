"""The blocks of an item → those that give way to newer ones, so that no item grows without bound. Pure.

A block of three parts, `source/family/member`, is one of a family: a host has one for each network finding
that ever led to it. An item keeps the newest of a family. Which these are does not depend on the order of
arrival: a block among the newest in the end was among them ever since it came, and one that gave way finds
as many newer ones before it when it comes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from secgraph.graph.model import Observation

FAMILY_LIMIT: Final = 32
"""How many blocks of one family an item keeps; an item can hold 400 KB, and one such block takes up to 1."""


def crowded_out(blocks: Mapping[str, Observation], block: str) -> list[str]:
    """Name the blocks that have to go since `block` came: the oldest of its family beyond the limit."""
    family = block.rpartition("/")[0]
    if "/" not in family:
        return []
    members = [name for name in blocks if name.rpartition("/")[0] == family]
    if len(members) <= FAMILY_LIMIT:
        return []
    newest_first = sorted(members, key=lambda name: (blocks[name].time, name), reverse=True)
    return newest_first[FAMILY_LIMIT:]

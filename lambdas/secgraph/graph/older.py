"""Blocks as older formats of the stored text meant them → what they mean in the present one. Pure.

In format 1 whatever a finding said of a resource was as old as the finding's last update. Now it is as old as
the source's last sight of the resource, which is earlier. A block that kept its old time would hold its own
against what is newer, in the worst case for ever: the path of a network finding that is closed would stay.
So the next event of the source has the say, whatever its time.

Where the clock is the same, what this version makes of an event prevails over what the older one made of it:
else the hash of the content would choose between the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from secgraph.graph.model import Observation

_SOURCES: Final = ("guardduty", "inspector2")
_NO_EVENTS: Final = ("config", "load")
_SAME_CLOCK: Final = frozenset({"finding", "epss"})
"""Blocks of these sources that still go by the clock they went by. That of a vulnerability does too, but held
the severity, which now has a block of its own."""
_FIRST: Final = 2
"""The earliest time of what was seen: 0 and 1 are for what no event changes (ingest/things.py)."""


def of_format_1(blocks: Mapping[str, Observation]) -> dict[str, Observation]:
    """Make what findings said of a resource older than any event, in the order that it had; and all that
    events said give way to what they say now."""
    moved = sorted({block.time for block in blocks.values() if _has_another_clock(block)})
    times = {time: _FIRST + n for n, time in enumerate(moved)}
    return {name: _aged(block, times) for name, block in blocks.items()}


def _aged(block: Observation, times: Mapping[int, int]) -> Observation:
    if block.block.partition("/")[0] in _NO_EVENTS:
        return block
    time = times[block.time] if _has_another_clock(block) else block.time
    rank = block.rank if block.block.endswith("/finding") else 0  # what ranks the others is new
    return replace(block, time=time, rank=rank - 1)


def _has_another_clock(block: Observation) -> bool:
    source, _, name = block.block.partition("/")
    return source in _SOURCES and name not in _SAME_CLOCK and block.time >= _FIRST

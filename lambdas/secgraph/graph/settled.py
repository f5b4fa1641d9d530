"""What sources say of a thing, in blocks → the same with its state settled. Pure, and indifferent to order.

    blocks ─settle→ Settled(blocks without state blocks, ended_on)

Some of the state comes apart from the thing's own events: findings are archived by a call that sends no
finding, and what a source lists no more is gone. It lies in a block of its own, `{source}/state`:

- If it is as new as the source's finding block it prevails: open or closed, and HAS or HAD with it.
- With `_deleted` it is a tombstone: the thing ended then, unless something saw it later. What follows from a
  key alone (time 0) has no clock and is no sight, and who scans a thing (`{source}/coverage/{scan}`) is none
  either: that ends for what is gone too, and then of one kind of scan after the other. Nor is what a rule of
  ours says of it (`rules/{rule}`): it saw the graph.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from secgraph.graph.model import Edge, Observation, Properties, Value

STATE: Final = "state"
FINDING: Final = "finding"
COVERAGE: Final = "coverage"
"""The family of blocks that tell whether a thing is scanned, and not whether it is there."""
RULES: Final = "rules"
"""The source of the blocks that alert rules write (TAG_ENTITIES)."""
STATED: Final = frozenset(
    {
        "open",
        "active",
        "status",
        "archived",
        "suppressed",
        "closedOn",
        "closedReason",
        "stateObservedOn",
    }
)
"""What a state block says of a finding: all of it in place of what the finding's own block says."""
_POSSESSION: Final = frozenset({"HAS", "HAD"})


@dataclass(frozen=True, slots=True)
class Settled:
    """Blocks to be laid over each other, and when the thing ended (epoch ms); None while it is there."""

    blocks: Mapping[str, Observation]
    ended_on: int | None = None


def settle(blocks: Mapping[str, Observation]) -> Settled:
    """Let the state blocks prevail where they are newer."""
    states = [block for block in blocks.values() if is_state(block)]
    if not states:
        return Settled(blocks)
    settled = {name: block for name, block in blocks.items() if not is_state(block)}
    for state in states:
        name = f"{state.block.partition('/')[0]}/{FINDING}"
        if name in settled:
            settled[name] = _restated(settled[name], state)
    ended_on = _ended_on(blocks.values())
    if ended_on is not None:
        settled = {name: _ended(block, ended_on) for name, block in settled.items()}
    return Settled(settled, ended_on)


def is_state(block: Observation) -> bool:
    """Tell whether this is a source's block on the state of the thing."""
    return block.block.partition("/")[2] == STATE


def _restated(finding: Observation, state: Observation) -> Observation:
    """Put the state in place of the finding's own, if it is as new; a tombstone need not say any."""
    if "open" not in state.properties:
        return finding
    before, stated = _stated(finding.properties), _stated(state.properties)
    since = _closed_since(before, stated)
    if state.time >= finding.time:
        return _with_state(finding, stated | since)
    return _with_state(finding, before | since) if since else finding


def _closed_since(one: Properties, other: Properties) -> dict[str, Value]:
    """Tell when it closed, if both say that it is: it did so once, however often it is said."""
    if one.get("open") is not False or other.get("open") is not False:
        return {}
    times = [time for each in (one, other) if isinstance(time := each.get("closedOn"), int | float)]
    return {"closedOn": min(times)} if times else {}


def _with_state(finding: Observation, stated: Mapping[str, Value]) -> Observation:
    kept = {name: value for name, value in finding.properties.items() if name not in STATED}
    verb = "HAS" if stated["open"] else "HAD"
    return replace(
        finding,
        properties={**kept, **stated},
        edges=tuple(_possessed(edge, verb) for edge in finding.edges),
    )


def _possessed(edge: Edge, verb: str) -> Edge:
    is_possession = not edge.outgoing and edge.verb in _POSSESSION
    return replace(edge, verb=verb) if is_possession and edge.verb != verb else edge


def _ended_on(blocks: Collection[Observation]) -> int | None:
    """Give the time of the tombstone that nothing saw the thing after; of several, the first."""
    tombstones = [block.time for block in blocks if _is_tombstone(block)]
    if not tombstones:
        return None
    sights = [block.time for block in blocks if _is_sight(block)]
    seen_on = max(sights, default=0)
    return min((time for time in tombstones if time >= seen_on), default=None)


def _is_tombstone(block: Observation) -> bool:
    return is_state(block) and block.properties.get("_deleted") is True


def _is_sight(block: Observation) -> bool:
    source, *rest = block.block.split("/")
    return not _is_tombstone(block) and rest[:1] != [COVERAGE] and source != RULES


def _ended(block: Observation, ended_on: int) -> Observation:
    """Close an open finding, and mark every edge as deleted."""
    if block.block.partition("/")[2] == FINDING and block.properties.get("open") is True:
        closed: dict[str, Value] = {"open": False, "active": False, "status": "closed", "closedOn": ended_on}
        block = _with_state(block, _stated(block.properties) | closed)
    deleted: dict[str, Value] = {"_deleted": True, "_endOn": ended_on}
    return replace(
        block,
        edges=tuple(replace(edge, properties={**edge.properties, **deleted}) for edge in block.edges),
    )


def _stated(properties: Properties) -> dict[str, Value]:
    return {name: value for name, value in properties.items() if name in STATED}

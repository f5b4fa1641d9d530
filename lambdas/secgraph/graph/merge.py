"""Observations → one item, and one item → what queries see. Pure, and indifferent to order.

    GraphChange… + Item | None ─apply→ Merged(Item, Outcome…)
    Item ─entity→ Entity          Item ─relationships→ Relationship…

The rules are those of "converge": within a block the greatest (time, rank, content hash) wins whole; blocks
are laid over each other in a fixed order of authority (graph/layers.py) once the thing's state is settled
(graph/settled.py); collected lists keep the newest 100 members, families of blocks the newest 32
(graph/families.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from secgraph.graph.accounts import configured
from secgraph.graph.edges import relationship
from secgraph.graph.families import crowded_out
from secgraph.graph.layers import Collected, edges_of, facts_of
from secgraph.graph.model import (
    AccountSettings,
    Edge,
    Entity,
    GraphChange,
    Item,
    Observation,
    Properties,
    Ref,
    Relationship,
    Value,
)
from secgraph.graph.settled import RULES

VOLATILE: Final = frozenset(
    {"updatedOn", "lastSeenOn", "count", "vendorUpdatedOn", "epssScore", "stateObservedOn"}
)
"""Bookkeeping of the source: shown, but never a new version."""
OF_WRITES: Final = ("_version", "_beginOn", "_endOn", "reopenedOn")
"""What says how and when something was written here, and goes by the order of arrival."""
COLLECTED_LIMIT: Final = 100
CONFIGURED: Final = "config/account"
LOADED: Final = "load/graph"


class Outcome(Enum):
    """What became of one change."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    STALE = "stale"
    """A newer observation of the block is held; what the change collects was still taken."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The item after the changes, and the outcome of each in order. `written` is false when the item is
    the stored one, so that nothing needs to be written."""

    item: Item
    outcomes: tuple[Outcome, ...]
    written: bool


def apply(
    stored: Item | None,
    changes: Sequence[GraphChange],
    *,
    now: int,
    settings: Mapping[str, AccountSettings] | None,
) -> Merged:
    """Merge changes about one thing into its stored item.

    `now` (epoch ms) stamps a real change; `settings` is the accounts file, by account id. None, for who does
    not know it, leaves what it said as it is.
    """
    thing = changes[0].thing
    draft = _drafted(stored) if stored else _Draft({}, {}, changes[0].received_on)
    outcomes = tuple([_observe(draft, change) for change in changes])
    _configure(draft, thing, settings)
    if stored is None:
        return Merged(_first(thing, draft, now), outcomes, written=True)
    if draft == _drafted(stored):
        return Merged(stored, outcomes, written=False)
    return Merged(_stamp(stored, draft, now), outcomes, written=True)


def entity(item: Item) -> Entity | None:
    """Give the visible entity of an item; None while only its collected values or settings are known."""
    if LOADED in item.blocks and len(item.blocks) == 1:
        return Entity(item.blocks[LOADED].properties)
    facts = facts_of(item.blocks, item.collected)
    if LOADED in item.blocks and not any(_is_stamped(name) for name in item.blocks):
        return Entity(facts)
    if "_class" not in facts:
        return None
    return Entity(
        {
            **facts,
            "_id": item.thing.id,
            "_key": item.thing.key,
            "_type": item.thing.type,
            "_createdOn": item.created_on,
            "_beginOn": item.begin_on,
            "_version": item.version,
            **({} if item.reopened_on is None else {"reopenedOn": item.reopened_on}),
        }
    )


def _is_stamped(block: str) -> bool:
    """Tell whether it is none of those that leave a loaded thing's `_createdOn` and its like as written."""
    return block != LOADED and block.partition("/")[0] != RULES


def relationships(item: Item) -> tuple[Relationship, ...]:
    """Give the edges that an item states, each once, the more authoritative block's properties on top."""
    shown = (relationship(item.thing, edge) for edge in edges_of(item.blocks))
    found = {each.id: each for each in shown}
    return tuple(found[id_] for id_ in sorted(found))


def content_hash(observation: Observation) -> str:
    """Give the hash that breaks ties between observations of one block: 16 hex digits of SHA-256."""
    return _digest([_plain(observation.properties), [_edge_content(edge) for edge in observation.edges]])


def same_graph(item: Item) -> str:
    """Give a hash of all that must come out equal whatever the order of arrival (`lasting_text`).

    16 hex digits of SHA-256.
    """
    return _digest_of(lasting_text(item))


def lasting_text(item: Item) -> str:
    """Write all that must come out equal whatever the order of arrival: `[properties, [edge properties…]]`.

    Left out: `_version`, `_beginOn`, `_endOn`, `reopenedOn` (OF_WRITES).
    """
    seen = entity(item)
    shown = {} if seen is None else dict(seen.properties)
    for name in OF_WRITES:
        shown.pop(name, None)
    return _text([_plain(shown), [_plain(edge.properties) for edge in relationships(item)]])


@dataclass(slots=True)
class _Draft:
    """The parts of an item that changes touch, while they are taken up one by one."""

    blocks: dict[str, Observation]
    collected: Collected
    created_on: int


def _drafted(item: Item) -> _Draft:
    return _Draft(dict(item.blocks), item.collected, item.created_on)


def _first(thing: Ref, draft: _Draft, now: int) -> Item:
    return Item(
        thing, draft.blocks, draft.collected, created_on=draft.created_on, begin_on=now, version=1, rev=1
    )


def _observe(draft: _Draft, change: GraphChange) -> Outcome:
    draft.created_on = min(draft.created_on, change.received_on)
    incoming = change.observation
    held = draft.blocks.get(incoming.block)
    if incoming is held:  # as for most of what follows from a key alone: a batch says it many times
        return Outcome.UNCHANGED
    collected = _collect(draft.collected, incoming)
    if incoming.collected:
        incoming = replace(incoming, collected={})
    winner = incoming if held is None else _winner(incoming, held)
    outcome = _compare(incoming, held, winner)
    if outcome is Outcome.UNCHANGED and collected != draft.collected:
        outcome = Outcome.APPLIED
    draft.blocks[incoming.block] = winner
    draft.collected = collected
    for name in crowded_out(draft.blocks, incoming.block):
        del draft.blocks[name]
    return outcome if incoming.block in draft.blocks else Outcome.STALE


def _compare(incoming: Observation, held: Observation | None, winner: Observation) -> Outcome:
    if held is None:
        return Outcome.APPLIED
    if incoming.properties == held.properties and incoming.edges == held.edges:
        return Outcome.UNCHANGED
    return Outcome.APPLIED if winner is incoming else Outcome.STALE


def _winner(incoming: Observation, held: Observation) -> Observation:
    """Choose by time, then rank, then content; the content is hashed only where the clocks agree."""
    ours, theirs = (incoming.time, incoming.rank), (held.time, held.rank)
    if ours != theirs:
        return incoming if ours > theirs else held
    if _alike(incoming, held):
        return incoming  # so that the next one like it is seen to be the very same
    return incoming if content_hash(incoming) > content_hash(held) else held


def _alike(one: Observation, other: Observation) -> bool:
    """Tell a mere repetition for a fraction of what two hashes cost.

    By the texts, since 1, 1.0 and True are equal and yet hashed apart. A repetition that is missed, for the
    order of its properties, is settled by the hashes.
    """
    return (
        one.edges == other.edges
        and repr(one.properties) == repr(other.properties)
        and all(repr(a.properties) == repr(b.properties) for a, b in zip(one.edges, other.edges, strict=True))
    )


def _collect(held: Collected, observation: Observation) -> Collected:
    if not observation.collected:
        return held
    collected = dict(held)
    for name, values in observation.collected.items():
        newest = dict(collected.get(name, ()))
        for value in values:
            newest[value] = max(newest.get(value, observation.time), observation.time)
        ranked = sorted(newest.items(), key=lambda pair: (-pair[1], str(pair[0])))
        collected[name] = tuple(ranked[:COLLECTED_LIMIT])
    return collected


def _configure(draft: _Draft, thing: Ref, settings: Mapping[str, AccountSettings] | None) -> None:
    """Lay the deployment's settings of the account into their own block, or take it away.

    Settings are no observation of a source: whatever the deployment says now replaces what it said.
    """
    if settings is None:
        return
    draft.blocks.pop(CONFIGURED, None)
    if not settings or LOADED in draft.blocks:
        return
    account = str(facts_of(draft.blocks, draft.collected).get("accountId", ""))
    if facts := configured(thing, settings.get(account)):
        draft.blocks[CONFIGURED] = Observation(CONFIGURED, 0, facts)


def _stamp(stored: Item, draft: _Draft, now: int) -> Item:
    """Count the write, and the version where more than bookkeeping changed."""
    written = replace(
        stored,
        blocks=draft.blocks,
        collected=draft.collected,
        created_on=draft.created_on,
        rev=stored.rev + 1,
    )
    before, after = facts_of(stored.blocks, stored.collected), facts_of(draft.blocks, draft.collected)
    same_edges = list(edges_of(stored.blocks)) == list(edges_of(draft.blocks))
    if _lasting(before) == _lasting(after) and same_edges:
        return written
    if "_class" not in before:  # nobody could see it: what is seen now is the first version
        return replace(written, begin_on=now)
    reopened = before.get("open") is False and after.get("open") is True
    return replace(
        written,
        version=stored.version + 1,
        begin_on=now,
        reopened_on=now if reopened else stored.reopened_on,
    )


def _lasting(facts: Properties) -> dict[str, Value]:
    return {name: value for name, value in facts.items() if name not in VOLATILE}


def _edge_content(edge: Edge) -> list[object]:
    return [
        edge.verb,
        edge.end.id,
        edge.end.type,
        edge.outgoing,
        edge.discriminator,
        _plain(edge.properties),
    ]


def _plain(properties: Properties) -> dict[str, object]:
    return {name: properties[name] for name in sorted(properties)}


def _digest(content: object) -> str:
    return _digest_of(_text(content))


def _text(content: object) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

"""Observations → one item, and one item → what queries see. Pure, and indifferent to order.

    GraphChange… + Item | None ─apply→ Merged(Item, Outcome…)
    Item ─entity→ Entity          Item ─relationships→ Relationship…

The rules are those of "converge": within a block the greatest (time, rank, content hash) wins whole; blocks
are laid over each other in a fixed order of authority; collected lists keep the newest 100 members.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

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
    Scalar,
    Value,
    id_of,
)

VOLATILE: Final = frozenset({"updatedOn", "lastSeenOn", "count", "vendorUpdatedOn", "epssScore"})
"""Bookkeeping of the source: shown, but never a new version."""
COLLECTED_LIMIT: Final = 100
CONFIGURED: Final = "config/account"
LOADED: Final = "load/graph"
_AUTHORITY: Final = ("config", "mapper", "guardduty", "inspector2", "inventory", "load")


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
    settings: Mapping[str, AccountSettings],
) -> Merged:
    """Merge changes about one thing into its stored item.

    `now` (epoch ms) stamps a real change; `settings` is the accounts file, by account id.
    """
    base = stored or _first(changes[0], now)
    item, outcomes = base, []
    for change in changes:
        item, outcome = _observe(item, change)
        outcomes.append(outcome)
    item = _configure(item, settings)
    if stored is not None and item == stored:
        return Merged(stored, tuple(outcomes), written=False)
    return Merged(_stamp(stored, item, now), tuple(outcomes), written=True)


def entity(item: Item) -> Entity | None:
    """Give the visible entity of an item; None while only its collected values or settings are known."""
    if LOADED in item.blocks and len(item.blocks) == 1:
        return Entity(item.blocks[LOADED].properties)
    facts = _facts(item)
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


def relationships(item: Item) -> tuple[Relationship, ...]:
    """Give the edges that an item states, each once, the more authoritative block's properties on top."""
    found: dict[str, Relationship] = {}
    for observation in _by_authority(item):
        for edge in observation.edges:
            relationship = _relationship(item.thing, edge)
            found[relationship.id] = relationship
    return tuple(found[id_] for id_ in sorted(found))


def content_hash(observation: Observation) -> str:
    """Give the hash that breaks ties between observations of one block: 16 hex digits of SHA-256."""
    return _digest([_plain(observation.properties), [_edge_content(edge) for edge in observation.edges]])


def same_graph(item: Item) -> str:
    """Give a hash of all that must come out equal whatever the order of arrival.

    Left out: `_version`, `_beginOn`, `_endOn`, `reopenedOn`.
    """
    seen = entity(item)
    shown = {} if seen is None else dict(seen.properties)
    for name in ("_version", "_beginOn", "_endOn", "reopenedOn"):
        shown.pop(name, None)
    return _digest([_plain(shown), [_plain(edge.properties) for edge in relationships(item)]])


def _first(change: GraphChange, now: int) -> Item:
    return Item(
        thing=change.thing,
        blocks={},
        collected={},
        created_on=change.received_on,
        begin_on=now,
        version=0,
        rev=0,
    )


def _observe(item: Item, change: GraphChange) -> tuple[Item, Outcome]:
    incoming = change.observation
    collected = _collect(item.collected, incoming)
    if incoming.collected:
        incoming = replace(incoming, collected={})
    held = item.blocks.get(incoming.block)
    outcome = _compare(incoming, held)
    if outcome is Outcome.UNCHANGED and collected != item.collected:
        outcome = Outcome.APPLIED
    merged = replace(
        item,
        blocks={**item.blocks, incoming.block: _winner(incoming, held)},
        collected=collected,
        created_on=min(item.created_on, change.received_on),
    )
    return merged, outcome


def _compare(incoming: Observation, held: Observation | None) -> Outcome:
    if held is None:
        return Outcome.APPLIED
    if incoming.properties == held.properties and incoming.edges == held.edges:
        return Outcome.UNCHANGED
    return Outcome.APPLIED if _winner(incoming, held) is incoming else Outcome.STALE


def _winner(incoming: Observation, held: Observation | None) -> Observation:
    """Choose by time, then rank, then content; the content is hashed only where the clocks agree."""
    if held is None:
        return incoming
    ours, theirs = (incoming.time, incoming.rank), (held.time, held.rank)
    if ours != theirs:
        return incoming if ours > theirs else held
    return incoming if content_hash(incoming) > content_hash(held) else held


def _collect(
    held: Mapping[str, tuple[tuple[Scalar, int], ...]], observation: Observation
) -> Mapping[str, tuple[tuple[Scalar, int], ...]]:
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


def _configure(item: Item, settings: Mapping[str, AccountSettings]) -> Item:
    """Lay the deployment's settings of the account into their own block, or take it away.

    Settings are no observation of a source: whatever the deployment says now replaces what it said.
    """
    blocks = {name: block for name, block in item.blocks.items() if name != CONFIGURED}
    observed = replace(item, blocks=blocks)
    facts = _configured(item.thing, settings.get(str(_facts(observed).get("accountId", ""))))
    if facts and LOADED not in blocks:
        blocks[CONFIGURED] = Observation(CONFIGURED, 0, facts)
    return observed


def _configured(thing: Ref, account: AccountSettings | None) -> dict[str, Value]:
    if account is None:
        return {}
    facts: dict[str, Value] = {}
    if account.name is not None:
        facts["tag.AccountName"] = account.name
        if thing.type == "aws_account":
            facts["name"] = facts["displayName"] = account.name
    if account.production is not None:
        facts["tag.Production"] = account.production
    return facts


def _stamp(stored: Item | None, item: Item, now: int) -> Item:
    """Count the write, and the version where more than bookkeeping changed."""
    written = replace(item, rev=item.rev + 1)
    if stored is not None and _content(stored) == _content(item):
        return written
    reopened = stored is not None and _open(stored) is False and _open(item) is True
    return replace(
        written,
        version=item.version + 1,
        begin_on=now,
        reopened_on=now if reopened else item.reopened_on,
    )


def _open(item: Item) -> Value | None:
    return _facts(item).get("open")


def _content(item: Item) -> tuple[object, ...]:
    facts = {name: value for name, value in _facts(item).items() if name not in VOLATILE}
    return facts, [block.edges for block in _by_authority(item)]


def _facts(item: Item) -> dict[str, Value]:
    """Lay the blocks over each other, property by property, and add the collected lists."""
    facts: dict[str, Value] = {}
    for observation in _by_authority(item):
        facts.update(observation.properties)
    for name, values in item.collected.items():
        facts[name] = tuple(value for value, _ in values)
    return facts


def _by_authority(item: Item) -> Iterable[Observation]:
    """List the blocks, least authoritative first: what follows from a key alone, the deployment's
    settings, then the sources."""

    def authority(block: Observation) -> tuple[int, str]:
        source = block.block.partition("/")[0]
        if source != "config" and block.time == 0:
            return -1, block.block
        return _AUTHORITY.index(source) if source in _AUTHORITY else 0, block.block

    return sorted(item.blocks.values(), key=authority)


def _relationship(thing: Ref, edge: Edge) -> Relationship:
    start, end = (thing, edge.end) if edge.outgoing else (edge.end, thing)
    if "_id" in edge.properties:
        return Relationship(start.id, end.id, edge.properties)
    key = f"{start.key}|{edge.verb.lower()}|{end.key}"
    if edge.discriminator:
        key = f"{key}:{edge.discriminator}"
    derived: dict[str, Value] = {
        "_id": id_of(key),
        "_key": key,
        "_class": edge.verb,
        "_type": relationship_type(start.type, edge.verb, end.type),
        "displayName": edge.verb,
        "_fromEntityKey": start.key,
        "_toEntityKey": end.key,
    }
    return Relationship(start.id, end.id, {**derived, **edge.properties})


def relationship_type(from_type: str, verb: str, to_type: str) -> str:
    """Derive a relationship's `_type`: `{from}_{verb}_{to without the leading parts it shares}`.

    The last part of `to_type` always stays: `aws_account_has_iam_user`.
    """
    first, last = from_type.split("_"), to_type.split("_")
    while len(last) > 1 and first and first[0] == last[0]:
        first, last = first[1:], last[1:]
    return f"{from_type}_{verb.lower()}_{'_'.join(last)}"


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
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

"""Item ↔ the JSON text that stores keep. The text carries its format version; an older one is read too.

Text instead of nested attributes: numbers survive as they are, one item is one value to hash, compare and
ship, and it reads in a console.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from secgraph.errors import StoreError
from secgraph.graph import older
from secgraph.graph.model import Edge, Item, Observation, Properties, Ref, Value

FORMAT: Final = 2
"""In format 1 there were no state blocks and no locators, and resources were as old as findings: it is read
(graph/older.py), and rewritten as items change. A program that knows format 1 alone refuses format 2."""
LIMIT_BYTES: Final = 390_000
"""The largest body a store takes: DynamoDB's 400 KB for an item, less room for the other attributes."""


def dump(item: Item) -> str:
    """Write an item as JSON text."""
    return json.dumps(
        {
            "v": FORMAT,
            "id": item.thing.id,
            "key": item.thing.key,
            "type": item.thing.type,
            "rev": item.rev,
            "version": item.version,
            "createdOn": item.created_on,
            "beginOn": item.begin_on,
            **({} if item.reopened_on is None else {"reopenedOn": item.reopened_on}),
            "blocks": {name: _observation(item.blocks[name]) for name in sorted(item.blocks)},
            **({"collected": item.collected} if item.collected else {}),
        },
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def load(text: str) -> Item:
    """Read what `dump` wrote, of this version or an older one. Raises StoreError for a later one."""
    body: dict[str, Any] = json.loads(text)
    if body.get("v") not in (1, FORMAT):
        raise StoreError(
            f"item {body.get('id')} is stored in format {body.get('v')}; this version of secgraph reads "
            f"up to format {FORMAT}: upgrade secgraph before reading this graph"
        )
    blocks = {name: _read_observation(name, block) for name, block in body["blocks"].items()}
    return Item(
        thing=Ref(body["id"], body["key"], body["type"]),
        blocks=older.of_format_1(blocks) if body["v"] == 1 else blocks,
        collected={
            name: tuple((value, time) for value, time in pairs)
            for name, pairs in body.get("collected", {}).items()
        },
        created_on=body["createdOn"],
        begin_on=body["beginOn"],
        version=body["version"],
        rev=body["rev"],
        reopened_on=body.get("reopenedOn"),
    )


def frozen(properties: Mapping[str, Any]) -> dict[str, Value]:
    """Turn the lists of parsed JSON into tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in properties.items()}


def _observation(observation: Observation) -> dict[str, object]:
    return {
        "time": observation.time,
        **({"rank": observation.rank} if observation.rank else {}),
        "properties": observation.properties,
        **({"edges": [_edge(edge) for edge in observation.edges]} if observation.edges else {}),
    }


def _edge(edge: Edge) -> list[object]:
    short: list[object] = [
        edge.verb,
        ">" if edge.outgoing else "<",
        edge.end.id,
        edge.end.key,
        edge.end.type,
    ]
    if edge.discriminator or edge.properties:
        short += [edge.discriminator, edge.properties]
    return short


def _read_observation(name: str, block: Mapping[str, Any]) -> Observation:
    return Observation(
        block=name,
        time=block["time"],
        rank=block.get("rank", 0),
        properties=frozen(block["properties"]),
        edges=tuple(_read_edge(edge) for edge in block.get("edges", ())),
    )


def _read_edge(short: list[Any]) -> Edge:
    verb, way, id_, key, type_ = short[:5]
    discriminator, properties = short[5:] if len(short) > 5 else ("", {})
    held: Properties = frozen(properties)
    return Edge(verb, Ref(id_, key, type_), way == ">", discriminator, held)

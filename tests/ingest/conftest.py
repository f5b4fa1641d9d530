"""The hand-written events of this folder, and what they become, as sets of facts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from secgraph.graph import merge
from secgraph.graph.model import GraphChange, Relationship
from secgraph.ingest.event import parse
from secgraph.ingest.normalise import Ignored, normalise

HERE = Path(__file__).parent
RECEIVED_ON = 1_741_000_000_000


@dataclass(frozen=True)
class Seen:
    """What one or several events became: the changes, and the graph that they make."""

    changes: tuple[GraphChange, ...]

    @property
    def entities(self) -> dict[str, dict[str, Any]]:
        """Give the visible entities by key."""
        shown = {}
        for item in self._items().values():
            if entity := merge.entity(item):
                shown[item.thing.key] = dict(entity.properties)
        return shown

    @property
    def keys(self) -> set[str]:
        """Give the keys of all entities."""
        return set(self.entities)

    @property
    def edges(self) -> set[tuple[str, str, str]]:
        """Give the edges as (from key, verb, to key)."""
        return {
            (
                str(edge.properties["_fromEntityKey"]),
                edge.verb,
                str(edge.properties["_toEntityKey"]),
            )
            for edge in self.relationships
        }

    @property
    def relationships(self) -> list[Relationship]:
        """Give the edges whole."""
        return [edge for item in self._items().values() for edge in merge.relationships(item)]

    @property
    def finding(self) -> dict[str, Any]:
        """Give the entity of the finding."""
        return self.entities[self.changes[0].thing.key]

    def _items(self):
        items: dict[str, Any] = {}
        for change in self.changes:
            held = items.get(change.thing.id)
            items[change.thing.id] = merge.apply(held, [change], now=1, settings={}).item
        return items


@pytest.fixture
def load():
    """Give a function that reads a fixture by folder and name (`inspector/scan_image`)."""

    def read(name: str) -> dict[str, Any]:
        source, own = name.split("/")
        file = HERE / source / "fixtures" / f"{own}.event.json"
        event: dict[str, Any] = json.loads(file.read_text())
        return event

    return read


@pytest.fixture
def load_with(load):
    """Give a function that reads a fixture and puts a value at a path below its detail."""

    def changed(name: str, path: tuple[str | int, ...], value: object) -> dict[str, Any]:
        event: dict[str, Any] = load(name)
        holder: Any = event["detail"]
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = value
        return event

    return changed


@pytest.fixture
def see(load):
    """Give a function that normalises events, named or given whole, into what is then seen."""

    def normalised(*events: str | dict[str, Any], test_source: bool = False) -> Seen:
        changes: list[GraphChange] = []
        for event in events:
            body = load(event) if isinstance(event, str) else event
            found = normalise(parse(body), received_on=RECEIVED_ON, test_source=test_source)
            assert not isinstance(found, Ignored), found
            changes += found
        return Seen(tuple(changes))

    return normalised

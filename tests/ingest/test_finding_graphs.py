"""Each `NAME.event.json` below this folder becomes the graph that `NAME.graph.json` beside it describes.

A graph lists every entity by `_key`, with the properties that matter (null: must be absent), and every edge
as `FROM VERB TO`, followed by `primary` where the edge says so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secgraph.graph.model import Relationship

HERE = Path(__file__).parent
EVENTS = sorted(HERE.glob("*/fixtures/*.event.json"))


def written(relationship: Relationship) -> str:
    ends = relationship.properties["_fromEntityKey"], relationship.properties["_toEntityKey"]
    primary = " primary" if relationship.properties.get("primary") else ""
    return f"{ends[0]} {relationship.verb} {ends[1]}{primary}"


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: f"{path.parts[-3]}/{path.name.split('.')[0]}")
def test_an_event_becomes_its_graph(see, path):
    expected = json.loads(path.with_name(path.name.replace(".event.", ".graph.")).read_text("utf-8"))
    seen = see(json.loads(path.read_text("utf-8")))
    shown = {
        key: {name: plain(seen.entities[key].get(name)) for name in properties}
        for key, properties in expected["entities"].items()
        if key in seen.entities
    }
    assert shown == expected["entities"]
    assert seen.keys == set(expected["entities"])
    edges = sorted(written(edge) for edge in seen.relationships)
    assert edges == expected["edges"]
    ends = {end for start, _, stop in seen.edges for end in (start, stop)}
    is_sample = any(entity.get("sample") for entity in seen.entities.values())
    assert is_sample or all("finding/" in end for end in ends - seen.keys)

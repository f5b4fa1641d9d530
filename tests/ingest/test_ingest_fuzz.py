"""Whatever is done to an event, it becomes changes that a store can hold, or an EventError."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secgraph.errors import EventError
from secgraph.graph.model import GraphChange
from secgraph.ingest.event import parse
from secgraph.ingest.normalise import Ignored, normalise

HERE = Path(__file__).parent
EVENTS = sorted(HERE.glob("*/fixtures/*.event.json"))
TEXTS = [path.read_text() for path in EVENTS]
PROPERTY = re.compile(r"_?[A-Za-z0-9]+|j1_severity|tag\..+", re.DOTALL)
ODD: list[Any] = [
    None,
    True,
    -1,
    10**400,
    1e300,
    "",
    "a|b",
    "\x00\ud800",
    "x" * 5000,
    [],
    {},
    [None],
    [{}],
    ["a|b"],
]
VALUES = st.recursive(
    st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of all values inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for name, held in inner for found in ((*path, name), *places(held, (*path, name)))]


def shape(path: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give a path without the envelope and without telling the members of a list apart."""
    return tuple(0 if isinstance(name, int) else name for name in path if name != "detail")


PLACES = {
    (json.loads(text).get("source"), shape(path)): (text, path)
    for text in sorted(TEXTS, key=len, reverse=True)
    for path in places(json.loads(text))
}.values()
"""One event, the shortest that there is, for every path that any event of a source has."""


def changed(text: str, path: tuple[Any, ...], *values: Any) -> Any:
    """Replace the value at a path, or delete it if no value is given."""
    event = json.loads(text)
    holder = event
    for name in path[:-1]:
        holder = holder[name]
    if values:
        holder[path[-1]] = values[0]
    else:
        del holder[path[-1]]
    return event


def check_storable(change: GraphChange) -> None:
    """Hold a change to what the graph promises of keys and values."""
    observation = change.observation
    for ref in (change.thing, *(edge.end for edge in observation.edges)):
        assert "|" not in ref.key
        assert 0 < len(ref.key) <= 2 * 2048
        assert ref.key.encode()
        assert not re.search("[\x00-\x1f]", ref.key)
    for name, value in (*observation.properties.items(), *observation.collected.items()):
        assert PROPERTY.fullmatch(name), name
        for member in value if isinstance(value, tuple) else (value,):
            assert isinstance(member, str | int | float | bool)
            if isinstance(member, str):
                assert len(member.encode()) <= 4 * 4096
                assert "\x00" not in member
            else:
                assert abs(member) < 2**53
        assert name.encode()
    assert observation.time >= 0
    assert observation.block.encode()


def run(event: Any) -> None:
    try:
        found = normalise(parse(event), received_on=1, test_source=True)
    except EventError:
        return
    if not isinstance(found, Ignored):
        assert found
        for change in found:
            check_storable(change)


@pytest.mark.thorough
def test_every_value_deleted_in_turn():
    for text, path in PLACES:
        run(changed(text, path))


@pytest.mark.parametrize("shift", [0, 5])
def test_every_value_replaced_by_some_odd_one(shift):
    for n, (text, path) in enumerate(PLACES):
        run(changed(text, path, ODD[(n + shift) % len(ODD)]))


@pytest.mark.thorough
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:12])
def test_every_value_replaced_in_turn(odd):
    for text, path in PLACES:
        run(changed(text, path, odd))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TEXTS), st.lists(VALUES, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_several_values_replaced(text, values, random):
    event = json.loads(text)
    for value in values:
        at = places(event)
        if at:
            event = changed(json.dumps(event), random.choice(at), value)
    run(event)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text(raw):
    run(raw)

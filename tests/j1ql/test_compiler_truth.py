"""The truth tables of the language: one line of truth.jsonl is one left value under one comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secgraph.flows.ask import ask

LINES = [json.loads(line) for line in (Path(__file__).parent / "truth.jsonl").read_text().splitlines()]
TESTS = list(dict.fromkeys(line["test"] for line in LINES))


def key(left: Any) -> str:
    return json.dumps(left)


def entity(left: Any) -> dict[str, Any]:
    drawn = {"_id": key(left), "_key": key(left), "_type": "thing", "_class": ["Record"]}
    return drawn if left is None else {**drawn, "p": left, 'Name of "it"': left}


LEFTS = {key(line["left"]): line["left"] for line in LINES}


@pytest.fixture(scope="module")
def reader(draw: Any) -> Any:
    """All left values in one graph, so that one property has every kind of column."""
    return draw([entity(left) for left in LEFTS.values()])


def holding(reader: Any, query: str) -> set[str]:
    return {item["id"] for item in ask(query, reader=reader, now=0)["data"]}


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("name", ["p", '[Name of "it"]'])
def test_one_property_with_every_kind(reader: Any, test: str, name: str) -> None:
    found = holding(reader, f"FIND Record WITH {name} {test}")
    for line in LINES:
        if line["test"] == test:
            assert (key(line["left"]) in found) is line["holds"], line


@pytest.mark.parametrize("test", TESTS)
def test_the_negation_holds_exactly_where_the_comparison_does_not(reader: Any, test: str) -> None:
    operator, right = test.split(" ", 1)
    other = operator[1:] if operator[0] == "!" else f"!{operator}"
    if other[1:] in (">", "<", ">=", "<="):
        pytest.skip("an order has no negative operator")
    held = holding(reader, f"FIND Record WITH p {test}")
    negated = holding(reader, f"FIND Record WITH p {other.replace('!!', '')} {right}")
    assert held | negated == set(LEFTS)
    assert not held & negated


@pytest.mark.parametrize("left", [None, "a", ["a", "b"], 7, True], ids=key)
def test_a_property_of_one_kind_alone(draw: Any, left: Any) -> None:
    alone = draw([entity(left)])
    for line in LINES:
        if key(line["left"]) == key(left):
            assert bool(holding(alone, f"FIND Record WITH p {line['test']}")) is line["holds"], line


PAIRS = ["=", "!=", "~=", "!~=", "^=", "$=", ">", "<", ">=", "<="]
SAMPLES: list[Any] = [None, "a", "ab", "b", 7, 3, True, False, ["a", "c"], ["b", 7], [3, 9], [True], []]


def members(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def related(operator: str, left: Any, right: Any) -> bool:
    """Some member of the left with some member of the right, straight from section 5."""
    if operator.startswith("!"):
        return not related("=" if operator == "!=" else operator[1:], left, right)
    return any(pair(operator, one, other) for one in members(left) for other in members(right))


def pair(operator: str, one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    text = isinstance(one, str)
    match operator:
        case "=":
            return bool(one == other)
        case "~=":
            return bool(other in one if text else one == other)
        case "^=":
            return text and bool(one.startswith(other))
        case "$=":
            return text and bool(one.endswith(other))
    if isinstance(one, bool):
        return False
    return bool({">": one > other, "<": one < other, ">=": one >= other, "<=": one <= other}[operator])


@pytest.mark.parametrize("operator", PAIRS)
def test_property_against_property(draw: Any, operator: str) -> None:
    entities = [
        {"_id": f"{i} {j}", "_key": f"{i} {j}", "_type": "thing", "_class": ["Record"]}
        | ({} if left is None else {"l": left})
        | ({} if right is None else {"r": right})
        for i, left in enumerate(SAMPLES)
        for j, right in enumerate(SAMPLES)
    ]
    found = holding(draw(entities), f"FIND Record AS x WHERE x.l {operator} x.r")
    wanted = {
        f"{i} {j}"
        for i, left in enumerate(SAMPLES)
        for j, right in enumerate(SAMPLES)
        if related(operator, left, right)
    }
    assert found == wanted

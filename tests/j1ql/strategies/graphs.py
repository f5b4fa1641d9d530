"""Random graphs: few entities, many relationships, properties whose type differs from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.j1ql.strategies.choices import Choices

Drawn = dict[str, Any]

NOW = 1_700_000_000_000
DAY = 86_400_000
TEXTS = ("a", "b", "ab", "A", "", "a b", "é", "É", "it's", 'say "x"', "a\\b", "1", "true", "b\nc")
NUMBERS = (1, 2, 2.5, 0, 10, -3.5, 0.1, 0.2, 1.0, -0.0, 1e15, 1e300)
TEXT_LISTS: tuple[list[str], ...] = (["a"], ["a", "b"], ["b", "ab"], [], ["a", "a"], ["", "é"])
NUMBER_LISTS = ([1], [1, 2], [2.5, 10], [2, 2], [0.1, 0.2])
MIXED_LISTS = (["a", 1], [2.0, "b", True], [True, "a"], [False], [True, False])
MOMENTS = (NOW, NOW - DAY, NOW - 40 * DAY, NOW + DAY // 2, NOW - 1)

FLAVOURS = (
    TEXTS,
    NUMBERS,
    (True, False),
    (*TEXTS[:4], *TEXT_LISTS),
    (*NUMBERS[:5], *NUMBER_LISTS),
    (*TEXTS[:4], *NUMBERS[:4], True, False),
    (*TEXTS[:4], *NUMBERS[:4], True, False, *TEXT_LISTS, *NUMBER_LISTS, *MIXED_LISTS),
    (*TEXT_LISTS, *NUMBER_LISTS, *MIXED_LISTS),
)
"""What one property holds in one graph: one type, or several."""

TAGS: tuple[Drawn, ...] = ({"tags": ["T"]}, {"tags": ["U", "T"]}, {"tag.T": True}, {"tag.T": "true"})
INVISIBLE: tuple[Drawn, ...] = ({"_deleted": True}, {"_to": "nobody"}, {"_from": "nobody"})
ODD = "x-y"
MORE = ("q", "s", "P", ODD, "createdOn", "displayName", "_createdOn")
Pools = dict[str, tuple[Any, ...]]
"""The values of each property."""


@dataclass(frozen=True)
class Graph:
    entities: list[Drawn]
    relationships: list[Drawn]

    def values(self) -> dict[str, list[Any]]:
        """Every single value by its property: what a query may ask for to find something."""
        found: dict[str, list[Any]] = {}
        for record in (*self.entities, *self.relationships):
            for name, value in record.items():
                found.setdefault(name, []).extend(value if isinstance(value, list) else [value])
        return {name: values for name, values in found.items() if values}


def graph(choices: Choices) -> Graph:
    pools = pools_of(choices)
    ids = [f"n{number}" for number in range(choices.of(2, 4, 5, 6))]
    entities = [entity(choices, id_, pools) for id_ in ids]
    edges = [relationship(choices, f"r{number}", ids, pools) for number in range(choices.count(4, 14))]
    return Graph(entities, edges)


def pools_of(choices: Choices) -> Pools:
    """`p` of any type, `n` of numbers mostly, and two more."""
    numbers = choices.of(NUMBERS, NUMBERS, (*NUMBERS[:6], *NUMBER_LISTS), FLAVOURS[-2])
    pools = {"p": pool(choices, choices.among(FLAVOURS)), "n": pool(choices, numbers)}
    for name in choices.some(MORE, 0, 2):
        if name.endswith("On"):
            pools[name] = MOMENTS
        elif name in ("s", "displayName"):
            pools[name] = pool(choices, choices.of(TEXTS, TEXTS, (*TEXTS, *TEXT_LISTS)))
        else:
            pools[name] = pool(choices, choices.among(FLAVOURS))
    return pools


def pool(choices: Choices, flavour: tuple[Any, ...]) -> tuple[Any, ...]:
    """A few values, so that equal ones meet."""
    return tuple(choices.some(flavour, 2, 4))


def entity(choices: Choices, id_: str, pools: Pools) -> Drawn:
    found: Drawn = {
        "_id": id_,
        "_key": f"k-{id_}",
        "_type": choices.of("a", "b"),
        "_class": choices.of(["A"], ["B"], ["A", "B"], ["A", "C"]),
    }
    if choices.chance(1):
        found["_deleted"] = choices.of(True, True, False)
    if choices.chance(1):
        found |= choices.among(TAGS)
    return found | properties(choices, pools, tuple(pools))


def relationship(choices: Choices, id_: str, ids: list[str], pools: Pools) -> Drawn:
    found: Drawn = {
        "_id": id_,
        "_class": choices.of("V", "V", "W", "w", "HAS"),
        "_type": "x",
        "_from": choices.among(ids),
        "_to": choices.among(ids),
    }
    if choices.chance(1):
        found |= choices.among(INVISIBLE)
    return found | properties(choices, pools, ("p", "n"))


def properties(choices: Choices, pools: Pools, names: tuple[str, ...]) -> Drawn:
    """Most properties, but each is missing somewhere."""
    return {name: choices.among(pools[name]) for name in names if choices.chance(7)}

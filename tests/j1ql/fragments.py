"""Parts of random queries, every record named, to be put together in two ways that must agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from tests.j1ql.strategies.choices import Choices
from tests.j1ql.strategies.graphs import Drawn, Graph, graph
from tests.j1ql.strategies.literals import OPERATORS, Literals
from tests.j1ql.strategies.steps import properties_in

NEGATION: Final = {"=": "!=", "~=": "!~=", "^=": "!^=", "$=": "!$="}
KINDS: Final = ("text", "number", "text", "number", "boolean", "undefined", "regex", "moment")
SELECTORS: Final = ("A", "B", "*", "*", "A", "a", "b", "(A|b)", "(B|C)", "#T", "#T A", "'a'")
VERBS: Final = ("V", "V", "W", "RELATES TO", "(V|W)", "(w|HAS)")
ARROWS: Final = ("", "", " >>", " <<")
TURNED: Final = {"": "", " >>": " <<", " <<": " >>"}


def seeded(seed: int) -> Graph:
    """Three small graphs side by side, each with properties of its own types."""
    die = Random(seed)
    parts = [_apart(graph(Choices(die.randbytes(1_000))), f"g{number}") for number in range(3)]
    return Graph(
        [it for part in parts for it in part.entities], [it for part in parts for it in part.relationships]
    )


def _apart(part: Graph, prefix: str) -> Graph:
    def renamed(record: Drawn) -> Drawn:
        ids = ("_id", "_key", "_from", "_to")
        return {name: prefix + value if name in ids else value for name, value in record.items()}

    return Graph([renamed(it) for it in part.entities], [renamed(it) for it in part.relationships])


@dataclass(frozen=True)
class Test:
    """A comparison of a property of the record `name`, or of the entity that WITH stands at."""

    __test__ = False  # no test case for pytest

    name: str
    property: str
    operator: str
    right: str

    def __str__(self) -> str:
        path = f"{self.name}.{self.property}" if self.name else self.property
        return f"{path} {self.operator} {self.right}"

    def __invert__(self) -> Test:
        return replace(self, operator=NEGATION[self.operator])


@dataclass(frozen=True)
class Entity:
    """A selector with its name, and WITH if it has a filter."""

    selector: str
    name: str
    filter: str = ""

    def __str__(self) -> str:
        return f"{self.selector}{f' WITH {self.filter}' if self.filter else ''} AS {self.name}"


@dataclass(frozen=True)
class Hop:
    """THAT with everything that may follow it."""

    verbs: str
    arrow: str
    name: str
    target: Entity

    def __str__(self) -> str:
        return f"THAT {self.verbs}{self.arrow} AS {self.name} {self.target}"

    def negated(self) -> str:
        return f"THAT !{str(self).removeprefix('THAT ')}"

    @property
    def names(self) -> list[str]:
        return [self.name, self.target.name]


class Fragments:
    """Draws parts; names are given out once."""

    def __init__(self, choices: Choices, drawn: Graph) -> None:
        self.choices = choices
        self._literals = Literals(choices, drawn.values())
        self._properties = {"e": properties_in(drawn.entities), "r": properties_in(drawn.relationships)}
        self._given = 0

    def entity(self) -> Entity:
        filtered = str(self.test()) if self.choices.chance(1) else ""
        return Entity(self.choices.among(SELECTORS), self._name("e"), filtered)

    def hop(self) -> Hop:
        choices = self.choices
        return Hop(choices.among(VERBS), choices.among(ARROWS), self._name("r"), self.entity())

    def hops(self, least: int, most: int) -> list[Hop]:
        return [self.hop() for _ in range(self.choices.count(least, most))]

    def test(self, names: Sequence[str] = ("",), *, opposable: bool = False, joins: bool = False) -> Test:
        """A comparison of one of these records, in WITH without a name.

        `opposable`: with an operator that has a negative. `joins`: the right side may be a property too.
        """
        name = self.choices.among(names)
        property_ = self.property_of(name)
        if joins and self.choices.chance(2):
            other = self.choices.among(names)
            return Test(
                name, property_, self.choices.among([*NEGATION]), f"{other}.{self.property_of(other)}"
            )
        kind = self._literals.kind(property_, KINDS)
        operators = [it for it in OPERATORS[kind] if not opposable or it in NEGATION]
        return Test(name, property_, self.choices.among(operators), self.values(kind, property_))

    def values(self, kind: str, property_: str) -> str:
        """A value, or a list of values, of a kind."""
        if not self.choices.chance(3):
            return self._literals.of(kind, property_)
        items = [self._literals.of(kind, property_) for _ in range(3)]
        return self.choices.of("({} OR {})", "({} AND {})", "({} OR {} AND {})").format(*items)

    def value(self, kind: str, property_: str) -> str:
        """One value of a kind."""
        return self._literals.of(kind, property_)

    def property_of(self, name: str) -> str:
        """A property of a record, as a query writes it."""
        return self.choices.among(self._properties[name[:1] or "e"])

    def path(self, names: Sequence[str]) -> str:
        name = self.choices.among(names)
        return f"{name}.{self.property_of(name)}"

    def _name(self, letter: str) -> str:
        self._given += 1
        return f"{letter}{self._given}"


def text(*parts: Any) -> str:
    """Parts of a query in a row."""
    return " ".join(str(part) for part in parts if str(part))

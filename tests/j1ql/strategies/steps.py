"""Steps: entities, hops, negations and optional blocks; and the names that they give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from tests.j1ql.strategies.choices import Choices
from tests.j1ql.strategies.filters import Filters
from tests.j1ql.strategies.graphs import ODD, Drawn, Graph

SELECTORS = ("A", "B", "*", "A", "*", "(A|b)")
RARE_SELECTORS = ("a", "(B|C)", "(A)", "#T", "#T A", "'a'", "'k-n 1'", "C", "Zebra")
NAMES = {"A": "A", "B": "B", "C": "C", "a": "a", "(A)": "A", "#T": "T", "#T A": "A", "Zebra": "Zebra"}
"""Selectors and their implicit names."""
VERBS = ("V", "RELATES TO", "V", "RELATES", "(V|W)", "W", "has", "(HAS|v)")
HOPS = 4
ENDS = ("_from", "_to")


@dataclass(frozen=True)
class Named:
    """A name that the query gives, and which properties to ask of it."""

    name: str
    properties: tuple[str, ...]

    def path(self, choices: Choices) -> str:
        return f"{self.name}.{choices.among(self.properties)}"


def properties_in(records: Sequence[Drawn]) -> tuple[str, ...]:
    """The properties of these records as a query writes them, metadata and one that nothing has seldom."""
    held = [
        f"[{it}]" if it in (ODD, "tag.T") else it for it in dict.fromkeys(chain(*records)) if it not in ENDS
    ]
    return (*[it for it in held if not it.startswith("_")] * 4, *held, "nope")


class Steps:
    """Writes an entity with all steps, and collects the names. At most HOPS hops: paths multiply."""

    def __init__(self, choices: Choices, filters: Filters, graph: Graph) -> None:
        self._choices = choices
        self._filters = filters
        self._of_entities = properties_in(graph.entities)
        self._of_relationships = properties_in(graph.relationships)
        self._aliases: list[Named] = []
        self._implicit: list[Named] = []
        self._hops = 0

    def write(self) -> str:
        return f"{self.entity()}{self._steps(0)}"

    def single(self) -> str:
        """All entities, by one alias."""
        return f"*{self._alias('e', self._of_entities, '', 10)}"

    def pair(self) -> str:
        """All pairs, by an alias for either end and one for the relationship."""
        first, edge = self.single(), self._alias("r", self._of_relationships, "", 10)
        return f"{first} THAT RELATES{edge} {self.single()}"

    def names(self) -> list[Named]:
        """What may be named in the clauses: all aliases, and implicit names that mean one thing."""
        taken = Counter(it.name for it in self._implicit)
        aliases = {it.name for it in self._aliases}
        return [
            *self._aliases,
            *(it for it in self._implicit if taken[it.name] == 1 and it.name not in aliases),
        ]

    def entity(self) -> str:
        choices = self._choices
        selector = choices.among(RARE_SELECTORS if choices.chance(2) else SELECTORS)
        filter_ = f" WITH {self._filters.conditions(self._of_entities)}" if choices.chance(2) else ""
        alias = self._alias("e", self._of_entities, selector if selector in NAMES else "", 6)
        return f"{selector}{filter_}{alias}"

    def _alias(self, letter: str, properties: tuple[str, ...], selector: str, often: int) -> str:
        """AS alias, or nothing; then the name is the one that the selector implies."""
        if self._choices.chance(often):
            name = f"{letter}{len(self._aliases)}"
            self._aliases.append(Named(name, properties))
            return f" AS {name}"
        if selector:
            self._implicit.append(Named(NAMES.get(selector, selector), properties))
        return ""

    def _steps(self, depth: int) -> str:
        found = ""
        for place in range(self._choices.count(1 if depth else 0, 3 - depth)):
            if self._hops >= HOPS:
                break
            kind = self._choices.count(0, 9)
            if kind > 6 and depth < 2:
                found += f" ({self._steps(depth + 1)[1:]})?"
                found += self._alias("x", self._of_entities, "", 4)
            else:
                found += self._hop(negated=kind == 6 and (depth == 0 or place > 0))
        return found or self._hop(negated=False) if depth else found

    def _hop(self, *, negated: bool) -> str:
        choices = self._choices
        self._hops += 1
        verb = choices.among(VERBS) if not choices.chance(1, 40) else "FLIES"
        single = verb.upper() if verb in ("V", "W", "has") else ""
        arrow = choices.of("", "", "", "", ">>", "<<")
        alias = self._alias("r", self._of_relationships, single, 3)[1:]
        around = (arrow, alias) if choices.chance(5) else (alias, arrow)
        words = [f"THAT {'!' if negated else ''}{verb}", *around, self.entity()]
        return " " + " ".join(word for word in words if word)

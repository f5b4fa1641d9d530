"""Frame: a SELECT under construction, each of whose rows is a path (j1ql.md section 7).

Its columns (`e0`, `r1`, `e1`, …, `b1`) are the dense ids of the records that the path holds there; `w1` is 1
where block 1 was taken, if its hops do not tell.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from secgraph.j1ql.meaning.names import Target, What
from secgraph.j1ql.nodes import EntityPattern
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.typed import Typed, property_of

LETTERS = {What.ENTITY: "e", What.RELATIONSHIP: "r", What.BLOCK: "b"}
Match = Callable[[str, EntityPattern], list[str]]
"""Table alias of an entity and its pattern → the tests that it must pass."""

Where = Mapping[str, Sequence[str]]
"""Tests of WHERE by the record that they look at (`e0`, `r1`, …)."""

NOWHERE: Where = {}


def column_of(target: Target) -> str:
    """Name the path column of a target: `e0`, `r1`, `b1`."""
    return f"{LETTERS[target.what]}{target.number}"


@dataclass(slots=True)
class Frame:
    """A SELECT under construction. `columns` maps path columns to SQL, `aliases` the path columns whose
    record is already joined to its table alias, `current` is the SQL of the current entity's id. `table`
    is the one that the paths so far stand in, as `p`, or empty."""

    source: list[str]
    columns: dict[str, str]
    current: str
    aliases: dict[str, str] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    table: str = ""

    @classmethod
    def going_on(cls, table: str, columns: Iterable[str]) -> Self:
        """Go on from paths that stand in a table, their current entity in `cur`."""
        return cls([f"{table} AS p"], {name: f"p.{name}" for name in columns}, "p.cur", table=table)

    @property
    def is_plain(self) -> bool:
        """Whether this is the table as it stands."""
        return bool(self.table) and len(self.source) == 1 and not self.conditions

    def select(self, columns: Sequence[str]) -> str:
        """Write the SELECT of these columns (`expression AS name`)."""
        where = f"\n  WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        return f"SELECT {', '.join(columns)}\n  FROM " + "\n  ".join(self.source) + where

    def join(self, kind: str, ids: str, name: str) -> None:
        """Join a table or SELECT of ids (`near`) with the current entity; `kind` is SEMI or ANTI."""
        table = ids if ids.isidentifier() else f"(\n{ids})"
        self.source.append(f"{kind} JOIN {table} AS {name} ON {name}.near = {self.current}")

    def alias(self, name: str) -> str:
        """Give the table alias with the record of a path column, joining it if it is not there yet."""
        if name not in self.aliases:
            table = "relationship" if name[0] == "r" else "entity"
            self.source.append(f"LEFT JOIN {table} AS {name} ON {name}.id = {self.columns[name]}")
            self.aliases[name] = name
        return self.aliases[name]

    def copy(self) -> Self:
        """Give a frame that can go another way."""
        return replace(
            self,
            source=list(self.source),
            columns=dict(self.columns),
            aliases=dict(self.aliases),
            conditions=list(self.conditions),
        )


def record_property(compilation: Compilation, frame: Frame, target: Target, name: str) -> Typed:
    """Give a property of the record that a name stands for in these paths."""
    if target.what is What.NOTHING:
        return Typed()
    alias = frame.alias(column_of(target))
    catalogue = compilation.catalogue
    is_edge = target.what is What.RELATIONSHIP
    held = catalogue.relationship_properties if is_edge else catalogue.entity_properties
    return property_of(alias, name, held)

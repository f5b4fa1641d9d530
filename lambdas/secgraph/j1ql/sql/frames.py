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
from secgraph.j1ql.sql.selectors import Matched, Sorts, sort_tests
from secgraph.j1ql.sql.typed import Typed

LETTERS = {What.ENTITY: "e", What.RELATIONSHIP: "r", What.BLOCK: "b"}
Match = Callable[[str, EntityPattern], Matched]
"""Table alias of an entity and its pattern → what it must be."""

Where = Mapping[str, Sequence[str]]
"""Tests of WHERE by the record that they look at (`e0`, `r1`, …)."""

NOWHERE: Where = {}


def column_of(target: Target) -> str:
    """Name the path column of a target: `e0`, `r1`, `b1`."""
    return f"{LETTERS[target.what]}{target.number}"


@dataclass(slots=True)
class Frame:
    """A SELECT under construction. `columns` maps path columns to SQL, `current` is the SQL of the current
    entity's id and `near` the sorts that it may have; `sorts` has those of the entities in path columns.

    `aliases` are the path columns whose record is joined already, under that name; `certain` those that
    every row has one for. `table` is the one that the paths so far stand in, as `p`, or empty; `among` the
    one that all start entities stand in, by `id`, or empty.
    """

    source: list[str]
    columns: dict[str, str]
    current: str
    near: Sorts
    sorts: dict[str, Sorts] = field(default_factory=dict)
    aliases: set[str] = field(default_factory=set)
    certain: set[str] = field(default_factory=set)
    conditions: list[str] = field(default_factory=list)
    table: str = ""
    among: str = ""

    def going_on(self, table: str, columns: Iterable[str], near: Sorts) -> Self:
        """Go on from paths that stand in a table, their current entity in `cur`."""
        named = {name: f"p.{name}" for name in columns}
        return type(self)([f"{table} AS p"], named, "p.cur", near, dict(self.sorts), table=table)

    @property
    def is_of_starts(self) -> bool:
        """Whether each row is a start entity, and no other row the same one."""
        return len(self.columns) == 1

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

    def alias(self, name: str, tests: Sequence[str] = ()) -> str:
        """Give the table alias with the record of a path column, joining it if it is not there yet. `tests`
        hold for every such record: they spare DuckDB the others."""
        if name not in self.aliases:
            table = "relationship" if name[0] == "r" else "entity"
            on = f"{name}.id = {self.columns[name]}"
            if name in self.certain:
                self.source.append(f"JOIN {table} AS {name} ON {on}")
            else:
                self.source.append(f"LEFT JOIN {table} AS {name} ON {' AND '.join([on, *tests])}")
            self.aliases.add(name)
        return name

    def copy(self) -> Self:
        """Give a frame that can go another way."""
        return replace(
            self,
            source=list(self.source),
            columns=dict(self.columns),
            sorts=dict(self.sorts),
            aliases=set(self.aliases),
            certain=set(self.certain),
            conditions=list(self.conditions),
        )


def record_property(compilation: Compilation, frame: Frame, target: Target, name: str) -> Typed:
    """Give a property of the record that a name stands for in these paths."""
    if target.what is What.NOTHING:
        return Typed()
    held, is_edge = column_of(target), target.what is What.RELATIONSHIP
    tests = [] if is_edge else sort_tests(compilation.catalogue, held, frame.sorts[held])
    return compilation.property_of(frame.alias(held, tests), name, is_edge=is_edge)

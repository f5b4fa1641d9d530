"""What the compiler gives: a statement, the shape of its rows, and a plan that a person can read."""

from __future__ import annotations

from dataclasses import dataclass

from secgraph.graph.relations import Kind, Statement

METADATA = "_meta"
"""The column in which a row tells its records, if asked to (j1ql.md section 12)."""


@dataclass(frozen=True, slots=True)
class ValueCells:
    """A property or expression: one cell for each kind, lists as JSON text."""

    name: str
    kinds: tuple[Kind, ...]

    @property
    def width(self) -> int:
        """Count the cells."""
        return len(self.kinds)


@dataclass(frozen=True, slots=True)
class EntityCells:
    """A whole entity: its id. With `spread`, one column for each property (`x.*`)."""

    name: str
    spread: bool = False

    @property
    def width(self) -> int:
        """Count the cells."""
        return 1


@dataclass(frozen=True, slots=True)
class RelationshipCells:
    """A whole relationship: the ids of both ends, its verb as stored, and what it states beyond them."""

    name: str
    spread: bool = False

    @property
    def width(self) -> int:
        """Count the cells."""
        return len(RELATIONSHIP)


RELATIONSHIP = ("src", "dst", "class", "stated")
"""The columns of a relationship that its properties follow from, in the order of its cells."""

Cells = ValueCells | EntityCells | RelationshipCells


@dataclass(frozen=True, slots=True)
class ListShape:
    """Rows: (count of all rows, id of an entity)."""


@dataclass(frozen=True, slots=True)
class TableShape:
    """Rows: (count of all rows, the cells of each column, then those of each record for `_meta`)."""

    columns: tuple[Cells, ...]
    meta: tuple[EntityCells | RelationshipCells, ...] = ()


@dataclass(frozen=True, slots=True)
class TreeShape:
    """Rows, in any order: (`v`, layer, id, NULL, NULL, NULL, NULL) and (`e`, layer, id, source, target, verb,
    stated). `layer` is the least distance from the start of a path, in hops."""


Shape = ListShape | TableShape | TreeShape


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement with its shape. `skip` and `limit` are the query's own; the statement gives the page
    from `offset` (of the result, SKIP not counted)."""

    statement: Statement
    shape: Shape
    steps: tuple[str, ...]
    offset: int = 0
    skip: int = 0
    limit: int | None = None
    secrets: frozenset[int] = frozenset()
    """The marks, by number, whose values must not be shown."""

    def __str__(self) -> str:
        marks = [
            f"  ${mark} = {'(secret)' if mark in self.secrets else repr(value)}"
            for mark, value in enumerate(self.statement.parameters, 1)
        ]
        parameters = ["", "parameters", *marks] if marks else []
        return "\n".join([*self.steps, "", self.statement.sql, *parameters])

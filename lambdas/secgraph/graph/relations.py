"""What SQL may read. In: the kinds of values a graph holds. Out: table and column names, and a Catalogue.

Every reader offers the same relations to DuckDB:

    entity        id BIGINT, sort INTEGER, deleted BOOLEAN, and the property columns
    relationship  id BIGINT, owner BIGINT, class VARCHAR, src BIGINT, dst BIGINT,
                  src_sort INTEGER, dst_sort INTEGER, deleted BOOLEAN, stated VARCHAR,
                  and the property columns
    searched      text VARCHAR, ids BIGINT[]

`id`s are integers of the reader's own; the text `_id` is a property. `sort` numbers the distinct combinations
of `_type` and `_class`. `src` or `dst` may name an id without an entity: then `src_sort` or `dst_sort` is
NULL, and the relationship is invisible. A property has one column for each kind of value that it holds
anywhere, so a string here and a number there never meet in one column.

`searched` is what full text looks in (graph/search.py): an entity holds a word if any row whose `ids` name it
holds it. `stated` is what a relationship has beyond what follows from its ends (graph/edges.py); NULL for
most. Whole records are no relations: a reader gives them by id, as documents (graph/documents.py).

A reader may keep in memory only what statements read. So every statement says what that is (`Reads`), and
its SQL names nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from secgraph.graph.model import Value


class Kind(Enum):
    """A kind of property value; the value of the member ends the column's name."""

    STRING = "s"
    NUMBER = "n"
    BOOLEAN = "b"
    STRINGS = "ls"
    NUMBERS = "ln"
    BOOLEANS = "lb"
    MIXED = "lm"
    """A list of several kinds: its members also stand in the `ls`, `ln` and `lb` columns; this column
    keeps the list as JSON text in its own order, for output."""

    @property
    def sql(self) -> str:
        """Give the column's type in DuckDB."""
        return _SQL_TYPES[self]


_SQL_TYPES = {
    Kind.STRING: "VARCHAR",
    Kind.NUMBER: "DOUBLE",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.STRINGS: "VARCHAR[]",
    Kind.NUMBERS: "DOUBLE[]",
    Kind.BOOLEANS: "BOOLEAN[]",
    Kind.MIXED: "VARCHAR",
}


def kinds_of(value: Value) -> tuple[Kind, ...]:
    """List the columns that a value fills; an empty list fills `ls`."""
    if isinstance(value, bool):
        return (Kind.BOOLEAN,)
    if isinstance(value, str):
        return (Kind.STRING,)
    if isinstance(value, int | float):
        return (Kind.NUMBER,)
    members = sorted({_LIST_OF[kinds_of(member)[0]] for member in value}, key=lambda kind: kind.value)
    if len(members) > 1:
        return (*members, Kind.MIXED)
    return tuple(members) or (Kind.STRINGS,)


_LIST_OF = {Kind.STRING: Kind.STRINGS, Kind.NUMBER: Kind.NUMBERS, Kind.BOOLEAN: Kind.BOOLEANS}


def column(name: str, kind: Kind) -> str:
    """Name the column of a property, unquoted.

    DuckDB folds ASCII letter case in names and J1QL does not, so a capital is written as `^` and its
    small letter: `numericSeverity` of kind NUMBER is `numeric^severity#n`.
    """
    folded = "".join(f"^{char.lower()}" if "A" <= char <= "Z" or char == "^" else char for char in name)
    return f"{folded}#{kind.value}"


@lru_cache(maxsize=16_384)
def property_and_kind(column_name: str) -> tuple[str, Kind]:
    """Give the property and the kind of values that a column is for: `column` backwards."""
    folded, _, kind = column_name.rpartition("#")
    return _MARKED.sub(lambda marked: marked[1].upper(), folded), Kind(kind)


_MARKED: Final = re.compile(r"\^(.)")


def quoted(identifier: str) -> str:
    """Quote a name for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Sort:
    """One combination of `_type` and `_class` that entities have, and its number in the `sort` column."""

    number: int
    type: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A verb as stored, and the sorts of the entities that it leads from and to."""

    verb: str
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the graph holds: enough to compile a query without reading any data."""

    sorts: tuple[Sort, ...] = ()
    entity_properties: Mapping[str, frozenset[Kind]] = field(default_factory=lambda: MappingProxyType({}))
    verbs: frozenset[str] = frozenset()
    """Relationship classes as stored."""
    relationship_properties: Mapping[str, frozenset[Kind]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    entity_sorts: Mapping[tuple[str, Kind], frozenset[int]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Property in a kind → numbers of the sorts whose entities have had it. Empty if that is not known."""
    relationship_verbs: Mapping[tuple[str, Kind], frozenset[str]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """The same of relationships: the verbs, as stored."""
    links: frozenset[Link] = frozenset()
    """Every combination that a relationship has whose ends are there, soft-deleted ones too; perhaps more."""
    deleted: frozenset[int] = frozenset()
    """Numbers of the sorts of which an entity is soft-deleted, and perhaps more."""
    sizes: Mapping[Link, int] = field(default_factory=lambda: MappingProxyType({}))
    """About how many relationships a link has, where that is known: it decides what a statement begins with,
    never what it finds."""


Cell = str | int | float | bool | None
"""A value that crosses the border to DuckDB as parameter or result."""

Bound = Cell | list[str] | list[float] | list[bool]
"""What a mark stands for: a value, or a list of values of one type."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What a statement reads of the relations, apart from their fixed columns.

    `entity` and `relationship` name property columns (as `column` does). `links` are the relationships that
    its hops may take, None for all; `searched` tells whether it looks at that relation.
    """

    entity: frozenset[str] = frozenset()
    relationship: frozenset[str] = frozenset()
    links: frozenset[Link] | None = frozenset()
    searched: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with the marks `$1`, `$2`, … and the values bound to them, in that order."""

    sql: str
    parameters: tuple[Bound, ...] = ()
    reads: Reads = Reads(links=None)


Rows = Sequence[tuple[Cell, ...]]

"""The syntax tree of J1QL: frozen values that print themselves as canonical text. In: nothing. Out: types.

`parse(str(query)) == query`: positions (`at`) never take part in comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from secgraph.errors import Position

START = Position(1, 1, 0)


class Direction(Enum):
    """Which way a relationship must run, seen from the entity before it."""

    ANY = ""
    OUT = ">>"
    IN = "<<"


class Op(Enum):
    """A comparison operator, spelled as in the language."""

    EQ = "="
    NE = "!="
    CONTAINS = "~="
    NOT_CONTAINS = "!~="
    STARTS = "^="
    NOT_STARTS = "!^="
    ENDS = "$="
    NOT_ENDS = "!$="
    GT = ">"
    LT = "<"
    GE = ">="
    LE = "<="


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number or boolean; None is `undefined` (also spelled `null`)."""

    value: str | float | bool | None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Regex:
    """`/pattern/` or `/pattern/i`, RE2 syntax."""

    pattern: str
    ignore_case: bool
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Offset:
    """`± amount unit`; `unit` is canonical: minute, hour, day, week, month or year; `amount` is signed."""

    amount: float
    unit: str


@dataclass(frozen=True, slots=True)
class Moment:
    """`date.now` (base None) or `date(ISO text)` (base in epoch milliseconds), moved by offsets."""

    base: int | None
    offsets: tuple[Offset, ...] = ()
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`${name}`; the name may hold dots (`param.owner`)."""

    name: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Path:
    """A property. In WITH `selector` is None; in WHERE, RETURN and ORDER BY it names the record.

    `property` is the flat name, brackets removed: `tag.AccountName`.
    """

    selector: str | None
    property: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class AllOf:
    """A list of values joined by AND: `('a' AND 'b')`."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A list of values joined by OR: `('a' OR 'b')`."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Subquery:
    """`(FIND … RETURN x.p)` on the right of `=` or `!=`."""

    query: Query
    at: Position = field(default=START, compare=False)


Value = Literal | Regex | Moment | Parameter
Item = Value | Path | AllOf | AnyOf
Right = Item | Subquery

# ── filters ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left op right`. A moment written on the left was swapped to the right by the parser.

    `left` is a Path in WITH and WHERE; in HAVING a Column name or an expression with aggregates.
    """

    left: Path | Expr
    op: Op
    right: Right
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """Every item holds; two or more, none of them an And."""

    items: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some item holds; two or more, none of them an Or."""

    items: tuple[Filter, ...]


Filter = Comparison | And | Or

# ── what is sought ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Selector:
    """`text` (full text) alone, or `smart` (`#Name`) and/or `names` (classes, types, `*`)."""

    names: tuple[str, ...] = ()
    smart: str | None = None
    text: str | None = None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class EntityPattern:
    """A selector with its WITH filter and AS alias."""

    selector: Selector
    filter: Filter | None = None
    alias: str | None = None
    alias_at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Hop:
    """`THAT [!] verbs [direction] [AS alias] target`. Verbs are upper case; none means RELATES TO."""

    verbs: tuple[str, ...]
    target: EntityPattern
    negated: bool = False
    direction: Direction = Direction.ANY
    alias: str | None = None
    at: Position = field(default=START, compare=False)
    alias_at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Block:
    """`( steps )? [AS alias]`: an optional block."""

    steps: tuple[Step, ...]
    alias: str | None = None
    at: Position = field(default=START, compare=False)
    alias_at: Position = field(default=START, compare=False)


Step = Hop | Block

# ── results ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record, `x`, in RETURN or as argument of a function (`count(x)`)."""

    selector: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Everything:
    """`x.*` in RETURN."""

    selector: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A bare word in HAVING or ORDER BY: a result column."""

    name: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function; `function` is lower case. `count(*)` has no arguments and `star` true."""

    function: str
    arguments: tuple[Expr, ...]
    star: bool = False
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """Unary minus."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left operator right` with one of `+ - * / ^`."""

    operator: str
    left: Expr
    right: Expr


Expr = Literal | Moment | Path | Record | Name | Call | Negative | Arithmetic


@dataclass(frozen=True, slots=True)
class Column:
    """One item of RETURN; `name` is what AS gave it."""

    item: Expr | Everything
    name: str | None = None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Tree:
    """RETURN TREE."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of ORDER BY."""

    expression: Expr
    descending: bool = False
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query. `returns` is None for a list, Tree, or the columns of a table."""

    start: EntityPattern
    steps: tuple[Step, ...] = ()
    where: Filter | None = None
    returns: Tree | tuple[Column, ...] | None = None
    having: Filter | None = None
    order: tuple[Key, ...] = ()
    skip: int | None = None
    limit: int | None = None
    unique: bool = False
    at: Position = field(default=START, compare=False)

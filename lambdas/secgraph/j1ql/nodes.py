"""The syntax tree of J1QL: frozen values that print themselves as canonical text. In: nothing. Out: types.

`parse(str(query)) == query`: positions (`at`) never take part in comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from secgraph.errors import Position

START = Position(1, 1, 0)


class Printed:
    """What every node inherits: `str()` is the canonical text (printing.py)."""

    __slots__ = ()

    def __str__(self) -> str:
        from secgraph.j1ql.printing import canonical  # printing reads the nodes, so it comes second

        return canonical(self)


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
class Literal(Printed):
    """A string, number or boolean; None is `undefined` (also spelled `null`)."""

    value: str | float | bool | None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Regex(Printed):
    """`/pattern/` or `/pattern/i`, RE2 syntax."""

    pattern: str
    ignore_case: bool
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Offset(Printed):
    """`± amount unit`; `unit` is canonical: minute, hour, day, week, month or year; `amount` is signed."""

    amount: float
    unit: str


@dataclass(frozen=True, slots=True)
class Moment(Printed):
    """`date.now` (base None) or `date(ISO text)` (base in epoch milliseconds), moved by offsets."""

    base: int | None
    offsets: tuple[Offset, ...] = ()
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Parameter(Printed):
    """`${name}`; the name may hold dots (`param.owner`)."""

    name: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Path(Printed):
    """A property. In WITH `selector` is None; in WHERE, RETURN and ORDER BY it names the record.

    `property` is the flat name, brackets removed: `tag.AccountName`.
    """

    selector: str | None
    property: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class AllOf(Printed):
    """A list of values joined by AND: `('a' AND 'b')`; never nested directly in another AllOf."""

    items: tuple[Item, ...]
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class AnyOf(Printed):
    """A list of values joined by OR: `('a' OR 'b')`; never nested directly in another AnyOf."""

    items: tuple[Item, ...]
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Subquery(Printed):
    """`(FIND … RETURN x.p)` on the right of `=` or `!=`."""

    query: Query
    at: Position = field(default=START, compare=False)


Value = Literal | Regex | Moment | Parameter
Item = Value | Path | AllOf | AnyOf
Right = Item | Subquery

# ── filters ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Comparison(Printed):
    """`left op right`. A moment written on the left was swapped to the right by the parser.

    `left` is a Path in WITH and WHERE; in HAVING a Column name or an expression with aggregates.
    """

    left: Path | Expr
    op: Op
    right: Right
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class And(Printed):
    """Every item holds; two or more, none of them an And."""

    items: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or(Printed):
    """Some item holds; two or more, none of them an Or."""

    items: tuple[Filter, ...]


Filter = Comparison | And | Or

# ── what is sought ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Selector(Printed):
    """`text` (full text) alone, or `smart` (`#Name`) and/or `names` (classes, types, `*`)."""

    names: tuple[str, ...] = ()
    smart: str | None = None
    text: str | None = None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class EntityPattern(Printed):
    """A selector with its WITH filter and AS alias."""

    selector: Selector
    filter: Filter | None = None
    alias: str | None = None
    alias_at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Hop(Printed):
    """`THAT [!] verbs [direction] [AS alias] target`. Verbs are upper case; none means RELATES TO."""

    verbs: tuple[str, ...]
    target: EntityPattern
    negated: bool = False
    direction: Direction = Direction.ANY
    alias: str | None = None
    at: Position = field(default=START, compare=False)
    alias_at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Block(Printed):
    """`( steps )? [AS alias]`: an optional block."""

    steps: tuple[Step, ...]
    alias: str | None = None
    at: Position = field(default=START, compare=False)
    alias_at: Position = field(default=START, compare=False)


Step = Hop | Block

# ── results ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Record(Printed):
    """A whole record, `x`, in RETURN or as argument of a function (`count(x)`)."""

    selector: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Everything(Printed):
    """`x.*` in RETURN."""

    selector: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Name(Printed):
    """A bare word in HAVING or ORDER BY: a result column."""

    name: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Call(Printed):
    """A function; `function` is lower case. `count(*)` has no arguments and `star` true."""

    function: str
    arguments: tuple[Expr, ...]
    star: bool = False
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Negative(Printed):
    """Unary minus."""

    operand: Expr
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Arithmetic(Printed):
    """`left operator right` with one of `+ - * / ^`."""

    operator: str
    left: Expr
    right: Expr
    at: Position = field(default=START, compare=False)


Expr = Literal | Moment | Path | Record | Name | Call | Negative | Arithmetic


@dataclass(frozen=True, slots=True)
class Column(Printed):
    """One item of RETURN; `name` is what AS gave it."""

    item: Expr | Everything
    name: str | None = None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Tree(Printed):
    """RETURN TREE."""

    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Key(Printed):
    """One key of ORDER BY."""

    expression: Expr
    descending: bool = False
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Query(Printed):
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

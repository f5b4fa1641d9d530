"""Witness: a checked query and one row of its answer → the query for one path that gave this row.

The question is asked again with everything bound that the row names; each part of the path has a name then,
and what may not be there (negations) is said in words, as no path has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from secgraph.j1ql.meaning.names import Checked, Target, What
from secgraph.j1ql.nodes import (
    And,
    Block,
    Column,
    Comparison,
    Direction,
    EntityPattern,
    Filter,
    Hop,
    Literal,
    Op,
    Path,
    Query,
    Record,
    Step,
)
from secgraph.j1ql.printing import column_name
from secgraph.j1ql.walk import is_aggregate

ID: Final = "_id"
_START: Final = Target(What.ENTITY, 0)

Cell = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Leg:
    """A step of a path, by the columns that hold its relationship and the entity at its end."""

    relationship: str
    entity: str


@dataclass(frozen=True, slots=True)
class Without:
    """What must not be there, in words. It is said of every path, or with `after` of those that came to the
    entity of that column."""

    words: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """`query` gives one path as a row with a column for each record; `start` names that of the first entity.

    A leg that has no cell in the row was not taken: it stands in an optional block.
    """

    query: Query
    start: str
    parts: tuple[Leg | Without, ...]


def of_list(checked: Checked, id_: str) -> Witness | None:
    """Ask for a path of a list's item. None if the query takes no steps: then the item says it all."""
    return _witness(checked, {_START: id_}, ())


def of_table(checked: Checked, bound: Mapping[str, str]) -> Witness | None:
    """Ask for the path of a table's row by the `_id`s of the records that it names."""
    records = (What.ENTITY, What.RELATIONSHIP)  # a block ends in an entity that has a name of its own
    ids = {target: bound.get(name) for name, target in checked.bound.items() if target.what in records}
    return _witness(checked, ids, ())


def of_group(checked: Checked, cells: Mapping[str, object]) -> Witness | None:
    """Ask for a path of a grouped or UNIQUE row by its cells. None if they do not tell enough."""
    columns = checked.query.returns
    if not isinstance(columns, tuple):
        return None
    tests: list[Comparison] = []
    for column in columns:
        if isinstance(column.item, Record | Path):
            test = _test(column.item, cells.get(column_name(column)))
            if test is None:
                return None
            tests.append(test)
        elif not is_aggregate(column.item):
            return None
    return _witness(checked, {}, tests)


def _test(item: Record | Path, cell: object) -> Comparison | None:
    if isinstance(item, Record):
        id_ = cell.get("id") if isinstance(cell, Mapping) else None
        return Comparison(Path(item.selector, ID), Op.EQ, Literal(str(id_) if id_ else None))
    return Comparison(item, Op.EQ, Literal(cell)) if isinstance(cell, str | float | int | None) else None


def _witness(
    checked: Checked, ids: Mapping[Target, str | None], tests: Iterable[Comparison]
) -> Witness | None:
    query = checked.query
    if not query.steps:
        return None
    naming = _Naming(checked, dict(ids))
    start = naming.entity(query.start, 0)
    steps = naming.steps(query.steps)
    bound = [_equal(naming.name_of(target), id_) for target, id_ in naming.unbound.items()]
    columns = [
        naming.name_of(_START),
        *(name for leg in naming.legs() for name in (leg.relationship, leg.entity)),
    ]
    asked = Query(
        start=start,
        steps=steps,
        where=_both(query.where, [*bound, *tests]),
        returns=tuple(Column(Record(name), name) for name in columns),
        limit=1,
    )
    return Witness(asked, naming.name_of(_START), tuple(naming.parts))


def _equal(selector: str | None, id_: str | None) -> Comparison:
    return Comparison(Path(selector, ID), Op.EQ, Literal(id_))


def _both(held: Filter | None, more: Iterable[Comparison]) -> Filter | None:
    """Give one filter of all, an And in no other."""
    items = (*(held.items if isinstance(held, And) else () if held is None else (held,)), *more)
    return And(items) if len(items) > 1 else next(iter(items), None)


@dataclass(slots=True)
class _Naming:
    """Gives a name to each record of a path that has none. What has one keeps it, for the query uses it.

    `unbound` holds the `_id`s that nothing tests yet, None for what is not there. An entity that every path
    has is tested where it stands, which is many times as fast as in WHERE.
    """

    checked: Checked
    unbound: dict[Target, str | None]
    parts: list[Leg | Without] = field(default_factory=list)
    _names: dict[Target, str] = field(default_factory=dict)
    _hops: int = 0
    _fresh: str = "path_"

    def __post_init__(self) -> None:
        for name, target in self.checked.bound.items():
            self._names.setdefault(target, name)
        while any(name.startswith(self._fresh) for name in self.checked.scope):
            self._fresh += "_"

    def name_of(self, target: Target) -> str:
        """Give the name of a record, made up if need be."""
        letter = "e" if target.what is What.ENTITY else "r"
        return self._names.setdefault(target, f"{self._fresh}{letter}{target.number}")

    def legs(self) -> Iterator[Leg]:
        """Give the steps that a path may take, in their order."""
        return (part for part in self.parts if isinstance(part, Leg))

    def entity(self, pattern: EntityPattern, number: int) -> EntityPattern:
        """Name an entity that every path has, and test its `_id`."""
        target = Target(What.ENTITY, number)
        named = self._named(pattern, self.name_of(target))
        id_ = self.unbound.pop(target, None)
        return named if id_ is None else replace(named, filter=_both(named.filter, [_equal(None, id_)]))

    def _named(self, pattern: EntityPattern, name: str) -> EntityPattern:
        return replace(pattern, alias=name) if name.startswith(self._fresh) else pattern

    def steps(self, steps: tuple[Step, ...], *, optional: bool = False) -> tuple[Step, ...]:
        """Name the records along steps. Where they are `optional`, a negation among them is said only if a
        step before it tells that they were taken."""
        after = ""
        named: list[Step] = []
        for place, step in enumerate(steps):
            if isinstance(step, Block):
                named.append(replace(step, steps=self.steps(step.steps, optional=True)))
            elif step.negated:
                if after or not optional:
                    self.parts.append(Without(_words(steps[place:]), after))
                self._hops += _count(steps[place:])
                return (*named, *steps[place:])
            else:
                hop, far = self._hop(step, optional=optional)
                after = far if optional else ""
                named.append(hop)
        return tuple(named)

    def _hop(self, hop: Hop, *, optional: bool) -> tuple[Hop, str]:
        """Name the records of a hop; give also the name of the entity that it leads to."""
        self._hops += 1
        taken, reached = Target(What.RELATIONSHIP, self._hops), Target(What.ENTITY, self._hops)
        link, far = self.name_of(taken), self.name_of(reached)
        self.parts.append(Leg(link, far))
        if len(hop.verbs) == 1:  # Its ends tell which one it is, as far as a path shows it.
            self.unbound.pop(taken, None)
        target = self._named(hop.target, far) if optional else self.entity(hop.target, self._hops)
        return replace(hop, alias=link if link.startswith(self._fresh) else hop.alias, target=target), far


def _count(steps: Sequence[Step]) -> int:
    """Count the hops in steps: all have a number, also where no path takes them."""
    return sum(_count(step.steps) if isinstance(step, Block) else 1 for step in steps)


# ── negations in words ────────────────────────────────────────────────────────────────────────────────


def _words(tail: tuple[Step, ...]) -> str:
    """Say a negation and all that belongs to it: "no Finding WITH severity = 'high' that it HAS"."""
    first, *rest = tail
    assert isinstance(first, Hop)  # noqa: S101 (for the type checker: blocks are not negated)
    verbs = " or ".join(first.verbs) or "RELATES TO"
    whose = f"that {verbs} it" if first.direction is Direction.IN else f"that it {verbs}"
    return " ".join([f"no {replace(first.target, alias=None)} {whose}", *map(str, rest)])

"""Steps → SQL over paths (j1ql.md sections 7 to 9).

A `Frame` is a SELECT under construction: each row is a path, each of its columns (`e0`, `r1`, `e1`, …, `b1`)
the dense id of the record that the path holds there. A hop is a join with the adjacency and the next
entity; a negation an anti join with everything that could follow; an optional block the union of the paths
as they are with the paths through the block.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from secgraph.j1ql.compilation import Compilation
from secgraph.j1ql.names import Target, What
from secgraph.j1ql.nodes import Block, Direction, EntityPattern, Hop, Step
from secgraph.j1ql.steps import has_negation, without_last_blocks
from secgraph.j1ql.typed import Typed, all_of, property_of

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


class Paths:
    """Walks the steps of one query, numbering hops and blocks as names.py does."""

    def __init__(self, compilation: Compilation, match: Match) -> None:
        self._compilation = compilation
        self._match = match
        self._hops = 0
        self._blocks = 0

    def take_number(self) -> int:
        """Give the number of the next hop."""
        self._hops += 1
        return self._hops

    def start(self, pattern: EntityPattern) -> Frame:
        """Begin with the start entity."""
        frame = Frame(["entity AS e0"], {"e0": "e0.id"}, "e0.id", {"e0": "e0"})
        frame.conditions += self._match("e0", pattern)
        return frame

    def walk(self, frame: Frame, steps: Sequence[Step]) -> Frame:
        """Take all steps. Blocks at the end act as an outer join, unless they belong to a negation."""
        inner = steps if has_negation(steps) else without_last_blocks(steps)
        before = self._steps(frame, inner)
        if len(inner) == len(steps):
            return before
        prefix = [name for name in before.columns if name[0] != "b"]
        after = self._steps(before, steps[len(inner) :])
        return self._without_shorter(after, prefix)

    def follow(self, frame: Frame, steps: Sequence[Step], where: Where = NOWHERE) -> None:
        """Keep the rows from which all steps can be taken, by semi and anti joins: no path is built.

        Written as joins, every path would be built and thrown away; the number of paths is a product, the
        number of entities and relationships passed a sum. `where` holds the tests of WHERE by record.
        """
        kept = without_last_blocks(steps)
        self._keep(frame, kept, where, "")
        self._pass_over(steps[len(kept) :])

    def _steps(self, frame: Frame, steps: Sequence[Step]) -> Frame:
        for place, step in enumerate(steps):
            if isinstance(step, Block):
                frame = self._block(frame, step)
            elif step.negated:
                self.follow(frame, steps[place:])
                return frame
            else:
                self._hop(frame, step)
        return frame

    def _hop(self, frame: Frame, hop: Hop) -> None:
        number = self.take_number()
        near, far = f"r{number}", f"e{number}"
        frame.source.append(f"JOIN {self.adjacency(hop)} AS {near} ON {near}.near = {frame.current}")
        frame.source.append(f"JOIN entity AS {far} ON {far}.id = {near}.far")
        frame.conditions += self._match(far, hop.target)
        frame.columns |= {near: f"{near}.id", far: f"{far}.id"}
        frame.aliases |= {near: near, far: far}
        frame.current = f"{far}.id"

    # ── sets of entities instead of paths ─────────────────────────────────────────────────────────────

    def _keep(self, frame: Frame, steps: Sequence[Step], where: Where, then: str) -> None:
        """Keep the rows that can take the steps and end in an entity of the table `then` (empty: in any)."""
        first, name = (steps[0] if steps else None), f"n{self._hops + 1}"
        if isinstance(first, Hop) and first.negated:
            tail = without_last_blocks(steps[1:])
            frame.join("ANTI", self._origins(first, tail, NOWHERE, ""), name)
            self._pass_over(steps[1 + len(tail) :])
        elif steps:
            frame.join("SEMI", self._starts(steps, where, then), name)
            return
        if then:
            frame.join("SEMI", then, "t")

    def _starts(self, steps: Sequence[Step], where: Where, then: str) -> str:
        """Write the SELECT of the ids (`near`) from which the steps can be taken to an entity of `then`."""
        if not steps:
            return f"SELECT near FROM {then}"
        first = steps[0]
        if isinstance(first, Block):
            return self._either(first, steps[1:], then)
        if not first.negated:
            return self._origins(first, steps[1:], where, then)
        frame = Frame(["entity AS e"], {}, "e.id")
        self._keep(frame, steps, where, then)
        return frame.select(["e.id AS near"])

    def _origins(self, hop: Hop, steps: Sequence[Step], where: Where, then: str) -> str:
        """Write the SELECT of the ids (`near`) from which a hop and the steps after it can be taken."""
        number = self.take_number()
        near, far = f"r{number}", f"e{number}"
        frame = Frame(
            [f"{self.adjacency(hop)} AS {near}", f"JOIN entity AS {far} ON {far}.id = {near}.far"],
            {},
            f"{far}.id",
        )
        frame.conditions += [*self._match(far, hop.target), *where.get(near, ()), *where.get(far, ())]
        self._keep(frame, steps, where, then)
        return frame.select([f"{near}.near AS near"])

    def _either(self, block: Block, steps: Sequence[Step], then: str) -> str:
        """Write the ids from which the steps can be taken, at once or after the block. No test of WHERE can
        belong here: it would have to hold for paths with and without the block."""
        begun = self._hops, self._blocks
        self._pass_over([block])
        after = self._compilation.cte("ends", self._starts(steps, NOWHERE, then)) if steps else then
        ended = self._hops, self._blocks
        self._hops, self._blocks = begun[0], begun[1] + 1
        through = self._starts(block.steps, NOWHERE, after)
        self._hops, self._blocks = ended
        return f"SELECT near FROM {after}\n  UNION ALL\n  {through}"

    def _pass_over(self, steps: Sequence[Step]) -> None:
        """Count what is not looked at: the numbers of later steps must not move."""
        for step in steps:
            if isinstance(step, Block):
                self._blocks += 1
                self._pass_over(step.steps)
            else:
                self._hops += 1

    def adjacency(self, hop: Hop) -> str:
        """Write the relationships of a hop, once for each end that they may be entered at: `near`, `far`."""
        return adjacency(self._compilation, hop)

    def _block(self, frame: Frame, block: Block) -> Frame:
        """Write the paths that skip the block and those through it as one table: planning takes time for
        every table and each of its columns."""
        self._blocks += 1
        name = f"b{self._blocks}"
        before = self._flushed(frame)
        inside = self._steps(_copy(before), block.steps)
        taken = self._select(inside, {name: inside.current})
        both = f"SELECT *, cur AS {name} FROM {before.table}\n  UNION ALL BY NAME\n  {taken}"
        return Frame.going_on(self._compilation.cte("paths", both), [*inside.columns, name])

    def _flushed(self, frame: Frame) -> Frame:
        """Close the SELECT into a common table expression and go on from it."""
        if frame.is_plain:
            return frame
        return Frame.going_on(self._compilation.cte("paths", self._select(frame, {})), frame.columns)

    def _select(self, frame: Frame, more: Mapping[str, str]) -> str:
        added = {name: sql for name, sql in frame.columns.items() if sql != f"p.{name}"}
        columns = {**added, **more, "cur": frame.current}
        kept = ["p.* EXCLUDE (cur)"] if frame.table else []
        return frame.select([*kept, *(f"{sql} AS {name}" for name, sql in columns.items())])

    def _without_shorter(self, frame: Frame, prefix: Sequence[str]) -> Frame:
        """Drop each path that another one with the same prefix continues with the same hops and more."""
        name = self._flushed(frame).table
        hops = [it for it in frame.columns if it[0] == "r" and it not in prefix]
        taken = " + ".join(f"({{0}}.{hop} IS NOT NULL)::INT" for hop in hops)
        same = [f"q.{it} IS NOT DISTINCT FROM p.{it}" for it in prefix]
        same += [f"(p.{hop} IS NULL OR (q.{hop} = p.{hop} AND q.e{hop[1:]} = p.e{hop[1:]}))" for hop in hops]
        same.append(f"{taken.format('q')} > {taken.format('p')}")
        whole = all_of([f"{hop} IS NOT NULL" for hop in hops])
        kept = self._compilation.cte(
            "paths",
            f"SELECT * FROM {name} WHERE {whole}\n  UNION ALL\n  SELECT p.*\n"
            f"  FROM (SELECT * FROM {name} WHERE NOT {whole}) AS p\n"
            f"  ANTI JOIN {name} AS q ON {' AND '.join(same)}",
        )
        return Frame.going_on(kept, frame.columns)


def adjacency(compilation: Compilation, hop: Hop) -> str:
    """Write the relationships that a hop may take, as a table with the ids `near` and `far`. Without an
    arrow each stands twice, once for either end; a loop stands once."""
    tests = [] if compilation.include_deleted else ["NOT deleted"]
    if hop.verbs:
        wanted = {verb.upper() for verb in hop.verbs}
        stored = sorted(verb for verb in compilation.catalogue.verbs if verb.upper() in wanted)
        marks = [compilation.bind(verb) for verb in stored]
        tests.append(f"class IN ({', '.join(marks)})" if marks else "FALSE")
    leaving = _ends("src", "dst", tests)
    entering = _ends("dst", "src", tests)
    if hop.direction is Direction.OUT:
        return f"({leaving})"
    if hop.direction is Direction.IN:
        return f"({entering})"
    return f"({leaving} UNION ALL {_ends('dst', 'src', [*tests, 'src <> dst'])})"


def _ends(near: str, far: str, tests: Sequence[str]) -> str:
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    return f"SELECT *, {near} AS near, {far} AS far FROM relationship{where}"


def record_property(compilation: Compilation, frame: Frame, target: Target, name: str) -> Typed:
    """Give a property of the record that a name stands for in these paths."""
    if target.what is What.NOTHING:
        return Typed()
    alias = frame.alias(column_of(target))
    catalogue = compilation.catalogue
    is_edge = target.what is What.RELATIONSHIP
    held = catalogue.relationship_properties if is_edge else catalogue.entity_properties
    return property_of(alias, name, held)


def _copy(frame: Frame) -> Frame:
    return Frame(
        list(frame.source),
        dict(frame.columns),
        frame.current,
        dict(frame.aliases),
        list(frame.conditions),
        frame.table,
    )

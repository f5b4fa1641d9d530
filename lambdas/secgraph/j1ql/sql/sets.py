"""Steps → SQL over sets of entities: from which of them can steps be taken, and which do they reach?

No path is built: written as joins, every path would be built and thrown away. The number of paths is a
product, the number of entities and relationships passed a sum.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from secgraph.j1ql.nodes import Block, Hop, Step
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.frames import NOWHERE, Frame, Match, Where
from secgraph.j1ql.sql.hops import Ways, adjacency, ways_of
from secgraph.j1ql.sql.selectors import Sorts, is_tested, sort_tests, sorts_of
from secgraph.j1ql.steps import chain_length, without_last_blocks

FEWER: Final = 4
"""How many times as many relationships the next hop must have for those of a hop to be gathered first."""
TESTED: Final = 10
"""Of how many entities one passes a test, for all that is known."""


class Sets:
    """Writes sets of entities for the steps of one query, numbering hops and blocks as names.py does."""

    def __init__(self, compilation: Compilation, match: Match) -> None:
        self._compilation = compilation
        self._match = match
        self._hops = 0
        self._blocks = 0

    def take_number(self) -> int:
        """Give the number of the next hop."""
        self._hops += 1
        return self._hops

    def follow(self, frame: Frame, steps: Sequence[Step], where: Where = NOWHERE) -> None:
        """Keep the rows from which all steps can be taken. `where` holds the tests of WHERE by record."""
        kept = without_last_blocks(steps)
        self._keep(frame, kept, where, "")
        self._pass_over(steps[len(kept) :])

    def _keep(self, frame: Frame, steps: Sequence[Step], where: Where, then: str) -> None:
        """Keep the rows that can take the steps and end in an entity of the table `then` (empty: in any)."""
        first, name = (steps[0] if steps else None), f"n{self._hops + 1}"
        if isinstance(first, Hop) and first.negated:
            tail = without_last_blocks(steps[1:])
            frame.join("ANTI", self._origins(frame.near, first, tail, NOWHERE, "", frame.among), name)
            self._pass_over(steps[1 + len(tail) :])
        elif steps:
            frame.join("SEMI", self._starts(frame.near, steps, where, then, frame.among), name)
            return
        if then:
            frame.join("SEMI", then, "t")

    def _starts(self, near: Sorts, steps: Sequence[Step], where: Where, then: str, among: str = "") -> str:
        """Write the SELECT of the ids (`near`), of entities of these sorts, from which the steps can be taken
        to an entity of `then`. Only those in the table `among` matter, if there is one."""
        if not steps:
            return f"SELECT near FROM {then}"
        first = steps[0]
        if isinstance(first, Block):
            return self._either(near, first, steps[1:], then)
        if not first.negated:
            return self._origins(near, first, steps[1:], where, then, among)
        frame = Frame(["entity AS e"], {}, "e.id", near)
        frame.conditions += sort_tests(self._compilation.catalogue, "e", near)
        self._keep(frame, steps, where, then)
        return frame.select(["e.id AS near"])

    def _origins(
        self, near: Sorts, hop: Hop, steps: Sequence[Step], where: Where, then: str, among: str = ""
    ) -> str:
        """Write the SELECT of the ids (`near`) from which a hop and the steps after it can be taken."""
        frame, edge = self.across(near, hop, where)
        is_narrowed = bool(among or frame.aliases)
        gathers = self.gathers(near, [hop, *steps], where, self._hops, is_narrowed=is_narrowed)
        if among and (frame.aliases or gathers):
            # Else the tests of the targets would be made for what is no start at all.
            frame.source.insert(1, f"SEMI JOIN {among} AS s ON s.id = {edge}.near")
        if not gathers:
            self._keep(frame, steps, where, then)
            return frame.select([f"{edge}.near AS near"])
        table = self._compilation.cte("hop", frame.select([f"{edge}.near", f"{edge}.far"]))
        origins = self._starts(frame.near, steps, where, then, f"(SELECT far AS id FROM {table})")
        return f"SELECT h.near FROM {table} AS h SEMI JOIN (\n{origins}) AS n ON n.near = h.far"

    def gathers(
        self, near: Sorts, steps: Sequence[Step], where: Where, number: int, *, is_narrowed: bool
    ) -> bool:
        """Tell whether to gather what the first of these steps, hop `number`, leads to before looking at the
        tests that the others lead to: if far fewer relationships are taken by it than by the next step, as
        far as is known. DuckDB, to which they are of one table, thinks that they are as many."""
        hops = [step for step in steps[: chain_length(steps)] if isinstance(step, Hop)]
        if not any(self.is_tested(hop, where, at) for at, hop in enumerate(hops[1:], number + 1)):
            return False
        ways = self._ways(near, hops[0])
        taken, next_ = self._size(ways), self._size(self._ways(ways.ends, hops[1]))
        return 0 < taken * FEWER <= next_ * (TESTED if is_narrowed else 1)

    def is_tested(self, hop: Hop, where: Where, number: int) -> bool:
        """Tell whether more is asked of what hop `number` leads to than its sort."""
        return is_tested(hop.target) or f"e{number}" in where

    def _size(self, ways: Ways) -> int:
        return sum(self._compilation.catalogue.sizes.get(link, 0) for link in ways.links)

    def _ways(self, near: Sorts, hop: Hop) -> Ways:
        catalogue = self._compilation.catalogue
        return ways_of(catalogue, hop, near, sorts_of(catalogue, hop.target.selector))

    def across(self, near: Sorts, hop: Hop, where: Where = NOWHERE) -> tuple[Frame, str]:
        """Write the frame of a hop from entities of these sorts; also give the alias of its relationships.
        The entity that it leads to is looked up only if its sort does not tell all that is asked of it."""
        number = self.take_number()
        edge, far = f"r{number}", f"e{number}"
        matched = self._match(far, hop.target)
        ways = ways_of(self._compilation.catalogue, hop, near, matched.sorts)
        frame = Frame([f"{adjacency(self._compilation, ways)} AS {edge}"], {}, f"{edge}.far", ways.ends)
        tests = [*matched.tests, *where.get(far, ())]
        if tests:  # the relationship tells the sort: asked of the entity once more, it would mislead DuckDB
            frame.source.append(f"JOIN entity AS {far} ON {far}.id = {edge}.far")
            frame.aliases.add(far)
        frame.conditions += [*tests, *where.get(edge, ())]
        return frame, edge

    def _either(self, near: Sorts, block: Block, steps: Sequence[Step], then: str) -> str:
        """Write the ids from which the steps can be taken, at once or after the block. No test of WHERE can
        belong here: it would have to hold for paths with and without the block."""
        begun = self._hops, self._blocks
        self._pass_over([block])
        ends = near | self.ends(near, block.steps)
        after = self._compilation.cte("ends", self._starts(ends, steps, NOWHERE, then)) if steps else then
        ended = self._hops, self._blocks
        self._hops, self._blocks = begun[0], begun[1] + 1
        through = self._starts(near, block.steps, NOWHERE, after)
        self._hops, self._blocks = ended
        return f"SELECT near FROM {after}\n  UNION ALL\n  {through}"

    def ends(self, near: Sorts, steps: Sequence[Step]) -> Sorts:
        """List the sorts that steps from entities of these sorts may end at: a negation leads nowhere."""
        for step in steps:
            if isinstance(step, Block):
                near |= self.ends(near, step.steps)
            elif step.negated:
                return near
            else:
                near = self._ways(near, step).ends
        return near

    def reach(self, table: str, near: Sorts, steps: Sequence[Step], where: Where = NOWHERE) -> str:
        """Name a table of the ids (`far`) that the steps lead to from those of a table, of these sorts."""
        for place, step in enumerate(steps):
            if isinstance(step, Block):
                self._blocks += 1
                through = self.reach(table, near, step.steps)
                both = f"SELECT far FROM {table} UNION SELECT far FROM {through}"
                table = self._compilation.cte("reached", both)
                near |= self.ends(near, step.steps)
            elif step.negated:
                frame = Frame([f"{table} AS p"], {}, "p.far", near)
                self.follow(frame, steps[place:])
                return self._compilation.cte("reached", frame.select(["p.far"]))
            else:
                frame, edge = self.across(near, step, where)
                frame.source.append(f"SEMI JOIN {table} AS p ON p.far = {edge}.near")
                table, near = (
                    self._compilation.cte("reached", frame.select([f"DISTINCT {edge}.far"])),
                    frame.near,
                )
        return table

    def _pass_over(self, steps: Sequence[Step]) -> None:
        """Count what is not looked at: the numbers of later steps must not move."""
        for step in steps:
            if isinstance(step, Block):
                self._blocks += 1
                self._pass_over(step.steps)
            else:
                self._hops += 1

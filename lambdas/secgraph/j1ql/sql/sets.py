"""Steps → SQL over sets of entities: from which of them can steps be taken, and which do they reach?

No path is built: written as joins, every path would be built and thrown away. The number of paths is a
product, the number of entities and relationships passed a sum.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Sequence

from secgraph.j1ql.nodes import Block, Direction, Hop, Step
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.frames import NOWHERE, Frame, Match, Where
from secgraph.j1ql.steps import without_last_blocks


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

    def reach(self, table: str, steps: Sequence[Step], where: Where = NOWHERE) -> str:
        """Name a table of the ids (`far`) that the steps lead to from those of a table."""
        for place, step in enumerate(steps):
            if isinstance(step, Block):
                self._blocks += 1
                through = self.reach(table, step.steps)
                both = f"SELECT far FROM {table} UNION SELECT far FROM {through}"
                table = self._compilation.cte("reached", both)
            elif step.negated:
                frame = Frame([f"{table} AS p"], {}, "p.far")
                self.follow(frame, steps[place:])
                return self._compilation.cte("reached", frame.select(["p.far"]))
            else:
                table = self._across(table, step, where)
        return table

    def _across(self, table: str, hop: Hop, where: Where) -> str:
        number = self.take_number()
        near, far = f"r{number}", f"e{number}"
        frame = Frame([f"{self.adjacency(hop)} AS {near}"], {}, f"{near}.near")
        frame.source.append(f"SEMI JOIN {table} AS p ON p.far = {near}.near")
        frame.source.append(f"JOIN entity AS {far} ON {far}.id = {near}.far")
        frame.conditions += [*self._match(far, hop.target), *where.get(near, ()), *where.get(far, ())]
        return self._compilation.cte("reached", frame.select([f"DISTINCT {near}.far"]))

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

"""Steps → SQL over paths (j1ql.md sections 7 to 9).

A hop is a join with the adjacency and the next entity; a negation an anti join with everything that could
follow; an optional block the union of the paths as they are with the paths through the block.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)
from __future__ import annotations

from collections.abc import Mapping, Sequence

from secgraph.j1ql.nodes import Block, EntityPattern, Hop, Step
from secgraph.j1ql.sql.frames import Frame, Where
from secgraph.j1ql.sql.selectors import sort_tests
from secgraph.j1ql.sql.sets import Sets
from secgraph.j1ql.sql.typed import all_of
from secgraph.j1ql.steps import has_hop, has_negation, without_last_blocks


class Paths(Sets):
    """Walks the steps of one query, path by path."""

    def start(self, pattern: EntityPattern) -> Frame:
        """Begin with the start entity."""
        matched = self._match("e0", pattern)
        frame = Frame(
            ["entity AS e0"], {"e0": "e0.id"}, "e0.id", matched.sorts, {"e0": matched.sorts}, {"e0"}
        )
        frame.conditions += [*sort_tests(self._compilation.catalogue, "e0", matched.sorts), *matched.tests]
        return frame

    def gathered(self, frame: Frame, steps: Sequence[Step], where: Where) -> Frame:
        """Gather the start entities, of which more is asked than their sort, in a table, so that a first hop
        looks at what leads from those only; unless it would look at that quickly anyway."""
        first = next(iter(steps), None)
        if not isinstance(first, Hop) or not (
            self.is_tested(first, where, 1) or self.gathers(frame.near, steps, where, 1, is_narrowed=True)
        ):
            return frame
        table = self._compilation.cte("starts", frame.select(["e0.id AS id"]))
        begun = Frame([f"{table} AS b"], {"e0": "b.id"}, "b.id", frame.near, dict(frame.sorts), among=table)
        begun.certain.add("e0")
        return begun

    def walk(self, frame: Frame, steps: Sequence[Step]) -> Frame:
        """Take all steps. Blocks at the end act as an outer join, unless they belong to a negation."""
        inner = steps if has_negation(steps) else without_last_blocks(steps)
        before = self.take(frame, inner)
        if len(inner) == len(steps):
            return before
        prefix = [name for name in before.columns if name[0] in "er"]
        after = self.take(before, steps[len(inner) :])
        return self._without_shorter(after, prefix)

    def take(self, frame: Frame, steps: Sequence[Step]) -> Frame:
        """Take all steps; each block, also the last, leaves the paths as they are beside those through it."""
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
        before = frame.current
        step, edge = self.across(frame.near, hop)
        far = f"e{edge[1:]}"
        frame.source += [f"JOIN {step.source[0]} ON {edge}.near = {before}", *step.source[1:]]
        frame.conditions += step.conditions
        frame.columns |= {edge: f"{edge}.id", far: step.current}
        frame.sorts[far] = frame.near = step.near
        frame.aliases |= {edge, *step.aliases}
        frame.certain.add(far)
        frame.current = step.current

    def _block(self, frame: Frame, block: Block) -> Frame:
        """Write the paths that skip the block and those through it as one table: planning takes time for
        every table and each of its columns."""
        self._blocks += 1
        name = f"b{self._blocks}"
        before = self._flushed(frame)
        inside = self.take(before.copy(), block.steps)
        # Without a hop of its own only this tells a path through the block from one that skips it.
        way = {} if has_hop(block.steps) else {f"w{name[1:]}": "1"}
        taken = self._select(inside, {name: inside.current, **way})
        both = f"SELECT *, cur AS {name} FROM {before.table}\n  UNION ALL BY NAME\n  {taken}"
        near = before.near | inside.near
        after = inside.going_on(self._compilation.cte("paths", both), [*inside.columns, name, *way], near)
        after.sorts[name] = near
        return after

    def _flushed(self, frame: Frame) -> Frame:
        """Close the SELECT into a common table expression and go on from it."""
        if frame.is_plain:
            return frame
        table = self._compilation.cte("paths", self._select(frame, {}))
        return frame.going_on(table, frame.columns, frame.near)

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
        return frame.going_on(kept, frame.columns, frame.near)

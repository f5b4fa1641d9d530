"""Warnings: checked query + catalogue → sentences about what runs and is probably not meant (section 17).

In the order of the text, subqueries included. What the graph holds is told by the catalogue alone, so that
warnings cost no look at the data; what the catalogue does not know is not warned of.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from secgraph.graph.relations import Catalogue
from secgraph.j1ql.meaning.names import Checked, Target, What, check
from secgraph.j1ql.nodes import (
    And,
    Block,
    Comparison,
    EntityPattern,
    Everything,
    Expr,
    Filter,
    Hop,
    Literal,
    Op,
    Or,
    Path,
    Record,
    Right,
    Selector,
    Step,
    Subquery,
)
from secgraph.j1ql.printing import column_name
from secgraph.j1ql.server.parameters import NONE, Known, Parameters
from secgraph.j1ql.server.settings import PLAIN, Server
from secgraph.j1ql.text.advice import short
from secgraph.j1ql.text.terminal import plain
from secgraph.j1ql.walk import comparisons, inside, members
from secgraph.j1ql.warnings.absences import no_names, no_property, no_smart, no_verbs
from secgraph.j1ql.warnings.holders import Holders, Holdings
from secgraph.j1ql.warnings.misfits import HoldersOf, Misfits

MOST = 10
"""Most warnings of one query."""

OFTEN_ABSENT = frozenset({"_deleted", "_endOn"})
"""Metadata that only records have which are gone: its absence is no slip."""


def warnings_of(
    checked: Checked,
    catalogue: Catalogue,
    *,
    now: int,
    parameters: Parameters = NONE,
    server: Server = PLAIN,
) -> tuple[str, ...]:
    """List the warnings of a query that compiles, each once, MOST at the most.

    `now` is what `date.now` means, in epoch milliseconds. Names come from the query and from the graph, so
    control characters are taken out. Values of parameters are never shown.
    """
    holdings = Holdings(catalogue, server.smart_classes)
    misfits = Misfits(holdings, now, Known(parameters, server.stored))
    found = _once(map(plain, _Reading(checked, holdings, misfits).warnings()))
    listed = list(islice(found, MOST + 1))
    return tuple(listed) if len(listed) <= MOST else (*listed[:MOST], "There is more of this kind.")


def _once(sentences: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for sentence in sentences:
        if sentence not in seen:
            seen.add(sentence)
            yield sentence


@dataclass(slots=True)
class _Reading:
    """One query, read from left to right; `holders` tells of each record that was read who it may be."""

    checked: Checked
    holdings: Holdings
    misfits: Misfits
    holders: dict[Target, Holders] = field(default_factory=dict)
    columns: dict[str, Expr | Everything] = field(default_factory=dict)
    hops: int = 0
    blocks: int = 0

    def warnings(self) -> Iterator[str]:
        query = self.checked.query
        if query.start.selector.names == ("*",) and query.steps and query.start.filter is None:
            yield "FIND * with steps and without WITH looks at every entity and is slow."
        start = yield from self._entity(query.start, 0)
        yield from self._steps(query.steps, start)
        yield from self._filter(query.where, self._of_path)
        for column in query.returns if isinstance(query.returns, tuple) else ():
            yield from self._expression(column.item)
            yield from self._shared(column_name(column), column.item)
        yield from self._having(query.having)
        for key in query.order:
            yield from self._expression(key.expression)

    # ── steps ─────────────────────────────────────────────────────────────────────────────────────────

    def _steps(self, steps: Iterable[Step], current: Holders) -> Generator[str, None, Holders]:
        """Gives who the paths may stand at in the end: a negation leads nowhere."""
        stays = None
        for step in steps:
            if isinstance(step, Block):
                self.blocks += 1
                target = Target(What.BLOCK, self.blocks)
                current = current.or_((yield from self._steps(step.steps, current)))
                self.holders[target] = current
                continue
            stays = current if step.negated and stays is None else stays
            current = yield from self._hop(step)
        return stays or current

    def _hop(self, hop: Hop) -> Generator[str, None, Holders]:
        self.hops += 1
        number = self.hops
        followed = self.holders[Target(What.RELATIONSHIP, number)] = self.holdings.of_hop(hop)
        if self.holdings.is_known:
            known = {verb.upper() for verb in followed.bearers if isinstance(verb, str)}
            yield from no_verbs([verb for verb in hop.verbs if verb.upper() not in known], self.holdings)
        return (yield from self._entity(hop.target, number))

    def _entity(self, pattern: EntityPattern, number: int) -> Generator[str, None, Holders]:
        found = self.holdings.of_selector(pattern.selector)
        self.holders[Target(What.ENTITY, number)] = found
        if self.holdings.is_known:
            yield from self._selector(pattern.selector, found)
        yield from self._filter(pattern.filter, lambda _: found)
        return found

    def _selector(self, selector: Selector, found: Holders) -> Iterator[str]:
        holdings = self.holdings
        names = [name for name in selector.names if name != "*" and not holdings.called(name)]
        yield from no_names(names, holdings)
        if selector.smart is not None and not found.bearers and holdings.named(selector):
            yield no_smart(selector, holdings)

    # ── filters ───────────────────────────────────────────────────────────────────────────────────────

    def _filter(self, found: Filter | None, holders_of: HoldersOf) -> Iterator[str]:
        if isinstance(found, And | Or):
            for item in found.items:
                yield from self._filter(item, holders_of)
            if isinstance(found, And):
                yield from self.misfits.of_all(found, holders_of)
        elif found is not None:
            yield from self._comparison(found, holders_of)

    def _comparison(self, it: Comparison, holders_of: HoldersOf) -> Iterator[str]:
        """A comparison of WITH or WHERE."""
        assert isinstance(it.left, Path)  # noqa: S101 (for the type checker)
        values = list(members(it.right))
        yield from self._path(it.left, holders_of, is_guard=_is_guard(it.op, values))
        for value in values:
            if isinstance(value, Path):
                yield from self._path(value, holders_of)
        if isinstance(it.right, Subquery):
            yield from self._subquery(it.right)
        else:
            yield from self.misfits.of(it, holders_of)

    def _subquery(self, found: Subquery) -> Iterator[str]:
        return _Reading(check(found.query), self.holdings, self.misfits).warnings()

    # ── names and expressions ─────────────────────────────────────────────────────────────────────────

    def _of_path(self, path: Path) -> Holders | None:
        """Who a property outside of WITH belongs to; None if nobody is there."""
        return self.holders.get(self.checked.scope[path.selector or ""])

    def _path(self, path: Path, holders_of: HoldersOf, *, is_guard: bool = False) -> Iterator[str]:
        if path.selector is not None:
            yield from self._negated(path.selector)
        holders = holders_of(path)
        if not holders or not holders.bearers or not self.holdings.is_known:
            return
        if path.property not in OFTEN_ABSENT and not holders.kinds(path.property):
            yield from no_property(path.property, holders, is_guard=is_guard)

    def _negated(self, name: str) -> Iterator[str]:
        """Nothing in a negated tail exists; an alias there is likely meant for what survives (section 8)."""
        if name not in self.checked.negated:
            return
        if self.checked.scope[name].what is What.NOTHING:
            yield f"{short(name)} names a part of what must not exist, so it is always undefined."
        else:
            yield f"{short(name)} stands in a negation and means the entity before it; move the alias there."

    def _expression(self, found: Expr | Everything) -> Iterator[str]:
        for part in inside(found):
            if isinstance(part, Path):
                yield from self._path(part, self._of_path)
            elif isinstance(part, Record | Everything):
                yield from self._negated(part.selector)

    def _shared(self, name: str, item: Expr | Everything) -> Iterator[str]:
        before = self.columns.setdefault(name, item)
        if before != item and not (isinstance(before, Path) and isinstance(item, Path)):
            yield f"Two items of RETURN share the column {short(name)}; the last defined value is shown."

    def _having(self, found: Filter | None) -> Iterator[str]:
        for comparison in comparisons(found):
            yield from self._expression(comparison.left)
            if isinstance(comparison.right, Subquery):
                yield from self._subquery(comparison.right)


def _is_guard(op: Op, values: Iterable[Right]) -> bool:
    """Whether a test is `!= true`: a mark that most records lack, and often all do."""
    return op is Op.NE and all(isinstance(value, Literal) and value.value is True for value in values)

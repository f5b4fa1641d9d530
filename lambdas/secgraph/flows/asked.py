"""What a rule asks, and what its operations make of the answers. In: Rule. Out: Evaluation and Outcome."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol, TypedDict

from secgraph.alerts.rowset import RowSet
from secgraph.alerts.state import Evaluation
from secgraph.errors import PackError
from secgraph.flows.witness import Patience
from secgraph.j1ql import parse
from secgraph.j1ql.holes.placeholders import NO_VALUES, Placeholders
from secgraph.j1ql.server.parameters import Parameters
from secgraph.rules.actions import CreateAlert, ForEachItem, each
from secgraph.rules.operation import Outcome, act
from secgraph.rules.rows import Answer, Row, rows_of, rows_wanted
from secgraph.rules.rule import Rule

NOTHING_SEEN: Final = RowSet()


class _Bound(TypedDict):
    """What the actions of a rule see of one of its queries."""

    total: int
    data: list[Mapping[str, object]]
    query: str
    durationMs: int


class Ask(Protocol):
    """Runs a query for a rule."""

    def __call__(self, text: str, *, include_deleted: bool, placeholders: Placeholders = NO_VALUES) -> Answer:
        """Give all rows with row metadata (j1ql.md section 12). Raises QueryError or StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """How a rule asks and acts, and how much longer this run may look for paths."""

    ask: Ask
    parameters: Parameters
    web_link: Callable[[str], str]
    stop: Callable[[], bool]
    patience: Patience = field(default_factory=Patience)

    def __call__(self, rule: Rule, seen: RowSet = NOTHING_SEEN) -> tuple[Evaluation, Outcome]:
        """Run the queries of a rule, and its operations on what they give. `seen` are the rows of its last
        evaluation."""
        bound: dict[str, _Bound] = {}
        rows: list[Row] = []
        total, whole = 0, True
        for asked in rule.queries:
            if bound:
                self._in_time(asked.name)
            query = parse(asked.text)
            wanted = rows_wanted(query)
            text = asked.text if wanted is query else str(wanted)
            answer = self.ask(text, include_deleted=asked.include_deleted)
            bound[asked.name] = {
                "total": answer.total,
                "data": list(answer.rows),
                "query": asked.text,
                "durationMs": answer.duration_ms,
            }
            rows += rows_of(answer, wanted, asked.name)
            total += answer.total
            whole = whole and len(answer.rows) >= answer.total
        link = self.web_link(rule.name)
        known = _known(bound, rows, RowSet.of((row.hash for row in rows), total, whole=whole).joined(seen))
        outcome = act(
            rule, bound, parameters=self.parameters, ask=self._by_action, web_link=link, known=known
        )
        if outcome.errors and not outcome.alert and _alerts_by_item(rule):
            # Whether there is an alert is not known: a failed evaluation, which resolves nothing.
            raise PackError("; ".join(outcome.errors))
        return _evaluation(rule, outcome, rows, total, whole=whole), outcome

    def _by_action(self, text: str, placeholders: Placeholders) -> Answer:
        self._in_time("a query of an action")
        return self.ask(text, include_deleted=False, placeholders=placeholders)

    def _in_time(self, what: str) -> None:
        """Raises PackError once there is no time: a failure, so that the next run takes this rule last. A run
        that it killed would begin with it."""
        if self.stop():
            raise PackError(f"no time was left for {what} and what follows it; split the rule")


def _alerts_by_item(rule: Rule) -> bool:
    """Tell whether an alert of the rule may hang on what FOR_EACH_ITEM goes through."""
    actions = [action for operation in rule.operations for action in operation.actions]
    inner = [action for outer in actions if isinstance(outer, ForEachItem) for action in each(outer.actions)]
    return any(isinstance(action, CreateAlert) for action in inner)


def _known(
    bound: Mapping[str, _Bound], rows: Sequence[Row], new: Collection[int]
) -> list[Mapping[str, object]]:
    """Give the rows of which there is no news: none, where nothing at all is new, since then a message that
    goes out is about all of them."""
    fresh = {id(row.source) for row in rows if row.hash in new}
    return [row for one in bound.values() for row in one["data"] if fresh and id(row) not in fresh]


def _evaluation(rule: Rule, outcome: Outcome, rows: Sequence[Row], total: int, *, whole: bool) -> Evaluation:
    return Evaluation(
        rule=rule.name,
        holds=outcome.alert or outcome.acted,
        level=outcome.level,
        total=total,
        rows=tuple(rows),
        whole=whole,
        outputs=MappingProxyType(dict(outcome.outputs)),
        listed=outcome.alert,
        errors=outcome.errors,
    )

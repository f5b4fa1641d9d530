"""EVALUATE: due rules → alerts → messages. One rule's failure never stops the others.

Rule ─ask→ Answer ─rows_of, act→ Evaluation ─advance→ AlertState + Transition ─compose→ Message ─ledger→
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Protocol

from secgraph.alerts import quiet
from secgraph.alerts.lifecycle import Evaluation, Transition, advance, fail, failed
from secgraph.alerts.message import compose
from secgraph.alerts.ports import AlertStore, Notifier
from secgraph.alerts.stored import ALERT, Alert, load_alert
from secgraph.errors import PackError, QueryError, SecgraphError
from secgraph.flows.ledger import Ledger
from secgraph.flows.notify import Delivery
from secgraph.flows.retire import retire
from secgraph.j1ql import parse
from secgraph.rules.operation import act
from secgraph.rules.rows import Answer, Row, rows_of, rows_wanted
from secgraph.rules.rule import Interval, Rule

SLACK: Final = 5 * 60_000
"""Milliseconds by which a rule may be early: ticks come a little sooner or later than the schedule says."""

EVALUATED: Final = "evaluated"
FAILED: Final = "failed"
UNSUPPORTED: Final = "unsupported"
OVERTAKEN: Final = "overtaken"
"""Another run evaluated the rule at the same time, and its result stands."""

NO_OVERRIDE: Final[Mapping[str, Interval]] = MappingProxyType({})


class Ask(Protocol):
    """Runs a query for a rule."""

    def __call__(self, text: str, *, include_deleted: bool) -> Answer:
        """Give all rows with row metadata (j1ql.md section 12). Raises QueryError or StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of one rule: evaluated, failed, unsupported or overtaken.

    `transition` is what happened to the alert, told or not; `notes` name actions that do not run.
    """

    rule: str
    pack: str
    outcome: str
    active: bool = False
    level: str = ""
    total: int = 0
    new: int = 0
    transition: str = ""
    error: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What one run did. `postponed` are due rules for which no time was left; `faults` concern no rule;
    `retired` are rules evaluated no more whose alerts were closed."""

    results: tuple[RuleResult, ...]
    deliveries: tuple[Delivery, ...]
    not_due: tuple[str, ...]
    postponed: tuple[str, ...]
    quiet: bool
    faults: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        """Give the rules that could not be evaluated although this version can."""
        return tuple(result for result in self.results if result.outcome == FAILED)

    @property
    def undelivered(self) -> tuple[Delivery, ...]:
        """Give the messages that the channel did not take; they stay pending."""
        return tuple(delivery for delivery in self.deliveries if delivery.error)

    def as_json(self) -> dict[str, object]:
        """Give the report as plain JSON values."""
        return {
            "rules": [
                {name: getattr(result, name) for name in RuleResult.__slots__} | {"notes": list(result.notes)}
                for result in self.results
            ],
            "messages": [
                {name: getattr(delivery, name) for name in Delivery.__slots__} for delivery in self.deliveries
            ],
            "notDue": list(self.not_due),
            "postponed": list(self.postponed),
            "quiet": self.quiet,
            "faults": list(self.faults),
            "retired": list(self.retired),
        }


def evaluate(
    rules: Sequence[Rule],
    *,
    ask: Ask,
    store: AlertStore,
    notifier: Notifier,
    now: int,
    run: str,
    intervals: Mapping[str, Interval] = NO_OVERRIDE,
    due_only: bool = True,
    known: Collection[str] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> EvaluationReport:
    """Evaluate the rules that are due and tell people what changed.

    `run` names this run and no other. `intervals` override how often rules are evaluated, by pack name or
    `*` for all packs; a DISABLED rule stays so. `known` names all rules there are, usable or not, where
    `rules` are the whole of the packs: the alerts of others are closed. `stop` is asked before each query:
    once it says True the rules not begun wait for the next run, and the one in hand fails. Raises StoreError
    only when the alerts cannot be read at all.
    """
    ledger = Ledger(store, notifier, now, run)
    ledger.open()
    ledger.send_pending()
    due = [rule for rule in rules if _due(ledger, rule, _interval(rule, intervals), due_only)]
    results: list[RuleResult] = []
    postponed: list[str] = []
    for rule in sorted(due, key=lambda rule: _waiting_since(ledger, rule)):
        if postponed or stop():
            postponed.append(rule.name)
        else:
            results.append(_evaluate(rule, ask, ledger, stop))
    retired = retire(ledger, rules, known)
    ledger.summarise({rule.name: rule for rule in rules})
    names = {rule.name for rule in due}
    return EvaluationReport(
        results=tuple(results),
        deliveries=tuple(ledger.deliveries),
        not_due=tuple(rule.name for rule in rules if rule.name not in names),
        postponed=tuple(postponed),
        quiet=ledger.deployment.quiet,
        faults=tuple(ledger.faults),
        retired=tuple(retired),
    )


def alerts(store: AlertStore) -> list[Alert]:
    """Give every alert that the store keeps: the open ones first, then by level and name."""
    held = [load_alert(item.body) for id_, item in store.read_all().items() if id_.startswith(ALERT)]
    return sorted(held, key=lambda each: (not each.state.active, -each.state.level, each.state.rule))


# ── which rules, and in which order ───────────────────────────────────────────────────────────────────


def _interval(rule: Rule, intervals: Mapping[str, Interval]) -> Interval:
    if rule.interval is Interval.DISABLED:
        return rule.interval
    return intervals.get(rule.pack) or intervals.get("*") or rule.interval


def _due(ledger: Ledger, rule: Rule, interval: Interval, due_only: bool) -> bool:
    """Tell whether a rule is to be evaluated now. One that failed is tried again at each run."""
    if interval is Interval.DISABLED:
        return False
    state = ledger.state(rule.name)
    if not due_only or state is None or state.evaluated_on is None or state.failure is not None:
        return True
    if not ledger.deployment.quiet and quiet.uncovered(ledger.deployment, state):
        return True
    elapsed = ledger.now - state.evaluated_on
    return elapsed < 0 or elapsed >= interval.value * 60_000 - SLACK


def _waiting_since(ledger: Ledger, rule: Rule) -> tuple[bool, int]:
    """Order rules: those that waited longest first, so that none starves; failing ones last."""
    state = ledger.state(rule.name)
    if state is None:
        return False, 0
    return state.failure is not None, state.evaluated_on or 0


# ── one rule ──────────────────────────────────────────────────────────────────────────────────────────


def _evaluate(rule: Rule, ask: Ask, ledger: Ledger, stop: Callable[[], bool]) -> RuleResult:
    """Evaluate one rule. Whatever it meets, also a defect, is its own failure, kept with it and reported."""
    if rule.blocked:
        return _result(rule, UNSUPPORTED, "; ".join(rule.blocked))
    if rule.name in ledger.unreadable:
        return _result(rule, FAILED, ledger.unreadable[rule.name])
    try:
        evaluation = _asked(rule, ask, stop)
    except Exception as error:
        if isinstance(error, QueryError) and error.code == "UNSUPPORTED":
            return _result(rule, UNSUPPORTED, _said(error))
        return _fail(rule, _said(error), ledger)
    try:
        return _advance(rule, evaluation, ledger)
    except Exception as error:
        return _result(rule, FAILED, _said(error))


def _asked(rule: Rule, ask: Ask, stop: Callable[[], bool]) -> Evaluation:
    """Run the queries of a rule and its operations on what they give."""
    bound: dict[str, Mapping[str, object]] = {}
    rows: list[Row] = []
    total, whole = 0, True
    for each in rule.queries:
        if bound and stop():
            # A failure, so that the next run takes this rule last: a run that it killed would begin with it.
            raise PackError(f"no time was left for {each.name} and what follows it; split the rule")
        query = parse(each.text)
        wanted = rows_wanted(query)
        answer = ask(each.text if wanted is query else str(wanted), include_deleted=each.include_deleted)
        bound[each.name] = {
            "total": answer.total,
            "data": list(answer.rows),
            "query": each.text,
            "durationMs": answer.duration_ms,
        }
        rows += rows_of(answer, wanted, each.name)
        total += answer.total
        whole = whole and len(answer.rows) >= answer.total
    outcome = act(rule, bound)
    return Evaluation(
        rule=rule.name,
        holds=outcome.alert,
        level=outcome.level,
        total=total,
        rows=tuple(rows),
        whole=whole,
        outputs=MappingProxyType(dict(outcome.outputs)),
    )


def _advance(rule: Rule, evaluation: Evaluation, ledger: Ledger) -> RuleResult:
    before = ledger.state(rule.name)
    after, happened = advance(before, evaluation, ledger.now)
    told: Transition | None = None
    if ledger.deployment.quiet:
        after = quiet.hushed(before, after)
    else:
        after, told = quiet.voiced(ledger.deployment, before, after, happened, ledger.now)
    if not ledger.write(after, None if told is None else compose(told, rule)):
        return _result(rule, OVERTAKEN)
    return RuleResult(
        rule=rule.name,
        pack=rule.pack,
        outcome=EVALUATED,
        active=after.active,
        level=after.level.name,
        total=evaluation.total,
        new=after.new_count,
        transition="" if happened is None else happened.kind.value,
        notes=rule.left_out,
    )


def _fail(rule: Rule, error: str, ledger: Ledger) -> RuleResult:
    """Keep a failure with its rule, and tell of it where the rule asks for that."""
    state = fail(ledger.state(rule.name), rule.name, error, ledger.now)
    told: Transition | None = None
    if rule.notify_on_failure and not ledger.deployment.quiet:
        state, told = failed(quiet.acknowledged(ledger.deployment, state), ledger.now)
    result = _result(rule, FAILED, error)
    try:
        written = ledger.write(state, None if told is None else compose(told, rule))
    except Exception as fault:
        return replace(result, error=f"{error}; and {_said(fault)}")
    return result if written else _result(rule, OVERTAKEN)


def _result(rule: Rule, outcome: str, error: str = "") -> RuleResult:
    return RuleResult(rule.name, rule.pack, outcome, error=error)


def _said(error: Exception) -> str:
    """Say what went wrong: where in a query, or for what is not raised on purpose also of what type."""
    if isinstance(error, QueryError):
        return f"line {error.at.line}, column {error.at.column}: {error.message}"
    return str(error) if isinstance(error, SecgraphError) else f"{type(error).__name__}: {error}"

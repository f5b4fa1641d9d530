"""EVALUATE: due rules → alerts → outbox. One rule's failure never stops the others.

Rule ─ask→ Answer ─rows_of, act→ Evaluation + Effect… ─advance→ AlertState + Transition… ─ledger→ Record…
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Protocol

from secgraph.alerts import quiet
from secgraph.alerts.acting import acted, due_effects
from secgraph.alerts.lifecycle import Happened, advance, fail, failed
from secgraph.alerts.ports import AlertStore
from secgraph.alerts.state import AlertState, Evaluation
from secgraph.alerts.stored import ALERT, Alert, load_alert
from secgraph.errors import PackError, QueryError, SecgraphError
from secgraph.flows.ledger import Ledger
from secgraph.flows.retire import retire
from secgraph.flows.witness import Patience, with_paths
from secgraph.j1ql import parse
from secgraph.j1ql.holes.placeholders import NO_VALUES, Placeholders
from secgraph.j1ql.server.parameters import NONE, Parameters
from secgraph.rules.effects import Effect, Tagging
from secgraph.rules.operation import Outcome, act
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

    def __call__(self, text: str, *, include_deleted: bool, placeholders: Placeholders = NO_VALUES) -> Answer:
        """Give all rows with row metadata (j1ql.md section 12). Raises QueryError or StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of one rule: evaluated, failed, unsupported or overtaken.

    `transition` is what happened to the alert or to groups of it, told or not; `groups` counts those that are
    open; `notes` name actions that do not run.
    """

    rule: str
    pack: str
    outcome: str
    active: bool = False
    level: str = ""
    total: int = 0
    new: int = 0
    groups: int = 0
    transition: str = ""
    error: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What one run did. `told` are the ids of what it put into the outbox. `postponed` are due rules for
    which no time was left; `faults` concern no rule; `retired` are rules evaluated no more whose alerts were
    closed. `taggings` are by rule."""

    results: tuple[RuleResult, ...]
    told: tuple[str, ...]
    not_due: tuple[str, ...]
    postponed: tuple[str, ...]
    quiet: bool
    faults: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    taggings: Mapping[str, Sequence[Tagging]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        """Give the rules that this version can evaluate and that failed, or an action of which did."""
        return tuple(each for each in self.results if each.outcome != UNSUPPORTED and each.error)

    def as_json(self) -> dict[str, object]:
        """Give the report as plain JSON values."""
        return {
            "rules": [
                {name: getattr(result, name) for name in RuleResult.__slots__} | {"notes": list(result.notes)}
                for result in self.results
            ],
            "told": list(self.told),
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
    channels: Sequence[str],
    now: int,
    run: str,
    intervals: Mapping[str, Interval] = NO_OVERRIDE,
    due_only: bool = True,
    only_on_change: bool = False,
    known: Collection[str] | None = None,
    parameters: Parameters = NONE,
    web_link: Callable[[str], str] = lambda _: "",
    stop: Callable[[], bool] = lambda: False,
) -> EvaluationReport:
    """Evaluate the rules that are due, and put into the outbox what is to be told and done for it.

    `channels` are the names of those that get every notification. `run` names this run and no other.
    `intervals` override how often rules are evaluated, by pack name or `*` for all packs; a DISABLED rule
    stays so. `only_on_change` is for a run that a change of the graph started: it evaluates the rules that
    ask for it, and ends no quiet start. `known` names all rules there are, usable or not, where `rules`
    are the whole of the packs: the alerts of others are closed. `parameters` are those of templates, and
    `web_link` gives the address of a rule's alert. `stop` is asked before each query: once it says True the
    rules not begun wait for the next run, and the one in hand fails. Raises StoreError only when the alerts
    cannot be read at all.
    """
    ledger = Ledger(store, channels, now, run, {rule.name: rule for rule in rules}, web_link)
    ledger.open()
    asked = _Asked(ask, parameters, web_link, stop)
    turn = _Turn(ledger, intervals, due_only=due_only, only_on_change=only_on_change)
    due = [rule for rule in rules if turn.has(rule)]
    results: list[RuleResult] = []
    postponed: list[str] = []
    taggings: dict[str, Sequence[Tagging]] = {}
    for rule in sorted(due, key=lambda rule: _waiting_since(ledger, rule)):
        if postponed or stop():
            postponed.append(rule.name)
        else:
            results.append(_evaluate(rule, asked, ledger, taggings))
    retired: list[str] = []
    if not only_on_change:  # the first flood comes in many changes: its summary waits for the schedule
        retired = retire(ledger, rules, known)
        ledger.summarise()
    names = {rule.name for rule in due}
    return EvaluationReport(
        results=tuple(results),
        told=tuple(ledger.told),
        not_due=tuple(rule.name for rule in rules if rule.name not in names),
        postponed=tuple(postponed),
        quiet=ledger.deployment.quiet,
        faults=tuple(ledger.faults),
        retired=tuple(retired),
        taggings=MappingProxyType(taggings),
    )


def alerts(store: AlertStore) -> list[Alert]:
    """Give every alert that the store keeps: the open ones first, then by level and name. Rules that only
    have effects have none."""
    held = [load_alert(item.body) for item in store.read_all(ALERT).values()]
    listed = [each for each in held if each.state.listed]
    return sorted(listed, key=lambda each: (not each.state.active, -each.state.level, each.state.rule))


# ── which rules, and in which order ───────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Turn:
    """Whose turn it is in a run."""

    ledger: Ledger
    intervals: Mapping[str, Interval]
    due_only: bool
    only_on_change: bool

    def has(self, rule: Rule) -> bool:
        """Tell whether a rule is to be evaluated now."""
        interval = self._interval(rule)
        if interval is Interval.DISABLED:
            return False
        state = self.ledger.state(rule.name)
        if self.only_on_change:
            return rule.evaluate_on_change
        return not self.due_only or state is None or self._due(state, interval)

    def _interval(self, rule: Rule) -> Interval:
        if rule.interval is Interval.DISABLED:
            return rule.interval
        return self.intervals.get(rule.pack) or self.intervals.get("*") or rule.interval

    def _due(self, state: AlertState, interval: Interval) -> bool:
        """Tell whether a rule's time has come. One that failed is tried again at each run."""
        if state.evaluated_on is None or state.failure is not None:
            return True
        if not self.ledger.deployment.quiet and quiet.uncovered(self.ledger.deployment, state):
            return True
        elapsed = self.ledger.now - state.evaluated_on
        return elapsed < 0 or elapsed >= interval.value * 60_000 - SLACK


def _waiting_since(ledger: Ledger, rule: Rule) -> tuple[bool, int]:
    """Order rules: those that waited longest first, so that none starves; failing ones last."""
    state = ledger.state(rule.name)
    if state is None:
        return False, 0
    return state.failure is not None, state.evaluated_on or 0


# ── one rule ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a rule asks and acts, and how much longer this run may look for paths."""

    ask: Ask
    parameters: Parameters
    web_link: Callable[[str], str]
    stop: Callable[[], bool]
    patience: Patience = field(default_factory=Patience)

    def __call__(self, rule: Rule) -> tuple[Evaluation, Outcome]:
        """Run the queries of a rule, and its operations on what they give."""
        bound: dict[str, Mapping[str, object]] = {}
        rows: list[Row] = []
        total, whole = 0, True
        for each in rule.queries:
            if bound:
                self._in_time(each.name)
            query = parse(each.text)
            wanted = rows_wanted(query)
            text = each.text if wanted is query else str(wanted)
            answer = self.ask(text, include_deleted=each.include_deleted)
            bound[each.name] = {
                "total": answer.total,
                "data": list(answer.rows),
                "query": each.text,
                "durationMs": answer.duration_ms,
            }
            rows += rows_of(answer, wanted, each.name)
            total += answer.total
            whole = whole and len(answer.rows) >= answer.total
        link = self.web_link(rule.name)
        outcome = act(rule, bound, parameters=self.parameters, ask=self._by_action, web_link=link)
        return _evaluation(rule, outcome, rows, total, whole=whole), outcome

    def _by_action(self, text: str, placeholders: Placeholders) -> Answer:
        self._in_time("a query of an action")
        return self.ask(text, include_deleted=False, placeholders=placeholders)

    def _in_time(self, what: str) -> None:
        """Raises PackError once there is no time: a failure, so that the next run takes this rule last. A run
        that it killed would begin with it."""
        if self.stop():
            raise PackError(f"no time was left for {what} and what follows it; split the rule")


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
    )


def _evaluate(
    rule: Rule, asked: _Asked, ledger: Ledger, taggings: dict[str, Sequence[Tagging]]
) -> RuleResult:
    """Evaluate one rule. Whatever it meets, also a defect, is its own failure, kept with it and reported."""
    if rule.blocked:
        return _result(rule, UNSUPPORTED, "; ".join(rule.blocked))
    if rule.name in ledger.unreadable:
        return _result(rule, FAILED, ledger.unreadable[rule.name])
    try:
        evaluation, outcome = asked(rule)
    except Exception as error:
        if isinstance(error, QueryError) and error.code == "UNSUPPORTED":
            return _result(rule, UNSUPPORTED, _said(error))
        return _fail(rule, _said(error), ledger)
    if outcome.taggings:
        taggings[rule.name] = outcome.taggings
    try:
        return _advance(rule, evaluation, outcome, ledger, asked)
    except Exception as error:
        return _result(rule, FAILED, _said(error))


def _advance(
    rule: Rule, evaluation: Evaluation, outcome: Outcome, ledger: Ledger, asked: _Asked
) -> RuleResult:
    before = ledger.state(rule.name)
    after, happened = advance(before, evaluation, ledger.now, ledger.decided(rule.name))
    after = acted(after, rule, outcome.effects)
    heard: Happened = ()
    wanted: Sequence[Effect] = ()
    if ledger.deployment.quiet:
        after = quiet.hushed(before, after, happened)
    else:
        after, told = quiet.voiced(ledger.deployment, before, after, happened, ledger.now)
        heard = ledger.heard(after, told)
        after, heard = with_paths(rule.queries, evaluation.rows, after, heard, asked.ask, asked.patience)
        if not ledger.is_dismissed(after):
            wanted = due_effects(rule, before, after, heard, outcome.effects)
    if not ledger.write(after, heard, wanted):
        return _result(rule, OVERTAKEN)
    return RuleResult(
        rule=rule.name,
        pack=rule.pack,
        outcome=EVALUATED,
        active=after.active,
        level=after.level.name,
        total=evaluation.total,
        new=after.new_count,
        groups=after.groups.total,
        transition=", ".join(dict.fromkeys(each.event.value for each in happened)),
        error="; ".join(outcome.errors),
        notes=rule.left_out,
    )


def _fail(rule: Rule, error: str, ledger: Ledger) -> RuleResult:
    """Keep a failure with its rule, and tell of it where the rule asks for that."""
    state = fail(ledger.state(rule.name), rule.name, error, ledger.now)
    told: Happened = ()
    if rule.notify_on_failure and not ledger.deployment.quiet:
        state, told = failed(quiet.acknowledged(ledger.deployment, state), ledger.now)
    result = _result(rule, FAILED, error)
    try:
        written = ledger.write(state, told)
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

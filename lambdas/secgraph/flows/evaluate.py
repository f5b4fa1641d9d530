"""EVALUATE: due rules → alerts → outbox. One rule's failure never stops the others.

Rule ─ask→ Answer ─rows_of, act→ Evaluation + Effect… ─advance→ AlertState + Transition… ─ledger→ Record…
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from secgraph.alerts import quiet
from secgraph.alerts.acting import acted, due_effects
from secgraph.alerts.lifecycle import Happened, actions_failed, advance, fail, failed
from secgraph.alerts.ports import AlertStore
from secgraph.alerts.state import Evaluation
from secgraph.errors import QueryError, SecgraphError
from secgraph.flows.asked import Ask, Asked
from secgraph.flows.evaluated import EVALUATED, FAILED, OVERTAKEN, UNSUPPORTED, EvaluationReport, RuleResult
from secgraph.flows.ledger import Ledger, Settling
from secgraph.flows.retire import DISABLED, retire
from secgraph.flows.turn import Turn, in_turn
from secgraph.flows.witness import with_paths
from secgraph.j1ql.server.parameters import NONE, Parameters
from secgraph.rules.effects import Effect, Tagging
from secgraph.rules.operation import Outcome
from secgraph.rules.rule import Interval, Rule

NO_OVERRIDE: Final[Mapping[str, Interval]] = MappingProxyType({})


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
    settling: Settling | None = None,
    refresh: Callable[[], object] = lambda: None,
) -> EvaluationReport:
    """Evaluate the rules that are due, and put into the outbox what is to be told and done for it.

    `channels` are the names of those that get every notification. `run` names this run and no other.
    `intervals` override how often rules are evaluated, by pack name or `*` for all packs; a DISABLED rule
    stays so. `only_on_change` is for a run that a change of the graph started: it evaluates the rules that
    ask for it, and ends no quiet start. `known` names all rules there are, usable or not, where `rules`
    are the whole of the packs: the alerts of others are closed. `parameters` are those of templates, and
    `web_link` gives the address of a rule's alert. `stop` is asked before each query: once it says True the
    rules not begun wait for the next run, and the one in hand fails.

    While a deployment is quiet and `settling`, no summary is made. The first run afterwards evaluates every
    rule, so that one summary tells of all that was loaded, and ends the quiet start also if nothing is open.
    None: nobody knows, and the first run that finds something ends it. `refresh` brings what `ask` asks up to
    date once the alerts are read: who was overtaken by a run with a newer graph has read older alerts then,
    and writes none. Raises StoreError only when the alerts cannot be read at all, and what these two raise.
    """
    ledger = Ledger(store, channels, now, run, {rule.name: rule for rule in rules}, web_link)
    ledger.open()
    refresh()
    # The first flood comes in many changes: its summary waits for the schedule.
    waits = settling is not None and not only_on_change and ledger.waits(settling)
    settled = settling is not None and not only_on_change and ledger.deployment.quiet and not waits
    asked = Asked(ask, parameters, web_link, stop)
    turn = Turn(ledger, intervals, due_only=due_only and not settled, only_on_change=only_on_change)
    due = [rule for rule in rules if turn.has(rule)]
    results: list[RuleResult] = []
    postponed: list[str] = []
    taggings: dict[str, Sequence[Tagging]] = {}
    for rule in in_turn(ledger, due):
        if postponed or stop():
            postponed.append(rule.name)
        else:
            results.append(_evaluate(rule, asked, ledger, taggings))
    retired: list[str] = []
    if not only_on_change:
        retired = retire(ledger, {rule.name: _unwatched(rule, turn) for rule in rules}, known)
        if not waits:
            ledger.summarise(settled=settled)
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


def _unwatched(rule: Rule, turn: Turn) -> str:
    """Say why nobody evaluates a rule; empty if somebody does."""
    if turn.interval(rule) is Interval.DISABLED:
        return DISABLED
    return f"The rule cannot be run: {'; '.join(rule.blocked)}" if rule.blocked else ""


# ── one rule ──────────────────────────────────────────────────────────────────────────────────────────


def _evaluate(rule: Rule, asked: Asked, ledger: Ledger, taggings: dict[str, Sequence[Tagging]]) -> RuleResult:
    """Evaluate one rule. Whatever it meets, also a defect, is its own failure, kept with it and reported."""
    if rule.blocked:
        return _result(rule, UNSUPPORTED, "; ".join(rule.blocked))
    if rule.name in ledger.unreadable:
        return _result(rule, FAILED, ledger.unreadable[rule.name])
    try:
        state = ledger.state(rule.name)
        evaluation, outcome = asked(rule, state.seen) if state else asked(rule)
    except Exception as error:
        known = ledger.state(rule.name)
        unsupported = isinstance(error, QueryError) and error.code == "UNSUPPORTED"
        if unsupported and not (known and known.active):  # an open alert would look watched
            return _result(rule, UNSUPPORTED, _said(error))
        return _fail(rule, _said(error), ledger)
    if outcome.taggings:
        taggings[rule.name] = outcome.taggings
    try:
        return _advance(rule, evaluation, outcome, ledger, asked)
    except Exception as error:
        return _result(rule, FAILED, _said(error))


def _advance(
    rule: Rule, evaluation: Evaluation, outcome: Outcome, ledger: Ledger, asked: Asked
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
        heard = ledger.heard(after, told) or ledger.lapsed(before, after)
        after, heard = with_paths(rule.queries, evaluation.rows, after, heard, asked.ask, asked.patience)
        if not ledger.is_dismissed(after):
            wanted = due_effects(rule, before, after, heard, outcome.effects)
            if rule.notify_on_failure:  # after the effects were chosen: it is no reason to send any
                after, failing = actions_failed(after, ledger.now)
                heard += failing
    if not ledger.write(after, heard, wanted):
        return _result(rule, OVERTAKEN)
    return RuleResult(
        rule=rule.name,
        pack=rule.pack,
        outcome=EVALUATED,
        active=after.active and after.listed,
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

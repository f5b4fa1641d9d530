"""Whose turn it is: rules and what is kept of them in, those that a run evaluates out, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from secgraph.alerts import quiet
from secgraph.alerts.state import AlertState
from secgraph.flows.ledger import Ledger
from secgraph.rules.rule import Interval, Rule

SLACK: Final = 5 * 60_000
"""Milliseconds by which a rule may be early: ticks come a little sooner or later than the schedule says."""


@dataclass(slots=True)
class Turn:
    """Whose turn it is in a run."""

    ledger: Ledger
    intervals: Mapping[str, Interval]
    due_only: bool
    only_on_change: bool

    def has(self, rule: Rule) -> bool:
        """Tell whether a rule is to be evaluated now."""
        interval = self.interval(rule)
        if interval is Interval.DISABLED:
            return False
        state = self.ledger.state(rule.name)
        if self.only_on_change:
            return rule.evaluate_on_change
        return not self.due_only or state is None or self._due(state, interval)

    def interval(self, rule: Rule) -> Interval:
        """Give how often a rule is evaluated. One on change with each tick, whatever is set for its pack:
        nothing else would make up for a change of which nobody heard."""
        set_ = self.intervals.get(rule.pack) or self.intervals.get("*") or rule.interval
        if Interval.DISABLED in (rule.interval, set_):
            return Interval.DISABLED
        return Interval.FIFTEEN_MINUTES if rule.evaluate_on_change else set_

    def _due(self, state: AlertState, interval: Interval) -> bool:
        """Tell whether a rule's time has come. One that failed is tried again at each run."""
        if state.evaluated_on is None or state.failure is not None:
            return True
        if not self.ledger.deployment.quiet and quiet.uncovered(self.ledger.deployment, state):
            return True
        elapsed = self.ledger.now - state.evaluated_on
        return elapsed < 0 or elapsed >= interval.value * 60_000 - SLACK


def in_turn(ledger: Ledger, due: Sequence[Rule]) -> list[Rule]:
    """Order rules: those that waited longest first, so that none starves; failing ones last.

    Where one has waited far too long, something kills the runs before they come to it, perhaps the rule that
    each of them begins with, of which nothing is ever written. Then they go by lot, another one each time.
    """
    starved = any(
        state is not None and ledger.now - (state.tried_on or 0) > _far_too_long(rule)
        for rule in due
        if (state := ledger.state(rule.name))
    )
    if starved:
        return sorted(due, key=lambda rule: sha256(f"{ledger.now}/{rule.name}".encode()).digest())
    return sorted(due, key=lambda rule: _waiting_since(ledger, rule))


def _far_too_long(rule: Rule) -> int:
    return 4 * max(rule.interval.value, Interval.FIFTEEN_MINUTES.value) * 60_000


def _waiting_since(ledger: Ledger, rule: Rule) -> tuple[bool, int]:
    state = ledger.state(rule.name)
    if state is None:
        return False, 0
    return state.failure is not None, state.tried_on or 0

"""Whose turn it is: rules and what is kept of them in, those that a run evaluates out, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


def waiting_since(ledger: Ledger, rule: Rule) -> tuple[bool, int]:
    """Order rules: those that waited longest first, so that none starves; failing ones last."""
    state = ledger.state(rule.name)
    if state is None:
        return False, 0
    return state.failure is not None, state.evaluated_on or 0

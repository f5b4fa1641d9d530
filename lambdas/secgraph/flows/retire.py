"""Alerts of rules that nobody evaluates any more (disabled, not to be run, gone) → closed, and told so.

Without this such an alert would stay open for ever, and look watched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from secgraph.alerts import quiet
from secgraph.alerts.lifecycle import retired, retirement
from secgraph.alerts.state import AlertState
from secgraph.errors import StoreError
from secgraph.flows.ledger import Ledger

DISABLED: Final = "The rule is disabled."
GONE: Final = "No pack of this deployment holds the rule any more."


def retire(ledger: Ledger, unwatched: Mapping[str, str], known: Collection[str] | None) -> list[str]:
    """Close what is open of rules that nobody evaluates, and of those that are not `known`; give their names.

    `unwatched` says why by the rule's name; "" for one that is evaluated. `known` are the names of all rules
    there are, also of those that cannot be used; None if that is not known, and then none counts as gone.
    """
    closed = []
    for name, (_, alert) in list(ledger.alerts.items()):
        gone = known is not None and name not in known
        state = alert.state
        kept = state.active or state.failure or state.action_failure
        reason = GONE if gone else unwatched.get(name, "")
        if reason and kept:
            try:
                if _close(ledger, state, reason):
                    closed.append(name)
            except StoreError as error:
                ledger.faults.append(str(error))
    return closed


def _close(ledger: Ledger, before: AlertState, reason: str) -> bool:
    after, happened = retired(before, reason, ledger.now)
    if ledger.deployment.quiet:
        return ledger.write(quiet.hushed(before, after, happened))
    after, told = quiet.voiced(ledger.deployment, before, after, happened, ledger.now)
    told = tuple(retirement(before, after, reason, ledger.now) for _ in told)
    return ledger.write(after, ledger.heard(after, told))

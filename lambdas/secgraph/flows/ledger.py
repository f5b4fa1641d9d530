"""The alerts as one run sees them: read once, written on the condition that nobody was faster, told about.

State and message are written in one conditional put; then the message is published; then marked sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

from secgraph.alerts import quiet
from secgraph.alerts.lifecycle import AlertState
from secgraph.alerts.message import compose_summary
from secgraph.alerts.outbox import PENDING_KEPT, Pending, queue
from secgraph.alerts.ports import AlertStore, Message, Notifier, Stored
from secgraph.alerts.quiet import Deployment
from secgraph.alerts.stored import (
    ALERT,
    DEPLOYMENT,
    Alert,
    alert_id,
    dump_alert,
    dump_deployment,
    load_alert,
    load_deployment,
)
from secgraph.errors import StoreError
from secgraph.flows.notify import Delivery, claim_alert, send_alert, send_summary
from secgraph.rules.rule import Rule


@dataclass(slots=True)
class Ledger:
    """`run` names this run and no other. `alerts` holds (rev, alert) by rule; `unreadable` says why an
    alert is left alone. `faults` are failures of the store that concern no rule of this run."""

    store: AlertStore
    notifier: Notifier
    now: int
    run: str
    alerts: dict[str, tuple[int, Alert]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    deployment: Deployment = field(default_factory=Deployment)
    deployment_rev: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def open(self) -> None:
        """Read everything. Raises StoreError if that fails; a single alert that does is left alone."""
        for id_, item in self.store.read_all().items():
            if id_ == DEPLOYMENT:
                self.deployment, self.deployment_rev = load_deployment(item.body), item.rev
            elif id_.startswith(ALERT):
                try:
                    self.alerts[id_.removeprefix(ALERT)] = (item.rev, load_alert(item.body))
                except StoreError as error:
                    self.unreadable[id_.removeprefix(ALERT)] = str(error)

    def state(self, rule: str) -> AlertState | None:
        """Give the state of a rule's alert."""
        return self.alerts[rule][1].state if rule in self.alerts else None

    def write(self, state: AlertState, message: Message | None) -> bool:
        """Write state and message together, then send the message. False if another run was faster."""
        rule = state.rule
        rev, held = self.alerts.get(rule, (0, Alert(state)))
        alert = replace(held, state=state)
        if message is not None:
            alert = replace(
                alert,
                pending=queue(held.pending, message, self.run, self.now),
                dropped=held.dropped + (len(held.pending) == PENDING_KEPT),
            )
        written = self.store.put(Stored(alert_id(rule), rev + 1, dump_alert(alert)))
        self.alerts[rule] = (rev + 1, alert)
        if not written:
            self._look_again(rule)
        elif message is not None:
            self._deliver(rule, alert)
        return written

    def send_pending(self) -> None:
        """Send what earlier runs could not, or did not live to, send."""
        pending = self.deployment.pending
        if pending is not None and pending.free(self.now):
            self._guarded(partial(self._send_summary, pending))
        for rule in list(self.alerts):
            self._guarded(partial(self._resend, rule))

    def summarise(self, rules: Mapping[str, Rule]) -> None:
        """End the quiet start with one summary, once something is open. `rules` are by name.

        A summary that the channel refused before is written anew: it always tells what is open now.
        """
        states = [alert.state for _, alert in self.alerts.values()]
        open_ = [state for state in states if state.active]
        pending = self.deployment.pending
        if not self.deployment.quiet or (not open_ and pending is None):
            return
        if pending is not None and not pending.free(self.now):
            return  # Another run is sending it, or died at it; its claim ends by itself.
        failing = sum(state.failure is not None for state in states)
        message = compose_summary(open_, failing, self.now, rules)
        self.deployment = replace(self.deployment, covered=MappingProxyType(quiet.covering(open_)))
        made = Pending(message, self.now) if pending is None else replace(pending, message=message)
        self._guarded(partial(self._send_summary, made))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StoreError as error:
            self.faults.append(str(error))

    def _resend(self, rule: str) -> None:
        rev, alert = self.alerts[rule]
        claimed = claim_alert(self.store, alert, rev, self.run, self.now)
        if claimed is not None:
            self._deliver(rule, claimed)

    def _deliver(self, rule: str, alert: Alert) -> None:
        """Send what this run has claimed of an alert, and look at the alert again: settling changed it."""
        for delivery in send_alert(self.store, self.notifier, alert, self.run):
            self.deliveries.append(delivery)
        self._look_again(rule)

    def _look_again(self, rule: str) -> None:
        item = self.store.read(alert_id(rule))
        if item is None:
            self.alerts.pop(rule, None)
        else:
            self.alerts[rule] = (item.rev, load_alert(item.body))

    def _send_summary(self, pending: Pending) -> None:
        claimed = replace(self.deployment, pending=pending.claimed(self.run, self.now))
        if not self.store.put(Stored(DEPLOYMENT, self.deployment_rev + 1, dump_deployment(claimed))):
            return  # Another run is sending it.
        self.deliveries += send_summary(self.store, self.notifier, claimed, self.run, self.now)
        item = self.store.read(DEPLOYMENT)
        if item is not None:
            self.deployment, self.deployment_rev = load_deployment(item.body), item.rev

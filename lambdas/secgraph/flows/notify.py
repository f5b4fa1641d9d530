"""NOTIFY: pending messages → people. Claim, publish, settle; what a crash left behind is sent again.

Alert (pending, claimed by this run) ─publish→ channel ─settle→ Alert (without it, or with the refusal)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from secgraph.alerts.outbox import Pending, without
from secgraph.alerts.ports import AlertStore, Notifier, Stored
from secgraph.alerts.quiet import Deployment
from secgraph.alerts.stored import (
    DEPLOYMENT,
    Alert,
    alert_id,
    dump_alert,
    dump_deployment,
    load_alert,
    load_deployment,
)
from secgraph.errors import ChannelError, StoreUnavailable

SETTLE_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message; `error` is empty if the channel took it."""

    message: str
    subject: str
    error: str = ""


def claim_alert(store: AlertStore, alert: Alert, rev: int, run: str, now: int) -> Alert | None:
    """Claim the free messages of an alert stored at `rev`. None if none is free or another run was faster."""
    if not any(each.free(now) for each in alert.pending):
        return None
    pending = tuple(each.claimed(run, now) if each.free(now) else each for each in alert.pending)
    claimed = replace(alert, pending=pending)
    item = Stored(alert_id(alert.state.rule), rev + 1, dump_alert(claimed))
    return claimed if store.put(item) else None


def send_alert(store: AlertStore, notifier: Notifier, alert: Alert, run: str) -> Iterator[Delivery]:
    """Send the messages of an alert that this run has claimed, oldest first, and settle each."""
    for pending in alert.pending:
        if pending.claimed_by != run:
            continue
        error = _publish(notifier, pending)
        _settle_alert(store, alert.state.rule, pending, error)
        yield Delivery(pending.message.id, pending.message.subject, error)


def send_summary(
    store: AlertStore, notifier: Notifier, deployment: Deployment, run: str, now: int
) -> list[Delivery]:
    """Send the first summary if this run has claimed it; taken by the channel, it ends the quiet start."""
    pending = deployment.pending
    if pending is None or pending.claimed_by != run:
        return []
    error = _publish(notifier, pending)
    _settle_summary(store, pending, error, now)
    return [Delivery(pending.message.id, pending.message.subject, error)]


def _publish(notifier: Notifier, pending: Pending) -> str:
    """Publish one message; give what the channel said against it."""
    try:
        notifier.publish(pending.message)
    except ChannelError as error:
        return str(error)
    return ""


def _settle_alert(store: AlertStore, rule: str, sent: Pending, error: str) -> None:
    def settled(body: str) -> str:
        alert = load_alert(body)
        if not error:
            return dump_alert(replace(alert, pending=without(alert.pending, sent.message.id)))
        pending = tuple(
            each.refused(error) if each.message.id == sent.message.id else each for each in alert.pending
        )
        return dump_alert(replace(alert, pending=pending))

    _change(store, alert_id(rule), settled)


def _settle_summary(store: AlertStore, sent: Pending, error: str, now: int) -> None:
    def settled(body: str) -> str:
        deployment = load_deployment(body)
        if not error:
            return dump_deployment(replace(deployment, told_on=deployment.told_on or now, pending=None))
        return dump_deployment(replace(deployment, pending=sent.refused(error)))

    _change(store, DEPLOYMENT, settled)


def _change(store: AlertStore, id_: str, change: Callable[[str], str]) -> None:
    """Read, change and write an item until no other run is faster."""
    for _ in range(SETTLE_ATTEMPTS):
        held = store.read(id_)
        if held is None:
            return  # Somebody deleted the alert meanwhile: nothing is left to settle.
        body = change(held.body)
        if body == held.body or store.put(Stored(id_, held.rev + 1, body)):
            return
    raise StoreUnavailable(f"{id_}: other runs kept changing it; the next run settles it")

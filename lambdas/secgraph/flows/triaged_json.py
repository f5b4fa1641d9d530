"""Alerts under triage → plain JSON values, the same on the command line and of the function. Moments are ISO
texts, groups and rows bear their keys as 16 hexadecimal digits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from secgraph.alerts.decisions import Dismissal, Withdrawal
from secgraph.alerts.digest import Digest
from secgraph.alerts.groups import WHOLE, Group
from secgraph.alerts.outbox import Record as Waiting
from secgraph.alerts.state import Record
from secgraph.flows.triage import Listing, Triaged
from secgraph.flows.undelivered import Undelivered
from secgraph.j1ql.moments import iso

Json = dict[str, Any]


def listing_json(listing: Listing) -> Json:
    """Give the alerts, each in short."""
    found: Json = {"alerts": [summary_json(each) for each in listing.alerts]}
    return found | ({"problems": list(listing.problems)} if listing.problems else {})


def summary_json(alert: Triaged) -> Json:
    """Give an alert in short."""
    state = alert.state
    return {
        "rule": state.rule,
        "status": alert.status,
        "level": state.level.name,
        "total": state.total,
        "groups": state.groups.total,
        "openedOn": _moment(state.opened_on),
        "changedOn": _moment(state.changed_on),
        "resolvedOn": _moment(state.resolved_on),
        "evaluatedOn": _moment(state.evaluated_on),
        "rows": [row.title for row in state.rows[:5]],
        **({"failure": state.failure.error} if state.failure else {}),
        **({"actionFailure": state.action_failure.error} if state.action_failure else {}),
    }


def alert_json(alert: Triaged) -> Json:
    """Give all that is kept of an alert."""
    state = alert.state
    return summary_json(alert) | {
        "new": state.new_count,
        "gone": state.gone_count,
        "groups": [_group(each, alert) for each in state.kept],
        "groupsInAll": state.groups.total,
        "rows": [_row(each) for each in state.rows],
        "goneRows": [_row(each) for each in state.gone],
        "dismissals": [_dismissal(each, alert) for each in alert.decisions.made],
        "history": [_record(each) for each in state.history],
        "undelivered": [
            *(_message(each, given_up=False) for each in alert.waiting),
            *(_message(each, given_up=True) for each in alert.given_up),
        ],
    }


def undelivered_json(found: Undelivered) -> Json:
    """Give what was not delivered."""
    told: Json = {
        "undelivered": [
            *({"rule": each.rule, **_message(each, given_up=False)} for each in found.waiting),
            *({"rule": each.rule, **_message(each, given_up=True)} for each in found.given_up),
        ]
    }
    return told | ({"problems": list(found.problems)} if found.problems else {})


def _group(group: Group, alert: Triaged) -> Json:
    return {
        "group": _key(group.key),
        "label": group.label,
        "rows": group.total,
        "openedOn": _moment(group.opened_on),
        "joinedOn": _moment(group.joined_on),
        "dismissed": alert.dismissal(group) is not None,
    }


def _row(row: Digest) -> Json:
    held = {name: value for name, value in asdict(row).items() if value not in ("", None)}
    moments = {name: _moment(held[name]) for name in ("since", "found") if name in held}
    return held | moments | {"hash": _key(row.hash)}


def _dismissal(dismissal: Dismissal, alert: Triaged) -> Json:
    back = dismissal.withdrawn
    return {
        "group": "" if dismissal.group == WHOLE else _key(dismissal.group),
        "label": dismissal.label,
        "reason": dismissal.reason,
        "author": dismissal.author,
        "request": dismissal.request,
        "on": _moment(dismissal.on),
        "until": _moment(dismissal.until),
        "inForce": alert.state.active and alert.holds(dismissal),
        "withdrawn": None if back is None else _withdrawal(back),
    }


def _withdrawal(back: Withdrawal) -> Json:
    return asdict(back) | {"on": _moment(back.on)}


def _record(record: Record) -> Json:
    held: Json = {name: getattr(record, name) for name in Record.__slots__}
    moments: Json = {"on": _moment(record.on), "until": _moment(record.until)}
    return {**held, **moments, "level": record.level.name, "outputs": dict(record.outputs)}


def _message(record: Waiting, *, given_up: bool) -> Json:
    return {
        "id": record.id,
        "channel": record.channel,
        "madeOn": _moment(record.made_on),
        "dueOn": None if given_up else _moment(record.due_on),
        "attempts": record.attempts,
        "error": record.error,
        "givenUp": given_up,
    }


def _key(key: int) -> str:
    return f"{key:016x}"


def _moment(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)

"""Version 1 of the stored alert, which held its unsent messages as texts. In: its JSON values. Out: the parts
that version 2 has instead.

Such an alert is one group until its next evaluation. A message keeps its id, its claim and what it was about;
its rows are those that the alert has now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from secgraph.alerts.digest import Digest
from secgraph.alerts.groups import ROWS_OF_GROUP, WHOLE, By, Group
from secgraph.alerts.notification import Event, Notification
from secgraph.alerts.outbox import Record
from secgraph.alerts.ports import Outgoing
from secgraph.alerts.quiet import Deployment
from secgraph.alerts.rowset import RowSet
from secgraph.alerts.state import AlertState
from secgraph.rules.rule import Level

CHANNEL: Final = "topic"
"""The only channel that there was."""
OVER: Final = (Event.RESOLVED, Event.RETIRED)


def groups_of(held: Mapping[str, Any], rows: Sequence[Digest]) -> dict[str, Any]:
    """Give the fields of the state that are new or were stored otherwise."""
    seen = RowSet.read(held["hashes"], int(held["window"]), held["total"])
    joined_on = max((each.since for each in rows), default=held["openedOn"])
    found: dict[str, Any] = {"seen": seen, "joined_on": joined_on, "by": By.RULE}
    if not held["active"]:
        return found
    opened_on = held["openedOn"] or 0
    shown = tuple(each.hash for each in rows[:ROWS_OF_GROUP])
    group = Group(WHOLE, "", opened_on, joined_on or opened_on, seen.total, shown)
    return found | {"groups": RowSet.of([WHOLE], 1), "kept": (group,)}


def waiting_of(state: AlertState, pending: Sequence[Mapping[str, Any]]) -> tuple[Record, ...]:
    """Give the records of the messages that wait."""
    return tuple(
        Record(
            rule=state.rule,
            channel=CHANNEL,
            thing=Outgoing(f"{each['message']['id']}#{CHANNEL}", notification=_told(state, each)),
            made_on=each["made_on"],
            due_on=each["made_on"],
            attempts=each["attempts"],
            claimed_by=each["claimed_by"],
            claimed_until=each["claimed_until"],
            error=each["error"],
        )
        for each in pending
    )


def _told(state: AlertState, pending: Mapping[str, Any]) -> Notification:
    message = pending["message"]
    said = message["attributes"]
    event, level = Event[said["transition"].upper()], Level[said["severity"]]
    over = event in OVER
    made_on = pending["made_on"]
    failure = state.failure.error if event is Event.FAILED and state.failure else ""
    return Notification(
        id=message["id"],
        thread=state.rule,
        event=event,
        level=level,
        earlier=level,
        rule=state.rule,
        pack="",
        description="",
        remediation="",
        queries=(),
        on=made_on,
        opened_on=made_on if state.opened_on is None else state.opened_on,
        total=state.gone_count if over else state.total,
        counted=state.gone_count if over else state.total,
        rows=(state.gone if over else state.rows)[:ROWS_OF_GROUP],
        note=failure or ("The rule is evaluated no more." if event is Event.RETIRED else ""),
    )


def deployment_of(raw: Mapping[str, Any]) -> Deployment:
    """Give the deployment. A summary that was tried and is not known to be sent is made anew, once whoever
    may be sending it is done or dead."""
    pending = raw["pending"]
    return Deployment(
        told_on=raw["toldOn"],
        covered=MappingProxyType(raw["covered"]),
        tried=pending is not None,
        busy_until=0 if pending is None else pending["claimed_until"],
    )

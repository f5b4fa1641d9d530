"""The stored form of an alert and of the deployment: values to JSON text and back.

`version` is in every text. Version 1 held unsent messages with the alert; they are read as outbox records, to
be written beside it when the alert is written in this version. The largest possible alert stays below
DynamoDB's 400 KB an item: every part of it is bounded where it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Final

from secgraph.alerts.digest import Digest
from secgraph.alerts.first_version import deployment_of, groups_of, waiting_of
from secgraph.alerts.groups import By, Group
from secgraph.alerts.outbox import Record as Waiting
from secgraph.alerts.quiet import Deployment
from secgraph.alerts.rowset import RowSet
from secgraph.alerts.state import AlertState, Failure, Record
from secgraph.alerts.versioned import dump, load
from secgraph.rules.rule import Level

VERSION: Final = 2
READ: Final = (1, VERSION)
ALERT: Final = "alert/"
DEPLOYMENT: Final = "deployment"


@dataclass(frozen=True, slots=True)
class Alert:
    """What the store keeps of a rule. `waiting` are the messages that an alert of version 1 held: who writes
    the alert writes them beside it."""

    state: AlertState
    waiting: tuple[Waiting, ...] = ()


def alert_id(rule: str) -> str:
    """Name the item of a rule's alert."""
    return f"{ALERT}{rule}"


def dump_alert(alert: Alert) -> str:
    """Write an alert; what is waiting has items of its own."""
    return dump({"state": _state(alert.state)}, VERSION)


def load_alert(text: str) -> Alert:
    """Read an alert. Raises StoreError."""
    return load(text, _alert, READ)


def dump_deployment(deployment: Deployment) -> str:
    """Write the deployment's state."""
    return dump(
        {
            "toldOn": deployment.told_on,
            "covered": dict(deployment.covered),
            "tried": deployment.tried,
            "busyUntil": deployment.busy_until,
            "beganOn": deployment.began_on,
        },
        VERSION,
    )


def load_deployment(text: str) -> Deployment:
    """Read the deployment's state. Raises StoreError."""
    return load(text, _deployment, READ)


# ── parts ─────────────────────────────────────────────────────────────────────────────────────────────


def _state(state: AlertState) -> dict[str, object]:
    return {
        "rule": state.rule,
        "active": state.active,
        "level": state.level.name,
        "seq": state.seq,
        "openedOn": state.opened_on,
        "changedOn": state.changed_on,
        "resolvedOn": state.resolved_on,
        "evaluatedOn": state.evaluated_on,
        "joinedOn": state.joined_on,
        "seen": _rowset(state.seen),
        "rows": [_plain(each) for each in state.rows],
        "gone": [_plain(each) for each in state.gone],
        "newCount": state.new_count,
        "goneCount": state.gone_count,
        "by": state.by.value,
        "groups": _rowset(state.groups),
        "kept": [_group(each) for each in state.kept],
        "history": [_record(each) for each in state.history],
        "failure": _failure(state.failure),
        "actionFailure": _failure(state.action_failure),
        "untold": state.untold,
        "listed": state.listed,
        "acted": list(state.acted),
        "actedOf": state.acted_of,
    }


def _alert(raw: Mapping[str, Any], version: int) -> Alert:
    held = raw["state"]
    rows = tuple(_digest(each) for each in held["rows"])
    state = AlertState(
        rule=held["rule"],
        active=held["active"],
        level=Level[held["level"]],
        seq=held["seq"],
        opened_on=held["openedOn"],
        changed_on=held["changedOn"],
        resolved_on=held["resolvedOn"],
        evaluated_on=held["evaluatedOn"],
        rows=rows,
        gone=tuple(_digest(each) for each in held["gone"]),
        new_count=held["newCount"],
        gone_count=held["goneCount"],
        history=tuple(_read_record(each) for each in held["history"]),
        failure=_read_failure(held["failure"]),
        action_failure=_read_failure(held.get("actionFailure")),  # none was kept at first
        untold=held["untold"],
        **(groups_of(held, rows) if version == 1 else _groups(held)),
    )
    return Alert(state, waiting_of(state, raw["pending"]) if version == 1 else ())


def _groups(held: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "joined_on": held["joinedOn"],
        "seen": _read_rowset(held["seen"]),
        "by": By(held["by"]),
        "groups": _read_rowset(held["groups"]),
        "kept": tuple(_read_group(each) for each in held["kept"]),
        "listed": held["listed"],
        "acted": tuple(held["acted"]),
        "acted_of": held["actedOf"],
    }


def _deployment(raw: Mapping[str, Any], version: int) -> Deployment:
    if version == 1:
        return deployment_of(raw)
    return Deployment(
        raw["toldOn"],
        MappingProxyType(raw["covered"]),
        raw["tried"],
        raw["busyUntil"],
        raw.get("beganOn"),  # it was not kept at first
    )


def _failure(failure: Failure | None) -> dict[str, object] | None:
    return None if failure is None else asdict(failure)


def _read_failure(raw: Mapping[str, Any] | None) -> Failure | None:
    return None if raw is None else Failure(**raw)


def _rowset(held: RowSet) -> dict[str, object]:
    return {"hashes": held.text(), "window": str(held.window), "total": held.total}


def _read_rowset(raw: Mapping[str, Any]) -> RowSet:
    return RowSet.read(raw["hashes"], int(raw["window"]), raw["total"])


def _group(group: Group) -> dict[str, object]:
    return asdict(group) | {
        "key": f"{group.key:016x}",
        "rows": [f"{hash_:016x}" for hash_ in group.rows],
    }


def _read_group(raw: Mapping[str, Any]) -> Group:
    return Group(**{**raw, "key": int(raw["key"], 16), "rows": tuple(int(each, 16) for each in raw["rows"])})


def _plain(digest: Digest) -> dict[str, object]:
    """Write a digest without its empty words; the hash as hexadecimal text, exact in every reader."""
    held = {field.name: getattr(digest, field.name) for field in fields(digest)}
    return {name: value for name, value in held.items() if value not in ("", None)} | {
        "hash": f"{digest.hash:016x}"
    }


def _digest(raw: Any) -> Digest:
    return Digest(**{**raw, "hash": int(raw["hash"], 16)})


def _record(record: Record) -> dict[str, object]:
    held = {field.name: getattr(record, field.name) for field in fields(record)}
    return held | {"level": record.level.name, "outputs": dict(record.outputs)}


def _read_record(raw: Any) -> Record:
    return Record(**{**raw, "level": Level[raw["level"]], "outputs": MappingProxyType(raw["outputs"])})

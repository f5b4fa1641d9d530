"""The stored form: an alert with its unsent messages, or the deployment, to JSON text and back.

`version` is in every text; a text of another version is not touched. The largest possible alert stays
below DynamoDB's 400 KB an item: every part of it is bounded where it is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Final, TypeVar

from secgraph.alerts.digest import Digest
from secgraph.alerts.lifecycle import AlertState, Failure, Record
from secgraph.alerts.outbox import Pending
from secgraph.alerts.ports import Message
from secgraph.alerts.quiet import Deployment
from secgraph.alerts.rowset import RowSet
from secgraph.errors import StoreError
from secgraph.rules.rule import Level

VERSION: Final = 1
ALERT: Final = "alert/"
DEPLOYMENT: Final = "deployment"

Held = TypeVar("Held")


@dataclass(frozen=True, slots=True)
class Alert:
    """What the store keeps of a rule. `dropped` counts messages that made room unsent."""

    state: AlertState
    pending: tuple[Pending, ...] = ()
    dropped: int = 0


def alert_id(rule: str) -> str:
    """Name the item of a rule's alert."""
    return f"{ALERT}{rule}"


def dump_alert(alert: Alert) -> str:
    """Write an alert."""
    return _dump(
        {
            "state": _state(alert.state),
            "pending": [_pending(each) for each in alert.pending],
            "dropped": alert.dropped,
        }
    )


def load_alert(text: str) -> Alert:
    """Read an alert. Raises StoreError."""
    return _load(text, _alert)


def dump_deployment(deployment: Deployment) -> str:
    """Write the deployment's state."""
    pending = deployment.pending
    return _dump(
        {
            "toldOn": deployment.told_on,
            "covered": dict(deployment.covered),
            "pending": None if pending is None else _pending(pending),
        }
    )


def load_deployment(text: str) -> Deployment:
    """Read the deployment's state. Raises StoreError."""
    return _load(text, _deployment)


def _dump(content: Mapping[str, object]) -> str:
    return json.dumps({"version": VERSION, **content}, ensure_ascii=False, separators=(",", ":"))


def _load(text: str, build: Callable[[Any], Held]) -> Held:
    try:
        raw = json.loads(text)
        version = raw["version"]
        if version == VERSION:
            return build(raw)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"an item of the alert store cannot be read ({error!r}); delete it, and the alert opens anew"
        ) from error
    raise StoreError(
        f"an item of the alert store has version {version}; this secgraph reads version {VERSION}: "
        "deploy the newer one again"
    )


# ── parts ─────────────────────────────────────────────────────────────────────────────────────────────


def _state(state: AlertState) -> dict[str, object]:
    failure = state.failure
    return {
        "rule": state.rule,
        "active": state.active,
        "level": state.level.name,
        "seq": state.seq,
        "openedOn": state.opened_on,
        "changedOn": state.changed_on,
        "resolvedOn": state.resolved_on,
        "evaluatedOn": state.evaluated_on,
        "total": state.seen.total,
        "window": str(state.seen.window),
        "hashes": state.seen.text(),
        "rows": [_plain(each) for each in state.rows],
        "gone": [_plain(each) for each in state.gone],
        "newCount": state.new_count,
        "goneCount": state.gone_count,
        "history": [_record(each) for each in state.history],
        "failure": None if failure is None else asdict(failure),
        "untold": state.untold,
    }


def _alert(raw: Any) -> Alert:
    held = raw["state"]
    state = AlertState(
        rule=held["rule"],
        active=held["active"],
        level=Level[held["level"]],
        seq=held["seq"],
        opened_on=held["openedOn"],
        changed_on=held["changedOn"],
        resolved_on=held["resolvedOn"],
        evaluated_on=held["evaluatedOn"],
        seen=RowSet.read(held["hashes"], int(held["window"]), held["total"]),
        rows=tuple(_digest(each) for each in held["rows"]),
        gone=tuple(_digest(each) for each in held["gone"]),
        new_count=held["newCount"],
        gone_count=held["goneCount"],
        history=tuple(_read_record(each) for each in held["history"]),
        failure=None if held["failure"] is None else Failure(**held["failure"]),
        untold=held["untold"],
    )
    return Alert(state, tuple(_read_pending(each) for each in raw["pending"]), raw["dropped"])


def _deployment(raw: Any) -> Deployment:
    pending = raw["pending"]
    return Deployment(
        told_on=raw["toldOn"],
        covered=MappingProxyType(raw["covered"]),
        pending=None if pending is None else _read_pending(pending),
    )


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


def _pending(pending: Pending) -> dict[str, object]:
    message = pending.message
    held = {field.name: getattr(pending, field.name) for field in fields(pending)}
    return held | {
        "message": {
            "id": message.id,
            "subject": message.subject,
            "body": message.body,
            "attributes": dict(message.attributes),
        }
    }


def _read_pending(raw: Any) -> Pending:
    message = raw["message"]
    return Pending(
        **{**raw, "message": Message(**{**message, "attributes": MappingProxyType(message["attributes"])})}
    )

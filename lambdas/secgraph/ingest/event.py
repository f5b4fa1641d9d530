"""Text as it was delivered → SourceEvent: an EventBridge envelope, or a bare finding as people export them.

Whatever else it is, the error says what it looks like and what to send instead.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, NoReturn

from secgraph import contract
from secgraph.errors import EventError
from secgraph.ingest.body import Body, kind_of


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One event of a source. `detail` is its body with the path that errors name (`detail`, or empty for
    a bare finding). `account` and `region` are those of the bus, empty if unknown, and never the owner of
    what the event speaks of. `envelope` is all around `detail` (`time`, `resources`), nothing for a bare
    finding. `raw` is the whole text."""

    source: str
    detail_type: str
    id: str
    account: str
    region: str
    detail: Body
    envelope: Body
    raw: str


def parse(raw: str | bytes | Mapping[str, object]) -> SourceEvent:
    """Read one event.

    Accepted: an EventBridge event, a bare GuardDuty finding (`detail` alone, as S3 exports hold it) and a
    bare Inspector finding (one element of a ListFindings answer). Raises EventError for anything else.
    """
    text = _text(raw)
    document = _document(text)
    _refuse_batches(document)
    if not {"source", "detail-type", "detail"}.isdisjoint(document):
        return _enveloped(document, text)
    _refuse_other_formats(document)
    if "findingArn" in document:
        return _bare(
            document, contract.INSPECTOR_SOURCE, contract.INSPECTOR_DETAIL_TYPE, "awsAccountId", text
        )
    if "service" in document and "resource" in document:
        return _bare(document, contract.GUARDDUTY_SOURCE, contract.GUARDDUTY_DETAIL_TYPE, "accountId", text)
    raise EventError(
        "this is no EventBridge event: it has neither `source` nor `detail-type` nor `detail`, and it is no "
        "bare GuardDuty or Inspector finding either; send the event as EventBridge delivers it"
    )


def _text(raw: str | bytes | Mapping[str, object]) -> str:
    if isinstance(raw, str):
        return raw.removeprefix("\ufeff")
    if isinstance(raw, bytes):
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise EventError(f"is not UTF-8 text: {error.reason} at byte {error.start}") from error
    try:
        return json.dumps(raw, ensure_ascii=False, default=_iso)
    except (TypeError, ValueError, RecursionError) as error:
        raise EventError(f"cannot be written as JSON: {error}") from error


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _document(text: str) -> dict[str, object]:
    try:
        document = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise EventError(_syntax(text, error)) from error
    except RecursionError as error:
        raise EventError("is nested too deeply for an event") from error
    except ValueError as error:
        raise EventError(f"is not JSON that can be read: {error}") from error
    if isinstance(document, list):
        raise EventError(f"is a list of {len(document)} values; send each event on its own")
    if not isinstance(document, dict):
        raise EventError(f"expected a JSON object, got {kind_of(document)}")
    return document


def _syntax(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "is empty; expected one JSON event"
    place = f"line {error.lineno}, column {error.colno}"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
        return f"is cut off: the JSON is not finished ({place}: {error.msg}); send the whole event"
    return f"is not JSON ({place}: {error.msg})"


def _refuse_constant(name: str) -> NoReturn:
    raise EventError(f"holds {name}, which is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise EventError(f"holds the number {digits[:40]}, which is too large")
    return number


def _enveloped(document: dict[str, object], text: str) -> SourceEvent:
    envelope = Body(document, "")
    for name in ("source", "detail-type", "detail"):
        if document.get(name) in (None, "", {}):
            raise EventError(
                "is missing or empty; an EventBridge event has `source`, `detail-type` and `detail`", name
            )
    return SourceEvent(
        source=envelope.required("source"),
        detail_type=envelope.required("detail-type"),
        id=envelope.text("id") or "",
        account=envelope.text("account") or "",
        region=envelope.text("region") or "",
        detail=envelope.body("detail"),
        envelope=envelope,
        raw=text,
    )


def _bare(
    document: dict[str, object], source: str, detail_type: str, account_name: str, text: str
) -> SourceEvent:
    detail = Body(document, "")
    return SourceEvent(
        source=source,
        detail_type=detail_type,
        id=detail.text("id") or "",
        account=detail.text(account_name) or "",
        region=detail.text("region") or "",
        detail=detail,
        envelope=Body({}, ""),
        raw=text,
    )


_NOT_YET: Final = "this release reads EventBridge events; importing API answers comes with a later one"


def _refuse_batches(document: dict[str, object]) -> None:
    if isinstance(document.get("Records"), list):
        raise EventError(
            "is a batch of records (SQS, SNS or CloudTrail); send each record's event", "Records"
        )
    findings = document.get("findings", document.get("Findings"))
    if "detail" in document or not isinstance(findings, list):
        return
    first = findings[0] if findings and isinstance(findings[0], dict) else {}
    if "ProductArn" in first:
        what, remedy = "a Security Hub answer (ASFF)", _NOT_YET
    elif "findingArn" in first:
        what, remedy = "an Inspector ListFindings answer", "send each element of `findings` on its own"
    else:
        what, remedy = "a GuardDuty GetFindings answer", _NOT_YET
    raise EventError(f"is {what} with {len(findings)} findings; {remedy}")


def _refuse_other_formats(document: dict[str, object]) -> None:
    if "ProductArn" in document:
        raise EventError(f"is a Security Hub finding (ASFF); {_NOT_YET}")
    if "Resource" in document or "Service" in document:
        raise EventError(
            "is a GuardDuty finding as GetFindings answers it (names in PascalCase), or a part of one; "
            f"{_NOT_YET}. The same finding in camelCase, as in an event or an S3 export, is accepted"
        )

"""Text as it was delivered → SourceEvent: an EventBridge envelope, or a bare finding as people export them.

A GuardDuty finding may be spelt as in events or as boto3 answers it. Whatever else a text is, the error says
what it looks like and what to send instead.
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
from secgraph.ingest.answers import findings_of
from secgraph.ingest.body import Body, kind_of
from secgraph.ingest.guardduty import answer


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

    Accepted: an EventBridge event, also a copy that has lost `source` or `detail-type` where its `detail`
    tells them; a bare GuardDuty finding (`detail` alone, as S3 exports and API answers hold it, in camelCase
    or PascalCase); a bare Inspector finding. Raises EventError for anything else.
    """
    text = _text(raw)
    document = _document(text)
    _refuse_batches(document)
    if not {"source", "detail-type", "detail"}.isdisjoint(document):
        return _enveloped(document, text)
    if "ProductArn" in document:
        raise EventError(f"is a Security Hub finding (ASFF); {_NOT_YET}")
    kind = _kind_of_finding(document)
    if kind is not None:
        return _bare(document, *kind, text)
    parts = [name for name in document if _wire(name) in _ONLY_IN_FINDINGS]
    if parts:
        raise EventError(
            f"is only a part of a GuardDuty finding ({', '.join(parts)[:200]}): nothing says of which one; "
            "send the whole finding, with its arn, type, severity, resource and service"
        )
    raise EventError(
        "this is no EventBridge event: it has neither `source` nor `detail-type` nor `detail`, and it is no "
        "bare GuardDuty or Inspector finding either; send the event as EventBridge delivers it"
    )


_GUARDDUTY: Final = (contract.GUARDDUTY_SOURCE, contract.GUARDDUTY_DETAIL_TYPE)
_INSPECTOR: Final = (contract.INSPECTOR_SOURCE, contract.INSPECTOR_DETAIL_TYPE)
_ONLY_IN_FINDINGS: Final = frozenset({"resource", "service", "schemaVersion"})


def _kind_of_finding(body: Mapping[str, object]) -> tuple[str, str] | None:
    """Tell by its members of which source a finding is: (source, detail type)."""
    if "findingArn" in body:
        return _INSPECTOR
    names = {_wire(name) for name in body}
    return _GUARDDUTY if "service" in names and not names.isdisjoint({"resource", "arn"}) else None


def _wire(name: str) -> str:
    """Give a member's name as it is on the wire."""
    return name[:1].lower() + name[1:]


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
    envelope = Body(_completed(document), "")
    for name in ("source", "detail-type", "detail"):
        if envelope.held.get(name) in (None, "", {}, []):
            raise EventError(
                "is missing or empty; an EventBridge event has `source`, `detail-type` and `detail`", name
            )
    detail_type = envelope.required("detail-type")
    return SourceEvent(
        source=envelope.required("source"),
        detail_type=detail_type,
        id=envelope.text("id") or "",
        account=envelope.text("account") or "",
        region=envelope.text("region") or "",
        detail=_spelt_as_events(envelope.body("detail"), detail_type),
        envelope=envelope,
        raw=text,
    )


def _completed(document: dict[str, object]) -> dict[str, object]:
    """Put back `source` and `detail-type` if a copy has lost one of them and its `detail` is the finding
    that the other one, where it is there, says."""
    detail = document.get("detail")
    kind = _kind_of_finding(detail) if isinstance(detail, Mapping) else None
    stated = (document.get("source") or None, document.get("detail-type") or None)
    if kind is None or any(said not in (None, known) for said, known in zip(stated, kind, strict=True)):
        return document
    return {**document, "source": kind[0], "detail-type": kind[1]}


def _spelt_as_events(detail: Body, detail_type: str) -> Body:
    if detail_type == contract.GUARDDUTY_DETAIL_TYPE and answer.is_answer(detail.held):
        return Body(answer.event_shape(detail.held), detail.path)
    return detail


def _bare(document: dict[str, object], source: str, detail_type: str, text: str) -> SourceEvent:
    detail = _spelt_as_events(Body(document, ""), detail_type)
    account_name = "awsAccountId" if source == contract.INSPECTOR_SOURCE else "accountId"
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


_NOT_YET: Final = "findings of Security Hub are read by a later release; this one can be replayed then"


def _refuse_batches(document: dict[str, object]) -> None:
    if isinstance(document.get("Records"), list):
        raise EventError(
            "is a batch of records (SQS, SNS or CloudTrail); send each record's event", "Records"
        )
    found = findings_of(document)
    if found is not None:
        name, findings = found
        if not findings:
            raise EventError("is an answer without findings: there is nothing in it to ingest", name)
        raise EventError(
            f"is an answer with {len(findings)} findings; send each element of `{name}` on its own"
        )

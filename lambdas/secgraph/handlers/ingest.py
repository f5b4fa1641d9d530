"""SQS batch of EventBridge events → graph table; answers which messages must come again.

Trigger: the ingest queue. Flow: flows.ingest. Writes: raw archive, graph table, quarantine.

A message's body is the event as EventBridge hands it over, also from the dead letters of a rule's target. The
message attribute `receivedOn` of a replayed event says when it was received for the first time. A body that
is the answer of a list call (GetFindings, ListFindings) is taken apart: each of its findings is an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secgraph import contract
from secgraph.errors import InputError
from secgraph.flows import ingest as flow
from secgraph.handlers import runtime
from secgraph.ingest import receipt

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_cache = flow.WarmCache()


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Ingest a batch: `{"Records": [SQS message…]}` → `{"batchItemFailures": [{"itemIdentifier"}…]}`."""
    now = runtime.now()
    reports = flow.ingest(
        _deliveries(event, now),
        writer=runtime.graph(),
        quarantine=runtime.quarantine(),
        archive=runtime.archive(),
        now=now,
        settings=runtime.accounts(),
        cache=_cache,
        test_source=runtime.test_source_enabled(),
        administrators=runtime.administrators(),
    )
    counted = flow.count(reports)
    if counted[flow.QUARANTINED]:
        runtime.measure(contract.METRIC_QUARANTINED, counted[flow.QUARANTINED])
    if counted[flow.QUARANTINED] or counted[flow.FAILED]:
        troubled = [report for report in reports if report.outcome in (flow.QUARANTINED, flow.FAILED)]
        runtime.logger.warning(
            "some events were set aside or must come again",
            outcomes=counted,
            first={report.id + report.place: report.reason for report in troubled[:5]},
        )
    failed = dict.fromkeys(report.id for report in reports if report.outcome == flow.FAILED)
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failed]}


def _deliveries(event: dict[str, Any], now: int) -> list[flow.Delivery]:
    try:
        return [
            receipt.delivery(
                record["messageId"],
                record["body"],
                arrived=int(record["attributes"]["SentTimestamp"]),
                given=_first_receipt(record),
                now=now,
            )
            for record in event["Records"]
        ]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"this is no batch of SQS messages ({error!r}); send the event to the queue or to the event bus"
        ) from error


def _first_receipt(record: dict[str, Any]) -> object:
    """Give what the message says of it; None if it says nothing."""
    attribute = record.get("messageAttributes", {}).get(contract.RECEIVED_ON_ATTRIBUTE)
    return None if attribute is None else attribute.get("stringValue", "")

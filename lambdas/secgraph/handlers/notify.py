"""What waits in the outbox → the channels of the deployment, and what the actions of rules reach.

Trigger: the alert table's stream, for each new record of the outbox, and an EventBridge schedule. Flow:
flows.notify. Writes: channels, alert table.

The event only starts it: whatever is due is sent, whoever wrote it, so that nothing depends on the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from secgraph import contract
from secgraph.flows.notify import SendReport, send_due
from secgraph.handlers import alert_runtime, runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MARGIN_MS: Final = 55_000
"""Nothing further is sent when less time than this is left: a far end that hangs is given up after 15
seconds, and a table that hangs after 35."""


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Send what is due; answers with the report of the run."""
    now = runtime.now()
    report = send_due(
        alert_runtime.alerts(),
        alert_runtime.channels(now),
        now=now,
        run=f"{context.aws_request_id}/{uuid4()}",  # Lambda may deliver one request twice
        stop=lambda: context.get_remaining_time_in_millis() < MARGIN_MS,
    )
    _measure(report)
    return report.as_json()


def _measure(report: SendReport) -> None:
    """Count and log what needs a person: what was refused, what is given up, what could not be settled."""
    failed = [each for each in report.deliveries if each.error]
    if failed or report.faults:
        runtime.measure(contract.METRIC_MESSAGES_FAILED, len(failed) + len(report.faults))
    if failed:
        runtime.logger.error(
            "some messages were not taken", messages=[each.as_json() for each in failed[:20]]
        )
    if report.faults:
        runtime.logger.error("the outbox met faults", faults=report.faults[:20])

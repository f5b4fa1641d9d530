"""A tick of the schedule → rules evaluated, alerts kept, people told.

Trigger: an EventBridge schedule. Flow: flows.evaluate. Writes: alert table, alert topic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from secgraph import contract
from secgraph.flows.asking import asker
from secgraph.flows.evaluate import EvaluationReport, evaluate
from secgraph.flows.notify import SendReport, send_due
from secgraph.handlers import alert_runtime, runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CHANNELS: Final = ("topic",)
MARGIN_MS: Final = 60_000
"""No further rule is begun when less time than this is left."""


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Evaluate the rules that are due; answers with the report of the run."""
    now = runtime.now()
    reader = runtime.image(now)
    report = evaluate(
        [rule for pack in alert_runtime.packs() for rule in pack.rules],
        ask=asker(
            reader,
            now=now,
            clock=runtime.now,
            server=runtime.server(now, secrets=True),
        ),
        store=alert_runtime.alerts(),
        channels=CHANNELS,
        now=now,
        run=f"{context.aws_request_id}/{uuid4()}",  # Lambda may deliver one request twice
        known=_known(),
        stop=lambda: context.get_remaining_time_in_millis() < MARGIN_MS,
    )
    now = runtime.now()
    deadline = now + contract.NOTIFY_TIMEOUT_SECONDS * 1000
    sent = send_due(
        alert_runtime.alerts(),
        alert_runtime.channels(now),
        now=now,
        run=f"{context.aws_request_id}/{uuid4()}",
        stop=lambda: runtime.now() > deadline or context.get_remaining_time_in_millis() < MARGIN_MS,
    )
    problems = [str(problem) for pack in alert_runtime.packs() for problem in pack.problems]
    _measure(report, problems)
    _measure_sent(sent)
    return report.as_json() | sent.as_json() | {"problems": problems, "image": runtime.read_from(reader)}


def _measure(report: EvaluationReport, problems: Sequence[str]) -> None:
    """Count and log what needs a person. A rule that cannot be used counts as failed: nobody watches it."""
    if report.failed or problems:
        runtime.measure(contract.METRIC_RULES_FAILED, len(report.failed) + len(problems))
    if report.failed:
        runtime.logger.error(
            "some rules failed", rules={result.rule: result.error for result in report.failed[:20]}
        )
    if problems:
        runtime.logger.error("some rules cannot be used", problems=problems[:20])
    if report.postponed:
        runtime.logger.warning("no time was left for some rules", rules=report.postponed[:20])
    if report.faults:
        runtime.logger.error("the run met faults", faults=report.faults[:20])


def _measure_sent(report: SendReport) -> None:
    failed = [each for each in report.deliveries if each.error]
    if failed or report.faults:
        runtime.measure(contract.METRIC_MESSAGES_FAILED, len(failed) + len(report.faults))
        runtime.logger.error("some messages were not taken", errors=[each.error for each in failed[:5]])


def _known() -> frozenset[str] | None:
    """Name every rule of the packs; None if a file could not be read, since nobody knows what it held."""
    packs = alert_runtime.packs()
    rejected = [each for pack in packs for each in pack.rejected]
    if any(each.index is None for each in rejected):
        return None
    return frozenset(rule.name for pack in packs for rule in pack.rules) | {each.rule for each in rejected}

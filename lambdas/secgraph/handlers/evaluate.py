"""Rules evaluated, alerts kept, what is to be told and sent written into the outbox, entities tagged.

Trigger: an EventBridge schedule, and the change mark in the alert table's stream. Flows: flows.evaluate,
flows.tag. Writes: alert table with its outbox, tags of rules to the graph table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from uuid import uuid4

from secgraph import contract
from secgraph.flows.asking import asker
from secgraph.flows.evaluate import evaluate
from secgraph.flows.evaluated import EvaluationReport
from secgraph.flows.tag import Tagged, tag_found
from secgraph.handlers import alert_runtime, runtime, status_runtime
from secgraph.rules.rule import Interval, Rule

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from secgraph.adapters.image.reader import ImageReader

MARGIN_MS: Final = 60_000
"""No further rule is begun when less time than this is left."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Evaluate the rules that are due, or on change those that ask for it; answers with the report.

    A run on change is started by the stream, or by hand with `{"trigger": "change"}`.
    """
    now = runtime.now()
    if not _is_on_change(event):
        runtime.measure(contract.METRIC_RULE_RUNS, 1)
        return _run(runtime.image(now), now, context, on_change=False)
    if not any(rule.evaluate_on_change for rule in _rules()):
        return {"rules": [], "reason": "no rule asks to be evaluated on change"}
    reader = runtime.image_if_any(now)
    if reader is None:
        return {"rules": [], "reason": "the graph image is being built for the first time"}
    return _run(reader, now, context, on_change=True)


def _run(reader: ImageReader, now: int, context: LambdaContext, *, on_change: bool) -> dict[str, Any]:
    server = runtime.server(now, secrets=True)
    report = evaluate(
        _rules(),
        ask=asker(reader, now=now, clock=runtime.now, server=server),
        store=alert_runtime.alerts(),
        channels=runtime.environment(contract.CHANNELS).split(","),
        parameters=server.stored,
        web_link=_web_link,
        now=now,
        run=f"{context.aws_request_id}/{uuid4()}",  # Lambda may deliver one request twice
        intervals=_intervals(),
        only_on_change=on_change,
        known=_known(),
        stop=lambda: context.get_remaining_time_in_millis() < MARGIN_MS,
        settling=_settling(reader, now),
        refresh=lambda: runtime.image(now),
    )
    tagged = tag_found(report, writer=runtime.graph(), now=now)
    if on_change and report.postponed:
        alert_runtime.change_mark().set(now)  # they are evaluated after the next window
    problems = [str(problem) for pack in alert_runtime.packs() for problem in pack.problems]
    _measure(report, problems, tagged)
    said = {rule: asdict(done) for rule, done in tagged.items()}
    return report.as_json() | {"problems": problems, "tagged": said, "image": runtime.read_from(reader)}


def _settling(reader: ImageReader, now: int) -> Callable[[int], bool] | None:
    """Give what tells whether the first load is under way; None where the reconcile is switched off."""
    if status_runtime.interval_ms() is None:
        return None
    return lambda began_on: status_runtime.status_of(reader, now).settling(began_on)


def _is_on_change(event: object) -> bool:
    return isinstance(event, dict) and ("Records" in event or event.get("trigger") == "change")


def _measure(report: EvaluationReport, problems: Sequence[str], tagged: Mapping[str, Tagged]) -> None:
    """Count and log what needs a person. A rule that cannot be used counts as failed: nobody watches it. So
    does what kept a run from its messages: a summary that was not written, decisions that nobody can read."""
    untagged = {rule: done.problems for rule, done in tagged.items() if done.problems}
    if count := len(report.failed) + len(problems) + len(untagged) + len(report.faults):
        runtime.measure(contract.METRIC_RULES_FAILED, count)
    if report.failed:
        runtime.logger.error(
            "some rules failed", rules={result.rule: result.error for result in report.failed[:20]}
        )
    if problems:
        runtime.logger.error("some rules cannot be used", problems=problems[:20])
    if untagged:
        runtime.logger.error("some entities were not tagged", rules=untagged)
    if report.postponed:
        runtime.logger.warning("no time was left for some rules", rules=report.postponed[:20])
    if report.faults:
        runtime.logger.error("the run met faults", faults=report.faults[:20])


@cache
def _rules() -> tuple[Rule, ...]:
    """Give the rules of the packs. Those on change are evaluated with each tick too: nothing else would make
    up for a change of which nobody heard."""
    return tuple(
        replace(rule, interval=Interval.FIFTEEN_MINUTES)
        if rule.evaluate_on_change and rule.interval is not Interval.DISABLED
        else rule
        for pack in alert_runtime.packs()
        for rule in pack.rules
    )


def _known() -> frozenset[str] | None:
    """Name every rule of the packs; None if a file could not be read, since nobody knows what it held."""
    packs = alert_runtime.packs()
    rejected = [each for pack in packs for each in pack.rejected]
    if any(each.index is None for each in rejected):
        return None
    return frozenset(rule.name for pack in packs for rule in pack.rules) | {each.rule for each in rejected}


def _intervals() -> Mapping[str, Interval]:
    given = json.loads(os.environ.get(contract.INTERVALS) or "{}")
    return {pack: Interval[name] for pack, name in given.items()}


def _web_link(rule: str) -> str:
    """Give the address of the page about a rule's alert; empty if the deployment has none."""
    return os.environ.get(contract.ALERT_LINK, "").replace("{rule}", quote(rule, safe=""))

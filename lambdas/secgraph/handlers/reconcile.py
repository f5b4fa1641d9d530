"""A tick of the schedule, or a request → the graph holds what the sources hold, as far as time allowed.

Trigger: an EventBridge schedule, and a direct invocation. Flow: flows.reconcile. Writes: raw archive, graph
table, quarantine, ledger table, reconcile folder.

The first tick after a deployment finds an empty ledger, and brings in what the sources hold already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from secgraph import contract
from secgraph.errors import InputError, SecgraphError
from secgraph.flows.ingest import WarmCache
from secgraph.flows.reconcile import Plan, Request, reconcile
from secgraph.flows.reconciling import FINISHED, ReconcileReport
from secgraph.handlers import runtime, source_runtime
from secgraph.sources.scope import SOURCES
from secgraph.sources.standing import Standing, State

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MARGIN_MS: Final = 120_000
"""No further step is begun when less time than this is left: a page of a source that answers slowly, its
findings read, merged and written."""
SCHEDULED_MARGIN_MS: Final = 300_000
"""For a tick of the schedule: where an account may run ten functions at once, the others shall find room
between two of them."""
FAILURES: Final = 3
"""So often in a row a scope may fail before a person is told: what is throttled goes away by itself."""
_TEXTS: Final = {
    "source": (re.compile("|".join(SOURCES)), f"one of {', '.join(SOURCES)}"),
    "account": (re.compile("[0-9]{12}"), "an account id, a text of 12 digits"),
    "region": (re.compile("[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}"), "a region such as eu-west-1"),
}
_cache = WarmCache()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reconcile what is due, or at once what `{"source"?, "account"?, "region"?, "askedOn"?}` asks for.

    Answers `{"scopes": [{source, account, region, state, did, listed, repaired, closed, quarantined,
    reason?}…], "waiting", "finished", "askedOn"?}`; who asked sends the same with `askedOn` again while it is
    not finished. What was wrong with a request is `{"error": {code, message}}`; a tick that fails does so.
    """
    if _is_scheduled(event):
        return _run(source_runtime.plan(context), None, context, SCHEDULED_MARGIN_MS)
    try:
        plan = source_runtime.plan(context)
        return _run(plan, _request(event, plan), context, MARGIN_MS)
    except InputError as error:
        return {"error": {"code": "INPUT", "message": str(error)}}
    except SecgraphError as error:
        runtime.logger.exception("the sources could not be reconciled")
        return {"error": {"code": "STORE", "message": str(error)}}


def _run(plan: Plan, request: Request | None, context: LambdaContext, margin_ms: int) -> dict[str, Any]:
    ports = source_runtime.ports()
    report = reconcile(
        plan,
        ports=ports,
        settings=runtime.accounts(),
        cache=_cache,
        clock=runtime.now,
        token=lambda: uuid4().hex,
        request=request,
        stop=lambda: context.get_remaining_time_in_millis() < margin_ms,
        tell=runtime.logger.info,
    )
    _measure(report)
    _measure_failing(plan, ports.ledger.all())
    if request and report.all_asked and not report.scopes and not report.waiting:
        raise InputError(
            "nothing that is read matches this; `secgraph status` lists what is, and the setting `sources` "
            "of the deployment adds accounts and regions"
        )
    return report.as_json()


def _measure(report: ReconcileReport) -> None:
    """Count what was repaired and what could not be understood, once a run has ended."""
    done = [each.standing.finished for each in report.scopes if each.did == FINISHED]
    if repaired := sum(each.repaired for each in done if each):
        runtime.measure(contract.METRIC_FINDINGS_REPAIRED, repaired)
    if quarantined := sum(each.quarantined for each in done if each):
        runtime.measure(contract.METRIC_QUARANTINED, quarantined)


def _measure_failing(plan: Plan, standings: Iterable[Standing]) -> None:
    """Count what needs a person, at each tick for as long as it does."""
    failing = {each.scope.key: _why(each) for each in standings if _is_failing(plan, each)}
    if failing:
        runtime.measure(contract.METRIC_SOURCES_FAILED, len(failing))
        runtime.logger.error(
            "some sources cannot be read", count=len(failing), scopes=dict(sorted(failing.items())[:20])
        )


def _is_failing(plan: Plan, standing: Standing) -> bool:
    """Tell whether a scope failed over and over, or is that of a reader who cannot be asked. An account that
    is no reader and that nobody covers any more has left, as its ledger says; no alarm would ever end."""
    if standing.state is State.UNREACHABLE:
        is_reader = any(reader.account == standing.scope.account for reader in plan.readers)
        return is_reader and standing.scope.region in plan.regions
    return standing.failure is not None and standing.failure.attempts >= FAILURES


def _why(standing: Standing) -> str:
    if standing.state is State.UNREACHABLE or standing.failure is None:
        return standing.reason
    return standing.failure.reason


def _is_scheduled(event: object) -> bool:
    return isinstance(event, dict) and event.get("source") == "aws.events"


def _request(event: object, plan: Plan) -> Request:
    """Check the event's form; every mistake names its field. A field that is null is left out."""
    if not isinstance(event, dict):
        raise InputError('the event is no object; send {} or {"source": "guardduty"}')
    given = {name: value for name, value in event.items() if value is not None}
    for name, value in given.items():
        if name == "askedOn":
            continue
        if name not in _TEXTS:
            raise InputError(f"{name}: unknown field; an event may have {', '.join(_TEXTS)}, askedOn")
        form, expected = _TEXTS[name]
        if not isinstance(value, str) or not form.fullmatch(value):
            raise InputError(f"{name}: expected {expected}")
    asked_on = given.pop("askedOn", 0)
    if isinstance(asked_on, bool) or not isinstance(asked_on, int) or asked_on < 0:
        raise InputError("askedOn: expected the number of an earlier answer, epoch milliseconds")
    if given.get("region", plan.regions[0]) not in plan.regions:
        raise InputError(f"region: only {', '.join(plan.regions)} is read; the setting `sources` adds others")
    return Request(**given, asked_on=asked_on)

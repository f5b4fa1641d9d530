"""A question or a decision about alerts → the alert, or an error that a person can read in the console.

Trigger: a direct invocation. Flows: flows.triage, flows.undelivered. Writes: alert table (decisions, and
what is sent again).

It is a function of its own so that who may ask the graph may not dismiss alerts thereby. The author is who
the caller says it is; the id of the request, kept beside it, leads to the invocation and so to the caller.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from secgraph.errors import InputError, SecgraphError
from secgraph.flows.triage import dismiss, listed, shown, withdraw
from secgraph.flows.triaged_json import alert_json, listing_json, undelivered_json
from secgraph.flows.undelivered import send_again, undelivered
from secgraph.handlers import alert_runtime, runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ANSWER_BYTES: Final = 6_000_000
"""Lambda returns up to 6 MiB."""

_FIELDS: Final[dict[str, dict[str, str]]] = {
    "list": {},
    "show": {"rule": "the name of a rule"},
    "dismiss": {
        "rule": "the name of a rule",
        "reason": "why nobody needs to hear of it",
        "author": "who decides this",
        "group?": "the key or label of one of its groups",
        "until?": "a moment such as 2026-12-31 or 2026-12-31T18:00:00Z",
    },
    "withdraw": {
        "rule": "the name of a rule",
        "author": "who decides this",
        "group?": "the key or label of one of its groups",
        "reason?": "why",
    },
    "undelivered": {},
    "resend": {"rule?": "the name of a rule", "channel?": "a channel as `undelivered` names it"},
}
"""The actions, and the fields of each with what they hold; those with a question mark may be left out."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do what an event of the form `{"action": …}` asks, with the fields of `_FIELDS`.

    The answer is `{"alerts": […]}` for `list`, `{"undelivered": […]}`, for `resend` `{"sent": [ids]}`, what
    the sender takes up now; else the alert after it (flows/triaged_json.py); or `{"error": {code, message}}`.
    """
    try:
        return _answer(_checked(event), context.aws_request_id)
    except InputError as error:
        return {"error": {"code": "INPUT", "message": str(error)}}
    except SecgraphError as error:
        runtime.logger.exception("the alerts could not be triaged")
        return {"error": {"code": "STORE", "message": str(error)}}


def _answer(event: dict[str, str], request: str) -> dict[str, Any]:
    store, now = alert_runtime.alerts(), runtime.now()
    match event.pop("action"):
        case "list":
            return _bounded(listing_json(listed(store, now)), "alerts")
        case "show":
            return alert_json(shown(store, event["rule"], now))
        case "dismiss":
            return alert_json(dismiss(store, **event, request=request, now=now))
        case "undelivered":
            return _bounded(undelivered_json(undelivered(store)), "undelivered")
        case "resend":
            sent = send_again(store, now, **event)
            runtime.logger.info("what was given up is sent again", messages=[each.id for each in sent[:20]])
            return {"sent": [each.id for each in sent]}
    return alert_json(withdraw(store, **event, request=request, now=now))


def _bounded(answer: dict[str, Any], of: str) -> dict[str, Any]:
    """Leave out the last ones, which matter least, where there are more than an answer may hold."""
    found, size = answer[of], 0
    for place, one in enumerate(found):
        size += len(json.dumps(one))
        if size > ANSWER_BYTES:
            return {**answer, of: found[:place], "leftOut": len(found) - place}
    return answer


def _checked(event: object) -> dict[str, str]:
    """Check the event's form; every mistake names its field. A field that is null is left out."""
    if not isinstance(event, dict):
        raise InputError('the event is no object; send {"action": "list"}')
    given = {name: value for name, value in event.items() if value is not None}
    action = given.get("action")
    if not isinstance(action, str) or action not in _FIELDS:
        raise InputError(f"action: expected one of {', '.join(_FIELDS)}")
    wanted = {name.removesuffix("?"): expected for name, expected in _FIELDS[action].items()}
    for name, value in given.items():
        if name == "action":
            continue
        if name not in wanted:
            allowed = f"; it may have {', '.join(wanted)}" if wanted else "; it has no others"
            raise InputError(f"{name}: {action} has no such field{allowed}")
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{name}: expected a text, {wanted[name]}")
    for name, expected in _FIELDS[action].items():
        if not name.endswith("?") and name not in given:
            raise InputError(f"{name}: is missing; {action} needs {expected}")
    return given

"""A question how complete the graph is → what is known of each source, by account and region.

Trigger: a direct invocation. Flow: flows.status. Writes: nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secgraph.errors import InputError, SecgraphError
from secgraph.flows.status import Status
from secgraph.handlers import runtime, status_runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer with the ledger as the graph shows it, and beside it `image`, what it was read from; or
    `{"error": {code, message}}`. An event has no fields."""
    try:
        if not isinstance(event, dict) or event:
            raise InputError("the event has fields, and the status takes none; send {}")
        now = runtime.now()
        reader = runtime.image(now)
        known: Status = status_runtime.status_of(reader, now)
        return {**known.as_json(), "image": runtime.read_from(reader)}
    except InputError as error:
        return {"error": {"code": "INPUT", "message": str(error)}}
    except SecgraphError as error:
        runtime.logger.exception("the graph could not be asked")
        return {"error": {"code": "STORE", "message": str(error)}}

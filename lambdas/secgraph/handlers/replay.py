"""A request → the raw archive replayed into the table beside, or into the graph, as far as time allowed.

Trigger: a direct invocation. Flow: flows.replay. Writes: replay table, or graph table; how far
it came, to the ledger table.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import boto3
from botocore.config import Config

from secgraph import contract
from secgraph.errors import InputError, SecgraphError
from secgraph.flows.replay import Ingesting, Ports, Request, replay
from secgraph.flows.replay_state import TARGETS
from secgraph.handlers import runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

WORK_MS: Final = 60_000
"""No further step is begun after that: who asked hears how far it is, and calls again."""
MARGIN_MS: Final = 120_000
"""Nor when less time than this is left: where stores answer slowly, a step takes minutes."""
_FIELDS: Final[dict[str, tuple[type, str]]] = {
    "into": (str, f"one of {', '.join(TARGETS)}"),
    "id": (str, "the id of an earlier answer"),
    "anew": (bool, "true or false"),
}


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Begin a replay, or go on with the one that is not finished: `{"into"?, "id"?, "anew"?}`.

    Answers with the report of flows/replay_state.py; who asked sends its `id` again while `did` is
    `advanced`. Or `{"error": {code, message}}`: what was done so far is kept, and the same request goes on.
    """
    until = runtime.now() + WORK_MS
    try:
        return replay(
            _request(event),
            ports=_ports(),
            how=Ingesting(runtime.accounts(), runtime.test_source_enabled(), runtime.administrators()),
            clock=runtime.now,
            token=uuid4().hex,
            stop=lambda: runtime.now() >= until or context.get_remaining_time_in_millis() < MARGIN_MS,
        )
    except InputError as error:
        return {"error": {"code": "INPUT", "message": str(error)}}
    except SecgraphError as error:
        runtime.logger.exception("the archive could not be replayed")
        return {"error": {"code": "STORE", "message": str(error)}}


@cache
def _ports() -> Ports:
    from secgraph.adapters.dynamodb_notes import DynamoDBNotes
    from secgraph.adapters.dynamodb_replay import CopyOfTable, ReplayedTable

    # As runtime.graph: to check every parameter of every item again costs much of a write's processor time.
    client = boto3.client("dynamodb", config=runtime.CONFIG.merge(Config(parameter_validation=False)))
    return Ports(
        archive=runtime.archive(),
        graph=ReplayedTable(client, runtime.environment(contract.GRAPH_TABLE)),
        copy=CopyOfTable(client, runtime.environment(contract.REPLAY_TABLE)),
        notes=DynamoDBNotes(client, runtime.environment(contract.LEDGER_TABLE)),
    )


def _request(event: object) -> Request:
    """Check the event's form; every mistake names its field. A field that is null is left out."""
    if not isinstance(event, dict):
        raise InputError('the event is no object; send {} or {"into": "graph"}')
    given = {name: value for name, value in event.items() if value is not None}
    for name, value in given.items():
        if name not in _FIELDS:
            raise InputError(f"{name}: unknown field; an event may have {', '.join(_FIELDS)}")
        type_, expected = _FIELDS[name]
        if not isinstance(value, type_):
            raise InputError(f"{name}: expected {expected}")
    return Request(**given)

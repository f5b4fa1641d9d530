"""Runs ministack, changed in seven points. The names below are private to it, so its version is pinned.

- PutEvents takes events of `aws.*` sources, as AWS's services do. Without it only the test source could be
  tried, not the patterns that findings really pass.
- Each statement of BatchExecuteStatement needs the grant of what it does, as on AWS:
  https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
- What such a statement writes goes into the table's stream, as on AWS:
  https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
- To a role that may not list the bucket, an object that is not there is one that it may not read, as on AWS:
  https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html. The functions may list prefixes, and a
  request for one object says of no prefix.
- The condition key aws:PrincipalArn of a session is the ARN of its role, as on AWS:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
- sqs:SendMessage grants SendMessageBatch, as on AWS:
  https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
- ssm:GetParametersByPath is asked for on the path, as on AWS:
  https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-retrieval-authorization.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from ministack import app  # type: ignore[import-untyped]
from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-untyped]
from ministack.services import dynamodb, eventbridge, s3  # type: ignore[import-untyped]

TRANSACTION_CHECKS = iam_actions.dynamodb_transaction_checks
TARGET = re.compile(r'(INSERT) INTO "([^"]+)"|(UPDATE) "([^"]+)"')

SET_ITEM = dynamodb._set_item
GET_OBJECT = s3._get_object
BY_STATEMENT: ContextVar[bool] = ContextVar("BY_STATEMENT", default=False)

CONDITION_KEY = iam_evaluator._resolve_condition_key
ACTION = iam_actions.extract_iam_action
RESOURCE = iam_actions.extract_resource_arn
SESSION = re.compile(r"arn:aws:sts::(\d+):assumed-role/([^/]+)/.*")


def action(*request: Any) -> str | None:
    """Give the action that a request must be granted."""
    found: str | None = ACTION(*request)
    return "sqs:SendMessage" if found == "sqs:SendMessageBatch" else found


def resource(
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: Any,
    region: str,
    account: str,
) -> str:
    """Give the ARN that a request must be granted its action on."""
    if ACTION(service, method, path, headers, body, query_params) == "ssm:GetParametersByPath":
        return f"arn:aws:ssm:{region}:{account}:parameter{json.loads(body)['Path']}"
    found: str = RESOURCE(service, method, path, headers, body, query_params, region, account)
    return found


def condition_key(key: str, context: Any) -> Any:
    """Give the value of a condition key."""
    value = CONDITION_KEY(key, context)
    session = SESSION.fullmatch(str(value)) if key.lower() == "aws:principalarn" else None
    return f"arn:aws:iam::{session[1]}:role/{session[2]}" if session else value


def checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
    """Give the grants that a request of several parts needs: the action and the table of each."""
    if action != "dynamodb:BatchExecuteStatement":
        found: list[tuple[str, str]] = TRANSACTION_CHECKS(action, body, region, account)
        return found
    statements = " ".join(each["Statement"] for each in json.loads(body)["Statements"])
    targets = {tuple(filter(None, target)) for target in TARGET.findall(statements)}
    return [
        (f"dynamodb:PartiQL{verb.title()}", f"arn:aws:dynamodb:{region}:{account}:table/{table}")
        for verb, table in sorted(targets)
    ]


def by_statement(write: Callable[..., Any]) -> Callable[..., Any]:
    """Mark what a statement writes: other writes reach the stream by themselves."""

    def marked(*arguments: Any) -> Any:
        mark = BY_STATEMENT.set(True)
        try:
            return write(*arguments)
        finally:
            BY_STATEMENT.reset(mark)

    return marked


def set_item(table: dict[str, Any], key: str, sort_key: str, item: dict[str, Any]) -> Any:
    """Store an item and give the one before it; what a statement stores goes into the stream."""
    before = SET_ITEM(table, key, sort_key, item)
    if BY_STATEMENT.get():
        dynamodb._emit_stream_event(table["TableName"], "MODIFY" if before else "INSERT", before, item)
    return before


def get_object(bucket: str, key: str, *request: Any) -> Any:
    """Read an object as somebody who may list no more than prefixes."""
    answer = GET_OBJECT(bucket, key, *request)
    if answer[0] == 404 and ":assumed-role/" in iam_evaluator.caller_arn():
        return s3._error("AccessDenied", "Access Denied", 403, f"/{bucket}/{key}")
    return answer


if __name__ == "__main__":
    dynamodb._set_item = set_item
    dynamodb._partiql_insert = by_statement(dynamodb._partiql_insert)
    dynamodb._partiql_update = by_statement(dynamodb._partiql_update)
    s3._get_object = get_object
    eventbridge._put_events = partial(eventbridge._put_events, allow_aws_source=True)
    iam_actions.dynamodb_transaction_checks = checks
    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource
    iam_evaluator._resolve_condition_key = condition_key
    app.main()

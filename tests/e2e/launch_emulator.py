"""Runs ministack, changed in nine points. The names below are private to it, so its version is pinned.

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
- A rule's target may be a bus of another account or region, as on AWS: the event goes there if the target's
  role may put it, and if the bus is another account's, its policy lets that role in. ministack drops it.
  Which organisation the accounts belong to is given in ORGANIZATION. Not looked at: the role's trust, quotas,
  retries and dead letters of the target.
  https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
  https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html
- CloudFormation knows AWS::Events::EventBusPolicy, as on AWS:
  https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-events-eventbuspolicy.html
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from ministack import app  # type: ignore[import-untyped]
from ministack.core import arn, iam_actions, iam_evaluator, responses  # type: ignore[import-untyped]
from ministack.services import dynamodb, eventbridge, s3  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

TRANSACTION_CHECKS = iam_actions.dynamodb_transaction_checks
TARGET = re.compile(r'(INSERT) INTO "([^"]+)"|(UPDATE) "([^"]+)"')

SET_ITEM = dynamodb._set_item
GET_OBJECT = s3._get_object
BY_STATEMENT: ContextVar[bool] = ContextVar("BY_STATEMENT", default=False)

CONDITION_KEY = iam_evaluator._resolve_condition_key
ACTION = iam_actions.extract_iam_action
RESOURCE = iam_actions.extract_resource_arn
SESSION = re.compile(r"arn:aws:sts::(\d+):assumed-role/([^/]+)/.*")

INVOKE_TARGET = eventbridge._invoke_target
# "o-…=account,account": one organisation and its accounts.
ORGANIZATION, _, MEMBERS = os.environ.get("ORGANIZATION", "").partition("=")
log = logging.getLogger("launcher")


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
    if key.lower() == "aws:principalorgid" and ORGANIZATION:
        return ORGANIZATION if context.principal_account in MEMBERS.split(",") else None
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


def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any) -> None:
    """Hand an event to a target; to a bus of another account or region as the target's role."""
    try:
        bus = arn.parse_arn(target.get("Arn", ""))
    except arn.ArnParseError:
        INVOKE_TARGET(target, event, rule, view)
        return
    here = (responses.get_account_id(), responses.get_region())
    is_bus = bus.service == "events" and bus.resource.startswith("event-bus/")
    if not is_bus or (bus.account_id, bus.region) == here:
        INVOKE_TARGET(target, event, rule, view)
    elif may_put(target.get("RoleArn", ""), bus, target["Arn"], event):
        with acting_in(bus.account_id, bus.region):
            INVOKE_TARGET(target, event, rule, view)
    else:
        log.warning(
            "an event of %s was refused by %s or by its sender's role", event["Account"], target["Arn"]
        )


def may_put(role: str, bus: Any, bus_arn: str, event: dict[str, Any]) -> bool:
    """Tell whether a role may put an event onto a bus: by its own policies, and if the bus is another
    account's by the policy of the bus too."""
    account, name = responses.get_account_id(), role.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/events",
        principal_type="AssumedRole",
        principal_account=account,
        action="events:PutEvents",
        resource_arn=bus_arn,
        region=bus.region,
        service_context={"events:source": [event["Source"]], "events:detail-type": [event["DetailType"]]},
    )
    if (
        iam_evaluator.evaluate(context, iam_evaluator._gather_role_policies(name, account)).decision
        != "Allow"
    ):
        return False
    policy = eventbridge._event_bus_policies.get_scoped(
        bus.account_id, bus.region, bus.resource.partition("/")[2]
    )
    found = iam_evaluator.evaluate_resource_policy(policy, context).decision
    return bool(found == "Allow" or (bus.account_id == account and found != "Deny"))


@contextmanager
def acting_in(account: str, region: str) -> Iterator[None]:
    """Go on as if the request had come in another account and region."""
    before = responses.get_account_id(), responses.get_region()
    responses.set_request_account_id(account)
    responses.set_request_region(region)
    try:
        yield
    finally:
        responses.set_request_account_id(before[0])
        responses.set_request_region(before[1])


def put_bus_policy(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    """Give a bus the one statement of a template."""
    bus = properties.get("EventBusName", "default")
    statement = {**properties["Statement"], "Sid": properties["StatementId"]}
    policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
    others = [each for each in policy["Statement"] if each["Sid"] != statement["Sid"]]
    eventbridge._event_bus_policies[bus] = {**policy, "Statement": [*others, statement]}
    return f"{bus}|{statement['Sid']}", {}


def remove_bus_policy(physical_id: str, properties: dict[str, Any]) -> None:
    """Take a statement from the policy of a bus."""
    bus, _, sid = physical_id.partition("|")
    eventbridge._remove_permission({"EventBusName": bus, "StatementId": sid})


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
    eventbridge._invoke_target = invoke_target
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {
        "create": put_bus_policy,
        "delete": remove_bus_policy,
    }
    app.main()

"""Runs ministack, changed in four points. The names below are private to it, so its version is pinned.

- PutEvents takes events of `aws.*` sources, as AWS's services do. Without it only the test source could be
  tried, not the patterns that findings really pass.
- Each statement of BatchExecuteStatement needs the grant of what it does, as on AWS:
  https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
- The condition key aws:PrincipalArn of a session is the ARN of its role, as on AWS:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
- sqs:SendMessage grants SendMessageBatch, as on AWS:
  https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from ministack import app  # type: ignore[import-untyped]
from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-untyped]
from ministack.services import eventbridge  # type: ignore[import-untyped]

TRANSACTION_CHECKS = iam_actions.dynamodb_transaction_checks
TARGET = re.compile(r'(INSERT) INTO "([^"]+)"|(UPDATE) "([^"]+)"')

CONDITION_KEY = iam_evaluator._resolve_condition_key
ACTION = iam_actions.extract_iam_action
SESSION = re.compile(r"arn:aws:sts::(\d+):assumed-role/([^/]+)/.*")


def action(*request: Any) -> str | None:
    """Give the action that a request must be granted."""
    found: str | None = ACTION(*request)
    return "sqs:SendMessage" if found == "sqs:SendMessageBatch" else found


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


if __name__ == "__main__":
    eventbridge._put_events = partial(eventbridge._put_events, allow_aws_source=True)
    iam_actions.dynamodb_transaction_checks = checks
    iam_actions.extract_iam_action = action
    iam_evaluator._resolve_condition_key = condition_key
    app.main()

"""The composition root of what the functions around alerts share: packs, alert table, channels, reach.

Everything here is made once per execution environment and reused by its invocations.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from secgraph import contract
from secgraph.handlers import runtime

if TYPE_CHECKING:
    from secgraph.adapters.change_mark import ChangeMark
    from secgraph.adapters.dynamodb_alerts import DynamoDBAlerts
    from secgraph.adapters.secrets import Secrets
    from secgraph.alerts.ports import Channel
    from secgraph.alerts.reach import Reach
    from secgraph.rules.pack import Pack


@cache
def packs() -> tuple[Pack, ...]:
    """Give the rule packs in the asset."""
    from secgraph.adapters.bundled import bundled
    from secgraph.adapters.pack_files import read_packs
    from secgraph.rules.pack import load_all

    return load_all(read_packs([bundled(contract.PACKS_FOLDER)]))


@cache
def alerts() -> DynamoDBAlerts:
    """Give the alert table."""
    from secgraph.adapters.dynamodb_alerts import DynamoDBAlerts

    return DynamoDBAlerts(
        boto3.client("dynamodb", config=runtime.CONFIG), runtime.environment(contract.ALERT_TABLE)
    )


@cache
def change_mark() -> ChangeMark:
    """Give the mark by which the projector starts the rules."""
    from secgraph.adapters.change_mark import ChangeMark

    return ChangeMark(
        boto3.client("dynamodb", config=runtime.CONFIG), runtime.environment(contract.ALERT_TABLE)
    )


@cache
def reach() -> Reach:
    """Give where the actions of rules may go: what the asset's file lists, else nowhere."""
    from secgraph.alerts.reach import Reach, read

    shipped = runtime.ASSET / contract.REACH_FILE
    if not shipped.exists():
        return Reach()
    return read(json.loads(shipped.read_text("utf-8")), contract.REACH_FILE)


def channels(now: int) -> Mapping[str, Channel]:
    """Give the ways out that the deployment has, by kind."""
    from secgraph.adapters.channels.kinds import Places, channels_of

    places = Places(
        topic=runtime.environment(contract.ALERT_TOPIC),
        chat=os.environ.get(contract.CHAT_TOPIC, ""),
        slack_secret=os.environ.get(contract.SLACK_SECRET, ""),
        webhook=os.environ.get(contract.WEBHOOK, ""),
        webhook_secret=os.environ.get(contract.WEBHOOK_SECRET, ""),
    )
    return channels_of(
        places,
        clients=_client,
        secrets=_secrets(),
        parameters=runtime.parameters(now, secrets=True),
        reach=reach(),
    )


@cache
def _client(service: str, region: str) -> Any:
    """Give a client for SNS or SQS; without a region for our own."""
    return boto3.client(service, region_name=region or None, config=runtime.CONFIG)  # type: ignore[call-overload]


@cache
def _secrets() -> Secrets:
    from secgraph.adapters.secrets import Secrets

    return Secrets(boto3.client("secretsmanager", config=runtime.CONFIG))

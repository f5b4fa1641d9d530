"""The composition root of what reads the sources' APIs: what is read, and the ports of the reconcile.

Everything here is made once per execution environment and reused by its invocations.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3

from secgraph import contract
from secgraph.errors import InputError, SettingsError
from secgraph.flows.reconcile import Plan, Ports
from secgraph.handlers import runtime
from secgraph.sources.scope import Reader

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from secgraph.sources.ports import LedgerStore

HOUR_MS: Final = 60 * 60_000


def plan(context: LambdaContext) -> Plan:
    """Give what the deployment reads: with the eyes of its own account, in whose region the function runs,
    and of the roles that were set. Raises SettingsError, and InputError where the reconcile is switched off.
    """
    region, account = context.invoked_function_arn.split(":")[3:5]
    settings, where = _settings()
    try:
        readers = tuple(
            Reader(str(each["account"]), str(each["role"]), str(each["externalId"]))
            for each in settings.get("readers", [])
        )
        regions = tuple(map(str, settings.get("regions", []))) or (region,)
        interval_ms = int(settings["hours"]) * HOUR_MS
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"{where}: not what a deployment writes ({error!r}); deploy the stack again"
        ) from error
    others = tuple(reader for reader in readers if reader.account != account)
    return Plan((Reader(account), *others), regions, interval_ms)


@cache
def ports() -> Ports:
    """Give the world outside of a reconcile."""
    from secgraph.adapters.dynamodb_open import DynamoDBOpenFindings
    from secgraph.adapters.s3_seen import S3Seen
    from secgraph.adapters.sources.aws import AwsSources

    return Ports(
        ledger=ledger(),
        sources=AwsSources(boto3.Session()),
        graph=runtime.graph(),
        open=DynamoDBOpenFindings(
            boto3.client("dynamodb", config=runtime.CONFIG),
            runtime.environment(contract.GRAPH_TABLE),
            runtime.environment(contract.LEDGER_TABLE),
            runtime.now,
        ),
        archive=runtime.archive(),
        quarantine=runtime.quarantine(),
        seen=S3Seen(boto3.client("s3", config=runtime.CONFIG), runtime.environment(contract.BUCKET)),
    )


@cache
def ledger() -> LedgerStore:
    """Give the ledger table."""
    from secgraph.adapters.dynamodb_ledger import DynamoDBLedger

    return DynamoDBLedger(
        boto3.client("dynamodb", config=runtime.CONFIG), runtime.environment(contract.LEDGER_TABLE)
    )


def _settings() -> tuple[Any, str]:
    """Give what was set, from the asset's file, else from the environment, and where it stands."""
    shipped = runtime.ASSET / contract.SOURCES_FILE
    where = contract.SOURCES_FILE if shipped.exists() else contract.SOURCES
    text = shipped.read_text("utf-8") if shipped.exists() else os.environ.get(contract.SOURCES)
    if not text:
        raise InputError(
            "the reconcile is switched off in this deployment; deploy without `-c sources=false`, or with a "
            "file of sources that gives hours"
        )
    try:
        return json.loads(text), where
    except ValueError as error:
        raise SettingsError(f"{where}: not JSON ({error}); deploy the stack again") from error

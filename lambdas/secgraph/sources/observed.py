"""What the reconcile learns and no event says → events of our own, archived and ingested like any other.

So a replay of the raw archive brings them again. Each is an EventBridge envelope with the source `secgraph`,
which no rule of a bus lets in; ingest/observed.py reads them.

    FINDING_STATE  what a source says of a finding when it is asked: open, closed, or not there any more
    SOURCE_STATE   what is known of a scope: the ledger, as the graph shows it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from secgraph import contract
from secgraph.ingest.ports import Delivery
from secgraph.sources.scope import Scope
from secgraph.sources.standing import Standing

ABSENT: Final = "absent from source"


def finding_state(arn: str, scope: Scope, *, is_open: bool, observed_on: int, reason: str = "") -> Delivery:
    """Say whether a finding is open at its source as of a moment; `reason` is ABSENT for one that is gone."""
    detail = {
        "source": scope.source,
        "accountId": scope.account,
        "region": scope.region,
        "arn": arn,
        "open": is_open,
        "observedOn": observed_on,
        **({"reason": reason} if reason else {}),
    }
    return _delivery(contract.FINDING_STATE, detail, observed_on, scope)


def source_state(standing: Standing, now: int) -> Delivery:
    """Say how a scope stands, as of `now`."""
    finished, failure = standing.finished, standing.failure
    detail: dict[str, object] = {
        "source": standing.scope.source,
        "accountId": standing.scope.account,
        "region": standing.scope.region,
        "state": standing.state.value,
        "observedOn": now,
        **({"reason": standing.reason} if standing.reason else {}),
        **({"failure": failure.reason, "failedOn": failure.failed_on} if failure else {}),
    }
    if finished:
        detail |= {
            "completeAsOf": finished.began_on,
            "reconciledOn": finished.finished_on,
            "countAtSource": finished.at_source,
            "countHeld": finished.held,
            "repaired": finished.repaired,
            "closed": finished.closed,
            "quarantined": finished.quarantined,
        }
    return _delivery(contract.SOURCE_STATE, detail, now, standing.scope)


def _delivery(detail_type: str, detail: Mapping[str, object], now: int, scope: Scope) -> Delivery:
    event = {
        "source": contract.OWN_SOURCE,
        "detail-type": detail_type,
        "account": scope.account,
        "region": scope.region,
        "detail": detail,
    }
    return Delivery(f"{detail_type} {scope.key}", json.dumps(event, sort_keys=True), now)

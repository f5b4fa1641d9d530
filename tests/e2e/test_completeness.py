"""Backfill, reconcile, status and replay of a deployed stack, its sources played on loopback."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.deployment import Deployment
from tests.e2e.emulator import ACCOUNT, REGION
from tests.e2e.source_apis import SourceApis
from tests.e2e.variants import Event, about, of_account

# With every role enforced: what Reconcile, Status and Replay were granted is enough.
pytestmark = [pytest.mark.e2e, pytest.mark.parametrize("deployment", ["enforced"], indirect=True)]

Sample = Callable[[str], Event]
INSTANCE = "i-0e2e00000000000c1"
EARLIER_MS = 3_600_000
TICK = {"detail-type": "Scheduled Event", "source": "aws.events"}


@pytest.fixture
def sources(deployment: Deployment, sample: Sample) -> Iterator[SourceApis]:
    """What GuardDuty and Inspector hold: a finding each on an instance of the deployment's own account."""
    with SourceApis() as apis:
        guardduty, inspector = (
            of_account(ACCOUNT, about(INSTANCE, sample(start)))["detail"] for start in ("01", "02")
        )
        apis.guardduty.append({**guardduty, "service": {**guardduty["service"], "archived": False}})
        apis.inspector.append(inspector)
        with deployment.with_variables("ReconcileFunction", apis.variables):
            yield apis


def reconciled(deployment: Deployment, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the reconcile until it is finished, and give what each run did that ended."""
    ended: list[dict[str, Any]] = []

    def done() -> bool:
        report = deployment.invoke("ReconcileFunction", event)
        assert "error" not in report, report
        assert [each for each in report["scopes"] if each["did"] == "failed"] == []
        ended.extend(each for each in report["scopes"] if each["did"] == "finished")
        event.update({"askedOn": report["askedOn"]} if "askedOn" in report else {})
        return bool(report["finished"])

    deployment.wait_for("the reconcile to finish", done)
    return ended


def shown(deployment: Deployment) -> dict[str, tuple[bool, str | None]]:
    """Whether each finding on the instance is open, and why not, by its type."""
    deployment.settle()
    asked = f"FIND Finding AS f THAT RELATES TO aws_instance WITH id = '{INSTANCE}'"
    rows = deployment.ask(f"{asked} RETURN f._type AS type, f.open AS open, f.closedReason AS reason")
    return {row["type"]: (row["open"], row.get("reason")) for row in rows}


def standings(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """What the status tells of the deployment's own account, by source."""
    deployment.settle()
    told = deployment.invoke("StatusFunction", {})
    assert "error" not in told, told
    own = [each for each in told["sources"] if (each["account"], each["region"]) == (ACCOUNT, REGION)]
    return {each["source"]: each for each in own}


def test_what_the_sources_hold_and_no_event_told_is_found_closed_and_replayed(
    deployment: Deployment, sources: SourceApis
) -> None:
    reconciled(deployment, copy.copy(TICK))
    assert shown(deployment) == {
        "aws_guardduty_finding": (True, None),
        "aws_inspector_finding": (True, None),
    }
    first = standings(deployment)
    assert {source: each["countAtSource"] for source, each in first.items()} == {
        "guardduty": 1,
        "inspector2": 1,
    }
    assert all(each["completeAsOf"] for each in first.values())
    assert deployment.secgraph("status").startswith("complete as of ")

    sources.guardduty[0]["service"]["archived"] = True
    sources.inspector.clear()
    # What was received within the last minutes is left open: the clocks may differ by as much.
    with deployment.received_earlier(INSTANCE, EARLIER_MS):
        runs = reconciled(deployment, {"account": ACCOUNT})
    assert {run["source"]: (run["repaired"], run["closed"]) for run in runs} == {
        "guardduty": (1, 1),
        "inspector2": (1, 1),
    }
    assert shown(deployment) == {
        "aws_guardduty_finding": (False, None),
        "aws_inspector_finding": (False, "absent from source"),
    }
    assert f"guardduty/{ACCOUNT}/{REGION}" in deployment.secgraph("reconcile", "--source", "guardduty")
    again = standings(deployment)
    assert all(again[source]["completeAsOf"] > each["completeAsOf"] for source, each in first.items())


def test_a_replay_of_the_archive_gives_the_same_graph(deployment: Deployment) -> None:
    deployment.ingested()
    printed = deployment.secgraph("replay")
    live, replayed = re.findall(r"\bg1:[0-9]+:[0-9a-f]{32}\b", printed)
    assert live == replayed, printed
    assert deployment.secgraph("hash").strip() == live
    assert not live.startswith("g1:0:")

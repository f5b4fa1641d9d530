"""The graph image on a deployed stack: how soon it shows what happens, and that it survives its upkeep."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from infra.image import WINDOW_SECONDS
from infra.ingestion import BATCH_WINDOW_SECONDS
from secgraph import contract
from tests.e2e.deployment import Deployment
from tests.e2e.variants import Event, about, later

pytestmark = pytest.mark.e2e

Sample = Callable[[str], Event]
FINDINGS: Final = 20
APART_SECONDS: Final = 0.3
EVERYTHING: Final = "Find * as e return e._id as id, e._version as version order by id"
EDGES: Final = (
    "Find Finding that relates to as r * as e return r._class as verb, count(e) as count order by verb"
)


def all_of(deployment: Deployment) -> list[Any]:
    """All entities, page by page, and how they are related."""
    rows: list[Any] = deployment.ask(EDGES)
    cursor = None
    while True:
        answer = deployment.invoke("QueryFunction", {"query": EVERYTHING, "cursor": cursor})
        assert "error" not in answer, answer
        rows += answer["data"]
        cursor = answer.get("cursor")
        if cursor is None:
            return rows


def seconds_until_seen(
    deployment: Deployment, events: list[Event], query: str, seen: Callable[[list[Any]], set[str]]
) -> list[float]:
    """Hand events in one after the other, and ask all the while. Give how long each took; `seen` names those
    that an answer shows by the id of their instance."""
    handed: dict[str, float] = {}
    took: dict[str, float] = {}
    waiting = [(f"i-0e2e00000001{number:05}", event) for number, event in enumerate(events)]

    def probe() -> bool:
        if waiting and (not handed or time.monotonic() - max(handed.values()) >= APART_SECONDS):
            instance, event = waiting.pop(0)
            handed[instance] = time.monotonic()
            deployment.put(event)
        shown = seen(deployment.ask(query))
        now = time.monotonic()
        took.update({each: now - handed[each] for each in handed.keys() & shown - took.keys()})
        return len(took) == len(events)

    deployment.wait_for("every event to be seen", probe)
    return list(took.values())


@pytest.mark.parametrize("deployment", ["open"], indirect=True)
def test_what_happens_is_seen_within_seconds(
    deployment: Deployment, sample: Sample, capsys: pytest.CaptureFixture[str]
) -> None:
    instances = [f"i-0e2e00000001{number:05}" for number in range(FINDINGS)]
    new = [about(instance, sample("02")) for instance in instances]
    changed = [later(event, severity="LOW") for event in new]
    closed = [later(event, status="CLOSED") for event in new]
    for moment, event in enumerate(closed):
        event["detail"]["updatedAt"] = f"Sun Nov 22 08:15:{moment:02}.000 UTC 2026"
    query = (
        "Find aws_inspector_finding as f that relates to aws_instance with id ^= 'i-0e2e00000001' as i "
        "return i.id as id, f.severity as severity, f.open as open limit 250"
    )

    def those(**wanted: object) -> Callable[[list[Any]], set[str]]:
        return lambda rows: {row["id"] for row in rows if wanted.items() <= row.items()}

    deployment.put(about("i-0e2e0000000bbbbbb", sample("02")))
    deployment.settle()  # each function has run once
    lines = []
    for what, events, seen in (
        ("a new finding", new, those(open=True)),
        ("an update", changed, those(severity="low")),
        ("a finding that is closed", closed, those(open=False)),
    ):
        took = seconds_until_seen(deployment, events, query, seen)
        p95 = statistics.quantiles(took, n=20)[-1]
        # The emulator waits for no batch to fill; AWS waits as long as this if few events come.
        whole = p95 + BATCH_WINDOW_SECONDS + WINDOW_SECONDS
        lines.append(
            f"{what}: p95 {p95:.1f} s, median {statistics.median(took):.1f} s over {len(took)}; with the "
            f"batch windows that the emulator leaves out p95 {whole:.1f} s"
        )
    with capsys.disabled():
        sys.stdout.write("\n" + "".join(f"from event to query, {line}\n" for line in lines))


def test_compaction_and_rebuilds_change_no_answer(deployment: Deployment, sample: Sample) -> None:
    deployment.put(about("i-0e2e00000002aaaaa", sample("01")), about("i-0e2e00000002aaaaa", sample("02")))
    deployment.settle()
    before = all_of(deployment)
    assert len(before) > 10

    compacted = deployment.invoke("CompactFunction", {"always": True})["compacted"]
    assert compacted["rows"] > 0
    manifest = deployment.manifest()
    assert (manifest.generation, manifest.stand.deltas) == (compacted["generation"], ())
    assert all_of(deployment) == before
    assert deployment.invoke("CompactFunction", {})["compacted"] is None, "nothing is due"

    said = deployment.secgraph("image", "rebuild")
    assert "rebuild" in said
    deployment.wait_for("the next base", lambda: deployment.manifest().generation > manifest.generation)
    deployment.rebuilt()
    assert all_of(deployment) == before


def test_an_image_that_was_thrown_away_is_made_again_and_meanwhile_nothing_is_answered(
    deployment: Deployment, sample: Sample
) -> None:
    deployment.put(about("i-0e2e00000003aaaaa", sample("02")))
    deployment.settle()
    before = all_of(deployment)
    s3, bucket = deployment.emulator.client("s3"), deployment.outputs["Bucket"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=contract.IMAGE_PREFIX):
        for each in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=each["Key"])
    restart(deployment, "QueryFunction")
    error = deployment.invoke("QueryFunction", {"query": EVERYTHING})["error"]
    assert error["code"] == "STORE"
    assert "for the first time" in error["message"]
    deployment.put(later(about("i-0e2e00000003aaaaa", sample("02")), severity="LOW"))
    deployment.settle()
    error = deployment.invoke("QueryFunction", {"query": EVERYTHING})["error"]
    assert "for the first time" in error["message"], "what came since is not the graph"
    assert deployment.invoke("CompactFunction", {}) == {"rebuild": True}
    deployment.rebuilt()
    assert {row["id"] for row in all_of(deployment) if "id" in row} == {
        row["id"] for row in before if "id" in row
    }
    changed = "Find aws_instance with id = 'i-0e2e00000003aaaaa' that has Finding as f"
    (row,) = deployment.ask(f"{changed} return f.severity as severity")
    assert row == {"severity": "low"}


def restart(deployment: Deployment, output: str) -> None:
    """Give the function new environments: nothing that it held is there any more."""
    name = deployment.outputs[output]
    held = deployment.lambda_.get_function_configuration(FunctionName=name)
    variables = held["Environment"]["Variables"]
    deployment.lambda_.update_function_configuration(
        FunctionName=name,
        Environment={"Variables": {**variables, "RESTARTED": str(time.time_ns())}},
    )


def test_what_the_stream_has_not_delivered_is_seen_when_it_is_asked_for(
    deployment: Deployment, sample: Sample
) -> None:
    instance = "i-0e2e00000004aaaaa"
    event: dict[str, Any] = {"query": f"Find aws_instance with id = '{instance}' that has Finding"}
    deployment.settle()
    with deployment.held_up("ProjectFunction"):
        deployment.put(about(instance, sample("02")))
        deployment.ingested()
        plain = deployment.invoke("QueryFunction", event)
        assert plain["data"] == []
        assert {"version", "generation", "until", "publishedOn"} == plain["image"].keys()
        fresh = deployment.invoke("QueryFunction", {**event, "fresh": True})
        assert len(fresh["data"]) == 1
        assert fresh["image"]["fresh"]["complete"] is True
        assert fresh["image"]["version"] == plain["image"]["version"]
    deployment.settle()
    settled = deployment.invoke("QueryFunction", event)
    assert settled["data"] == fresh["data"]
    assert settled["image"]["version"] > plain["image"]["version"]


def test_what_cannot_be_read_is_set_aside_and_holds_up_nothing(
    deployment: Deployment, sample: Sample
) -> None:
    odd = {"id": {"S": "e2e-odd"}, "rev": {"N": "1"}, "v": {"N": "99"}, "type": {"S": "odd"}}
    table = deployment.outputs["GraphTable"]
    deployment.dynamodb.put_item(TableName=table, Item=odd)
    try:
        deployment.put(about("i-0e2e00000005aaaaa", sample("02")))
        deployment.settle()
        assert deployment.ask("Find aws_instance with id = 'i-0e2e00000005aaaaa'")
    finally:
        deployment.dynamodb.delete_item(TableName=table, Key={"id": {"S": "e2e-odd"}})
    s3 = deployment.emulator.client("s3")
    place = {"Bucket": deployment.outputs["Bucket"]}
    listed = s3.list_objects_v2(**place, Prefix=contract.ASIDE_PREFIX)["Contents"]
    records = [json.loads(s3.get_object(**place, Key=each["Key"])["Body"].read()) for each in listed]
    assert any("layout 99" in each["reason"] for each in records if each["id"] == "e2e-odd")
    assert contract.METRIC_SET_ASIDE in deployment.logs("ProjectFunction"), "the alarm watches this"

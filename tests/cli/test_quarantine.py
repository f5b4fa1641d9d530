"""`secgraph quarantine` on the local graph and against AWS in moto; raw events brought in again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from secgraph import contract
from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.s3_quarantine import S3Quarantine
from secgraph.graph import stored
from secgraph.ingest import archive
from secgraph.ingest.ports import Delivery, Quarantined

DEMO = Path(__file__).parent.parent.parent / "examples" / "demo"
NOW = 1_795_000_000_000
BAD = Quarantined(
    f"beef{'0' * 60}",
    "tag \x1b[2J\u202e: is no text",
    '{"source": "aws.guardduty", "detail-type": "\x9b1m", "detail": {"arn": "\u202earn:x"}}',
    NOW,
)
HOSTILE = ("\x1b", "\x9b", "\u202e", "\x07", "\r")


def ids(out: str) -> list[str]:
    return [one["id"] for one in json.loads(out)["events"]]


def test_what_was_refused_is_listed_shown_and_replayed_once_it_is_understood(run, sample, monkeypatch):
    Path("event.json").write_text(json.dumps(sample("02")))
    with monkeypatch.context() as patch:
        patch.setattr(stored, "LIMIT_BYTES", 300)
        patch.setattr("secgraph.cli.clock.now", lambda text=None: NOW)
        assert "1 quarantined" in run("ingest", "event.json")[1]
    first, second, last = run("quarantine", "list")[1].splitlines()
    assert "2026-11-18 11:06 UTC  aws.inspector2  Inspector2 Finding  arn:aws:inspector2" in first
    assert "would take" in second
    assert last == "1 event in quarantine"
    (id_,) = ids(run("quarantine", "list", "--format", "json")[1])
    shown = run("quarantine", "show", first[:12])[1]
    assert id_ in shown
    assert json.loads(shown.partition("\n\n")[2]) == sample("02")
    assert run("quarantine", "show", id_, "--to", "copy.json")[0] == 0
    assert Path("copy.json").read_text() == Path("event.json").read_text()
    assert json.loads(run("quarantine", "show", id_, "--format", "json")[1])["body"] == json.dumps(
        sample("02")
    )
    code, out, err = run("quarantine", "replay", id_, "--dry-run")
    assert (code, out) == (0, "dry run: 1 understood\n")
    assert err == f"understood: {id_[:12]}\n"
    assert ids(run("quarantine", "list", "--format", "json")[1]) == [id_]
    assert run("quarantine", "replay", "--reason", "would take") == (0, "1 applied\n", "")
    assert run("quarantine", "list")[1] == "0 events in quarantine\n"
    created = run("query", "FIND Finding AS f RETURN f._createdOn", "--format", "csv")[1]
    assert created.split() == ["f._createdOn", str(NOW)]


def test_what_is_still_refused_stays_until_it_is_discarded(run):
    run("ingest", DEMO)
    code, out, err = run("quarantine", "replay", "--all")
    assert (code, out) == (0, "1 quarantined\n")
    assert "detail.arn: is missing" in err
    assert run("quarantine", "list", "--reason", "detail.arn")[1].endswith("1 event in quarantine\n")
    assert run("quarantine", "list", "--reason", "timestamp")[1] == "0 events in quarantine\n"
    assert run("quarantine", "discard", "--all", "--dry-run")[1].endswith("1 event would be discarded\n")
    assert run("quarantine", "discard", "--all")[1].endswith("1 event discarded\n")
    assert run("quarantine", "replay", "--all") == (0, "nothing to replay\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay"], "give ids, or --all, or --reason"),
        (["replay", "beef", "--all"], "give ids, or --all, or --reason"),
        (["discard", "--reason", ""], "say --all if you mean all"),
        (["show", "beef"], "no such event"),
        (["show", "../x"], "is no id"),
        (["replay", "--all", "--queue", "q"], "--queue goes with --bucket"),
        (["replay", "--all", "--bucket", "b"], "name the ingest queue"),
        (["list", "--stack", "s", "--bucket", "b"], "not both"),
        (["replay", "--all", "--stack", "s", "--accounts", "a.json"], "for the local graph"),
    ],
)
def test_a_mistake_is_one_message(run, arguments, message):
    run("ingest", DEMO)
    code, out, err = run("quarantine", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.fixture
def deployed(aws: None) -> Any:
    """The bucket and the queue of a deployment, with two events in quarantine; gives the queue's URL."""
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    queue = sqs.create_queue(QueueName="ingest")["QueueUrl"]
    S3Quarantine(s3, "bucket").put([BAD, Quarantined("f00d" + "0" * 60, "not JSON", "{", NOW - 60_000)])
    return queue


@pytest.mark.thorough
def test_nothing_that_others_wrote_drives_the_terminal(run, deployed):
    for arguments in (
        ["list"],
        ["list", "--format", "json"],
        ["show", "beef"],
        ["show", "beef", "--format", "json"],
        ["replay", "--all", "--dry-run"],
        ["discard", "beef", "--dry-run"],
    ):
        rest = ["--queue", deployed] if arguments[0] == "replay" else []
        code, out, err = run("quarantine", *arguments, "--bucket", "bucket", *rest)
        assert code == 0
        assert [char for char in HOSTILE if char in out + err] == [], arguments
    shown = run("quarantine", "show", "beef", "--bucket", "bucket")[1].partition("\n\n")[2]
    assert json.loads(shown) == json.loads(BAD.body), "escaped, and still the same event"


def test_what_is_replayed_to_a_deployment_is_in_its_queue_and_no_longer_in_quarantine(run, deployed):
    code, out, err = run("quarantine", "replay", "beef", "--bucket", "bucket", "--queue", deployed)
    assert (code, err) == (0, "")
    assert out.startswith("1 sent\n")
    sqs = boto3.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=deployed, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"
    listed = run("quarantine", "list", "--bucket", "bucket", "--format", "json")[1]
    assert ids(listed) == ["f00d" + "0" * 60]
    sent = run("quarantine", "replay", "--all", "--bucket", "bucket", "--queue", deployed)
    assert sent[1].startswith("1 sent\n")


def test_the_region_is_that_of_the_shell_and_no_region_is_one_message(run, deployed, monkeypatch):
    listing = ["list", "--bucket", "bucket"]
    replaying = ["replay", "--all", "--bucket", "bucket", "--queue", deployed]
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    code, _, err = run("quarantine", *replaying)
    assert code == 2
    assert "specify a region" in err
    assert "AWS_REGION" in err
    assert err.count("\n") == 1
    assert run("quarantine", *replaying, "--dry-run")[0] == 0, "needs no queue, so no region"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert run("quarantine", *listing)[1].endswith("2 events in quarantine\n")
    assert run("quarantine", *replaying)[1].startswith("2 sent\n")


def test_a_dry_run_on_a_deployment_says_what_depends_on_its_settings(run, deployed, sample):
    body = json.dumps({**sample("02"), "source": contract.TEST_SOURCE})
    S3Quarantine(boto3.client("s3"), "bucket").put([Quarantined("7e57" + "0" * 60, "off", body, NOW)])
    arguments = ("--dry-run", "--bucket", "bucket", "--queue", deployed)
    code, out, err = run("quarantine", "replay", "7e57", *arguments)
    assert (code, out) == (0, "dry run: 1 understood\n")
    assert "only where the deployment lets test events in (testSource)" in err


def test_an_answer_that_was_set_aside_whole_is_replayed_as_its_findings(run, sample):
    Path("answer.json").write_text(json.dumps({"findings": [sample("02")["detail"], 7]}))
    with LocalGraph.open(Path("test.duckdb")) as graph:
        graph.put([Quarantined("ab" * 32, "is an answer", Path("answer.json").read_text(), NOW)])
    code, out, err = run("quarantine", "replay", "abab", "--dry-run")
    assert (code, out) == (0, "dry run: 1 understood, 1 quarantined\n")
    assert err.startswith(
        f"understood: {'ab' * 6}.findings[0]\nquarantined: {'ab' * 6}.findings[1]: expected"
    )
    assert run("quarantine", "replay", "abab")[1] == "1 applied, 1 quarantined\n"
    (listed,) = json.loads(run("quarantine", "list", "--format", "json")[1])["events"]
    assert run("quarantine", "show", listed["id"])[1].endswith("\n\n7\n")


def test_a_bucket_that_is_not_there_is_one_message(run, deployed):
    code, out, err = run("quarantine", "list", "--bucket", "none")
    assert (code, out) == (2, "")
    assert "the quarantine in none cannot be read" in err
    assert err.count("\n") == 1


def test_raw_events_that_were_downloaded_are_ingested_as_they_were_received(run, sample):
    deliveries = [Delivery(f"m{n}", json.dumps(sample(n)), NOW) for n in ("01", "02", "07")]
    for packed in archive.pack([*deliveries, Delivery("m", "{cut", NOW + 3_600_000)]):
        Path(packed.key).parent.mkdir(parents=True)
        Path(packed.key).write_bytes(packed.content)
    code, out, err = run("ingest", "raw")
    assert (code, out) == (0, "2 applied, 0 unchanged, 0 stale, 1 ignored, 1 quarantined\n")
    assert ".jsonl.gz:1: " in err or ".jsonl.gz: " in err
    created = run("query", "FIND Finding AS f RETURN f._createdOn", "--format", "csv")[1]
    assert set(created.split()[1:]) == {str(NOW)}
    for name, content, message in (
        ("later.jsonl", b'{"v":2,"received_on":1,"id":"","body":""}\n', "later.jsonl: the raw archive"),
        ("cut.jsonl.gz", packed.content[:-4], "cut.jsonl.gz: is not the whole of a gzip file"),
    ):
        Path(name).write_bytes(content)
        code, _, err = run("ingest", name)
        assert code == 2
        assert message in err
    assert contract.RAW_PREFIX == "raw/"

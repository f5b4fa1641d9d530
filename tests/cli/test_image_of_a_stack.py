"""`secgraph image --stack`: the image of a deployment, by way of its repair role."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from secgraph import contract
from secgraph.adapters import deployed
from secgraph.adapters.deployed import Deployed
from secgraph.adapters.sqs_rebuild import Start, work_of
from secgraph.flows.load import load
from secgraph.flows.project import StreamRecord, project
from secgraph.graph.loading import items_of
from secgraph.image.rows import Version
from tests import aws_account

HOST = {"_key": "host", "_type": "server", "_class": "Host", "name": "web"}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """Give a deployment whose repair role may do anything."""
    with aws_account.account():
        aws_account.make_table("graph", contract.GRAPH_TABLE_KEY)
        place = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration=place)  # type: ignore[arg-type]
        queue = boto3.client("sqs").create_queue(QueueName="rebuilds")["QueueUrl"]
        found = Deployed("bucket", "", boto3.Session(), "graph", queue)
        monkeypatch.setattr(deployed, "of_stack", {"secgraph": found}.__getitem__)
        yield found


def test_the_image_of_a_deployment_is_looked_at_compared_and_rebuilt(run, stack):
    assert run("image", "status", "--stack", "secgraph")[:2] == (0, "there is no image yet\n")
    items = items_of({"entities": [HOST], "relationships": []}, now=1)
    load(items, writer=stack.graph())
    code, out, _ = run("image", "verify", "--stack", "secgraph")
    assert (code, out.splitlines()[0].partition(": ")[2]) == (2, "the table shows it, the image does not")
    records = [StreamRecord(it.thing.id, Version(it.rev, 1), it) for it in items]
    project(records, store=stack.image_store(), now=1, token="t")
    assert run("image", "verify", "--stack", "secgraph")[0] == 0
    assert "1 delta over it: 1 change\n" in run("image", "status", "--stack", "secgraph")[1]
    for more, work in ((), Start("always")), (("--anew",), Start("anew")):
        assert run("image", "rebuild", "--stack", "secgraph", *more)[0] == 0
        (message,) = boto3.client("sqs").receive_message(QueueUrl=stack.rebuilds)["Messages"]
        assert work_of(message["Body"]) == work

"""The name of a stack → its bucket and queue, reached by its repair role and by nothing else."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import NoRegionError
from botocore.stub import Stubber

from secgraph.adapters.deployed import of_stack
from secgraph.errors import InputError

ROLE = "arn:aws:iam::123456789012:role/repair"
OUTPUTS = {"Bucket": "bucket", "IngestQueue": "https://queue", "RepairRole": ROLE}


class Shell:
    """A session whose clients answer what the test says."""

    region_name = "eu-west-1"

    def __init__(self, **stubbed: Any) -> None:
        self._stubbed = stubbed

    def client(self, service: str, **_: Any) -> Any:
        if service not in self._stubbed:
            raise NoRegionError
        return self._stubbed[service].client


def stubbed(service: str) -> Stubber:
    keys = {"aws_access_key_id": "shell", "aws_secret_access_key": "s"}
    client: Any = boto3.client(service, region_name="eu-west-1", **keys)  # type: ignore[call-overload]
    stub = Stubber(client)
    stub.activate()
    return stub


def described(outputs: dict[str, str]) -> Stubber:
    stub = stubbed("cloudformation")
    shown = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    stack = {"StackName": "secgraph", "CreationTime": 0, "StackStatus": "CREATE_COMPLETE", "Outputs": shown}
    stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "secgraph"})
    return stub


def test_a_stack_is_reached_by_its_repair_role() -> None:
    sts = stubbed("sts")
    given = {"AccessKeyId": "repair-role-key-1", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": 0}
    asked = {"RoleArn": ROLE, "RoleSessionName": "secgraph-repair"}
    sts.add_response("assume_role", {"Credentials": given}, asked)
    found = of_stack("secgraph", lambda: Shell(cloudformation=described(OUTPUTS), sts=sts))  # type: ignore[arg-type,return-value]
    assert (found.bucket, found.queue) == ("bucket", "https://queue")
    assert found.session.get_credentials().access_key == "repair-role-key-1"  # type: ignore[union-attr]
    assert found.session.region_name == "eu-west-1"


def test_what_is_in_the_way_is_named_with_the_remedy() -> None:
    refused = stubbed("sts")
    refused.add_client_error("assume_role", "AccessDenied")
    absent = stubbed("cloudformation")
    absent.add_client_error("describe_stacks", "ValidationError", "Stack with id secgraph does not exist")
    for shell, says in (
        (Shell(cloudformation=described({"Bucket": "b"})), "has no output 'IngestQueue'.*deploy again"),
        (Shell(cloudformation=described(OUTPUTS), sts=refused), "AccessDenied.*AWS_PROFILE"),
        (Shell(cloudformation=absent), "does not exist"),
        (Shell(), "region"),
    ):
        with pytest.raises(InputError, match=says):
            of_stack("secgraph", lambda shell=shell: shell)  # type: ignore[misc]

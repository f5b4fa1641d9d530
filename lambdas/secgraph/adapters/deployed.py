"""The name of a deployed stack → what it keeps and its queues, reached by its repair role."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from secgraph.adapters import deployed_function
from secgraph.adapters.deployed_function import DeployedFunction
from secgraph.adapters.dynamodb_graph import PARALLEL_REQUESTS, DynamoDBGraph
from secgraph.adapters.image.s3_store import S3Store
from secgraph.adapters.s3_quarantine import S3Quarantine
from secgraph.adapters.sqs_rebuild import RebuildQueue
from secgraph.adapters.sqs_requeue import SQSRequeue
from secgraph.contract import IMAGE_PREFIX
from secgraph.errors import InputError

CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=PARALLEL_REQUESTS,
    connect_timeout=2,
    read_timeout=5,
)
"""A request gives up after a quarter of a minute: see flows/repair.HIDDEN_SECONDS."""
_REMEDY: Final = "check AWS_PROFILE or the credentials of your shell, and AWS_REGION"


def shell() -> boto3.Session:
    """Take the credentials and the region of the shell: AWS_REGION, as every other SDK does, before what
    boto3 knows by itself (AWS_DEFAULT_REGION, the profile)."""
    return boto3.Session(region_name=os.environ.get("AWS_REGION") or None)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A bucket, the URL of an ingest queue, and the session to reach them with; of a stack also the graph
    table, the URL of the rebuild queue, and the names of its functions by the outputs that give them.

    Its methods raise InputError where the shell does not say enough to make a client, as without a region.
    """

    bucket: str
    queue: str
    session: boto3.Session
    table: str = ""
    rebuilds: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)

    def quarantine(self) -> S3Quarantine:
        """Give the quarantine of the deployment."""
        with _explained("AWS"):
            return S3Quarantine(self.session.client("s3", config=CONFIG), self.bucket)

    def requeue(self, *, hidden_seconds: int) -> SQSRequeue:
        """Give the way into its ingest queue."""
        with _explained("AWS"):
            client = self.session.client("sqs", config=CONFIG)
        return SQSRequeue(client, self.queue, hidden_seconds=hidden_seconds)

    def graph(self) -> DynamoDBGraph:
        """Give its graph table, to scan."""
        with _explained("AWS"):
            return DynamoDBGraph(self.session.client("dynamodb", config=CONFIG), _named(self.table))

    def function(self, output: str) -> DeployedFunction:
        """Give one of its functions, by the name of its output (`ReplayFunction`)."""
        name = self.functions.get(output)
        if not name:
            raise InputError(f"the stack was deployed by a version without a {output}; deploy again")
        with _explained("AWS"):
            return DeployedFunction(self.session.client("lambda", config=deployed_function.CONFIG), name)

    def image_store(self) -> S3Store:
        """Give its graph image, to read."""
        with _explained("AWS"):
            return S3Store(self.session.client("s3", config=CONFIG), self.bucket, IMAGE_PREFIX)

    def rebuild_queue(self) -> RebuildQueue:
        """Give the queue that a rebuild of the image is started by."""
        with _explained("AWS"):
            return RebuildQueue(self.session.client("sqs", config=CONFIG), _named(self.rebuilds))


def of_stack(name: str, open_session: Callable[[], boto3.Session] = shell) -> Deployed:
    """Read the outputs of a stack with the shell's credentials, and take on its repair role.

    Raises InputError where the shell has no credentials, and for a stack that is not there or is not ours.
    """
    with _explained(f"the stack {name}"):
        session = open_session()
        stacks = session.client("cloudformation", config=CONFIG).describe_stacks(StackName=name)["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stacks[0].get("Outputs", [])}
        try:
            bucket, queue, role = (outputs[key] for key in ("Bucket", "IngestQueue", "RepairRole"))
        except KeyError as error:
            raise InputError(
                f"the stack {name} has no output {error}; name the stack that `make deploy` made, or deploy "
                "again"
            ) from error
        table, rebuilds = (outputs.get(key, "") for key in ("GraphTable", "RebuildQueue"))
        functions = {key: name for key, name in outputs.items() if key.endswith("Function")}
        return Deployed(bucket, queue, _as_role(session, role), table, rebuilds, functions)


def of_names(bucket: str, queue: str) -> Deployed:
    """Take a bucket and a queue by their names, with the shell's credentials as they are."""
    with _explained("AWS"):
        return Deployed(bucket, queue, shell())


def _named(output: str) -> str:
    if not output:
        raise InputError("the stack was deployed by a version without a graph image; deploy again")
    return output


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise InputError(f"{what} cannot be reached: {error}; {_REMEDY}") from error


def _as_role(session: boto3.Session, role: str) -> boto3.Session:
    answer = session.client("sts", config=CONFIG).assume_role(RoleArn=role, RoleSessionName="secgraph-repair")
    credentials = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=session.region_name,
    )

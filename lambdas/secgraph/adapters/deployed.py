"""The name of a deployed stack → its bucket and its queue, reached by its repair role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from secgraph.adapters.s3_quarantine import S3Quarantine
from secgraph.adapters.sqs_requeue import SQSRequeue
from secgraph.errors import InputError

CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=2, read_timeout=5
)
"""A request gives up after a quarter of a minute: see flows/repair.HIDDEN_SECONDS."""
_REMEDY: Final = "check AWS_PROFILE or the credentials of your shell, and AWS_REGION"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A bucket, the URL of an ingest queue, and the session to reach them with."""

    bucket: str
    queue: str
    session: boto3.Session

    def quarantine(self) -> S3Quarantine:
        """Give the quarantine of the deployment."""
        return S3Quarantine(self.session.client("s3", config=CONFIG), self.bucket)

    def requeue(self, *, hidden_seconds: int) -> SQSRequeue:
        """Give the way into its ingest queue."""
        client = self.session.client("sqs", config=CONFIG)
        return SQSRequeue(client, self.queue, hidden_seconds=hidden_seconds)


def of_stack(name: str, shell: Callable[[], boto3.Session] = boto3.Session) -> Deployed:
    """Read the outputs of a stack with the shell's credentials, and take on its repair role.

    Raises InputError where the shell has no credentials, and for a stack that is not there or is not ours.
    """
    try:
        session = shell()
        stacks = session.client("cloudformation", config=CONFIG).describe_stacks(StackName=name)["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stacks[0].get("Outputs", [])}
        bucket, queue, role = (outputs[key] for key in ("Bucket", "IngestQueue", "RepairRole"))
        return Deployed(bucket, queue, _as_role(session, role))
    except KeyError as error:
        raise InputError(
            f"the stack {name} has no output {error}; name the stack that `make deploy` made, or deploy again"
        ) from error
    except (ClientError, BotoCoreError) as error:
        raise InputError(f"the stack {name} cannot be reached: {error}; {_REMEDY}") from error


def of_names(bucket: str, queue: str) -> Deployed:
    """Take a bucket and a queue by their names, with the shell's credentials as they are."""
    try:
        return Deployed(bucket, queue, boto3.Session())
    except BotoCoreError as error:
        raise InputError(f"AWS cannot be reached: {error}; {_REMEDY}") from error


def _as_role(session: boto3.Session, role: str) -> boto3.Session:
    answer = session.client("sts", config=CONFIG).assume_role(RoleArn=role, RoleSessionName="secgraph-repair")
    credentials = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=session.region_name,
    )

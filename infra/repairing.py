"""The role of a person who repairs: the only one that reads raw and quarantined events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from secgraph import contract

PREFIXES: Final = (contract.RAW_PREFIX, contract.QUARANTINE_PREFIX)
READ: Final = ("s3:GetObject", "s3:GetObjectVersion")
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
MOVE_FROM: Final = (
    *("sqs:StartMessageMoveTask", "sqs:CancelMessageMoveTask", "sqs:ListMessageMoveTasks"),
    *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
)


class Repairing(Construct):
    """`role`: lists, reads and removes quarantined events, reads raw ones, and feeds both queues' events to
    ingest again. Whoever else may read every bucket of the account is kept out by the bucket's policy."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        bucket: s3.Bucket,
        queue: sqs.IQueue,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, id)
        # By the account: an administrator says who may take it on, where people get their permissions.
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.AccountRootPrincipal(),
            description="reads the raw and quarantined events of secgraph, and sends them to ingest again",
        )
        self._allow(["s3:ListBucket"], bucket.bucket_arn, {"StringLike": {"s3:prefix": _under()}})
        self._allow(["s3:GetObject"], bucket.arn_for_objects(f"{contract.RAW_PREFIX}*"))
        self._allow(
            ["s3:GetObject", "s3:DeleteObject"], bucket.arn_for_objects(f"{contract.QUARANTINE_PREFIX}*")
        )
        self._allow(["sqs:SendMessage", "sqs:GetQueueAttributes"], queue.queue_arn)
        self._allow(MOVE_FROM, dead_letters.queue_arn)
        self._keep_others_out(bucket)
        self._acknowledge(bucket)

    def _allow(
        self, actions: Sequence[str], resource: str, conditions: Mapping[str, Any] | None = None
    ) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=[resource], conditions=conditions)
        )

    def _keep_others_out(self, bucket: s3.Bucket) -> None:
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OnlyTheRepairRoleReadsEvents",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=list(READ),
                resources=[bucket.arn_for_objects(f"{prefix}*") for prefix in PREFIXES],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": self.role.role_arn}},
            )
        )

    def _acknowledge(self, bucket: s3.IBucket) -> None:
        bucket_id = Stack.of(self).resolve(bucket.bucket_arn)["Fn::GetAtt"][0]
        for prefix in PREFIXES:
            Validations.of(self.role).acknowledge(
                Acknowledgment(
                    id=f"AwsSolutions::AwsSolutions-IAM5[Resource::<{bucket_id}.Arn>/{prefix}*]",
                    reason=f"The star is the object's name under {prefix}; any of them may need repair.",
                )
            )


def _under() -> list[str]:
    return [f"{prefix}*" for prefix in PREFIXES]

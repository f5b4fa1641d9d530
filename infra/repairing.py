"""The role of a person who repairs. Of people it alone reads raw and quarantined events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Function
from secgraph import contract

EVENTS: Final = (contract.RAW_PREFIX, contract.QUARANTINE_PREFIX)
READABLE: Final = (*EVENTS, contract.ASIDE_PREFIX, contract.IMAGE_PREFIX)
REMOVABLE: Final = (contract.QUARANTINE_PREFIX, contract.ASIDE_PREFIX)
READ: Final = ("s3:GetObject", "s3:GetObjectVersion")
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
MOVE_FROM: Final = (
    *("sqs:StartMessageMoveTask", "sqs:CancelMessageMoveTask", "sqs:ListMessageMoveTasks"),
    *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
)


class Repairing(Construct):
    """`role`: lists, reads and removes quarantined events and what the image could not take, reads raw
    events, feeds both queues' events to ingest again, compares table and image, and has it rebuilt; invokes
    `functions`, which reconcile, replay and tell how complete the graph is.

    The bucket's policy keeps others away from the events, whoever may read every bucket of the account: all
    but this role and `readers`, those of the query function, which looks at the newest of them, and of
    Replay, which reads them all.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        bucket: s3.Bucket,
        queue: sqs.IQueue,
        dead_letters: sqs.IQueue,
        rebuild_queue: sqs.IQueue,
        rebuild_dead_letters: sqs.IQueue,
        graph: dynamodb.ITable,
        readers: Sequence[iam.IRole],
        functions: Sequence[Function],
    ) -> None:
        super().__init__(scope, id)
        # By the account: an administrator says who may take it on, where people get their permissions.
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.AccountRootPrincipal(),
            description="reads what secgraph keeps, sends events to ingest again, and has the image rebuilt",
        )
        self._allow(["s3:ListBucket"], [bucket.bucket_arn], {"StringLike": {"s3:prefix": _under()}})
        self._allow(["s3:GetObject"], [bucket.arn_for_objects(f"{prefix}*") for prefix in READABLE])
        self._allow(["s3:DeleteObject"], [bucket.arn_for_objects(f"{prefix}*") for prefix in REMOVABLE])
        self._allow(["sqs:SendMessage", "sqs:GetQueueAttributes"], [queue.queue_arn])
        self._allow(MOVE_FROM, [dead_letters.queue_arn])
        self._allow(["sqs:SendMessage"], [rebuild_queue.queue_arn])
        self._allow(MOVE_FROM, [rebuild_dead_letters.queue_arn])
        self._allow(["dynamodb:Scan", "dynamodb:DescribeTable"], [graph.table_arn])
        self._allow(["lambda:InvokeFunction"], [each.function.function_arn for each in functions])
        self._keep_others_out(bucket, readers)
        self._acknowledge(bucket)

    def _allow(
        self, actions: Sequence[str], resources: Sequence[str], conditions: Mapping[str, Any] | None = None
    ) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
        )

    def _keep_others_out(self, bucket: s3.Bucket, readers: Sequence[iam.IRole]) -> None:
        allowed = [self.role.role_arn, *(each.role_arn for each in readers)]
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OnlyRepairQueryAndReplayReadEvents",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=list(READ),
                resources=[bucket.arn_for_objects(f"{prefix}*") for prefix in EVENTS],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": allowed}},
            )
        )

    def _acknowledge(self, bucket: s3.IBucket) -> None:
        bucket_id = Stack.of(self).resolve(bucket.bucket_arn)["Fn::GetAtt"][0]
        for prefix in READABLE:
            Validations.of(self.role).acknowledge(
                Acknowledgment(
                    id=f"AwsSolutions::AwsSolutions-IAM5[Resource::<{bucket_id}.Arn>/{prefix}*]",
                    reason=f"The star is the object's name under {prefix}; any of them may need repair.",
                )
            )


def _under() -> list[str]:
    return [f"{prefix}*" for prefix in READABLE]

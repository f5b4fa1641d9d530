"""The tables and the bucket: kept when the stack goes, named by CloudFormation, reached over TLS only."""

from __future__ import annotations

from typing import Final

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from secgraph import contract

QUARANTINE_DAYS: Final = 365
ASIDE_DAYS: Final = 365
RECONCILE_DAYS: Final = 7
"""Of what a run of the reconcile has seen. It removes that by itself when it ends, within hours."""


class Storage(Construct):
    """`graph`: the truth. `alerts`: the state of alerts. `ledger`: how complete the graph is, by source,
    account and region. `bucket`: events, and the image."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        raw_days: int,
    ) -> None:
        super().__init__(scope, id)
        # Both images, because a withdrawn edge or a removed item shows in the old one only.
        self.graph = self._table(
            "Graph", contract.GRAPH_TABLE_KEY, stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES
        )
        # Sparse: only open findings have its key, so it costs a write when one opens or closes.
        self.graph.add_global_secondary_index(
            index_name=contract.OPEN_INDEX,
            partition_key=dynamodb.Attribute(
                name=contract.OPEN_INDEX_KEY, type=dynamodb.AttributeType.STRING
            ),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        # Keys say enough: which message is on its way, and that the image has changed.
        self.alerts = self._table(
            "Alerts", contract.ALERT_TABLE_KEY, stream=dynamodb.StreamViewType.KEYS_ONLY
        )
        self.ledger = self._table("Ledger", contract.LEDGER_TABLE_KEY)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            removal_policy=RemovalPolicy.RETAIN,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=[
                # No colder storage class: a batch packs to a few KB, and below 128 KB none is cheaper.
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
                s3.LifecycleRule(id="raw", prefix=contract.RAW_PREFIX, expiration=Duration.days(raw_days)),
                s3.LifecycleRule(
                    id="quarantine",
                    prefix=contract.QUARANTINE_PREFIX,
                    expiration=Duration.days(QUARANTINE_DAYS),
                ),
                s3.LifecycleRule(
                    id="image-aside", prefix=contract.ASIDE_PREFIX, expiration=Duration.days(ASIDE_DAYS)
                ),
                s3.LifecycleRule(
                    id="reconcile",
                    prefix=contract.RECONCILE_PREFIX,
                    expiration=Duration.days(RECONCILE_DAYS),
                ),
                s3.LifecycleRule(
                    id="unfinished-uploads", abort_incomplete_multipart_upload_after=Duration.days(7)
                ),
            ],
        )
        if self.bucket.policy is not None:
            # Else the bucket that outlives the stack would take plain HTTP from then on.
            self.bucket.policy.apply_removal_policy(RemovalPolicy.RETAIN)
        Validations.of(self.bucket).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-S1",
                reason="Only functions write here, and of people only the repair role reads events. "
                "An account that must know when it did records CloudTrail data events, without a bucket for "
                "access logs.",
            )
        )

    def _table(
        self,
        id: str,  # noqa: A002
        key: str,
        stream: dynamodb.StreamViewType | None = None,
    ) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            id,
            partition_key=dynamodb.Attribute(name=key, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            stream=stream,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )

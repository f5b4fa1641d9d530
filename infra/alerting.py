"""The alert topic with its key, and the function that evaluates the rules on a schedule."""

from __future__ import annotations

from typing import Final

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.function import Function
from infra.image import CACHE_MB
from infra.settings import Settings
from secgraph import contract

EVERY: Final = Duration.minutes(contract.EVALUATE_EVERY_MINUTES)
ALERT_ACTIONS: Final = ("dynamodb:Scan", "dynamodb:GetItem", "dynamodb:PutItem")


class Alerting(Construct):
    """`topic`: where alerts and alarms go. `evaluate`: the function; it reads the image, writes alerts."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        code: lambda_.Code,
        settings: Settings,
        bucket: s3.IBucket,
        alerts: dynamodb.ITable,
    ) -> None:
        super().__init__(scope, id)
        self.key = _topic_key(self)
        self.topic = sns.Topic(
            self, "Topic", display_name="secgraph alerts", master_key=self.key, enforce_ssl=True
        )
        self._let_alarms_publish()
        if settings.alert_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alert_email))
        self.evaluate = Function(
            self,
            "Evaluate",
            code=code,
            handler=contract.EVALUATE_HANDLER,
            description="rules to alerts",
            timeout_seconds=contract.EVALUATE_TIMEOUT_SECONDS,
            memory_mb=settings.memory_mb,
            retention_days=settings.retention_days,
            keep_event=EVERY,
            disk_mb=CACHE_MB,
            environment={
                contract.BUCKET: bucket.bucket_name,
                contract.ALERT_TABLE: alerts.table_name,
                contract.ALERT_TOPIC: self.topic.topic_arn,
            },
        )
        self.evaluate.allow_objects(["s3:GetObject"], bucket, contract.IMAGE_PREFIX)
        self.evaluate.allow_listing(bucket, contract.IMAGE_PREFIX)
        self.evaluate.allow(ALERT_ACTIONS, alerts.table_arn)
        self.evaluate.allow(["sns:Publish"], self.topic.topic_arn)
        self.evaluate.allow(["kms:Decrypt", "kms:GenerateDataKey"], self.key.key_arn)
        self._schedule()

    def _let_alarms_publish(self) -> None:
        # A topic policy of one's own replaces the default one: without this, alarms are silently lost.
        # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LetAlarmsOfThisAccountPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )

    def _schedule(self) -> None:
        events.Rule(
            self,
            "Schedule",
            description="evaluates the secgraph rules",
            schedule=events.Schedule.rate(EVERY),
            # A missed run is not repeated: the next one sees the same graph and does the same work.
            targets=[targets.LambdaFunction(self.evaluate.function, retry_attempts=0, max_event_age=EVERY)],
        )


def _topic_key(scope: Construct) -> kms.Key:
    """Only a key of one's own can be used by CloudWatch; under the AWS-managed one alarms fail silently."""
    key = kms.Key(
        scope,
        "Key",
        description="secgraph: messages on the alert topic",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html names these two for publishers.
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LetAlarmsUseTheKey",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
        )
    )
    return key

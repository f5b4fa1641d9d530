"""The function that sends what alerts and rules have to tell, and all that it may reach."""

from __future__ import annotations

import json
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.function import Function
from infra.parameters import Parameters, via
from infra.settings import Settings
from secgraph import contract

EVERY: Final = Duration.minutes(contract.NOTIFY_EVERY_MINUTES)
MEMORY_MB: Final = 512
RECORDS: Final = 100
WINDOW_SECONDS: Final = 1
ALERT_ACTIONS: Final = ("dynamodb:Scan", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem")


class Notifying(Construct):
    """`notify`: of all functions the only one that can tell anybody outside anything."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        code: lambda_.Code,
        settings: Settings,
        alerts: dynamodb.ITable,
        topic: sns.ITopic,
        chat: sns.ITopic | None,
        key: kms.IKey,
        parameters: Parameters,
    ) -> None:
        super().__init__(scope, id)
        channels = settings.alerts
        named = {
            contract.ALERT_TABLE: alerts.table_name,
            contract.ALERT_TOPIC: topic.topic_arn,
            contract.CHAT_TOPIC: "" if chat is None else chat.topic_arn,
            contract.SLACK_SECRET: channels.slack_secret,
            contract.WEBHOOK: channels.webhook,
            contract.WEBHOOK_SECRET: channels.webhook_secret,
            **parameters.environment,
        }
        self.notify = Function(
            self,
            "Notify",
            code=code,
            handler=contract.NOTIFY_HANDLER,
            description="messages to channels",
            timeout_seconds=contract.NOTIFY_TIMEOUT_SECONDS,
            memory_mb=MEMORY_MB,
            retention_days=settings.retention_days,
            keep_event=EVERY,
            environment={name: value for name, value in named.items() if value},
        )
        self.notify.allow(ALERT_ACTIONS, alerts.table_arn)
        topics = [topic.topic_arn, *([] if chat is None else [chat.topic_arn]), *channels.reach.topics]
        self.notify.allow(["sns:Publish"], *topics)
        if channels.reach.queues:
            self.notify.allow(["sqs:SendMessage"], *channels.reach.queues)
        self.notify.allow(["kms:Decrypt", "kms:GenerateDataKey"], key.key_arn)
        if channels.keys:
            through = via("sns", "sqs", "secretsmanager")
            self.notify.allow(["kms:Decrypt", "kms:GenerateDataKey"], *channels.keys, conditions=through)
        if secrets := [each for each in (channels.slack_secret, channels.webhook_secret) if each]:
            self.notify.allow(["secretsmanager:GetSecretValue"], *secrets)
        parameters.let_read(self.notify, secrets=True)
        self._on_records(alerts)
        self._schedule()

    def _on_records(self, alerts: dynamodb.ITable) -> None:
        """Start as soon as a message is written. The schedule sends what this could not."""
        record = {"S": [{"prefix": contract.OUTBOX_PREFIX}]}
        written = {"eventName": ["INSERT"], "dynamodb": {"Keys": {contract.ALERT_TABLE_KEY: record}}}
        mapping = lambda_.EventSourceMapping(
            self,
            "Outbox",
            target=self.notify.function,
            event_source_arn=self.notify.allow_stream(alerts),
            starting_position=lambda_.StartingPosition.LATEST,
            batch_size=RECORDS,
            max_batching_window=Duration.seconds(WINDOW_SECONDS),
            parallelization_factor=1,
            retry_attempts=0,
            max_record_age=EVERY,
            filters=[{"pattern": json.dumps(written)}],
        )
        # Lambda asks whether the role may read the stream when the mapping is made.
        mapping.node.add_dependency(self.notify.role)

    def _schedule(self) -> None:
        events.Rule(
            self,
            "Schedule",
            description="sends what waits in the secgraph outbox",
            schedule=events.Schedule.rate(EVERY),
            targets=[targets.LambdaFunction(self.notify.function, retry_attempts=0, max_event_age=EVERY)],
        )

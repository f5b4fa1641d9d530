"""The topics of alerts, and the functions around them: Evaluate on a schedule and on change, and Triage, by
which people decide."""

from __future__ import annotations

import json
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.function import Function
from infra.image import CACHE_MB
from infra.parameters import Parameters
from infra.settings import Settings
from infra.topics import alert_key, alert_topic, chat_topic
from secgraph import contract

EVERY: Final = Duration.minutes(contract.EVALUATE_EVERY_MINUTES)
CHANGES: Final = 10_000
"""Versions of the image that one evaluation takes together: all that come within the window."""
TRIAGE_MB: Final = 512
# A transaction needs no permission of its own: that of each of its writes.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
ALERT_ACTIONS: Final = ("dynamodb:Scan", "dynamodb:GetItem", "dynamodb:PutItem")
# For TAG_ENTITIES: it changes items that are there, and makes none.
TAG_ACTIONS: Final = ("dynamodb:BatchGetItem", "dynamodb:PartiQLUpdate")


class Alerting(Construct):
    """`topic`: where alerts and alarms go; `chat`, if it was asked for: alerts for chat applications; `key`:
    what both are encrypted with.

    `evaluate` reads the image, writes alerts with the messages to be sent, and tags; it sends nothing.
    `triage` writes what people decide about alerts.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        code: lambda_.Code,
        settings: Settings,
        bucket: s3.IBucket,
        graph: dynamodb.ITable,
        alerts: dynamodb.ITable,
        parameters: Parameters,
    ) -> None:
        super().__init__(scope, id)
        self.key = alert_key(self)
        self.topic = alert_topic(self, self.key)
        self.chat = chat_topic(self, self.key) if settings.alerts.chat else None
        if settings.alerts.email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alerts.email))
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
                contract.GRAPH_TABLE: graph.table_name,
                contract.ALERT_TABLE: alerts.table_name,
                contract.CHANNELS: ",".join(channels(settings)),
                **parameters.environment,
                **_given(settings),
            },
        )
        self.evaluate.allow_objects(["s3:GetObject"], bucket, contract.IMAGE_PREFIX)
        self.evaluate.allow_listing(bucket, contract.IMAGE_PREFIX)
        self.evaluate.allow(ALERT_ACTIONS, alerts.table_arn)
        self.evaluate.allow(TAG_ACTIONS, graph.table_arn)
        parameters.let_read(self.evaluate, secrets=True)
        self._schedule()
        self._on_change(alerts)
        self.triage = Function(
            self,
            "Triage",
            code=code,
            handler=contract.TRIAGE_HANDLER,
            description="decisions about alerts",
            timeout_seconds=contract.TRIAGE_TIMEOUT_SECONDS,
            memory_mb=TRIAGE_MB,
            retention_days=settings.retention_days,
            environment={contract.ALERT_TABLE: alerts.table_name},
        )
        self.triage.allow([*ALERT_ACTIONS, "dynamodb:DeleteItem"], alerts.table_arn)

    def _schedule(self) -> None:
        events.Rule(
            self,
            "Schedule",
            description="evaluates the secgraph rules",
            schedule=events.Schedule.rate(EVERY),
            # A missed run is not repeated: the next one sees the same graph and does the same work.
            targets=[targets.LambdaFunction(self.evaluate.function, retry_attempts=0, max_event_age=EVERY)],
        )

    def _on_change(self, alerts: dynamodb.ITable) -> None:
        """Evaluate once a window in which the image has changed, one evaluation at a time.

        The projector writes one item, over and over, when it has published. It lies in one shard of the
        stream, which Lambda reads in order and without a charge: so the window is the debounce, nothing piles
        up while an evaluation runs, and an idle deployment pays nothing. docs/decisions/0024 has the rest.
        """
        change = {"dynamodb": {"Keys": {contract.ALERT_TABLE_KEY: {"S": [contract.CHANGE_ITEM]}}}}
        mapping = lambda_.EventSourceMapping(
            self,
            "Change",
            target=self.evaluate.function,
            event_source_arn=self.evaluate.allow_stream(alerts),
            starting_position=lambda_.StartingPosition.LATEST,
            batch_size=CHANGES,
            max_batching_window=Duration.seconds(contract.CHANGE_WINDOW_SECONDS),
            parallelization_factor=1,
            # What failed so often, or waited longer than the schedule, is the schedule's next run to do.
            retry_attempts=2,
            max_record_age=EVERY,
            filters=[{"pattern": json.dumps(change)}],
        )
        # Lambda asks whether the role may read the stream when the mapping is made.
        mapping.node.add_dependency(self.evaluate.role)


def channels(settings: Settings) -> list[str]:
    """Which channels there are: a message is written for each. Where they lead is the sender's to know."""
    chosen = settings.alerts
    there = {"chat": chosen.chat, "slack": chosen.slack_secret, "webhook": chosen.webhook}
    return ["topic", *(kind for kind, is_there in there.items() if is_there)]


def _given(settings: Settings) -> dict[str, str]:
    given = {
        contract.INTERVALS: settings.alerts.intervals,
        contract.ALERT_LINK: settings.alerts.link,
        contract.SOURCES: settings.sources.often,
    }
    return {name: value for name, value in given.items() if value}

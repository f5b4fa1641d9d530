"""The graph image: the functions that project the table's stream, compact the image, and rebuild it."""

from __future__ import annotations

import json
from typing import Final

from aws_cdk import Aws, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Function
from infra.kept_queue import kept_queue
from infra.settings import Settings
from secgraph import contract

CACHE_MB: Final = 5120
"""Of those that read the image: what they keep of it under /tmp is at most 4 GiB."""
RECORDS: Final = 1000
WINDOW_SECONDS: Final = 1
PROJECT_MB: Final = 1024
# As much as new accounts may have: a compaction of a million entities needs 2 GB.
COMPACT_MB: Final = 3008
COMPACT_DISK_MB: Final = 10240
# As few as SQS allows; see MAX_CONCURRENCY in infra/ingestion.py.
REBUILD_CONCURRENCY: Final = 2
REBUILD_RECEIVE_COUNT: Final = 5
EVERY: Final = Duration.minutes(contract.COMPACT_EVERY_MINUTES)
READ: Final = ("s3:GetObject",)
# If-Match needs the grant to read as well as the one to write.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
WRITE: Final = ("s3:GetObject", "s3:PutObject")
TIDY: Final = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject")
REMOVED: Final = {"pattern": '{"eventName": ["REMOVE"]}'}
SCAN: Final = ("dynamodb:Scan", "dynamodb:DescribeTable")
DEPLOYED: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


class Image(Construct):
    """`project`: the stream into deltas. `compact`: deltas into a new base, on a schedule. `rebuild`: the
    table into a new base, a segment a message of `queue`; `dead_letters` are those given up on."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        code: lambda_.Code,
        settings: Settings,
        graph: dynamodb.ITable,
        bucket: s3.IBucket,
        alerts: dynamodb.ITable,
    ) -> None:
        super().__init__(scope, id)
        self._alerts = alerts
        self._code = code
        self._settings = settings
        self._graph = graph
        self._bucket = bucket
        if graph.table_stream_arn is None:
            raise ValueError("the graph table has no stream")
        self._stream = graph.table_stream_arn
        self.dead_letters = kept_queue(self, "DeadLetters")
        self.queue = kept_queue(
            self,
            "Queue",
            # AWS advises six times the function's timeout, for batches that wait while it is throttled. Here
            # no more are read than may run, and a message whose function died shall not wait for hours.
            visibility_timeout=Duration.seconds(2 * contract.REBUILD_TIMEOUT_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=REBUILD_RECEIVE_COUNT
            ),
        )
        self.project = self._project()
        self.compact = self._compact()
        self.rebuild = self._rebuild()

    def _project(self) -> Function:
        project = Function(
            self,
            "Project",
            code=self._code,
            handler=contract.PROJECT_HANDLER,
            description="graph table to image",
            timeout_seconds=contract.PROJECT_TIMEOUT_SECONDS,
            memory_mb=PROJECT_MB,
            retention_days=self._settings.retention_days,
            environment={
                contract.BUCKET: self._bucket.bucket_name,
                contract.ALERT_TABLE: self._alerts.table_name,
            },
        )
        # Of the alert table it may write the one item that starts the rules.
        project.allow(
            ["dynamodb:PutItem"],
            self._alerts.table_arn,
            conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [contract.CHANGE_ITEM]}},
        )
        project.allow_objects(WRITE, self._bucket, contract.IMAGE_PREFIX)
        project.allow_objects(["s3:PutObject"], self._bucket, contract.ASIDE_PREFIX)
        project.allow_listing(self._bucket, contract.IMAGE_PREFIX)
        self._read_stream(project)
        return project

    def _read_stream(self, project: Function) -> None:
        """Let the function read the table's stream from where it stands, and again until it succeeds."""
        project.allow_stream(self._graph)
        mapping = lambda_.EventSourceMapping(
            self,
            "Stream",
            target=project.function,
            event_source_arn=self._stream,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=RECORDS,
            max_batching_window=Duration.seconds(WINDOW_SECONDS),
            parallelization_factor=1,
            # Without a limit on tries or age, which is the default: what cannot be done now stays in the
            # stream, for the 24 hours that it keeps anything.
            bisect_batch_on_error=True,
            # Removals apart: whether a filter for what has no new image takes them is not documented.
            filters=[
                _written({"anything-but": [contract.LOCATOR]}),
                {"pattern": '{"eventName": ["REMOVE"]}'},
            ],
        )
        # Lambda asks whether the role may read the stream when the mapping is made.
        mapping.node.add_dependency(project.role)

    def _compact(self) -> Function:
        compact = Function(
            self,
            "Compact",
            code=self._code,
            handler=contract.COMPACT_HANDLER,
            description="compaction of the image",
            timeout_seconds=contract.COMPACT_TIMEOUT_SECONDS,
            memory_mb=COMPACT_MB,
            retention_days=self._settings.retention_days,
            keep_event=EVERY,
            disk_mb=COMPACT_DISK_MB,
            environment={
                contract.BUCKET: self._bucket.bucket_name,
                contract.REBUILD_QUEUE: self.queue.queue_url,
                contract.GRAPH_STREAM: self._stream,
            },
        )
        compact.allow_objects(TIDY, self._bucket, contract.IMAGE_PREFIX)
        compact.allow_listing(self._bucket, contract.IMAGE_PREFIX)
        compact.allow(["sqs:SendMessage"], self.queue.queue_arn)
        self._start_on(
            compact, "Schedule", "compacts the secgraph image", schedule=events.Schedule.rate(EVERY)
        )
        # An image that was never built, as after an upgrade, shall not wait for the schedule.
        self._start_on(
            compact,
            "Deployed",
            "builds the secgraph image where there is none",
            event_pattern=events.EventPattern(
                source=["aws.cloudformation"],
                detail_type=["CloudFormation Stack Status Change"],
                detail={"stack-id": [Aws.STACK_ID], "status-details": {"status": list(DEPLOYED)}},
            ),
        )
        return compact

    def _start_on(
        self,
        function: Function,
        id: str,  # noqa: A002
        description: str,
        schedule: events.Schedule | None = None,
        event_pattern: events.EventPattern | None = None,
    ) -> None:
        events.Rule(
            self,
            id,
            description=description,
            schedule=schedule,
            event_pattern=event_pattern,
            targets=[targets.LambdaFunction(function.function, retry_attempts=0, max_event_age=EVERY)],
        )

    def _rebuild(self) -> Function:
        rebuild = Function(
            self,
            "Rebuild",
            code=self._code,
            handler=contract.REBUILD_HANDLER,
            description="rebuild of the image",
            timeout_seconds=contract.REBUILD_TIMEOUT_SECONDS,
            memory_mb=COMPACT_MB,
            retention_days=self._settings.retention_days,
            disk_mb=COMPACT_DISK_MB,
            environment={
                contract.GRAPH_TABLE: self._graph.table_name,
                contract.BUCKET: self._bucket.bucket_name,
                contract.REBUILD_QUEUE: self.queue.queue_url,
                contract.GRAPH_STREAM: self._stream,
            },
        )
        rebuild.function.add_event_source(
            sources.SqsEventSource(self.queue, batch_size=1, max_concurrency=REBUILD_CONCURRENCY)
        )
        rebuild.allow(SCAN, self._graph.table_arn)
        rebuild.allow_objects(TIDY, self._bucket, contract.IMAGE_PREFIX)
        rebuild.allow_objects(["s3:PutObject"], self._bucket, contract.ASIDE_PREFIX)
        rebuild.allow_listing(self._bucket, contract.IMAGE_PREFIX)
        rebuild.allow(["sqs:SendMessage"], self.queue.queue_arn)
        return rebuild


def _written(type_: dict[str, object]) -> dict[str, str]:
    """Take the records of writes whose item has such a type."""
    return {"pattern": json.dumps({"dynamodb": {"NewImage": {"type": {"S": [type_]}}}})}

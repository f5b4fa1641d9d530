"""Finding events from the default bus, through a queue, to the ingest function, into the graph table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import Aws, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Function
from infra.hub import Hub
from infra.kept_queue import kept_queue
from infra.patterns import QUEUE, hand_on
from infra.settings import Settings
from secgraph import contract

BATCH_SIZE: Final = 50
BATCH_WINDOW_SECONDS: Final = 5
# As few as SQS allows. A new account may run 10 functions at once, all of them together. Of those Project
# takes up to 4, as many as a new table's stream has shards, and Rebuild 2: so 2 are left for queries, rules,
# Compact and Reconcile even while all of that is at work; Reconcile leaves them 5 minutes of every 15. It is
# a limit of the mapping: reserved concurrency cannot be set at all where the account's limit is 10. A hundred
# events are ingested in the time that a batch takes.
MAX_CONCURRENCY: Final = 2
MAX_RECEIVE_COUNT: Final = 5
# AWS: at least six times the function's timeout, plus the batch window.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY_SECONDS: Final = 6 * contract.INGEST_TIMEOUT_SECONDS + BATCH_WINDOW_SECONDS
MEMORY_MB: Final = 512
GRAPH_ACTIONS: Final = ("dynamodb:BatchGetItem", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate")


class Ingestion(Construct):
    """`queue`, `dead_letters` (of the queue and of the rules' targets), `ingest`, the function, and `hub`, if
    other accounts or regions forward to this one."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        code: lambda_.Code,
        settings: Settings,
        graph: dynamodb.ITable,
        bucket: s3.IBucket,
    ) -> None:
        super().__init__(scope, id)
        self.dead_letters = kept_queue(self, "DeadLetters")
        self.queue = kept_queue(
            self,
            "Queue",
            visibility_timeout=Duration.seconds(VISIBILITY_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=MAX_RECEIVE_COUNT
            ),
        )
        tests = [contract.TEST_SOURCE] if settings.test_source else []
        # Without its own dead-letter queue EventBridge drops an event that it could not hand over.
        hand_on(
            self,
            QUEUE,
            lambda: targets.SqsQueue(self.queue, dead_letter_queue=self.dead_letters),
            tests=tests,
        )
        self.hub = self._hub(settings, tests) if settings.hub.takes_in else None
        self.ingest = Function(
            self,
            "Ingest",
            code=code,
            handler=contract.INGEST_HANDLER,
            description="finding events to graph",
            timeout_seconds=contract.INGEST_TIMEOUT_SECONDS,
            memory_mb=MEMORY_MB,
            retention_days=settings.retention_days,
            environment=ingest_environment(settings, graph, bucket),
        )
        self.ingest.function.add_event_source(
            sources.SqsEventSource(
                self.queue,
                batch_size=BATCH_SIZE,
                max_batching_window=Duration.seconds(BATCH_WINDOW_SECONDS),
                max_concurrency=MAX_CONCURRENCY,
                report_batch_item_failures=True,
            )
        )
        self._grant(graph, bucket)

    def _hub(self, settings: Settings, tests: Sequence[str]) -> Hub:
        return Hub(
            self,
            "Hub",
            settings=settings.hub,
            tests=tests,
            queue=self.queue,
            dead_letters=self.dead_letters,
        )

    def _grant(self, graph: dynamodb.ITable, bucket: s3.IBucket) -> None:
        self.ingest.allow(GRAPH_ACTIONS, graph.table_arn)
        self.ingest.allow_objects(["s3:PutObject"], bucket, contract.RAW_PREFIX, contract.QUARANTINE_PREFIX)


def ingest_environment(settings: Settings, graph: dynamodb.ITable, bucket: s3.IBucket) -> dict[str, str]:
    """Give the variables of a function that takes events of a bus in."""
    environment = {
        contract.GRAPH_TABLE: graph.table_name,
        contract.BUCKET: bucket.bucket_name,
        contract.ADMINISTRATORS: ",".join([Aws.ACCOUNT_ID, *settings.sources.administrators]),
    }
    if settings.accounts_variable:
        environment[contract.ACCOUNTS] = settings.accounts_variable
    if settings.test_source:
        environment[contract.TEST_SOURCE_ENABLED] = "true"
    return environment

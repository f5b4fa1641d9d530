"""The functions by which the graph is complete, and can prove it: Reconcile, Status and Replay."""

from __future__ import annotations

from typing import Final

from aws_cdk import Acknowledgment, Aws, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.function import Function
from infra.image import CACHE_MB
from infra.ingestion import GRAPH_ACTIONS, ingest_environment
from infra.settings import Settings
from infra.storage import Storage
from secgraph import contract

EVERY: Final = Duration.minutes(contract.RECONCILE_EVERY_MINUTES)
MEMORY_MB: Final = 1024
LEDGER_ACTIONS: Final = ("dynamodb:Scan", "dynamodb:GetItem", "dynamodb:PutItem")
SEEN_ACTIONS: Final = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
# Reading a source knows no resource but for the one call.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonguardduty.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoninspector2.html
DETECTOR_ACTIONS: Final = ("guardduty:GetDetector",)
SOURCE_ACTIONS: Final = (
    *(f"guardduty:{call}" for call in ("GetFindings", "ListDetectors", "ListFindings", "ListMembers")),
    *(f"inspector2:{call}" for call in ("BatchGetAccountStatus", "GetDelegatedAdminAccount")),
    *("inspector2:ListFindings", "inspector2:ListMembers"),
)
# Replay reads what it has written, to hash it, and empties the table before it begins anew.
COPY_ACTIONS: Final = (*GRAPH_ACTIONS, "dynamodb:Scan", "dynamodb:BatchWriteItem")
# Where it stands is an item there.
STATE_ACTIONS: Final = ("dynamodb:GetItem", "dynamodb:PutItem")


class Completeness(Construct):
    """`reconcile` asks the sources what they hold and repairs the graph; `status` says how complete it is;
    `replay` makes it again from the archive, into `copy`, the one table that goes with the stack."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        code: lambda_.Code,
        settings: Settings,
        storage: Storage,
    ) -> None:
        super().__init__(scope, id)
        self._code = code
        self._settings = settings
        self._storage = storage
        self.copy = self._copy()
        self.reconcile = self._reconcile()
        if settings.sources.text:
            self._let_read_sources()
            self._schedule()
        self.status = self._status()
        self.replay = self._replay()

    def _reconcile(self) -> Function:
        storage, sources = self._storage, self._settings.sources
        accounts = self._settings.accounts_variable
        given = {contract.ACCOUNTS: accounts, contract.SOURCES: sources.variable}
        reconcile = Function(
            self,
            "Reconcile",
            code=self._code,
            handler=contract.RECONCILE_HANDLER,
            description="sources to graph",
            timeout_seconds=contract.RECONCILE_TIMEOUT_SECONDS,
            memory_mb=MEMORY_MB,
            retention_days=self._settings.retention_days,
            keep_event=EVERY,
            environment={
                contract.GRAPH_TABLE: storage.graph.table_name,
                contract.LEDGER_TABLE: storage.ledger.table_name,
                contract.BUCKET: storage.bucket.bucket_name,
                **{name: value for name, value in given.items() if value},
            },
        )
        # It scans once, to bring into the index what versions without one have written.
        reconcile.allow([*GRAPH_ACTIONS, "dynamodb:Scan"], storage.graph.table_arn)
        reconcile.allow(["dynamodb:Query"], f"{storage.graph.table_arn}/index/{contract.OPEN_INDEX}")
        reconcile.allow(LEDGER_ACTIONS, storage.ledger.table_arn)
        reconcile.allow_objects(
            ["s3:PutObject"], storage.bucket, contract.RAW_PREFIX, contract.QUARANTINE_PREFIX
        )
        reconcile.allow_objects(SEEN_ACTIONS, storage.bucket, contract.RECONCILE_PREFIX)
        reconcile.allow_listing(storage.bucket, contract.RECONCILE_PREFIX)
        return reconcile

    def _let_read_sources(self) -> None:
        """Let Reconcile read the findings of its own account in the regions that are asked for, and take on
        the roles that read those of others."""
        sources = self._settings.sources
        regions = sources.regions or (Aws.REGION,)
        detectors = [
            Stack.of(self).format_arn(
                service="guardduty", resource="detector", resource_name="*", region=region
            )
            for region in regions
        ]
        self.reconcile.allow(DETECTOR_ACTIONS, *detectors)
        self.reconcile.allow(
            SOURCE_ACTIONS, "*", conditions={"StringEquals": {"aws:RequestedRegion": list(regions)}}
        )
        for region in sources.regions or ("<AWS::Region>",):
            self.reconcile.acknowledge_star(
                f"arn:<AWS::Partition>:guardduty:{region}:<AWS::AccountId>:detector/*",
                "A detector's id is made up by GuardDuty; an account has one a region.",
            )
        self.reconcile.acknowledge_star(
            "*", "These calls read, and know no resource; the statement names the regions that they may ask."
        )
        if sources.roles:
            self.reconcile.allow(["sts:AssumeRole"], *sources.roles)

    def _schedule(self) -> None:
        events.Rule(
            self,
            "Schedule",
            description="reads the findings of the sources of secgraph",
            schedule=events.Schedule.rate(EVERY),
            # A missed run is not repeated: the next one goes on where the last one stopped.
            targets=[targets.LambdaFunction(self.reconcile.function, retry_attempts=0, max_event_age=EVERY)],
        )

    def _status(self) -> Function:
        bucket, often = self._storage.bucket, self._settings.sources.often
        sources = {contract.SOURCES: often} if often else {}
        status = Function(
            self,
            "Status",
            code=self._code,
            handler=contract.STATUS_HANDLER,
            description="how complete the graph is",
            timeout_seconds=contract.STATUS_TIMEOUT_SECONDS,
            # It reads the image as queries do, with the same changes to hold in memory.
            memory_mb=self._settings.memory_mb,
            retention_days=self._settings.retention_days,
            disk_mb=CACHE_MB,
            environment={contract.BUCKET: bucket.bucket_name, **sources},
        )
        status.allow_objects(["s3:GetObject"], bucket, contract.IMAGE_PREFIX)
        status.allow_listing(bucket, contract.IMAGE_PREFIX)
        return status

    def _replay(self) -> Function:
        storage, settings = self._storage, self._settings
        replay = Function(
            self,
            "Replay",
            code=self._code,
            handler=contract.REPLAY_HANDLER,
            description="archive to graph",
            timeout_seconds=contract.REPLAY_TIMEOUT_SECONDS,
            memory_mb=MEMORY_MB,
            retention_days=settings.retention_days,
            environment={
                **ingest_environment(settings, storage.graph, storage.bucket),
                contract.REPLAY_TABLE: self.copy.table_name,
                contract.LEDGER_TABLE: storage.ledger.table_name,
            },
        )
        replay.allow_objects(["s3:GetObject"], storage.bucket, contract.RAW_PREFIX)
        replay.allow_listing(storage.bucket, contract.RAW_PREFIX)
        replay.allow([*GRAPH_ACTIONS, "dynamodb:Scan"], storage.graph.table_arn)
        replay.allow(COPY_ACTIONS, self.copy.table_arn)
        replay.allow(STATE_ACTIONS, storage.ledger.table_arn)
        return replay

    def _copy(self) -> dynamodb.Table:
        """Make the table that a replay fills: a copy, which costs nothing while it is empty, and which nobody
        needs once it has been compared."""
        table = dynamodb.Table(
            self,
            "Copy",
            partition_key=dynamodb.Attribute(
                name=contract.GRAPH_TABLE_KEY, type=dynamodb.AttributeType.STRING
            ),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            removal_policy=RemovalPolicy.DESTROY,
        )
        Validations.of(table).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-DDB3",
                reason="It holds what the archive holds: another replay recovers it.",
            )
        )
        return table

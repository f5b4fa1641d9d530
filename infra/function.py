"""One Lambda function with our defaults: runtime, architecture, own role, own log group, alarm on errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Size, Stack, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from secgraph import contract

RUNTIME: Final = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE: Final = lambda_.Architecture.ARM_64
ALARM_PERIOD: Final = Duration.minutes(5)
STREAM: Final = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
ALARM_PERIODS: Final = 2 * contract.EVALUATE_EVERY_MINUTES // 5


class Function(Construct):
    """A function, its role and its alarm. Nothing is granted here but writing to its own log group.

    `keep_event` is for a function that a schedule starts: a failed run is not repeated, since the next tick
    does the same work, and a throttled one waits no longer than this. Lambda's own default is two more tries
    under the same request id, and six hours. `disk_mb` is what it may keep under /tmp.

    The role is made here because the one that the CDK makes holds an AWS-managed policy, which lets the
    function write to every log group of the account.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 (the CDK's name)
        *,
        code: lambda_.Code,
        handler: str,
        description: str,
        timeout_seconds: int,
        memory_mb: int,
        retention_days: int,
        environment: Mapping[str, str],
        keep_event: Duration | None = None,
        disk_mb: int = 512,
    ) -> None:
        super().__init__(scope, id)
        log_group = logs.LogGroup(
            self, "Logs", retention=_retention(retention_days), removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            code=code,
            handler=handler,
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mb,
            ephemeral_storage_size=Size.mebibytes(disk_mb),
            role=self.role,
            log_group=log_group,
            retry_attempts=None if keep_event is None else 0,
            max_event_age=keep_event,
            environment={
                "POWERTOOLS_SERVICE_NAME": contract.SERVICE,
                "POWERTOOLS_METRICS_NAMESPACE": contract.METRICS_NAMESPACE,
                **environment,
            },
        )
        self.alarm = any_alarm(
            self,
            "Errors",
            f"the function failed ({description}). Its log group says why",
            self.function.metric_errors(period=ALARM_PERIOD, statistic="Sum"),
        )

    def allow(
        self, actions: Sequence[str], *resources: str, conditions: Mapping[str, Any] | None = None
    ) -> None:
        """Let the function do exactly these actions on exactly these ARNs."""
        self.role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
        )

    def allow_stream(self, table: dynamodb.ITable) -> str:
        """Let the function read the stream of a table, and give the stream's ARN."""
        stream: str | None = table.table_stream_arn
        if stream is None:
            raise ValueError("the table has no stream")
        self.allow(STREAM, stream)
        self.allow(["dynamodb:ListStreams"], f"{table.table_arn}/stream/*")
        table_id = Stack.of(self).resolve(table.table_arn)["Fn::GetAtt"][0]
        self.acknowledge_star(
            f"<{table_id}.Arn>/stream/*",
            "The star is the time at which the stream of this one table was made.",
        )
        return stream

    def allow_objects(self, actions: Sequence[str], bucket: s3.IBucket, *prefixes: str) -> None:
        """Let the function do these actions on what lies under these prefixes of a bucket."""
        self.allow(actions, *[bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes])
        bucket_id = Stack.of(self).resolve(bucket.bucket_arn)["Fn::GetAtt"][0]
        for prefix in prefixes:
            self.acknowledge_star(
                f"<{bucket_id}.Arn>/{prefix}*",
                f"The star is the object's name under {prefix}, and no further prefix is granted.",
            )

    def acknowledge_star(self, resource: str, reason: str) -> None:
        """Say why a statement of the role names this resource, which has a star in it."""
        Validations.of(self.role).acknowledge(
            Acknowledgment(id=f"AwsSolutions::AwsSolutions-IAM5[Resource::{resource}]", reason=reason)
        )

    def allow_listing(self, bucket: s3.IBucket, *prefixes: str) -> None:
        """Let the function list what lies under these prefixes of a bucket."""
        under = [f"{prefix}*" for prefix in prefixes]
        self.allow(["s3:ListBucket"], bucket.bucket_arn, conditions={"StringLike": {"s3:prefix": under}})


def any_alarm(
    scope: Construct,
    id: str,  # noqa: A002
    text: str,
    metric: cloudwatch.IMetric,
    threshold: int = 1,
) -> cloudwatch.Alarm:
    """An alarm as soon as the metric reaches the threshold, which ends after half an hour below it.

    What fails at every run, which is every 15 minutes, is so one alarm and not one at every run.
    """
    return cloudwatch.Alarm(
        scope,
        id,
        alarm_description=f"secgraph: {text}.",
        metric=metric,
        threshold=threshold,
        evaluation_periods=ALARM_PERIODS,
        datapoints_to_alarm=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def _retention(days: int) -> logs.RetentionDays:
    # The CDK has an enum of words; its members stand in the order of the days, infinite last.
    return _RETENTION[days]


_RETENTION: Final[dict[int, logs.RetentionDays]] = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    2557: logs.RetentionDays.SEVEN_YEARS,
    2922: logs.RetentionDays.EIGHT_YEARS,
    3288: logs.RetentionDays.NINE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}

"""Alarms on what needs a person; their actions go to the alert topic. Nine alarms: the free tier has ten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Function
from secgraph import contract

BACKLOG_AGE_SECONDS: Final = 900
SILENCE_HOURS: Final = 1
OWN_METRICS: Final = {
    "Quarantined": (
        contract.METRIC_QUARANTINED,
        "an event could not be understood and was put under quarantine/ in the bucket, with the reason",
    ),
    "RulesFailed": (
        contract.METRIC_RULES_FAILED,
        "a rule could not be evaluated; the log of the evaluate function names it",
    ),
    "MessagesFailed": (
        contract.METRIC_MESSAGES_FAILED,
        "an alert message could not be sent; it is tried again with the next run",
    ),
}


class Monitoring(Construct):
    """Dead letters, backlog, errors of every function, our own failure counts, and silence of the rules."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        topic: sns.ITopic,
        queue: sqs.IQueue,
        dead_letters: sqs.IQueue,
        functions: Sequence[Function],
        evaluate: Function,
    ) -> None:
        super().__init__(scope, id)
        every_five = Duration.minutes(5)
        alarms = [function.alarm for function in functions]
        alarms.append(
            self._alarm(
                "DeadLetters",
                "an event was given up on; redrive the dead-letter queue once the cause is gone",
                dead_letters.metric_approximate_number_of_messages_visible(
                    period=every_five, statistic="Maximum"
                ),
            )
        )
        alarms.append(
            self._alarm(
                "Backlog",
                f"events wait longer than {BACKLOG_AGE_SECONDS // 60} minutes to be ingested",
                queue.metric_approximate_age_of_oldest_message(period=every_five, statistic="Maximum"),
                threshold=BACKLOG_AGE_SECONDS,
            )
        )
        alarms.extend(
            self._alarm(name, text, _own_metric(metric)) for name, (metric, text) in OWN_METRICS.items()
        )
        alarms.append(self._silence(evaluate))
        for alarm in alarms:
            alarm.add_alarm_action(actions.SnsAction(topic))

    def _alarm(
        self,
        id: str,  # noqa: A002
        text: str,
        metric: cloudwatch.IMetric,
        threshold: int = 1,
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            id,
            alarm_description=f"secgraph: {text}.",
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _silence(self, evaluate: Function) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            "Silence",
            alarm_description=f"secgraph: the rules were not evaluated for {SILENCE_HOURS} hour.",
            metric=evaluate.function.metric_invocations(
                period=Duration.hours(SILENCE_HOURS), statistic="Sum"
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )


def _own_metric(name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=contract.METRICS_NAMESPACE,
        metric_name=name,
        dimensions_map=dict(contract.METRICS_DIMENSIONS),
        period=Duration.minutes(5),
        statistic="Sum",
    )

"""Alarms on what needs a person; their actions go to the alert topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import ALARM_PERIOD, Function, any_alarm
from secgraph import contract

BACKLOG_AGE_SECONDS: Final = 900
LAG_MINUTES: Final = 15
"""Of the image behind the table. The stream keeps its records for 24 hours."""
SILENCE_PERIODS: Final = 12
"""An hour. As many short periods, because CloudWatch looks further back than the periods asked for before
it believes that data is missing: with one period of an hour it would be silent for hours.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
RECONCILE_SILENCE_PERIODS: Final = 24
"""Two hours: a first run that fills its fifteen minutes over and over may miss some."""
OWN_METRICS: Final = {
    "Quarantined": (
        contract.METRIC_QUARANTINED,
        "an event could not be understood; `secgraph quarantine list` shows it with the reason",
    ),
    "RulesFailed": (
        contract.METRIC_RULES_FAILED,
        "a rule could not be evaluated, or its messages not kept; the log of the evaluate function names it",
    ),
    "MessagesFailed": (
        contract.METRIC_MESSAGES_FAILED,
        "a message could not be sent; the log of the notify function says to whom and why",
    ),
    "SetAside": (
        contract.METRIC_SET_ASIDE,
        f"the image goes without an item that could not be read; see {contract.ASIDE_PREFIX} in the bucket",
    ),
    "SourcesFailed": (
        contract.METRIC_SOURCES_FAILED,
        "a source could not be read three times in a row or more; `secgraph status` names it and says why. "
        "Once the cause is gone, `secgraph reconcile` reads it at once",
    ),
}


class Monitoring(Construct):
    """Dead letters, backlog, the image's lag, errors of every function, our own failure counts, and silence
    of the rules and of the reconcile, which is None where it is switched off."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        topic: sns.ITopic,
        queue: sqs.IQueue,
        dead_letters: sqs.IQueue,
        rebuild_dead_letters: sqs.IQueue,
        project: Function,
        reconcile: Function | None,
        functions: Sequence[Function],
    ) -> None:
        super().__init__(scope, id)
        alarms = [function.alarm for function in functions]
        alarms += [
            self._given_up("DeadLetters", dead_letters, "an event was given up on"),
            self._given_up("RebuildDeadLetters", rebuild_dead_letters, "a part of a rebuild was given up on"),
            self._lag(project),
        ]
        alarms.append(
            any_alarm(
                self,
                "Backlog",
                f"events wait longer than {BACKLOG_AGE_SECONDS // 60} minutes to be ingested",
                queue.metric_approximate_age_of_oldest_message(period=ALARM_PERIOD, statistic="Maximum"),
                threshold=BACKLOG_AGE_SECONDS,
            )
        )
        alarms.extend(
            any_alarm(self, name, text, _own_metric(metric)) for name, (metric, text) in OWN_METRICS.items()
        )
        alarms.append(
            self._silence(
                "Silence",
                "the rules were not evaluated for an hour",
                _own_metric(contract.METRIC_RULE_RUNS),
                SILENCE_PERIODS,
            )
        )
        if reconcile is not None:
            alarms.append(
                self._silence(
                    "ReconcileSilence",
                    "the sources were not asked for two hours what they hold; see the schedule of the "
                    "reconcile function, and whether the account has room for one more function at once",
                    reconcile.function.metric_invocations(period=ALARM_PERIOD, statistic="Sum"),
                    RECONCILE_SILENCE_PERIODS,
                )
            )
        for alarm in alarms:
            alarm.add_alarm_action(actions.SnsAction(topic))

    def _given_up(
        self,
        id: str,  # noqa: A002
        queue: sqs.IQueue,
        text: str,
    ) -> cloudwatch.Alarm:
        visible = queue.metric_approximate_number_of_messages_visible(
            period=ALARM_PERIOD, statistic="Maximum"
        )
        return any_alarm(self, id, f"{text}; redrive the dead-letter queue once the cause is gone", visible)

    def _lag(self, project: Function) -> cloudwatch.Alarm:
        age = project.function.metric("IteratorAge", period=ALARM_PERIOD, statistic="Maximum")
        return any_alarm(
            self,
            "Lag",
            f"the image is {LAG_MINUTES} minutes or more behind the graph table; the log of the project "
            "function says why. Was it ever more than 24 hours, run `secgraph image rebuild` afterwards",
            age,
            threshold=LAG_MINUTES * 60_000,
        )

    def _silence(
        self,
        id: str,  # noqa: A002
        text: str,
        metric: cloudwatch.IMetric,
        periods: int,
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            id,
            alarm_description=f"secgraph: {text}. "
            "Right after the first deployment this ends with the first run.",
            metric=metric,
            threshold=1,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )


def _own_metric(name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=contract.METRICS_NAMESPACE,
        metric_name=name,
        dimensions_map=dict(contract.METRICS_DIMENSIONS),
        period=ALARM_PERIOD,
        statistic="Sum",
    )

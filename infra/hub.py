"""The event bus that other accounts and regions forward their findings to, and who may do so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aws_cdk import Aws, CfnResource
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.hub_settings import HubSettings
from infra.patterns import DETAIL_TYPES, QUEUE, hand_on, sources

STATEMENT: Final = "ForwardFindings"


class Hub(Construct):
    """`bus`, named as the stack, and its rules to the ingest queue.

    Its policy has one statement. Each value of the conditions is one that the rules take up: whoever may send
    may send nothing else. The two keys of EventBridge hold lists, and a list that is missing would fulfil
    ForAllValues: hence Null.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 (the CDK's name)
        *,
        settings: HubSettings,
        tests: Sequence[str],
        queue: sqs.IQueue,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, id)
        self.bus = events.EventBus(
            self,
            "Bus",
            event_bus_name=Aws.STACK_NAME,
            description="findings of other accounts and regions, forwarded to secgraph",
        )
        statement = iam.PolicyStatement(
            sid=STATEMENT,
            principals=_principals(settings),
            actions=["events:PutEvents"],
            resources=[self.bus.event_bus_arn],
            conditions=_conditions(settings, tests),
        )
        # By its type's name: the CDK's own class warns of a property that nobody sets here.
        CfnResource(
            self,
            "Policy",
            type="AWS::Events::EventBusPolicy",
            properties={
                "StatementId": STATEMENT,
                "EventBusName": self.bus.event_bus_name,
                "Statement": statement.to_statement_json(),
            },
        )
        hand_on(
            self,
            QUEUE,
            lambda: targets.SqsQueue(queue, dead_letter_queue=dead_letters),
            bus=self.bus,
            tests=tests,
        )


def _principals(settings: HubSettings) -> list[iam.IPrincipal]:
    if settings.organization:
        return [iam.StarPrincipal()]
    return [iam.AccountPrincipal(account) for account in settings.spokes]


def _conditions(settings: HubSettings, tests: Sequence[str]) -> dict[str, Any]:
    conditions: dict[str, Any] = {
        "ForAllValues:StringEquals": {
            "events:source": sources(tests),
            "events:detail-type": list(DETAIL_TYPES),
        },
        "Null": {"events:source": "false", "events:detail-type": "false"},
    }
    if settings.organization:
        conditions["StringEquals"] = {"aws:PrincipalOrgID": settings.organization}
    return conditions

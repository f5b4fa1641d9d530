"""The small stack of another account or region: hands its findings on to the hub's bus, and no more.

It has no function and no asset. With the hub's role it also lets the hub read findings here by API, where
no administrator of GuardDuty or Inspector sees them.
"""

from __future__ import annotations

from typing import Any, Final, cast

from aws_cdk import Acknowledgment, Aws, BootstraplessSynthesizer, CfnOutput, Stack, Validations
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.completeness import DETECTOR_ACTIONS, SOURCE_ACTIONS
from infra.function import ALARM_PERIOD, any_alarm
from infra.hub_settings import SpokeSettings
from infra.kept_queue import kept_queue
from infra.patterns import hand_on
from secgraph import contract

# What EventBridge does by itself, written down so that it stays so.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
RETRY: Final = {"MaximumEventAgeInSeconds": 24 * 3600, "MaximumRetryAttempts": 185}

DETECTORS_SHOWN: Final = "arn:<AWS::Partition>:guardduty:*:<AWS::AccountId>:detector/*"
"""As cdk-nag writes it."""


class SpokeStack(Stack):
    """Rules on the default bus, the role that they send with, and a queue for what could not be sent."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: SpokeSettings,
        **kwargs: Any,
    ) -> None:
        # Without an asset it needs no bucket: it goes into an account that was never prepared for the CDK,
        # and as a template of StackSets into all of an organisation.
        super().__init__(
            scope,
            id,
            description="forwards findings of this account to secgraph",
            synthesizer=BootstraplessSynthesizer(),
            **kwargs,
        )
        self._dead_letters = kept_queue(self, "Kept")
        Validations.of(self._dead_letters).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-SQS3",
                reason="It is the dead-letter queue of the rules' targets.",
            )
        )
        self._forward(settings)
        any_alarm(
            self,
            "Undelivered",
            f"findings could not be forwarded to {settings.bus}; once the cause is gone, the hub's next "
            "reconcile brings in what they said",
            self._dead_letters.metric_approximate_number_of_messages_visible(
                period=ALARM_PERIOD, statistic="Maximum"
            ),
        )
        self._output("DeadLetters", self._dead_letters.queue_url, "events that did not reach the hub")
        if settings.hub_role:
            self._let_read(settings)

    def _forward(self, settings: SpokeSettings) -> None:
        """Send by a role, which a bus that trusts an organisation asks for, and so does another region.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html
        """
        hub = events.EventBus.from_event_bus_arn(self, "HubBus", settings.bus)
        sender = iam.Role(
            self,
            "Sender",
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
            description="sends findings to the hub's bus",
        )
        rules = hand_on(
            self,
            "the hub of secgraph",
            lambda: targets.EventBus(hub, role=sender, dead_letter_queue=self._dead_letters),
            tests=[contract.TEST_SOURCE] if settings.test_source else [],
        )
        for rule in rules:
            made = cast("events.CfnRule", rule.node.default_child)
            made.add_property_override("Targets.0.RetryPolicy", RETRY)

    def _let_read(self, settings: SpokeSettings) -> None:
        """Let the hub's role, and no other of its account, read findings here.

        The account is trusted and its role asked for by a condition: IAM would turn a role named as principal
        into that role's id, and one made anew under the same name would be another.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        """
        hub = iam.AccountPrincipal(settings.hub_account)
        reader = iam.Role(
            self,
            "Reader",
            description="lets the hub of secgraph read findings of GuardDuty and Inspector",
            assumed_by=hub.with_conditions(
                {
                    "ArnEquals": {"aws:PrincipalArn": settings.hub_role},
                    "StringEquals": {"sts:ExternalId": settings.external_id},
                }
            ),
        )
        detectors = f"arn:{Aws.PARTITION}:guardduty:*:{Aws.ACCOUNT_ID}:detector/*"
        granted = (
            (DETECTOR_ACTIONS, detectors, DETECTORS_SHOWN, "GuardDuty makes up the ids of its detectors."),
            (SOURCE_ACTIONS, "*", "*", "These calls read, and know no resource."),
        )
        for actions, resource, shown, reason in granted:
            reader.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[resource]))
            Validations.of(reader).acknowledge(
                Acknowledgment(id=f"AwsSolutions::AwsSolutions-IAM5[Resource::{shown}]", reason=reason)
            )
        self._output("ReaderRole", reader.role_arn, "name it in the file of -c sources= of the hub")

    def _output(self, name: str, value: str, description: str) -> None:
        CfnOutput(self, name, value=value, description=description)

"""The topics that people subscribe to, and the key that their messages are encrypted with."""

from __future__ import annotations

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct


def alert_topic(scope: Construct, key: kms.IKey) -> sns.Topic:
    """Make the topic of alerts and alarms, for people and programs."""
    topic = sns.Topic(scope, "Topic", display_name="secgraph alerts", master_key=key, enforce_ssl=True)
    # A topic policy of one's own replaces the default one: without this, alarms are silently lost.
    # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LetAlarmsOfThisAccountPublish",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
    return topic


def chat_topic(scope: Construct, key: kms.IKey) -> sns.Topic:
    """Make the topic for Amazon Q Developer in chat applications, whose form of message is its own."""
    return sns.Topic(scope, "Chat", display_name="secgraph alerts to chat", master_key=key, enforce_ssl=True)


def alert_key(scope: Construct) -> kms.Key:
    """Only a key of one's own can be used by CloudWatch; under the AWS-managed one alarms fail silently."""
    key = kms.Key(
        scope,
        "Key",
        description="secgraph: messages on the alert topic",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html names these two for publishers.
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LetAlarmsUseTheKey",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
        )
    )
    return key

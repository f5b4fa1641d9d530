"""The template under the checkers others trust, cdk-nag's AwsSolutions and cfn-lint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App, Validations
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

from infra.settings import Settings
from infra.stack import SecgraphStack

EVERYTHING = Settings(
    accounts='{"123456789012":{"name":"shop-prod","production":true}}',
    alert_email="security@example.com",
    test_source=True,
    test_events="with-registry",
)


NewStack = Callable[[App, Settings], SecgraphStack]


@pytest.fixture
def app(new_app: Callable[..., App], tmp_path: Path) -> App:
    app = new_app(tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def test_all_checkers_are_content_with_every_option_on(app: App, new_stack: NewStack) -> None:
    new_stack(app, EVERYTHING)
    template = Path(app.synth().directory, "secgraph.template.json").read_text()
    # W3005 calls a DependsOn superfluous that the CDK writes for every policy of a role.
    found = lint(template, config=ManualArgs(ignore_checks=["W3005"], regions=["us-east-1", "eu-central-1"]))
    assert [f"{match.rule.id} {match.message}" for match in found] == []


def test_a_queue_that_takes_plain_http_stops_the_synth(app: App, new_stack: NewStack) -> None:
    sqs.Queue(new_stack(app, Settings()), "Careless")
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS4"):
        app.synth()

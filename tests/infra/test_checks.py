"""cdk-nag's AwsSolutions has its say at every synth; test_app.py has the stack that it is content with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App, Validations
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks

from infra.settings import Settings
from infra.stack import SecgraphStack


def test_a_queue_that_takes_plain_http_stops_the_synth(
    new_app: Callable[..., App], new_stack: Callable[[App, Settings], SecgraphStack], tmp_path: Path
) -> None:
    app = new_app(tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    sqs.Queue(new_stack(app, Settings()), "Careless")
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS4"):
        app.synth()

"""`app.py` as the CLI runs it: context by environment in, a template or one message out.

The template is put to checkers that others trust: cdk-nag's AwsSolutions within the app, then cfn-lint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import infra


def run(outdir: Path, context: dict[str, object]) -> subprocess.CompletedProcess[str]:
    defaults = json.loads((infra.ROOT / "cdk.json").read_text())["context"]
    # No stack is to be bundled, as for `cdk bootstrap`: nothing is built or installed.
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(infra.ROOT / "lambdas"),
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps({**defaults, "aws:cdk:bundling-stacks": [], **context}),
    }
    command = [sys.executable, str(infra.ROOT / "app.py")]
    return subprocess.run(command, env=environment, cwd=outdir, capture_output=True, text=True, check=False)


SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack-AbCdEf"
EVERYTHING: dict[str, object] = {
    "accounts": {"123456789012": {"name": "shop-prod", "production": True}},
    "smartClasses": {"version": 1, "smartClasses": {"Crown": ["FIND DataStore"]}},
    "sources": {
        "version": 1,
        "regions": ["us-east-1", "eu-central-1"],
        "readers": [{"role": "arn:aws:iam::210987654321:role/reader", "externalId": "secgraph"}],
    },
    "alertEmail": "security@example.com",
    "chat": "true",
    "slackSecret": SECRET,
    "webhook": "https://hooks.example.com/secgraph",
    "webhookSecret": SECRET,
    "reach": {
        "version": 1,
        "topics": ["arn:aws:sns:eu-west-1:111122223333:security"],
        "queues": ["https://sqs.eu-west-1.amazonaws.com/111122223333/tickets"],
    },
    "kmsKeys": "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d",
    "intervals": {"*": "ONE_HOUR"},
    "organization": "o-exampleorg1",
    "testSource": "true",
    "testEvents": "true",
}


def complaints(template: str) -> list[str]:
    """What cfn-lint finds in a template. W3005 calls a DependsOn superfluous that the CDK writes for every
    policy of a role."""
    from cfnlint.api import lint  # type: ignore[import-untyped]  # here: it takes seconds to import
    from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

    found = lint(template, config=ManualArgs(ignore_checks=["W3005"], regions=["us-east-1", "eu-central-1"]))
    return [f"{match.rule.id} {match.message}" for match in found]


@pytest.mark.thorough
def test_with_every_option_on_it_writes_a_template_that_all_checkers_are_content_with(tmp_path: Path) -> None:
    context = dict(EVERYTHING)
    for name in ("accounts", "smartClasses", "reach", "sources"):
        context[name] = str(tmp_path / f"{name}.json")
        Path(tmp_path, f"{name}.json").write_text(json.dumps(EVERYTHING[name]))
    done = run(tmp_path, context)
    # Were cdk-nag not content, the app would have stopped: test_checks.py.
    assert done.returncode == 0, done.stdout + done.stderr
    template = (tmp_path / "secgraph.template.json").read_text()
    assert {"QueryFunction", "EventBus"} <= json.loads(template)["Outputs"].keys()
    assert complaints(template) == []


@pytest.mark.thorough
def test_a_spoke_is_a_small_stack_alone_that_all_checkers_are_content_with(tmp_path: Path) -> None:
    spoke = {
        "hubBus": "arn:aws:events:eu-west-1:111122223333:event-bus/secgraph",
        "hubRole": "arn:aws:iam::111122223333:role/secgraph-CompletenessReconcileRole-1A2B3C",
        "externalId": "spoke-4711",
    }
    # What a hub's cdk.json holds stands beside it, and is no matter of a spoke.
    done = run(tmp_path, {"alertEmail": "security@example.com", "accounts": "no-such-file.json", **spoke})
    assert done.returncode == 0, done.stdout + done.stderr
    assert [file.name for file in tmp_path.glob("*.template.json")] == ["secgraph-spoke.template.json"]
    assert not list(tmp_path.glob("asset.*"))
    template = (tmp_path / "secgraph-spoke.template.json").read_text()
    assert "Parameters" not in json.loads(template), "it asks for no bootstrapped account"
    assert len(template) < 51_200, "CloudFormation takes no larger one that is not in a bucket"
    assert complaints(template) == []


@pytest.mark.thorough
def test_a_wrong_file_of_smart_classes_is_told_before_anything_is_made(tmp_path: Path) -> None:
    file = tmp_path / "smart.json"
    file.write_text('{"version": 1, "smartClasses": {"Crown": ["FIND #Crown"]}}')
    done = run(tmp_path, {"smartClasses": str(file)})
    assert (done.returncode, done.stdout) == (2, "")
    says = f"-c smartClasses: {file}: a smart class cannot be made of itself: Crown → Crown\n"
    assert done.stderr == says

"""With IAM enforced, each function works with what it was granted; one grant less, and it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from secgraph import contract
from tests.e2e.deployment import Deployment
from tests.e2e.variants import Event, about

pytestmark = [pytest.mark.e2e, pytest.mark.parametrize("deployment", ["enforced"], indirect=True)]

Sample = Callable[[str], Event]


@contextmanager
def without(deployment: Deployment, output: str, action: str) -> Iterator[None]:
    """Take one action away from the role of a function, and give it back."""
    iam = deployment.emulator.client("iam")
    configuration = deployment.lambda_.get_function_configuration(FunctionName=deployment.outputs[output])
    role = configuration["Role"].rpartition("/")[2]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    granted = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    less = json.loads(json.dumps(granted))
    removed = 0
    for statement in less["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        removed += actions.count(action)
        statement["Action"] = [each for each in actions if each != action]
    assert removed == 1
    less["Statement"] = [statement for statement in less["Statement"] if statement["Action"]]
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(less))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(granted))


def test_an_event_that_may_not_be_written_waits_among_the_dead_letters(
    deployment: Deployment, sample: Sample
) -> None:
    instance = "i-0e2e0000000000005"
    query = f"Find aws_instance with id = '{instance}'"
    # A message comes again only after its visibility timeout, six minutes here; no test waits for that.
    queue = deployment.outputs["IngestQueue"]
    deployment.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
    with without(deployment, "IngestFunction", "dynamodb:PartiQLInsert"):
        deployment.put(about(instance, sample("02")))
        deployment.wait_for(
            "the event among the dead letters", lambda: deployment.waiting("DeadLetters") == 1
        )
        assert "AccessDenied" in deployment.logs("IngestFunction")
        assert deployment.ask(query) == []
    deployment.redrive()
    deployment.wait_for("the redriven event in the graph", lambda: deployment.ask(query))


def test_a_query_without_the_grant_to_read_says_so(deployment: Deployment) -> None:
    question = {"query": "Find aws_instance"}
    with without(deployment, "QueryFunction", "dynamodb:Scan"):
        answer = deployment.invoke("QueryFunction", question)
    assert answer["error"]["code"] == "STORE"
    assert "AccessDenied" in answer["error"]["message"]
    assert "error" not in deployment.invoke("QueryFunction", question)


def test_an_alert_that_the_topic_refused_is_sent_by_the_next_run(
    deployment: Deployment, sample: Sample
) -> None:
    mailbox = deployment.listen()
    deployment.put(about("i-0e2e000000000000c", sample("02")))
    deployment.settle()
    with without(deployment, "EvaluateFunction", "sns:Publish"):
        report = deployment.evaluate()
    assert any("AuthorizationError" in each["error"] for each in report["messages"]), report
    assert contract.METRIC_MESSAGES_FAILED in deployment.logs("EvaluateFunction")
    assert mailbox.read() == []
    deployment.evaluate()
    assert mailbox.wait_for("e2e-refused-at-first")

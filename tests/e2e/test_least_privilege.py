"""With IAM enforced, each function works with what it was granted; one grant less, and it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from secgraph import contract
from secgraph.adapters.sqs_rebuild import Finish, ReadSegment, Start, Work, message_of
from tests.e2e.deployment import Deployment
from tests.e2e.variants import Event, about

pytestmark = [pytest.mark.e2e, pytest.mark.parametrize("deployment", ["enforced"], indirect=True)]

Sample = Callable[[str], Event]


@contextmanager
def without(deployment: Deployment, output: str, action: str, on: str = "") -> Iterator[None]:
    """Take one action, on resources whose ARN holds `on`, away from the role of a function, and give it
    back."""
    iam = deployment.emulator.client("iam")
    configuration = deployment.lambda_.get_function_configuration(FunctionName=deployment.outputs[output])
    role = configuration["Role"].rpartition("/")[2]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    granted = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    less = json.loads(json.dumps(granted))
    removed = 0
    for statement in less["Statement"]:
        if on not in json.dumps(statement["Resource"]):
            continue
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


@pytest.mark.parametrize(
    ("action", "fresh"),
    [("s3:GetObject", False), ("s3:ListBucket", True), ("dynamodb:BatchGetItem", True)],
)
def test_a_query_without_a_grant_to_read_says_so(
    deployment: Deployment, sample: Sample, action: str, fresh: bool
) -> None:
    deployment.put(about("i-0e2e0000000000006", sample("02")))
    deployment.ingested()
    question = {"query": "Find aws_instance", "fresh": fresh}
    with without(deployment, "QueryFunction", action):
        answer = deployment.invoke("QueryFunction", question)
    assert answer["error"]["code"] == "STORE"
    assert "AccessDenied" in answer["error"]["message"]
    assert "error" not in deployment.invoke("QueryFunction", question)


def test_rules_are_not_evaluated_without_the_grant_to_read(deployment: Deployment) -> None:
    with without(deployment, "EvaluateFunction", "s3:GetObject"):
        assert "AccessDenied" in failure(deployment, "EvaluateFunction", {})


def failure(deployment: Deployment, output: str, event: object) -> str:
    """Why the function that an output names failed."""
    name = deployment.outputs[output]
    answer = deployment.lambda_.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    assert "FunctionError" in answer, f"{output} did not fail"
    return str(json.loads(answer["Payload"].read())["errorMessage"])


@pytest.mark.parametrize(
    ("action", "instance"), [("s3:GetObject", "i-0e2e0000000000008"), ("s3:PutObject", "i-0e2e0000000000009")]
)
def test_what_may_not_be_projected_stays_in_the_stream(
    deployment: Deployment, sample: Sample, action: str, instance: str
) -> None:
    deployment.settle()
    query = f"Find aws_instance with id = '{instance}'"
    with without(deployment, "ProjectFunction", action, "/image/"):
        already = refused(deployment, "ProjectFunction")
        deployment.put(about(instance, sample("02")))
        deployment.wait_for("the refusal", lambda: refused(deployment, "ProjectFunction") > already)
        assert deployment.ask(query) == []
    deployment.settle()
    assert len(deployment.ask(query)) == 1


def refused(deployment: Deployment, output: str) -> int:
    """How often a function was refused a request, in invocations of its own and out of the stream."""
    return (deployment.logs(output) + deployment.emulator.tail(4_000)).count("AccessDenied")


def test_what_may_not_be_set_aside_stays_in_the_stream(deployment: Deployment) -> None:
    record = {
        "eventName": "INSERT",
        "dynamodb": {"Keys": {"id": {"S": "x"}}, "NewImage": {"v": {"N": "99"}}, "SequenceNumber": "1"},
    }
    event = {"Records": [record]}
    with without(deployment, "ProjectFunction", "s3:PutObject", "/image-aside/"):
        assert "AccessDenied" in failure(deployment, "ProjectFunction", event)
    assert deployment.invoke("ProjectFunction", event)["aside"] == 1


ALL = "Find * as e return e._id as id, e._version as version order by id"


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"])
def test_compaction_without_a_grant_fails_and_harms_nothing(
    deployment: Deployment, sample: Sample, action: str
) -> None:
    deployment.put(about("i-0e2e0000000000007", sample("02")))
    deployment.settle()
    before = deployment.ask(ALL)
    with without(deployment, "CompactFunction", action):
        assert "AccessDenied" in failure(deployment, "CompactFunction", {"always": True})
    assert deployment.ask(ALL) == before
    deployment.invoke("CompactFunction", {"always": True})
    assert deployment.ask(ALL) == before


def test_a_rebuild_without_a_grant_fails_and_harms_nothing(deployment: Deployment) -> None:
    deployment.settle()
    before, generation = deployment.ask(ALL), deployment.manifest().generation
    output = "RebuildFunction"
    with deployment.held_up(output):
        for action, on in (
            *(("s3:GetObject", "/image/"), ("s3:PutObject", "/image/")),
            *(("dynamodb:DescribeTable", ""), ("sqs:SendMessage", "")),
        ):
            with without(deployment, output, action, on):
                assert "AccessDenied" in failure(deployment, output, message(Start("anew"))), action
        rebuild = deployment.manifest().rebuild
        assert rebuild is not None
        with without(deployment, output, "dynamodb:Scan"):
            assert "AccessDenied" in failure(deployment, output, message(ReadSegment(rebuild, 0)))
        deployment.invoke(output, message(ReadSegment(rebuild, 0)))
        with without(deployment, output, "s3:DeleteObject"):
            assert "AccessDenied" in failure(deployment, output, message(Finish(rebuild)))
    deployment.rebuilt()
    assert deployment.manifest().generation == generation + 1
    assert deployment.ask(ALL) == before


def test_an_image_is_not_rebuilt_by_who_may_not_ask_for_it(deployment: Deployment) -> None:
    deployment.settle()
    before = deployment.ask(ALL)
    s3, place = deployment.emulator.client("s3"), {"Bucket": deployment.outputs["Bucket"]}
    s3.delete_object(**place, Key=f"{contract.IMAGE_PREFIX}manifest.json")
    with without(deployment, "CompactFunction", "sqs:SendMessage"):
        assert "AccessDenied" in failure(deployment, "CompactFunction", {})
    assert deployment.invoke("CompactFunction", {}) == {"rebuild": True}
    deployment.rebuilt()
    assert deployment.ask(ALL) == before


def message(work: Work) -> dict[str, object]:
    """A message of the rebuild queue, as the function gets it."""
    return {"Records": [{"body": message_of(work), "receiptHandle": "none"}]}


def test_an_alert_that_the_topic_refused_is_sent_later(deployment: Deployment, sample: Sample) -> None:
    deployment.forget_alerts()
    mailbox = deployment.listen()
    deployment.put(about("i-0e2e000000000000c", sample("02")))
    deployment.settle()

    def is_refused() -> bool:
        """The stream runs the sender as well: what that one holds is not another's to send."""
        return any("AuthorizationError" in each["error"] for each in deployment.send()["messages"])

    with without(deployment, "NotifyFunction", "sns:Publish"):
        deployment.evaluate_at_first()
        deployment.wait_for("the topic to refuse the message", is_refused)
        assert contract.METRIC_MESSAGES_FAILED in deployment.logs("NotifyFunction")
        assert mailbox.read() == []
    deployment.send()
    assert mailbox.wait_for("e2e-refused-at-first")


def test_a_change_that_may_not_be_marked_waits_for_the_schedule(
    deployment: Deployment, sample: Sample
) -> None:
    with without(deployment, "ProjectFunction", "dynamodb:PutItem"):
        deployment.put(about("i-0e2e0000000000010", sample("02")))
        deployment.settle()
    assert len(deployment.ask("Find aws_instance with id = 'i-0e2e0000000000010'")) == 1

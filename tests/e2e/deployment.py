"""The app deployed by the real CDK CLI onto the emulator, and what a person does with it afterwards."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

import infra
from secgraph import contract
from secgraph.adapters.dynamodb_items import attributes_of, item_of
from secgraph.adapters.image.s3_store import S3Store
from secgraph.errors import ObjectMissing
from secgraph.flows.published import body_of, held
from secgraph.graph.model import Item, Observation, Ref
from secgraph.image.deltas import unpack
from secgraph.image.manifest import Manifest
from tests.e2e.emulator import ACCOUNT, REGION, SPOKE_ACCOUNT, SPOKE_REGION, Emulator

CLI: Final = infra.ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
APP: Final = f"{sys.executable} {infra.ROOT / 'app.py'}"
CLI_SECONDS: Final = 300
WAIT_SECONDS: Final = 60.0
DAY_MS: Final = 24 * 3600 * 1000
WORKERS: Final = (
    *("IngestFunction", "ProjectFunction", "CompactFunction", "RebuildFunction"),
    *("EvaluateFunction", "NotifyFunction"),
)
MARK: Final = Ref.of("e2e/mark", "e2e_mark")
"""An item without a class, which nobody sees. Its place in the stream tells how far the image is."""


class Deployment:
    """A deployed stack: its outputs by name, its functions to invoke, its queue and topic to look into."""

    def __init__(self, emulator: Emulator, outputs: Mapping[str, str]) -> None:
        self.emulator = emulator
        self.outputs = outputs
        self.lambda_ = emulator.client("lambda")
        self.events = emulator.client("events")
        self.sqs = emulator.client("sqs")
        self.sns = emulator.client("sns")
        self.dynamodb = emulator.client("dynamodb")
        self.image = S3Store(emulator.client("s3"), outputs["Bucket"], contract.IMAGE_PREFIX)
        self._marks = 0

    def put(self, *events: Mapping[str, Any], bus: Any = None) -> None:
        """Hand events to the default bus, as AWS's services do; `bus` is the client of another account."""
        for event in events:
            entry = {
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Detail": json.dumps(event["detail"]),
            }
            answer = (bus or self.events).put_events(Entries=[entry])
            assert answer["FailedEntryCount"] == 0, answer

    def invoke(self, output: str, event: object) -> Any:
        """Invoke the function that an output names and give its answer; fail with its log if it fails."""
        answer = self.lambda_.invoke(FunctionName=self.outputs[output], Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            pytest.fail(f"{output} failed: {json.dumps(payload, indent=1)}\n{self.logs(output)}")
        return payload

    def ask(self, query: str) -> list[Any]:
        """The rows, or the tree's vertices, that answer a query."""
        answer = self.invoke("QueryFunction", {"query": query})
        assert "error" not in answer, answer
        data = answer["data"]
        return list(data["vertices"] if answer["type"] == "tree" else data)

    def logs(self, output: str) -> str:
        """What a function wrote to its log group."""
        configuration = self.lambda_.get_function_configuration(FunctionName=self.outputs[output])
        group = configuration["LoggingConfig"]["LogGroup"]
        events = self.emulator.client("logs").filter_log_events(logGroupName=group)["events"]
        return "\n".join(event["message"].rstrip() for event in events)

    def wait_for(self, what: str, probe: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
        """Ask until the answer is true, within bounds; else fail and show what the functions said."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := probe():
                return found
            time.sleep(0.25)
        return pytest.fail(
            f"waited {seconds:.0f} s in vain for {what}\n"
            + "\n".join(f"── {name} ──\n{self.logs(name)}" for name in WORKERS)
            + f"\n── emulator ──\n{self.emulator.tail()}"
        )

    def ingested(self) -> None:
        """Wait until every event handed in was taken up and dealt with."""
        self.wait_for("the ingest queue to run dry", lambda: self.waiting("IngestQueue") == 0)

    def settle(self) -> None:
        """Wait until every event handed in was taken up and dealt with, and queries see what came of it."""
        self.ingested()
        self._marks += 1
        mark = Item(
            thing=MARK,
            blocks={"e2e/mark": Observation("e2e/mark", 1, {})},
            collected={},
            created_on=1,
            begin_on=1,
            version=1,
            rev=self._marks,
        )
        self.dynamodb.put_item(TableName=self.outputs["GraphTable"], Item=attributes_of(mark))
        self.wait_for("the image to be as far as the table", lambda: self._mark_in_image() >= self._marks)

    def _mark_in_image(self) -> int:
        """The newest mark in the image's open deltas; each is checked right after it was made."""
        try:
            deltas = self.manifest().stand.deltas
            rows = [row for each in deltas for row in unpack(body_of(self.image, each), each.file.name)]
        except ObjectMissing:  # it was folded meanwhile
            return 0
        return max((row.version.rev for row in rows if row.id == MARK.id), default=0)

    def manifest(self) -> Manifest:
        """The manifest of the image."""
        return held(self.image).manifest

    def rebuilt(self) -> None:
        """Wait until the image has a base and no rebuild runs."""
        self.wait_for(
            "the image to be rebuilt",
            lambda: (now := self.manifest()).generation and now.rebuild is None,
        )

    def waiting(self, output: str) -> int:
        """How many messages a queue holds, those being worked on included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        queue = self.outputs[output]
        attributes = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def kept(self, text: str) -> dict[str, Any] | None:
        """The event in quarantine that has a text in it, as the repair role reads it."""
        listed = json.loads(self.secgraph("quarantine", "list", "--format", "json"))["events"]
        shown = (self.secgraph("quarantine", "show", each["id"], "--format", "json") for each in listed)
        return next((json.loads(each) for each in shown if text in each), None)

    def quarantined(self, text: str) -> dict[str, Any]:
        """Wait for the event in quarantine that has a text in it."""
        return dict(self.wait_for("the event in quarantine", lambda: self.kept(text)))

    def redrive(self) -> None:
        """Put the dead letters back into the queue, as the redrive button of the SQS console does."""
        source, target = self.outputs["DeadLetters"], self.outputs["IngestQueue"]
        while messages := self.sqs.receive_message(QueueUrl=source, WaitTimeSeconds=1).get("Messages"):
            for message in messages:
                self.sqs.send_message(QueueUrl=target, MessageBody=message["Body"])
                self.sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])

    def secgraph(self, *arguments: str) -> str:
        """Run the command line against this stack, with the shell's credentials, and give what it prints."""
        environment = {**self.emulator.environment, "PYTHONPATH": str(infra.ROOT / "lambdas")}
        if self.emulator.enforce_iam:
            environment["AWS_CA_BUNDLE"] = str(self.emulator.certificate)
        program = "import sys; from secgraph.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", program, *arguments, "--stack", "secgraph"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def evaluate(self) -> Any:
        """Run the rule function on the next day: a rule says how often it wants to be evaluated."""
        self._let_a_day_pass()
        return self.invoke("EvaluateFunction", {"detail-type": "Scheduled Event", "source": "aws.events"})

    def evaluate_at_first(self) -> None:
        """Run it on two days: a first summary waits for the sources, a day at most, and none answers here."""
        for _ in range(2):
            self.evaluate()

    def set_parameter(self, name: str, text: str) -> None:
        """Store a parameter of rules and queries, which a function that is warm sees minutes later."""
        path = f"{self.outputs['ParameterPath']}/{name}"
        self.emulator.client("ssm").put_parameter(Name=path, Type="String", Value=text)

    def forget_alerts(self) -> None:
        """Empty the alert table, as it is in a new deployment."""
        self._taken_out(self.outputs["AlertTable"])

    @contextmanager
    def emptied(self) -> Iterator[str]:
        """Empty the graph table and give its name; afterwards it holds what it held, each item by a newer
        write: an older one, the image knows, cannot come after the item was taken out."""
        table = self.outputs["GraphTable"]
        items = [item_of(each) for each in self._taken_out(table)]
        try:
            yield table
        finally:
            self._taken_out(table)
            for item in items:
                again = replace(item, rev=item.rev + 1)
                self.dynamodb.put_item(TableName=table, Item=attributes_of(again))
            self.settle()

    def _taken_out(self, table: str) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        items: list[dict[str, Any]] = [item for page in pages for item in page["Items"]]
        (key,) = self.dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
        for item in items:
            name = key["AttributeName"]
            self.dynamodb.delete_item(TableName=table, Key={name: item[name]})
        return items

    def send(self) -> Any:
        """Run the sender on the next day, when whatever was refused is due again."""
        self._let_a_day_pass()
        return self.invoke("NotifyFunction", {"detail-type": "Scheduled Event", "source": "aws.events"})

    def sent(self) -> None:
        """Wait until nothing is left in the outbox."""
        self.wait_for("the outbox to run dry", lambda: not self._outbox())

    def _outbox(self) -> list[str]:
        items = self.dynamodb.scan(TableName=self.outputs["AlertTable"], ConsistentRead=True)["Items"]
        ids = [item[contract.ALERT_TABLE_KEY]["S"] for item in items]
        return [id_ for id_ in ids if id_.startswith(contract.OUTBOX_PREFIX)]

    def _let_a_day_pass(self) -> None:
        table = self.outputs["AlertTable"]
        for item in self.dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]:
            aged = re.sub(
                r'("(?:beganOn|evaluatedOn|triedOn|dueOn)": ?)([0-9]+)', _day_before, item["body"]["S"]
            )
            if aged != item["body"]["S"]:
                self.dynamodb.put_item(TableName=table, Item={**item, "body": {"S": aged}})

    @contextmanager
    def held_up(self, output: str) -> Iterator[None]:
        """Keep a function from what its stream or queue holds for it."""
        found = self.lambda_.list_event_source_mappings(FunctionName=self.outputs[output])
        (mapping,) = found["EventSourceMappings"]
        self.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            self.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    @contextmanager
    def with_variables(self, output: str, variables: Mapping[str, str]) -> Iterator[None]:
        """Give a function more variables, and take them away again."""
        name = self.outputs[output]
        before = self.lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        self._set_variables(name, {**before, **variables})
        try:
            yield
        finally:
            self._set_variables(name, before)

    def _set_variables(self, name: str, variables: Mapping[str, str]) -> None:
        self.lambda_.update_function_configuration(
            FunctionName=name, Environment={"Variables": dict(variables)}
        )

    @contextmanager
    def received_earlier(self, text: str, milliseconds: int) -> Iterator[None]:
        """Let the items that have a text in them be as if received for the first time that much earlier."""
        table = self.outputs["GraphTable"]
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        items = (item_of(each) for page in pages for each in page["Items"])
        found = [item for item in items if text in repr(item)]
        self._shift([item.thing.id for item in found], -milliseconds)
        try:
            yield
        finally:
            self._shift([item.thing.id for item in found], milliseconds)

    def _shift(self, ids: Iterable[str], milliseconds: int) -> None:
        """Move the first receipt of items, each by a newer write."""
        table = self.outputs["GraphTable"]
        for id_ in ids:
            key = {contract.GRAPH_TABLE_KEY: {"S": id_}}
            item = item_of(self.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"])
            moved = replace(item, rev=item.rev + 1, created_on=item.created_on + milliseconds)
            self.dynamodb.put_item(TableName=table, Item=attributes_of(moved))

    def listen(self) -> Mailbox:
        """Subscribe a new queue to the alert topic."""
        return Mailbox(self)


class Mailbox:
    """An SQS subscription of the alert topic."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._sqs = deployment.sqs
        self._url = self._sqs.create_queue(QueueName=f"mailbox-{time.time_ns()}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        topic = deployment.outputs["AlertTopic"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        deployment.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def read(self) -> list[dict[str, Any]]:
        """Take out all messages that lie in it now: `Subject`, `Message`, `MessageAttributes`."""
        taken = []
        while messages := self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            for message in messages:
                taken.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def told(self, rule: str) -> list[str]:
        """What has come of a rule by now, by the names of the transitions; it is taken out, with all else."""
        attributes = [each["MessageAttributes"] for each in self.read()]
        return [each["transition"]["Value"] for each in attributes if each["rule"]["Value"] == rule]

    def wait_for(self, text: str) -> dict[str, Any]:
        """The first message that has a text in its subject or body."""
        read: list[dict[str, Any]] = []

        def probe() -> dict[str, Any] | None:
            read.extend(self.read())
            return next((each for each in read if text in each["Subject"] + each["Message"]), None)

        return dict(self._deployment.wait_for(f"a message with {text!r}", probe))


def _day_before(found: re.Match[str]) -> str:
    return f"{found[1]}{int(found[2]) - DAY_MS}"


def synthesise(folder: Path, asset: Path, *context: str) -> Path:
    """The cloud assembly of this app, by the CLI's own `synth`, with a ready-made asset."""
    given = [word for pair in (f"asset={asset}", *context) for word in ("-c", pair)]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(infra.ROOT / "lambdas"),
        "HOME": str(folder),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }
    assembly = folder / "cdk.out"
    cdk(environment, infra.ROOT, "synth", "--quiet", "--app", APP, "--output", str(assembly), *given)
    return assembly


def deploy(emulator: Emulator, assembly: Path) -> Deployment:
    """Bootstrap the emulated account and deploy a cloud assembly into it."""
    outputs = emulator.folder / "outputs.json"
    environment = emulator.environment
    try:
        cdk(environment, emulator.folder, "bootstrap", f"aws://{ACCOUNT}/{REGION}")
        cdk(
            environment,
            emulator.folder,
            *("deploy", "secgraph", "--app", str(assembly)),
            *("--require-approval", "never", "--outputs-file", str(outputs)),
        )
    except CliError as error:
        pytest.fail(f"{error}\n── emulator ──\n{emulator.tail()}")
    deployment = Deployment(emulator, json.loads(outputs.read_text())["secgraph"])
    # The emulator sends no event of a deployment, which would start this.
    deployment.invoke("CompactFunction", {})
    deployment.rebuilt()
    return deployment


def deploy_spoke(emulator: Emulator, hub_bus: str, folder: Path) -> Mapping[str, str]:
    """Deploy a spoke into another account and region, as the documents do, and give its outputs."""
    outputs = folder / "outputs.json"
    environment = {
        **emulator.environment_in(SPOKE_ACCOUNT, SPOKE_REGION),
        "PYTHONPATH": str(infra.ROOT / "lambdas"),
    }
    try:
        cdk(
            environment,
            infra.ROOT,
            *("deploy", "--app", APP, "--output", str(folder / "cdk.out"), "-c", f"hubBus={hub_bus}"),
            *("--require-approval", "never", "--outputs-file", str(outputs)),
        )
    except CliError as error:
        pytest.fail(f"{error}\n── emulator ──\n{emulator.tail()}")
    deployed: Mapping[str, str] = json.loads(outputs.read_text())["secgraph-spoke"]
    return deployed


class CliError(RuntimeError):
    """The CDK CLI failed; holds all that it said."""


def cdk(environment: Mapping[str, str], folder: Path, *arguments: str) -> None:
    """Run the pinned CDK CLI in a folder, with exactly this environment."""
    if not CLI.is_file():
        pytest.fail("the CDK CLI is not installed: run `make node_modules`")
    done = subprocess.run(
        [str(infra.node_executable()), str(CLI), *arguments, "--no-notices"],
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=CLI_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise CliError(f"cdk {arguments[0]} failed\n{done.stdout}\n{done.stderr}")

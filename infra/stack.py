"""The stack: composes the constructs, wires them, and says how to use what was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alerting import Alerting
from infra.asking import EXAMPLES, Asking
from infra.image import Image
from infra.ingestion import Ingestion
from infra.monitoring import Monitoring
from infra.notifying import Notifying
from infra.parameters import Parameters
from infra.repairing import Repairing
from infra.settings import Settings
from infra.storage import Storage


class SecgraphStack(Stack):
    """All of secgraph. `asset` is a folder with the code of all functions (infra/packaging.py builds it)."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        asset: Path,
        settings: Settings,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id, description="secgraph, a security graph of this account", **kwargs)
        code = lambda_.Code.from_asset(str(asset))
        storage = Storage(self, "Storage", raw_days=settings.raw_days)
        ingestion = Ingestion(
            self, "Ingestion", code=code, settings=settings, graph=storage.graph, bucket=storage.bucket
        )
        kept = {"graph": storage.graph, "bucket": storage.bucket}
        image = Image(self, "Image", code=code, settings=settings, alerts=storage.alerts, **kept)
        parameters = Parameters(settings)
        asking = Asking(self, "Asking", code=code, settings=settings, parameters=parameters, **kept)
        alerting = Alerting(
            self,
            "Alerting",
            code=code,
            settings=settings,
            alerts=storage.alerts,
            parameters=parameters,
            **kept,
        )
        notifying = Notifying(
            self,
            "Notifying",
            code=code,
            settings=settings,
            alerts=storage.alerts,
            topic=alerting.topic,
            chat=alerting.chat,
            key=alerting.key,
            parameters=parameters,
        )
        repairing = Repairing(
            self,
            "Repairing",
            bucket=storage.bucket,
            queue=ingestion.queue,
            dead_letters=ingestion.dead_letters,
            rebuild_queue=image.queue,
            rebuild_dead_letters=image.dead_letters,
            graph=storage.graph,
            reader=asking.query.role,
        )
        Monitoring(
            self,
            "Monitoring",
            topic=alerting.topic,
            queue=ingestion.queue,
            dead_letters=ingestion.dead_letters,
            rebuild_dead_letters=image.dead_letters,
            project=image.project,
            functions=[
                *(ingestion.ingest, image.project, image.compact, image.rebuild),
                *(asking.query, alerting.evaluate, notifying.notify, alerting.triage),
            ],
        )
        query = asking.query.function.function_name
        self._output("QueryFunction", query, "answers J1QL; invoke it with an event from examples/events")
        self._output("ExampleEvents", _examples(), "console events for the query function")
        self._output("AskFromTheShell", _ask(query), "asks one of the example questions")
        self._output("EvaluateFunction", alerting.evaluate.function.function_name, "evaluates the rules")
        self._output("IngestFunction", ingestion.ingest.function.function_name, "fed by IngestQueue")
        self._output("IngestQueue", ingestion.queue.queue_url, "finding events on their way in")
        self._output("DeadLetters", ingestion.dead_letters.queue_url, "events that were given up on")
        self._output(
            "RedriveDeadLetters",
            _redrive(ingestion.dead_letters, ingestion.queue),
            "sends the dead letters through the ingest queue again",
        )
        self._output("ProjectFunction", image.project.function.function_name, "fed by the table's stream")
        self._output("CompactFunction", image.compact.function.function_name, "compacts the graph image")
        self._output("RebuildFunction", image.rebuild.function.function_name, "fed by RebuildQueue")
        self._output("RebuildQueue", image.queue.queue_url, "`secgraph image rebuild` sends to it")
        self._output(
            "RebuildDeadLetters", image.dead_letters.queue_url, "parts of a rebuild that were given up on"
        )
        self._output(
            "RedriveRebuild",
            _redrive(image.dead_letters, image.queue),
            "goes on with them; those of a rebuild that has ended do nothing",
        )
        self._output("NotifyFunction", notifying.notify.function.function_name, "sends what waits")
        self._output("TriageFunction", alerting.triage.function.function_name, "decides about alerts")
        self._output("ParameterPath", parameters.path, "where the parameters of rules and queries lie")
        if alerting.chat is not None:
            text = "name it in a configuration of Amazon Q Developer in chat applications"
            self._output("ChatTopic", alerting.chat.topic_arn, text)
        self._output("AlertTopic", alerting.topic.topic_arn, "subscribe to it to be told of alerts")
        self._output("GraphTable", storage.graph.table_name, "the graph; kept when the stack is deleted")
        self._output("AlertTable", storage.alerts.table_name, "alert state; kept when the stack is deleted")
        self._output("Bucket", storage.bucket.bucket_name, "events and the graph image; kept as well")
        self._output("RepairRole", repairing.role.role_arn, "reads them, and repairs")

    def _output(self, name: str, value: str, description: str) -> None:
        CfnOutput(self, name, value=value, description=description)


def _examples() -> str:
    return ", ".join(f"examples/events/{file.name}" for file in sorted(EXAMPLES.glob("*.json")))


def _redrive(dead_letters: sqs.IQueue, queue: sqs.IQueue) -> str:
    # The destination must be named: what EventBridge put there itself never was in the ingest queue.
    return (
        f"aws sqs start-message-move-task --source-arn {dead_letters.queue_arn}"
        f" --destination-arn {queue.queue_arn}"
    )


def _ask(function_name: str) -> str:
    event = "fileb://examples/events/production-at-risk.json"
    return f"aws lambda invoke --function-name {function_name} --payload {event} /dev/stdout"

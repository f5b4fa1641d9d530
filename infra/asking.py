"""The query function, which reads the graph image and writes nothing, and its ready-made console events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from aws_cdk import Fn, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_eventschemas as eventschemas
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.function import Function
from infra.image import CACHE_MB
from infra.parameters import Parameters
from infra.settings import Settings
from secgraph import contract

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "examples" / "events"
# The console looks for shareable events in this registry, in the schema `_<function name>-schema`.
# https://docs.aws.amazon.com/lambda/latest/dg/testing-functions.html#creating-shareable-events
TEST_EVENT_REGISTRY: Final = "lambda-testevent-schemas"
# For `fresh`: which items the raw events of the last minutes speak of, and what the table holds of them.
FRESH_ACTIONS: Final = ("dynamodb:BatchGetItem",)


class Asking(Construct):
    """`query`: the function that answers J1QL by direct invocation."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        code: lambda_.Code,
        settings: Settings,
        graph: dynamodb.ITable,
        bucket: s3.IBucket,
        parameters: Parameters,
    ) -> None:
        super().__init__(scope, id)
        self.query = Function(
            self,
            "Query",
            code=code,
            handler=contract.QUERY_HANDLER,
            description="J1QL questions to the graph",
            timeout_seconds=contract.QUERY_TIMEOUT_SECONDS,
            memory_mb=settings.memory_mb,
            retention_days=settings.retention_days,
            disk_mb=CACHE_MB,
            environment={**_environment(settings, graph, bucket), **parameters.environment},
        )
        self.query.allow(FRESH_ACTIONS, graph.table_arn)
        self.query.allow_objects(["s3:GetObject"], bucket, contract.IMAGE_PREFIX, contract.RAW_PREFIX)
        self.query.allow_listing(bucket, contract.IMAGE_PREFIX, contract.RAW_PREFIX)
        parameters.let_read(self.query, secrets=False)
        if settings.test_events != "no":
            self._share_test_events(with_registry=settings.test_events == "with-registry")

    def _share_test_events(self, *, with_registry: bool) -> None:
        schema = eventschemas.CfnSchema(
            self,
            "TestEvents",
            registry_name=TEST_EVENT_REGISTRY,
            schema_name=Fn.join("", ["_", self.query.function.function_name, "-schema"]),
            type="OpenApi3",
            content=json.dumps(test_event_schema(example_events())),
        )
        if with_registry:
            registry = eventschemas.CfnRegistry(self, "Registry", registry_name=TEST_EVENT_REGISTRY)
            # Its name is one an account has once: taking it away would take other functions' events too.
            registry.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
            schema.add_dependency(registry)


def _environment(settings: Settings, graph: dynamodb.ITable, bucket: s3.IBucket) -> dict[str, str]:
    environment = {contract.GRAPH_TABLE: graph.table_name, contract.BUCKET: bucket.bucket_name}
    if settings.test_source:
        environment[contract.TEST_SOURCE_ENABLED] = "true"
    if settings.sources.often:
        environment[contract.SOURCES] = settings.sources.often
    return environment


def example_events() -> dict[str, Any]:
    """The events in `examples/events/`, by file name without its ending."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(EXAMPLES.glob("*.json"))
    }


def test_event_schema(events: dict[str, Any]) -> dict[str, Any]:
    """How the Lambda console keeps shareable events: an OpenAPI 3 document with one example an event."""
    return {
        "openapi": "3.0.0",
        "info": {"version": "1.0.0", "title": "Event"},
        "paths": {},
        "components": {
            "schemas": {
                "Event": {
                    "type": "object",
                    "required": ["query"],
                    "properties": {"query": {"type": "string"}},
                }
            },
            "examples": {name: {"value": event} for name, event in events.items()},
        },
    }

"""The ready-made console events: named in an output, and on request created as shareable test events."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk.assertions import Match, Template

import infra
from infra.asking import EXAMPLES, example_events
from infra.settings import Settings

FIELDS = {"query", "parameters", "includeDeleted", "rowMetadata", "cursor", "format", "fresh"}
FILES = sorted(EXAMPLES.glob("*.json"))
HEADLINES = (
    "Find aws_guardduty_finding that relates to aws_instance that has aws_inspector_finding with "
    "numericSeverity > 7 return tree",
    "Find (Host|DataStore|Application|CodeRepo|Account|Service|Network) with tag.Production=true that has "
    "Finding with severity='High' or numericSeverity>7",
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_an_event_of_the_query_function(file: Path) -> None:
    event = json.loads(file.read_text())
    assert event["query"].startswith("Find ")
    assert event.keys() <= FIELDS
    assert event.get("format", "json") in {"json", "table", "csv"}


def test_both_headline_queries_are_among_them() -> None:
    assert set(HEADLINES) <= {event["query"] for event in example_events().values()}


def test_an_output_names_every_example(template: Template) -> None:
    named = template.to_json()["Outputs"]["ExampleEvents"]["Value"].split(", ")
    assert named == [str(file.relative_to(infra.ROOT)) for file in FILES]


def test_no_test_events_unless_asked_for(template: Template) -> None:
    template.resource_count_is("AWS::EventSchemas::Schema", 0)
    template.resource_count_is("AWS::EventSchemas::Registry", 0)


def test_test_events_lie_where_the_lambda_console_looks(synthesise: Callable[..., Template]) -> None:
    template = synthesise(Settings(test_events="existing-registry"))
    template.resource_count_is("AWS::EventSchemas::Registry", 0)
    (schema,) = template.find_resources("AWS::EventSchemas::Schema").values()
    properties = schema["Properties"]
    prefix, function, suffix = properties["SchemaName"]["Fn::Join"][1]
    assert (prefix, suffix) == ("_", "-schema")
    assert template.to_json()["Resources"][function["Ref"]]["Type"] == "AWS::Lambda::Function"
    assert (properties["RegistryName"], properties["Type"]) == ("lambda-testevent-schemas", "OpenApi3")
    examples = json.loads(properties["Content"])["components"]["examples"]
    assert {name: example["value"] for name, example in examples.items()} == example_events()


def test_a_new_registry_is_never_taken_away_again(synthesise: Callable[..., Template]) -> None:
    template = synthesise(Settings(test_events="with-registry"))
    template.has_resource("AWS::EventSchemas::Registry", {"DeletionPolicy": "RetainExceptOnCreate"})
    template.has_resource("AWS::EventSchemas::Schema", {"DependsOn": Match.any_value()})

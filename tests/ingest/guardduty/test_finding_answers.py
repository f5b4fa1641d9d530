"""A finding as GetFindings answers it says, byte for byte, what its event says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from secgraph.ingest.event import parse
from secgraph.ingest.guardduty.answer import event_shape
from secgraph.ingest.normalise import normalise

HERE = Path(__file__).parent / "fixtures"
FINDING = botocore.session.Session().get_service_model("guardduty").shape_for("Finding")
EVENTS = sorted(path for path in HERE.glob("*.event.json") if not path.name.startswith("archiv"))


def drawn(shape: Shape, *, wire: bool) -> Any:
    """Give a value of a shape with every member there is, named as on the wire or as boto3 names it."""
    if isinstance(shape, StructureShape):
        return {
            member.serialization.get("name", name) if wire else name: drawn(member, wire=wire)
            for name, member in shape.members.items()
        }
    if isinstance(shape, ListShape):
        return [drawn(shape.member, wire=wire)]
    if isinstance(shape, MapShape):
        return {"Some::Key": drawn(shape.value, wire=wire)}
    return shape.type_name


def answered(held: Any, shape: Shape | None) -> Any:
    """Turn a value off the wire into what boto3 gives, dates as text; what the model lacks is named alike.

    Like boto3 it leaves nulls out."""
    if isinstance(shape, MapShape):
        return {key: answered(value, shape.value) for key, value in held.items()} if held else held
    if isinstance(held, dict):
        members = shape.members if isinstance(shape, StructureShape) else {}
        named = {member.serialization.get("name", name): name for name, member in members.items()}
        names = {wire: named.get(wire, wire[:1].upper() + wire[1:]) for wire in held}
        return {
            names[wire]: answered(value, members.get(names[wire]))
            for wire, value in held.items()
            if value is not None
        }
    if isinstance(held, list):
        return [answered(member, shape.member if isinstance(shape, ListShape) else None) for member in held]
    if shape is not None and shape.type_name == "timestamp" and isinstance(held, int | float):
        return str(datetime.fromtimestamp(held, UTC))
    return held


def answer_of(detail: dict[str, Any]) -> dict[str, Any]:
    """Give the answer of a finding's event: of what is free in it, the API answers JSON text alone."""
    answer: dict[str, Any] = answered(detail, FINDING)
    more = (detail.get("service") or {}).get("additionalInfo")
    if more is not None:
        free = {name: value for name, value in more.items() if name not in ("value", "type")}
        text = json.dumps(free) if free else more.get("value", "{}")
        answer["Service"]["AdditionalInfo"] = {"Value": text, "Type": "default"}
    return answer


def test_every_name_that_boto3_gives_has_its_name_on_the_wire():
    assert event_shape(drawn(FINDING, wire=False)) == drawn(FINDING, wire=True)


def test_a_finding_spelt_as_on_the_wire_stays_as_it_is():
    assert event_shape(drawn(FINDING, wire=True)) == drawn(FINDING, wire=True)


def test_both_spellings_of_one_name_are_the_wire_s():
    assert event_shape({"Arn": "a", "arn": "b"}) == {"arn": "b"}


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.name.split(".")[0])
def test_answer_and_event_say_the_same(path):
    event = json.loads(path.read_text("utf-8"))
    answer = answer_of(event.get("detail", event))
    assert "Arn" in answer
    expected = normalise(parse(event), received_on=1)
    for form in (answer, {**event, "detail": answer}, json.dumps(answer)):
        assert repr(normalise(parse(form), received_on=1)) == repr(expected)


@pytest.mark.parametrize(
    "spelt",
    [
        {"threatListName": "Own list", "sample": True, "apiCalls": [{"count": 2}]},
        {"threatListName": "Own list", "sample": True, "apiCalls": [{"count": 2}], "type": "default"},
        {"value": '{"apiCalls":[{"count":2}],"sample":true,"threatListName":"Own list"}', "type": "default"},
        {
            "threatListName": "Own list",
            "value": '{"apiCalls":[{"count":2}],"sample":true}',
            "type": "default",
        },
    ],
)
def test_additional_info_reads_the_same_however_it_is_spelt(see, load, spelt):
    event = load("guardduty/instance_brute_force")
    event["detail"]["service"]["additionalInfo"] = spelt
    finding = see(event).finding
    assert finding["additionalInfo"] == '{"apiCalls":[{"count":2}],"threatListName":"Own list"}'
    assert (finding["threatList"], finding["sample"]) == ("Own list", True)


@pytest.mark.parametrize("value", ["text", "[1]", '{"a":', 7])
def test_additional_info_of_another_form_is_kept(see, load, value):
    event = load("guardduty/instance_brute_force")
    event["detail"]["service"]["additionalInfo"] = {"value": value, "type": "other"}
    assert json.loads(see(event).finding["additionalInfo"]) == {"value": value, "type": "other"}


def test_an_envelope_that_lost_its_source_is_still_read(load):
    whole = load("guardduty/instance_brute_force")
    for lost in (("source",), ("detail-type",), ("source", "detail-type")):
        copy = {name: value for name, value in whole.items() if name not in lost}
        event = parse(copy)
        assert (event.source, event.detail_type) == ("aws.guardduty", "GuardDuty Finding")
        assert event.detail == parse(whole).detail


def test_a_sample_that_lost_its_arn_is_known_by_its_id(see, load):
    event = load("guardduty/sample")
    for lost in ("arn", "accountId", "region"):
        event["detail"].pop(lost)
    seen = see({"detail": event["detail"]})
    assert (seen.keys, seen.edges) == ({f"aws_guardduty_finding:{event['detail']['id']}"}, set())
    assert (seen.finding["sample"], seen.finding["_scope"]) == (True, "global")
    assert not {"arn", "accountId", "detectorId", "webLink"} & set(seen.finding)

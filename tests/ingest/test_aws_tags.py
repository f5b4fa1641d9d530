"""Tags in four shapes, their values, and their top-level copies (data-model a.3)."""

from __future__ import annotations

import pytest

from secgraph.errors import EventError
from secgraph.ingest.body import Body
from secgraph.ingest.tags import tag_properties

BOTH = {"tag.Env": "prod", "tag.Tier": 2}


def properties(tags):
    return tag_properties(Body({"tags": tags}, "detail"))


@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": "Tier", "Value": "2"}, {"Key": "Env", "Value": "prod"}],
        [{"key": "Env", "value": "prod"}, {"key": "Tier", "value": "2"}],
        [{"TagKey": "Env", "TagValue": "prod"}, {"TagKey": "Tier", "TagValue": "2"}],
        {"Tier": "2", "Env": "prod"},
    ],
)
def test_shapes(tags):
    assert properties(tags) == BOTH


@pytest.mark.parametrize("tags", [None, [], {}, "", [None], [{}], [{"Key": ""}]])
def test_no_tags(tags):
    assert properties(tags) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("1", 1),
        ("007", 7),
        ("210987654321", 210987654321),
        ("9007199254740991", 9007199254740991),
        ("9007199254740992", "9007199254740992"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("2.0", 2),
        ("-1", "-1"),
        ("1e5", "1e5"),
        ("1.2.3", "1.2.3"),
        ("٣", "٣"),
        ("a\x00b", "a\ufffdb"),
        (True, True),
        (3, 3),
    ],
)
def test_values(text, value):
    got = properties({"K": text})["tag.K"]
    assert (got, type(got)) == (value, type(value))


def test_names_of_true_and_empty_tags():
    assert properties({"A": "true", "B": "", "C": "x", "D": "false", "E": None}) == {
        "tag.A": True,
        "tag.B": "",
        "tag.C": "x",
        "tag.D": False,
        "tag.E": "",
        "tags": ("A", "B", "E"),
    }


def test_copies():
    got = properties({"name": "low", "Name": "Web", "OWNER": "Ann@Example.org", "classification": "Internal"})
    assert got["displayName"] == "Web"
    assert (got["owner"], got["classification"]) == ("ann@example.org", "internal")
    assert got["tag.OWNER"] == "Ann@Example.org"


def test_keys():
    got = properties({"aws:createdBy": "x", "kubernetes.io/cluster/shop": "owned", "cost_centre": "7"})
    assert got == {"tag.kubernetes.io/cluster/shop": "owned", "tag.cost_centre": 7}


@pytest.mark.parametrize(
    ("tags", "path"),
    [
        ("text", "detail.tags"),
        ([1], "detail.tags[0]"),
        ({"A": {}}, "detail.tags.A"),
        ([{"Key": "A", "Value": []}], "detail.tags[0].Value"),
        ([{"Key": {}}], "detail.tags[0].Key"),
    ],
)
def test_wrong_types(tags, path):
    with pytest.raises(EventError) as error:
        properties(tags)
    assert error.value.path == path

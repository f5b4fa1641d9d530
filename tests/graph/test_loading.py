"""A graph file becomes exactly what it says; every mistake names its element and field."""

from __future__ import annotations

import pytest

from secgraph.errors import InputError
from secgraph.graph import merge
from secgraph.graph.loading import items_of
from secgraph.graph.model import id_of

HOST = {"_id": "h1", "_key": "k-h1", "_type": "aws_instance", "_class": "Host", "ports": [22, None, 443]}
ROLE = {"_key": "role/ops", "_type": "aws_iam_role", "_class": ["AccessRole"], "gone": None}
USES = {"_id": "r1", "_class": "USES", "_type": "instance_uses_role", "_from": "h1", "_to": "role/ops"}


def shown(item):
    seen = merge.entity(item)
    assert seen is not None
    return seen.properties


def loaded(entities, relationships=()):
    return items_of({"entities": entities, "relationships": list(relationships)}, now=5)


def test_it_shows_what_the_file_says_and_nothing_else():
    host, role = loaded([HOST, ROLE], [USES])
    assert shown(host) == {
        "_id": "h1",
        "_key": "k-h1",
        "_type": "aws_instance",
        "_class": ("Host",),
        "ports": (22, 443),
    }
    assert shown(role) == {
        "_id": id_of("role/ops"),
        "_key": "role/ops",
        "_type": "aws_iam_role",
        "_class": ("AccessRole",),
    }
    (edge,) = merge.relationships(host)
    assert (edge.from_id, edge.to_id) == ("h1", id_of("role/ops"))
    assert edge.properties == {"_id": "r1", "_class": "USES", "_type": "instance_uses_role"}


def test_ends_may_be_named_by_key_and_ids_are_derived():
    plain = {"_class": "HAS", "_fromEntityKey": "role/ops", "_toEntityKey": "k-h1", "port": 1}
    items = loaded([HOST, ROLE], [plain])
    ((edge,),) = [merge.relationships(item) for item in items if merge.relationships(item)]
    assert edge.properties == {"_id": id_of("role/ops|has|k-h1"), "_class": "HAS", "port": 1}
    assert (edge.from_id, edge.to_id) == (id_of("role/ops"), "h1")


def test_an_entity_without_a_key_shows_none():
    (item,) = loaded([{"_id": "x1", "_type": "t", "_class": "C"}])
    assert "_key" not in shown(item)


def test_parallel_relationships_are_all_kept():
    hosts = [HOST, {"_key": "net", "_type": "t", "_class": "Network"}]
    rules = [{"_class": "ALLOWS", "_from": "net", "_to": "h1", "port": port} for port in (22, 80, 443)]
    edges = [
        edge
        for item in items_of({"entities": hosts, "relationships": rules}, now=5)
        for edge in merge.relationships(item)
    ]
    assert sorted(edge.properties["port"] for edge in edges) == [22, 80, 443]
    assert len({edge.id for edge in edges}) == 3


def test_an_end_is_an_id_before_it_is_a_key():
    entities = [
        {"_id": "x", "_key": "y", "_type": "t", "_class": "C"},
        {"_id": "y", "_key": "z", "_type": "t", "_class": "C"},
    ]
    by_id = {"_class": "HAS", "_from": "y", "_to": "x"}
    by_key = {"_class": "HAS", "_fromEntityKey": "y", "_toEntityKey": "z"}
    items = items_of({"entities": entities, "relationships": [by_id, by_key]}, now=5)
    assert {(edge.from_id, edge.to_id) for item in items for edge in merge.relationships(item)} == {
        ("y", "x"),
        ("x", "y"),
    }


def test_two_entities_may_share_a_key_while_no_relationship_names_it():
    twins = [{**HOST, "_id": "a"}, {**HOST, "_id": "b"}]
    edge = {"_class": "HAS", "_from": "a", "_to": "b"}
    assert len(items_of({"entities": twins, "relationships": [edge]}, now=5)) == 2
    with pytest.raises(InputError, match=r"relationships\[0\]\._to: 'k-h1' is the _key of 2 entities"):
        items_of({"entities": twins, "relationships": [{**edge, "_to": "k-h1"}]}, now=5)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "a graph file is one JSON object"),
        ({"entites": []}, "entites: unknown part"),
        ({"entities": {}}, "entities: expected a list"),
        ({"entities": ["x"]}, r"entities\[0\]: expected an object"),
        ({"entities": [{"_id": "a", "_class": "C"}]}, r"entities\[0\]\._type: missing"),
        ({"entities": [{"_id": "a", "_type": "t"}]}, r"entities\[0\]\._class: missing"),
        (
            {"entities": [{"_id": "a", "_type": "t", "_class": [1]}]},
            r"entities\[0\]\._class: expected a class",
        ),
        ({"entities": [{"_type": "t", "_class": "C"}]}, r"entities\[0\]: needs an _id or a _key"),
        ({"entities": [{"_id": 7, "_type": "t", "_class": "C"}]}, r"entities\[0\]\._id: expected a text"),
        ({"entities": [HOST, HOST]}, r"entities\[1\]\._id: 'h1' is used twice"),
        ({"entities": [{**HOST, "a": {"b": 1}}]}, r"entities\[0\]\.a: properties are flat"),
        ({"entities": [{**HOST, "a": [[1]]}]}, r"entities\[0\]\.a: a list may not hold lists"),
        ({"entities": [{**HOST, "a": float("nan")}]}, r"entities\[0\]\.a: nan is no number"),
        ({"entities": [{**HOST, "a": 10**400}]}, r"entities\[0\]\.a: 10{39} is no number"),
        ({"entities": [{**HOST, "a": "\ud800"}]}, r"entities\[0\]\.a: '\\ud800' is half a character"),
        ({"entities": [{**HOST, "a\ud800": 1}]}, r"entities\[0\]: '\\ud800' is half a character"),
        (
            {"entities": [HOST], "relationships": [{"_class": "HAS", "_from": [], "_to": "h1"}]},
            r"relationships\[0\]\._from: \[\] is no _id",
        ),
        (
            {
                "entities": [HOST],
                "relationships": [{"_id": "r", "_class": "HAS", "_from": "h1", "_to": "h1"}] * 2,
            },
            r"relationships\[1\]\._id: 'r' is used twice",
        ),
        ({"entities": [HOST], "relationships": [USES]}, r"relationships\[0\]\._to: 'role/ops' is no _id"),
        (
            {"entities": [HOST], "relationships": [{"_class": "HAS", "_from": "h1"}]},
            r"relationships\[0\]: needs _to",
        ),
        (
            {"entities": [HOST], "relationships": [{"_from": "h1", "_to": "h1"}]},
            r"relationships\[0\]\._class: expected one relationship class",
        ),
    ],
)
def test_mistakes_are_named(document, message):
    with pytest.raises(InputError, match=message):
        items_of(document, now=5)

"""Tags of rules on entities: said once, beneath the sources, the same whatever came first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import pytest

from secgraph.adapters.local_graph import LocalGraph
from secgraph.errors import StoreUnavailable
from secgraph.flows import tag as flow
from secgraph.flows.load import load
from secgraph.flows.tag import Tagged, block_of, tag
from secgraph.graph.loading import items_of
from secgraph.graph.merge import apply, entity, same_graph
from secgraph.graph.model import AccountSettings, GraphChange, Item, Observation, Ref
from secgraph.rules.effects import Tagging

HOST = Ref.of("arn:aws:ec2:eu-west-1:111122223333:instance/i-1", "aws_instance")
SEEN = Observation("guardduty/instanceDetails", 100, {"_class": ("Host",), "tag.Team": "web"})
GONE = Observation("inventory/state", 150, {"_deleted": True})


def held(*observations: Observation, settings: dict[str, AccountSettings] | None = None) -> Item:
    changes = [GraphChange(HOST, each, 100) for each in observations]
    return apply(None, changes, now=100, settings=settings or {}).item


def shown(graph: LocalGraph) -> dict[str, object]:
    found = entity(graph.read([HOST.id])[HOST.id])
    assert found is not None
    return dict(found.properties)


@pytest.fixture
def graph() -> Iterator[LocalGraph]:
    with LocalGraph.in_memory() as made:
        made.write([held(SEEN)])
        yield made


def asked(**tags: str | float | bool) -> dict[str, list[Tagging]]:
    return {"own": [Tagging((HOST.id,), tags)]}


def test_a_tag_is_written_once_and_says_nothing_of_what_is_not_there(graph):
    stranger = Tagging((HOST.id, "0" * 36), {"Risk": "high", "Score": 1})
    assert tag({"own": [stranger]}, writer=graph, now=200) == {"own": Tagged(1, 1)}
    after = shown(graph)
    assert (after["tag.Risk"], after["tag.Score"], after["_version"]) == ("high", 1, 2)
    assert tag({"own": [stranger]}, writer=graph, now=300) == {"own": Tagged(0, 1)}
    assert tag(asked(Risk="high", Score=True), writer=graph, now=400)["own"].written == 1
    assert shown(graph)["tag.Score"] is True
    assert len(graph.ids()) == 1


def test_what_a_rule_says_now_replaces_what_it_said_and_its_later_actions_go_over_the_earlier(graph):
    tag(asked(Old="1"), writer=graph, now=200)
    both = [Tagging((HOST.id,), {"A": "1", "B": "1"}), Tagging((HOST.id,), {"B": "2"})]
    tag({"own": both}, writer=graph, now=300)
    after = shown(graph)
    assert {name: after.get(f"tag.{name}") for name in ("A", "B", "Old")} == {"A": "1", "B": "2", "Old": None}


def test_a_tag_of_the_resource_wins_and_a_tag_of_its_account_gives_way(graph):
    with_account = {**SEEN.properties, "accountId": "111122223333"}
    settings = {"111122223333": AccountSettings("shop-prod", production=True)}
    item = held(replace(SEEN, properties=with_account), settings=settings)
    graph.write([replace(item, rev=2)])
    tag(asked(Team="rules", Production=False, AccountName="shop"), writer=graph, now=900)
    after = shown(graph)
    assert (after["tag.Team"], after["tag.Production"], after["tag.AccountName"]) == ("web", False, "shop")
    assert "config/account" in graph.read([HOST.id])[HOST.id].blocks


def test_the_order_of_what_is_said_makes_no_difference():
    said = [
        SEEN,
        GONE,
        Observation(block_of("a"), 210, {"tag.X": "a"}),
        Observation(block_of("a"), 220, {"tag.X": "A"}),
        Observation(block_of("b"), 205, {"tag.X": "b"}),
    ]
    assert len({same_graph(held(*order)) for order in permutations(said)}) == 1
    # A rule that is evaluated again last does not win by that.
    again = Observation(block_of("b"), 300, {"tag.X": "b"})
    assert same_graph(held(*said, again)) == same_graph(held(*said))
    found = entity(held(*said))
    assert found is not None
    assert found.properties["_deleted"] is True, "a tag is no sight of the thing"


@pytest.mark.parametrize("rule", ["state", "finding", "coverage/x", "a/b/c", "\ud800"])
def test_a_rule_may_be_called_anything(graph, rule):
    told = tag({rule: [Tagging((HOST.id,), {"X": "1"})]}, writer=graph, now=200)
    assert told[rule] == Tagged(1)
    assert (shown(graph)["tag.X"], shown(graph).get("_deleted")) == ("1", None)


def test_a_loaded_entity_keeps_what_its_file_says(graph):
    stamped = {"_key": "k", "_type": "t", "_class": "C", "_createdOn": 5, "_version": 9, "tag.Own": "file"}
    load(items_of({"entities": [stamped]}, now=100), writer=graph)
    id_ = next(each for each in graph.ids() if each != HOST.id)
    tag({"own": [Tagging((id_,), {"Own": "rule", "New": "rule"})]}, writer=graph, now=200)
    found = entity(graph.read([id_])[id_])
    assert found is not None
    told = {name: found.properties[name] for name in ("_createdOn", "_version", "tag.Own", "tag.New")}
    assert told == {"_createdOn": 5, "_version": 9, "tag.Own": "file", "tag.New": "rule"}


def test_what_is_too_much_is_left_out_and_said(graph, monkeypatch):
    monkeypatch.setattr(flow, "ENTITIES", 2)
    many = Tagging((HOST.id, "1", "2", "3"), {"Good": "1", "Long": "x" * 257, "": "1", "n" * 129: "1"})
    told = tag({"own": [many]}, writer=graph, now=200)["own"]
    assert (told.written, told.absent) == (1, 1)
    for problem, says in zip(
        told.problems,
        ("2 tags are not set, '' among them", "the tag 'Long' is not set", "2 entities were not tagged"),
        strict=True,
    ):
        assert problem.startswith(says)
    tags = {f"t{number:02}": number for number in range(60)}
    assert (
        tag(asked(**tags), writer=graph, now=300)["own"].problems[0].startswith("10 tags are not set, 't50'")
    )


def test_a_store_that_fails_fails_the_tagging_and_nothing_else(graph):
    class Broken:
        def read(self, ids):
            return graph.read(ids)

        def write(self, items):
            raise StoreUnavailable("the table is away")

    told = tag(asked(X="1") | {"other": []}, writer=Broken(), now=200)
    assert told["own"] == Tagged(0, 0, ["not all entities were tagged: the table is away"])
    assert told["other"] == Tagged()

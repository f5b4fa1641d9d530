"""An item's row: the columns, document and text of its entity, and edges that say what the item says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secgraph.graph import merge
from secgraph.graph.documents import entity_of
from secgraph.graph.edges import DERIVED, relationship, relationship_properties, stated_of
from secgraph.graph.model import Edge, Entity, Item, Observation, Ref, Relationship
from secgraph.graph.relations import Kind, column, kinds_of, property_and_kind
from secgraph.graph.search import searched_text, words
from secgraph.image.expand import expand, row_of
from secgraph.image.rows import Version

THING = Ref.of("arn:a|b:c", "aws_ec2_thing")
ENDS = [THING, Ref.of("arn:ö", "aws_ec2_other"), Ref("own id", "own key", "loaded")]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
scalars = st.one_of(texts, st.booleans(), st.integers(-(2**70), 2**70), st.floats())
names = st.one_of(
    st.sampled_from(["_deleted", "tag.Owner", "displayName", "^A", "a#s", "_source"]), texts.filter(bool)
)
loaded = st.fixed_dictionaries(
    {"_class": st.sampled_from(["HAS", "USES"]), "_id": st.sampled_from(["r1", "r2"])}
)
edges = st.builds(
    lambda verb, end, outgoing, discriminator, own, whole: Edge(
        verb, end, outgoing, discriminator, {**own, **whole}
    ),
    st.sampled_from(["HAS", "USES", "HAS_Odd"]),
    st.sampled_from(ENDS),
    st.booleans(),
    st.one_of(st.just(""), texts),
    st.dictionaries(names, scalars, max_size=2),
    st.one_of(st.just({}), loaded),
)


def finite(properties: Any) -> dict[str, Any]:
    """What JSON and J1QL know of properties, as JSON gives it back."""
    kept: dict[str, Any] = {}
    for name, value in properties.items():
        if isinstance(value, tuple):
            kept[name] = [it for it in value if is_finite(it)]
        elif is_finite(value):
            kept[name] = value
    return kept


def is_finite(value: Any) -> bool:
    return isinstance(value, str | bool) or abs(value) < 1.8e308


@given(edges)
def test_what_follows_from_the_ends_and_what_is_stated_are_the_relationship(edge):
    stated = stated_of(THING, edge)
    start, end = (THING, edge.end) if edge.outgoing else (edge.end, THING)
    shown = relationship(THING, edge)
    given_back = relationship_properties(start.key, start.type, end.key, end.type, shown.verb, stated)
    assert list(given_back.items()) == list(shown.properties.items())
    plain = not set(edge.properties) & set(DERIVED)
    assert (stated is None) == (plain and not edge.properties and not edge.discriminator)


@settings(max_examples=60)
@given(st.lists(edges, max_size=4))
def test_a_row_states_the_relationships_of_its_item(listed):
    blocks = {
        f"inspector2/{place}": Observation(f"inspector2/{place}", place, {}, (edge,))
        for place, edge in enumerate(listed)
    }
    item = Item(THING, blocks, {}, created_on=1, begin_on=1, version=1, rev=7)
    ends = {end.id: end for end in ENDS}
    row = expand(item, 5)
    assert (row.id, row.version) == (THING.id, Version(7, 5))
    assert row.entity is None
    wanted = {each.id: each for each in merge.relationships(item)}
    found = {}
    for edge in row.edges:
        other = ends[edge.other]
        start, end = (THING, other) if edge.outgoing else (other, THING)
        stated = None if edge.stated is None else json.loads(edge.stated)
        shown = relationship_properties(start.key, start.type, end.key, end.type, edge.verb, stated)
        found[shown["_id"]] = (start.id, end.id, shown, edge.deleted)
        own = finite({name: it for name, it in shown.items() if name not in DERIVED or stated_whole(stated)})
        own.pop("_class", None)
        assert values_of(edge.columns) == own
    assert found == {
        id_: (each.from_id, each.to_id, finite(each.properties), each.properties.get("_deleted") is True)
        for id_, each in wanted.items()
    }
    assert len(row.edges) == len(wanted)


def stated_whole(stated: Any) -> bool:
    return stated is not None and "whole" in stated


def values_of(columns: str) -> dict[str, Any]:
    """Read columns back; a list of several kinds from its text."""
    found: dict[str, Any] = {}
    for name, value in json.loads(columns).items():
        property_, kind = property_and_kind(name)
        if kind is Kind.MIXED:
            found[property_] = json.loads(value)
        else:
            found.setdefault(property_, value)
    return found


values = st.one_of(scalars, st.lists(scalars, max_size=3).map(tuple))


@settings(max_examples=150)
@given(st.dictionaries(names, values, max_size=5), st.booleans())
def test_columns_and_document_say_what_the_properties_say(properties, has_key):
    named = {"_id": THING.id, "_type": "t", "_class": ("C", "D"), **({"_key": THING.key} if has_key else {})}
    shown = {**named, **{name: it for name, it in properties.items() if name not in named}}
    (row,) = [row_of(THING.id, Entity(shown), (), Version(1, 0))]
    assert row.entity is not None
    wanted = finite(shown)
    columns = json.loads(row.entity.columns)
    assert set(columns) == {
        column(name, kind)
        for name, it in wanted.items()
        for kind in kinds_of(tuple(it) if isinstance(it, list) else it)
    }
    assert {name: like(it) for name, it in values_of(row.entity.columns).items()} == {
        name: like(it) for name, it in wanted.items()
    }
    document = json.loads(row.entity.body)
    assert ("_id" in document[0]) is not has_key
    metadata, rest = entity_of(tuple(document))
    assert metadata | rest == wanted
    assert all(name[:1] == "_" or name == "displayName" for name in metadata)
    assert not any(name[:1] == "_" or name == "displayName" for name in rest)


def like(value: Any) -> Any:
    """A list of several kinds has its numbers written one way, whatever type they are of."""
    return [float(it) if type(it) is int else it for it in value] if isinstance(value, list) else value


@given(st.dictionaries(names, values, max_size=5))
def test_every_word_of_every_searched_value_is_found_and_no_other(properties):
    shown = {"_type": "Type", "_class": ("C",), "_id": "an id", **properties}
    lines = searched_text(shown).split("\n")
    searched = [
        text
        for name, value in shown.items()
        if name[:1] != "_" or name in ("_type", "_class", "_id", "_key")
        for text in (value if isinstance(value, tuple) else (value,))
        if isinstance(text, str)
    ]
    for text in searched:
        for word in words(text):
            assert any(word in line for line in lines)
    assert all(one not in other for one in lines for other in lines if one is not other)
    folded = "\n".join(searched).casefold()
    assert all(line in folded for line in lines if not any(char.isdigit() for char in line))


def test_an_id_that_follows_from_the_key_is_in_no_text():
    assert searched_text({"_id": THING.id, "_key": THING.key}) == THING.key
    assert searched_text({"_id": "x1", "_key": THING.key}).split("\n") == [THING.key, "x1"]


def test_a_drawn_relationship_that_does_not_touch_its_item_is_refused():
    with pytest.raises(ValueError, match="neither begins nor ends at a"):
        row_of("a", None, [Relationship("b", "c", {"_id": "r", "_class": "HAS"})], Version(1, 0))

"""Warnings: what a query is told that nothing in the graph can match. warnings.jsonl: a question a line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secgraph.errors import QueryError
from secgraph.flows.ask import ask, explain
from secgraph.flows.asking import asker
from secgraph.graph.relations import Catalogue
from secgraph.j1ql import parse
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.server.parameters import Secret
from secgraph.j1ql.server.settings import Server
from secgraph.j1ql.server.smart_classes import smart_classes_of
from secgraph.j1ql.walk import parameters
from secgraph.j1ql.warnings.checks import MOST, warnings_of
from tests.j1ql.answers import CONFORMANCE, EXAMPLES, NOW, lines_of

CASES = lines_of("warnings.jsonl")
NO_TAG = "No Firewall has a property tag.AccountName; aws_ebs_volume, aws_instance and aws_s3_bucket have it."
WARNED = {
    "A2": ["No entity has type user; class User exists."],
    "B36": ["No Host has text in tag.Production, only true and false; try true."],
    "D14": ["x stands in a negation and means the entity before it; move the alias there."],
    "D16": ["Finding names a part of what must not exist, so it is always undefined."],
    "E7": [
        "No Firewall has a property tag.AccountName; aws_ebs_volume, aws_instance and aws_s3_bucket have it."
    ],
    "E8": [
        "No Firewall has a property tag.AccountName; aws_ebs_volume, aws_instance and aws_s3_bucket have it."
    ],
    "G5": ["No Host has a property username; aws_iam_user and okta_user have it."],
    "G10": ["No DataStore has a property nope."],
}
"""The examples of the specification that are told something; all others are told nothing."""


@pytest.fixture(scope="module")
def reader(draw):
    return draw(**CONFORMANCE["fixture"])


def thing(id_, type_="server", class_="Host", **properties):
    return {"_id": id_, "_type": type_, "_class": [class_], **properties}


def told(draw, query, *entities, relationships=(), **options):
    return ask(query, reader=draw(entities, relationships), now=NOW, **options).get("messages", [])


# ── every kind of warning ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["query"])
def test_a_question_is_told(reader, case):
    values = case.get("parameters", {})
    found = warnings_of(check(parse(case["query"])), reader.catalogue(), now=NOW, parameters=values)
    assert list(found) == case["messages"]


@pytest.mark.parametrize("case", EXAMPLES, ids=lambda case: case["id"])
def test_an_example_of_the_specification_is_told(reader, case):
    found = warnings_of(
        check(parse(case["query"])), reader.catalogue(), now=NOW, parameters=case.get("params", {})
    )
    assert list(found) == WARNED.get(case["id"], [])


def texts():
    """Every query of the data files, whatever graph it was written for."""
    names = ("canonical.jsonl", "cases.jsonl", "scopes.jsonl", "shapes.jsonl", "warnings.jsonl")
    return [case.get("canonical") or case["query"] for name in names for case in lines_of(name)]


def test_whatever_is_asked_is_told_a_few_full_sentences_or_nothing(reader):
    sentences = 0
    for text in texts():
        try:
            checked = check(parse(text))
        except QueryError:
            continue
        values = {parameter.name: 1 for parameter in parameters(checked.query)}
        found = warnings_of(checked, reader.catalogue(), now=NOW, parameters=values)
        sentences += len(found)
        assert len(found) == len(set(found)) <= MOST + 1
        assert all(sentence.endswith(".") and sentence.isprintable() for sentence in found)
    assert sentences > 100


def test_many_warnings_are_cut_with_a_word(reader):
    slips = " AND ".join(f"slip{number} = 1" for number in range(MOST + 1))
    found = ask(f"FIND Host WITH {slips}", reader=reader, now=NOW)["messages"]
    assert found[:2] == ["No Host has a property slip0.", "No Host has a property slip1."]
    assert found[MOST:] == ["There is more of this kind."]
    fewer = slips.removesuffix(f" AND slip{MOST} = 1")
    assert len(ask(f"FIND Host WITH {fewer}", reader=reader, now=NOW)["messages"]) == MOST


def test_what_the_catalogue_does_not_tell_is_not_warned_of(reader):
    unknown = replace(reader.catalogue(), entity_sorts={}, relationship_verbs={})
    for case in CASES:
        values = case.get("parameters", {})
        told = warnings_of(check(parse(case["query"])), unknown, now=NOW, parameters=values)
        assert not any(sentence.startswith(("No ", "There is no ")) for sentence in told), case["query"]
    assert warnings_of(check(parse("FIND user WITH nmae = 1")), Catalogue(), now=NOW) == ()


def test_control_characters_are_taken_out(draw):
    odd = thing("1", **{"plat\x1b[31mform\u202e": "linux"})
    assert told(draw, "FIND Host WITH [plat\x1b[31mfrom\u202e] = 1", odd) == [
        "No Host has a property plat\ufffd[31mfrom\ufffd; plat\ufffd[31mform\ufffd exists."
    ]


def test_a_long_name_is_cut(draw):
    (sentence,) = told(draw, f"FIND {'a' * 5000}", thing("1"))
    assert len(sentence) < 100


# ── what a property holds ─────────────────────────────────────────────────────────────────────────────


DATES = "No Host has a number in x, only text; dates kept as text compare with text"


@pytest.mark.parametrize(
    ("held", "test", "message"),
    [
        ([], "x = 22", "No Host has a number in x, only lists of text or empty lists; try '22'."),
        ([], "x = 'a'", ""),
        (["a", 1], "x = 2", ""),
        (["a", 1], "x = true", "No Host has true or false in x, only numbers and text; try 'true'."),
        ([True], "x = 'no'", "No Host has text in x, only true and false; try false."),
        ([1, 2], "x > 3 AND x < 2", ""),
        (1, "x > 3 AND x < 2", "x > 3 AND x < 2 exclude each other."),
        (1, "x > 1 AND x > 9 AND x < 5", "x > 9 AND x < 5 exclude each other."),
        (1, "x > 9 AND x > 1 AND x < 5", "x > 9 AND x < 5 exclude each other."),
        (1, "x >= 3 AND x <= 3", ""),
        (1, "x > 3 AND y < 2", ""),
        ("a", "x > 3 AND x < 2", "No Host has a number in x, only text."),
        ("red", "x > date(2024-02-01T08:00Z) + 1 day", f"{DATES}, such as '2024-02-02T08:00:00Z'."),
        (1, "x = '2024-02-30'", "No Host has text in x, only numbers."),
        (1, "x = (FIND Host AS h RETURN h.x)", ""),
    ],
)
def test_values_are_compared_with_what_there_is(draw, held, test, message):
    messages = told(draw, f"FIND Host WITH {test}", thing("1", x=held, y=1))
    assert messages == ([message] if message else [])


def test_a_property_of_one_sort_is_none_of_another(draw):
    graph = [thing("1", "server", size=1), thing("2", "laptop", Size="big"), thing("3", "disk", "Disk")]
    assert told(draw, "FIND server WITH size = 1", *graph) == []
    assert told(draw, "FIND laptop WITH size = 1", *graph) == ["No laptop has a property size; Size exists."]
    assert told(draw, "FIND Host WITH size = 1", *graph) == []
    assert told(draw, "FIND Disk WITH size = 1", *graph) == ["No Disk has a property size; server has it."]


def test_a_list_may_satisfy_both_ends_of_a_range_that_no_number_does(draw):
    query = "FIND Host WITH x > 3 AND x < 2"
    assert told(draw, query, thing("1", x=1), thing("2", x=[1, 9])) == []


def test_a_few_look_alikes_are_enough(draw):
    graph = [thing(f"1{number}", f"kind{number}") for number in range(5)]
    assert told(draw, "FIND kind9", *graph) == [
        "No entity has type kind9; type kind0, type kind1 and type kind2 exist."
    ]


def test_many_types_that_have_a_property_are_counted(draw):
    graph = [thing(f"t{number}", f"t{number}", "Other", size=1) for number in range(6)]
    assert told(draw, "FIND Host WITH size = 1", thing("1"), *graph) == [
        "No Host has a property size; t0, t1, t2 and 3 more have it."
    ]


def test_a_type_that_is_stored_under_another_name_exists(draw):
    old = thing("1", "aws_inspector_finding", "Finding", severity="high")
    new = thing("2", "aws_inspector_finding", "Finding", inspectorVersion=2)
    query = "FIND aws_inspectorv2_finding WITH severity = 'high'"
    assert told(draw, query, old, new) == []
    assert told(draw, query, old) == [
        "No entity has type aws_inspectorv2_finding; type aws_inspector_finding exists."
    ]


# ── parameters ────────────────────────────────────────────────────────────────────────────────────────


def test_a_value_that_came_as_a_parameter_is_not_shown(draw):
    query = "FIND Host WITH name = ${value}"
    assert told(draw, query, thing("1", name="a"), parameters={"value": 4711}) == [
        "No Host has a number in name, only text."
    ]
    assert told(draw, query, thing("1", name="a"), parameters={"value": Secret(4711)}) == []


def test_a_stored_parameter_is_judged_too(draw):
    server = Server(stored={"least": "5"})
    assert told(draw, "FIND Host WITH size > ${param.least}", thing("1", size=7), server=server) == [
        "No Host has text in size, only numbers."
    ]


# ── smart classes ─────────────────────────────────────────────────────────────────────────────────────

DEFINED = Server(
    smart_classes_of(
        """{"version": 1, "smartClasses": {
            "Crown": ["FIND Host WITH size > 5"], "Jewel": ["FIND #Crown WITH owner = 'me' OR size = 1"],
            "Hollow": ["FIND Host WITH missing = true", "FIND Nothing"],
            "Open": ["FIND Host WITH missing != 1"], "Bare": ["FIND Host WITH missing = (undefined OR 1)"],
            "Set": ["FIND Host WITH size = ${param.size}"]
        }}""",
        "smart.json",
    ),
    {"size": 1},
)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("FIND #Crown", ""),
        ("FIND #Jewel", ""),
        ("FIND #Open Host", ""),
        ("FIND #Bare", ""),
        ("FIND #Set", ""),
        ("FIND #Hollow", "No entity can be #Hollow: none has what the smart class asks for."),
        ("FIND #Crown Disk", "No Disk can be #Crown: none has what the smart class asks for."),
        ("FIND #Crwon", "There is no smart class #Crwon, and no entity has tag.Crwon = true; #Crown exists."),
        (
            "FIND #urgnt",
            "There is no smart class #urgnt, and no entity has tag.urgnt = true; #Urgent exists.",
        ),
        ("FIND #Urgent", ""),
        ("FIND #Urgent Host", "No Host has tag.Urgent = true; disk has it."),
        ("FIND #[a b]", "There is no smart class #[a b], and no entity has tag.a b = true."),
        ("FIND #CriticalAsset", "No entity can be #CriticalAsset: none has what the smart class asks for."),
        ("FIND #Crwon Hots", "No entity has class Hots; class Host exists."),
        ("FIND #Crown WITH nothing = 1", "No #Crown has a property nothing."),
    ],
)
def test_a_smart_class_is_looked_for(draw, query, message):
    disk = thing("2", "disk", "Disk", **{"tag.Urgent": True})
    assert told(draw, query, thing("1", size=1), disk, server=DEFINED) == ([message] if message else [])


def test_a_tag_in_a_list_cannot_be_ruled_out(draw):
    listed = thing("1", tags=["Crown"])
    assert told(draw, "FIND #Anything", listed) == []
    assert told(draw, "FIND #Anything Disk", listed, thing("2", "disk", "Disk")) == [
        "No Disk has tag.Anything = true; server has it."
    ]


# ── where they come out ───────────────────────────────────────────────────────────────────────────────


def test_explain_ends_with_them(reader):
    text = explain("FIND HOST WITH nothing = 1", reader=reader, now=NOW)
    assert text.endswith("\n\nnote: No entity has class HOST; class Host exists.")
    assert "note:" not in explain("FIND Host", reader=reader, now=NOW)


def test_rules_are_asked_without_them(reader, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("a rule has nobody to warn")

    monkeypatch.setattr("secgraph.flows.ask.warnings_of", fail)
    answer = asker(reader, now=NOW, clock=lambda: 0)(
        "FIND aws_instance WITH nothing != 1", include_deleted=False
    )
    assert answer.total == 2
    with pytest.raises(AssertionError, match="nobody to warn"):
        ask("FIND aws_instance", reader=reader, now=NOW)


def test_every_page_has_them(reader):
    query = "FIND Host WITH nothing != 1"
    first = ask(query, reader=reader, now=NOW, page_rows=2)
    second = ask(query, reader=reader, now=NOW, page_rows=2, cursor=first["cursor"])
    assert first["messages"] == second["messages"] == ["No Host has a property nothing."]

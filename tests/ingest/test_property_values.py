"""Property values: cut, bounded, plain (data-model a.2)."""

from __future__ import annotations

import pytest

from secgraph.errors import EventError
from secgraph.ingest.body import Body
from secgraph.ingest.values import LIST_LIMIT, LIST_TEXT_LIMIT, TEXT_LIMIT, facts, number


def test_texts_are_cut():
    kept = facts(exact="x" * TEXT_LIMIT, longer="x" * (TEXT_LIMIT + 1))
    assert kept["exact"] == "x" * TEXT_LIMIT
    assert kept["longer"] == "x" * (TEXT_LIMIT - 3) + "..."


def test_nothing_is_kept_of_nothing():
    assert facts(a=None, b=(), c=[], d=False, e=0, f="") == {"d": False, "e": 0, "f": ""}


def test_lists_are_bounded():
    many, long = [str(n) for n in range(1000)], ["x" * 4000] * 10
    assert facts(many=many, long=long) == {
        "many": tuple(many[:LIST_LIMIT]),
        "long": tuple(long[: LIST_TEXT_LIMIT // 4000]),
    }


def test_what_no_store_can_hold_is_replaced():
    assert facts(a="x\x00\ud800y", b=["\udfff"]) == {"a": "x\ufffd\ufffdy", "b": ("\ufffd",)}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(20.0, 20), (0.123456789, 0.12346), (-0.0, 0), (5, 5), (9.8, 9.8), (1e-9, 0), (2**53 - 1, 2**53 - 1)],
)
def test_numbers(raw, expected):
    assert (number(raw), type(number(raw))) == (expected, type(expected))


@pytest.mark.parametrize("raw", [float("nan"), float("inf"), 2**53, -(2**60), 10**400])
def test_numbers_that_cannot_be_kept(raw):
    with pytest.raises(ValueError, match="can keep"):
        number(raw)
    with pytest.raises(EventError, match=r"^detail\.n: "):
        Body({"n": raw}, "detail").number("n")


@pytest.mark.parametrize(
    ("read", "held", "expected"),
    [
        ("text", 5, "5"),
        ("text", 5.0, "5"),
        ("text", "  ", None),
        ("number", "7.50", 7.5),
        ("number", "", None),
        ("flag", "True", True),
        ("flag", "", None),
        ("texts", [None, "a", 1, " "], ("a", "1")),
        ("bodies", None, ()),
        ("bodies", {}, ()),
        ("texts", {}, ()),
        ("body", [], Body({}, "n")),
        ("secondary", "a|b", None),
        ("secondary", "x" * 2049, None),
        ("secondary", "a", "a"),
        ("secondaries", ["a|b", "c"], ("c",)),
        ("moment", "", None),
    ],
)
def test_tolerant_reading(read, held, expected):
    assert getattr(Body({"n": held}, ""), read)("n") == expected


@pytest.mark.parametrize(
    ("read", "held", "said"),
    [
        ("text", [], "n: expected a text, got a list"),
        ("number", "seven", "n: expected a number, got a text"),
        ("number", True, "n: expected a number, got a boolean"),
        ("flag", 1, "n: expected true or false, got a number"),
        ("texts", "a", "n: expected a list, got a text"),
        ("texts", [{}], "n[0]: expected a text, got an object"),
        ("bodies", {"a": 1}, "n: expected a list, got an object"),
        ("bodies", [1], "n[0]: expected an object, got a number"),
        ("body", [1], "n: expected an object, got a list"),
        ("moment", "soon", "n: 'soon' is no moment"),
        ("identifier", "a|b", "n: 'a|b' holds a '|'"),
        ("identifier", "a\nb", "control character"),
        ("identifier", "x" * 2049, "n: is 2049 characters long"),
        ("required", None, "n: is missing or empty"),
    ],
)
def test_wrong_types_name_the_field(read, held, said):
    with pytest.raises(EventError) as error:
        getattr(Body({"n": held}, ""), read)("n")
    assert said in str(error.value)

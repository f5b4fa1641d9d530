"""The size of an item: bounded from above, whatever it holds, and written down only where it may matter."""

from __future__ import annotations

import pytest

from secgraph.graph import sizes, stored
from secgraph.graph.model import Edge, Item, Observation, Ref, Value

TEXTS = [
    "",
    "plain",
    "\x00\x1b\x7f" * 50,
    '"\\' * 50,
    "\ud800" * 50,
    "\U0001f512é漢" * 50,
    "'" * 50,
    "\u2028" * 50,
]
NUMBERS: list[Value] = [0, -1, 10**300, -0.1, 1e300, 5e-324, True, False]


def item(text: str, *, values: int = 1, edges: int = 1, blocks: int = 1) -> Item:
    """An item with this text in every place that takes one."""
    thing = Ref(text, text, text)
    said_of_it: list[Value] = [text, (text,) * values, (), *NUMBERS]
    properties = {f"{text}{n}": each for n, each in enumerate(said_of_it * values)}
    edge = Edge(text, thing, True, text, properties)
    said = {
        f"{text}/{n}": Observation(f"{text}/{n}", 2**53, properties, (edge,) * edges, rank=2**31)
        for n in range(blocks)
    }
    return Item(thing, said, {text: ((text, 2**53),) * values}, 2**53, 2**53, 2**31, 2**31, reopened_on=2**53)


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_no_item_is_larger_than_its_bound(text):
    for given in (item(text), item(text, values=9), item(text, edges=40), item(text, blocks=40)):
        assert sizes.bound(given) >= sizes.size(given)
    bare = Item(Ref(text, text, text), {}, {}, 1, 1, 1, 1)
    assert sizes.bound(bare) >= sizes.size(bare)


def test_an_item_fits_up_to_the_last_byte(monkeypatch):
    given = item("text", blocks=3)
    for limit, fits in ((sizes.size(given), True), (sizes.size(given) - 1, False)):
        monkeypatch.setattr(stored, "LIMIT_BYTES", limit)
        assert sizes.fits(given) is fits


def test_a_small_item_is_not_written_down_to_be_measured(monkeypatch):
    def unwanted(item: Item) -> str:
        raise AssertionError("measured")

    monkeypatch.setattr(stored, "dump", unwanted)
    assert sizes.fits(item("a finding", blocks=4))

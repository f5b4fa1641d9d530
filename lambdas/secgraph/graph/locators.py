"""Things under another name than their key. In: names. Out: observations, and what an item passes on.

    Item ─passed_on→ GraphChange…

Some events name a thing by an id that does not give its key away. A locator is an item under that id. It is
never visible, since it has no class. Whoever knows both names states on it which thing it stands for, and
whoever knows the id alone states there what it says; whichever comes second passes it on to the thing.
"""

from __future__ import annotations

from typing import Final

from secgraph import contract
from secgraph.graph.model import Edge, GraphChange, Item, Observation, Ref
from secgraph.graph.settled import is_state

LOCATOR: Final = contract.LOCATOR
"""The type of such items."""
LOCATES: Final = "LOCATES"
"""The edge to the thing; no reader shows it."""


def locator(key: str) -> Ref:
    """Name the locator with this key, which begins with what kind of id it is."""
    return Ref.of(key, LOCATOR)


def locates(source: str, thing: Ref) -> Observation:
    """State that a locator stands for a thing. Each has its own block, should an id ever name two."""
    return Observation(f"{source}/locates/{thing.key}", 0, {}, (Edge(LOCATES, thing, outgoing=True),))


def passed_on(item: Item) -> tuple[GraphChange, ...]:
    """Give what a locator has heard of the things it stands for; nothing for any other item.

    It goes by the item alone, so that it can be given again after a crash, by whichever event comes again.
    """
    if item.thing.type != LOCATOR:
        return ()
    blocks = [item.blocks[name] for name in sorted(item.blocks)]
    things = [edge.end for block in blocks for edge in block.edges if edge.verb == LOCATES]
    states = [block for block in blocks if is_state(block)]
    return tuple(GraphChange(thing, state, item.created_on) for thing in things for state in states)

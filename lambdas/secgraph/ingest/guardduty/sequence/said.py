"""What the block of one listed resource says. In: nothing. Out: the value that readers of blocks give."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest.aws import Place
from secgraph.ingest.guardduty.sequence.element import Listed
from secgraph.ingest.things import Thing, Witness


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a thing: by its key alone (`stub`), by its block (`facts`, `edges`), and around it.

    `place` is where the thing lives if its key does not tell.
    """

    stub: GraphChange
    facts: dict[str, Value] = field(default_factory=dict)
    edges: Iterable[Edge] = ()
    around: tuple[GraphChange, ...] = ()
    place: Place | None = None


Reader = Callable[[Listed, Thing, Witness], Said]
"""Reads one listed resource, which is the thing."""

"""The things that events name, and what may be said of them. In: a thing, facts, edges. Out: GraphChange.

A thing is stated in two layers. `of_key` is what follows from its key alone: class, ids, names, the class's
required properties, the service that has it. It is the same in every event (time 0), so a busy stub is
written once. `saw` is what one block of one event saw, under that event's clock, and lies over the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from secgraph.graph.model import Edge, GraphChange, Observation, Ref, Scalar, Value
from secgraph.ingest.aws import Place
from secgraph.ingest.kinds import Kind
from secgraph.ingest.values import facts

REMEMBERED: Final = 4_096
"""How many things, and statements that follow from a key alone, a process keeps at hand: the findings of an
estate name the same few accounts, services, networks, instances and vulnerabilities again and again."""
ALWAYS: Final = 0
"""The clock of what follows from a key alone."""
UNCHANGING: Final = 1
"""The clock of what a key does not tell and yet never changes, such as a security group's name."""
MANAGED: Final = "integration-managed"
GLOBAL_SCOPE: Final = "global"
_DAY: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing: its kind, its natural key, and where it lives as far as the key tells (else None)."""

    kind: Kind
    key: str
    id: str
    place: Place | None = None
    name: str = ""

    def __hash__(self) -> int:
        """Let the key alone tell things apart, as nearly all do; equality still looks at everything."""
        return hash(self.key)

    @property
    def ref(self) -> Ref:
        """Give the reference that edges use."""
        return Ref.of(self.key, self.kind.type)


@dataclass(frozen=True, slots=True)
class Witness:
    """Who speaks: the source's name in blocks, the type of its findings, the clock of what it says
    (epoch ms; of the finding itself `updatedOn`), and when the event first reached us (epoch ms)."""

    source: str
    finding_type: str
    time: int
    received_on: int

    @property
    def day(self) -> int:
        """Give the day of the clock, for what so many findings repeat that each would write it anew."""
        return self.time - self.time % _DAY

    def of_key(self, thing: Thing, owner: Thing | None = None, /, **more: Value) -> GraphChange:
        """State what follows from the thing's key alone; `more` and the owner, which has the thing, must
        follow from it too."""
        known = _of_key(self.source, self.finding_type, thing, owner, tuple(more.items()))
        return GraphChange(thing.ref, known, self.received_on)

    def saw(
        self,
        thing: Thing,
        block: str,
        properties: Mapping[str, Value],
        edges: Iterable[Edge] = (),
        *,
        place: Place | None = None,
        time: int | None = None,
        rank: int = 0,
        collected: Mapping[str, tuple[Scalar, ...]] | None = None,
    ) -> GraphChange:
        """State what a block of the event saw. `place` is where the thing lives if its key does not tell."""
        observation = Observation(
            block=f"{self.source}/{block}",
            time=self.time if time is None else time,
            properties={**_base(self.finding_type, thing.kind, place or thing.place, place), **properties},
            edges=in_order(edges),
            rank=rank,
            collected=collected or {},
        )
        return GraphChange(thing.ref, observation, self.received_on)


@lru_cache(maxsize=REMEMBERED)
def _of_key(
    source: str, finding_type: str, thing: Thing, owner: Thing | None, more: tuple[tuple[str, Value], ...]
) -> Observation:
    name = thing.name or thing.id
    arn = thing.key if thing.kind.has_arn and thing.key.startswith("arn:") else None
    known = facts({"id": thing.id, "name": name, "displayName": name, "arn": arn, **thing.kind.always})
    properties = {**_base(finding_type, thing.kind, thing.place, thing.place), **known, **dict(more)}
    edges = (incoming("HAS", owner),) if owner else ()
    return Observation(f"{source}/key", ALWAYS, properties, edges)


@lru_cache(maxsize=REMEMBERED)
def _base(finding_type: str, kind: Kind, home: Place | None, stated: Place | None) -> Mapping[str, Value]:
    """Give the metadata of a thing of this kind at home, and `accountId` and `region` as far as stated."""
    return facts(
        _class=kind.classes,
        _source=MANAGED,
        _scope=home.scope if home else GLOBAL_SCOPE,
        _integrationType=kind.integration or None,
        discoveredBy=finding_type,
        accountId=stated.account if stated else None,
        region=(stated.region or None) if stated else None,
    )


def incoming(verb: str, start: Thing, **properties: Scalar) -> Edge:
    """State an edge from another thing to this one."""
    return Edge(verb, start.ref, outgoing=False, properties=properties)


def outgoing(verb: str, end: Thing, **properties: Scalar) -> Edge:
    """State an edge from this thing to another."""
    return Edge(verb, end.ref, outgoing=True, properties=properties)


def in_order(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """List the edges once each in one fixed order, so that equal statements have equal content."""
    found = {(edge.verb, edge.end.key, edge.outgoing): edge for edge in edges}
    return tuple(found[place] for place in sorted(found))

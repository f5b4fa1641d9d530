"""The values of the graph. In: nothing. Out: the types that every other module speaks in.

GraphChange   what one event says of one thing (ingest → merge)
Item          everything ever said of one thing; one row of the store (merge ↔ store)
Entity        the visible vertex, and
Relationship  the visible edge: both pure functions of items (merge → readers)
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha1
from types import MappingProxyType

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]
"""What a property may hold. Moments are epoch milliseconds; a missing property is absent, never None."""
Properties = Mapping[str, Value]

NOTHING: Properties = MappingProxyType({})
NAMESPACE = uuid.UUID("7a1f3c52-8f0e-5d0b-9c55-3a6d5ecb1f4e")


@lru_cache(maxsize=65_536)
def id_of(key: str) -> str:
    """Give the `_id` of the thing with this `_key`: UUIDv5, the same in every store and every rebuild.

    Written out, because `uuid.uuid5` takes three times as long, and large graphs and answers need many.
    """
    digest = sha1(NAMESPACE.bytes + key.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


@dataclass(frozen=True, slots=True)
class Ref:
    """Which thing: its `_id`, natural `_key` and `_type`."""

    id: str
    key: str
    type: str

    @classmethod
    def of(cls, key: str, type_: str) -> Ref:
        """Name the thing with this natural key."""
        return _ref(key, type_)


@lru_cache(maxsize=65_536)
def _ref(key: str, type_: str) -> Ref:
    """Make one reference for all edges and changes that name a thing, which are then quick to compare."""
    return Ref(id_of(key), key, type_)


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge as the thing observed states it.

    `verb` is upper case (`HAS`). With `outgoing` it runs from the thing to `end`, else from `end` to the
    thing. `discriminator` tells parallel edges apart. `properties` are scalars; names that begin with `_`
    override what would be derived (`_id`, `_key`, `_type`), which only loaded graphs use.
    """

    verb: str
    end: Ref
    outgoing: bool
    discriminator: str = ""
    properties: Properties = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Observation:
    """One whole statement about one thing by one block of one source.

    `block` is `source/block` (`guardduty/instanceDetails`). `time` is the source's own clock in epoch
    milliseconds, 0 for facts that follow from the key alone; (time, rank, content hash) orders the
    observations of a block. `properties` include `_class` (always) and may include `_source`, `_scope`,
    `_integrationType`. `collected` values are gathered over all observations, newest 100 kept.
    """

    block: str
    time: int
    properties: Properties
    edges: tuple[Edge, ...] = ()
    rank: int = 0
    collected: Mapping[str, tuple[Scalar, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class GraphChange:
    """What one event says of one thing. `received_on` is when the event first reached us, epoch ms."""

    thing: Ref
    observation: Observation
    received_on: int


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """What the deployment's accounts file says of one AWS account; None where it is silent."""

    name: str | None = None
    production: bool | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """Everything ever said of one thing; what the store keeps.

    `blocks` holds the winning observation of each block by its name (their `collected` is empty);
    `collected` holds, by property, (value, newest time) pairs, newest first. `rev` counts the writes.
    `created_on`, `begin_on` and `reopened_on` are epoch milliseconds; `version` counts real changes.
    """

    thing: Ref
    blocks: Mapping[str, Observation]
    collected: Mapping[str, tuple[tuple[Scalar, int], ...]]
    created_on: int
    begin_on: int
    version: int
    rev: int
    reopened_on: int | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """A visible vertex: flat properties, metadata included; `_id`, `_key`, `_type` and `_class` always.

    `_class` is a tuple. A soft-deleted entity has `_deleted` True.
    """

    properties: Properties

    @property
    def id(self) -> str:
        """Give the `_id`."""
        return str(self.properties["_id"])

    @property
    def type(self) -> str:
        """Give the `_type`."""
        return str(self.properties["_type"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Give the `_class` names."""
        held = self.properties.get("_class", ())
        return tuple(str(name) for name in held) if isinstance(held, tuple) else (str(held),)


@dataclass(frozen=True, slots=True)
class Relationship:
    """A visible edge between two entity ids. `properties` hold `_id`, `_class`, `_type` and the rest."""

    from_id: str
    to_id: str
    properties: Properties

    @property
    def id(self) -> str:
        """Give the `_id`."""
        return str(self.properties["_id"])

    @property
    def verb(self) -> str:
        """Give the `_class`, such as `HAS`."""
        return str(self.properties["_class"])

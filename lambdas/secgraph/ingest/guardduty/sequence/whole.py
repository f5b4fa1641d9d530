"""`service.detection.sequence` of a finding → all that it says; any other finding has an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from secgraph.graph.model import GraphChange, Value
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.origin import Origin
from secgraph.ingest.guardduty.sequence.actors import accounts, actors
from secgraph.ingest.guardduty.sequence.compute import unlisted_instances
from secgraph.ingest.guardduty.sequence.element import Listed
from secgraph.ingest.guardduty.sequence.listed import listed
from secgraph.ingest.guardduty.sequence.members import members
from secgraph.ingest.guardduty.sequence.properties import remote_addresses, sequence_facts
from secgraph.ingest.guardduty.sequence.references import References
from secgraph.ingest.guardduty.sequence.resources import resources
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Witness


@dataclass(frozen=True, slots=True)
class Sequence:
    """An attack sequence: its body, its resources named, what names what, and the finding that it is."""

    body: Body
    listed: tuple[Listed, ...]
    references: References
    origin: Origin

    @classmethod
    def of(cls, detail: Body, origin: Origin) -> Sequence:
        """Read the sequence of a finding."""
        body = detail.body("service").body("detection").body("sequence")
        found = listed(body, origin.place)
        return cls(body, found, References.of(found), origin)

    def facts(self) -> dict[str, Value]:
        """Say what the finding's entity says of it."""
        return sequence_facts(self.body, self.listed)

    def remote_addresses(self) -> tuple[str, ...]:
        """List the remote addresses, at most 100."""
        return remote_addresses(self.body)

    def affected(self, witness: Witness) -> Iterator[Resource]:
        """State who acted, and the resources."""
        yield from actors(self.body, self.origin.place.everywhere(), witness)
        yield from resources(self.listed, self.references, witness)

    def around(self, witness: Witness) -> Iterator[GraphChange]:
        """State the foreign accounts that acted, what only others name, and the member findings."""
        yield from accounts(self.body, self.origin.place, witness)
        yield from unlisted_instances(self.references, witness)
        yield from members(self.body, self.origin, witness.received_on)

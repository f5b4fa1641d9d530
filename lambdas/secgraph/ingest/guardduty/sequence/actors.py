"""`actors[]` of an attack sequence → the users and roles that acted, named as in `accessKeyDetails`."""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import GraphChange
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.credentials import Principal, mentioned_accounts, principals
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Witness


def actors(sequence: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """State the principals and their long-term keys."""
    for principal in _principals(sequence):
        yield from principals(principal, place, witness, "sequence/actor")


def accounts(sequence: Body, place: Place, witness: Witness) -> Iterator[GraphChange]:
    """State the foreign accounts that acted."""
    for principal in _principals(sequence):
        yield from mentioned_accounts(principal, place, witness)


def _principals(sequence: Body) -> Iterator[Principal]:
    for actor in sequence.bodies("actors"):
        yield Principal.of_actor(actor.body("user"))

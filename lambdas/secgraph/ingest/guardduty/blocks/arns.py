"""The ARN and the name that a block states → the thing that they name.

Real findings leave one of the two out now and then; what has neither cannot be told from others and becomes
no entity.
"""

from __future__ import annotations

from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.kinds import Kind
from secgraph.ingest.things import Thing


def thing_of(
    kind: Kind, place: Place, service: str, prefix: str, stated: str | None, name: str | None
) -> Thing | None:
    """Name a thing by its ARN, else by the ARN that its name makes in the finding's own place.

    `prefix` is how the resource part begins (`cluster/`, `db:`); what follows it is the thing's id. A name
    that the ARN does not hold is for the block to state.
    """
    arn = arn_of(stated)
    if stated and arn and arn.service == service and arn.account and arn.resource.startswith(prefix):
        id_ = arn.resource.removeprefix(prefix).rpartition("/")[2]
        return Thing(kind, stated, id_, arn.place) if id_ else None
    if name is None:
        return None
    return Thing(kind, place.arn(service, prefix + name), name, place)


def home_of(thing: Thing, place: Place) -> Place:
    """Give where a thing lives: as its ARN tells, else where the finding is."""
    return thing.place or place

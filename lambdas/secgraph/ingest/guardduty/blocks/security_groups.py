"""`securityGroups`, as interfaces and functions list them → the groups' ids and names."""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import GraphChange
from secgraph.ingest import kinds, stubs, things
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.things import Witness
from secgraph.ingest.values import distinct, facts


def group_ids(holder: Body) -> tuple[str, ...]:
    """List the ids of the groups that protect an interface or function."""
    return distinct(group.secondary("groupId") for group in holder.bodies("securityGroups"))


def group_names(holder: Body, place: Place, witness: Witness) -> Iterator[GraphChange]:
    """State the names of security groups; a group cannot be renamed."""
    for group in holder.bodies("securityGroups"):
        id_, name = group.secondary("groupId"), group.text("groupName")
        if id_ and name:
            thing = stubs.ec2(kinds.SECURITY_GROUP, place, id_)
            known = facts(name=name, displayName=name, groupName=name)
            yield witness.saw(thing, "securityGroups", known, time=things.UNCHANGING)

"""An instance's interfaces, in single findings and attack sequences → the network that it is attached to."""

from __future__ import annotations

from collections.abc import Sequence

from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.security_groups import group_ids
from secgraph.ingest.stubs import Network
from secgraph.ingest.values import distinct


def network_of(interfaces: Sequence[Body], place: Place, *subnet: str) -> Network:
    """Take the groups of all interfaces, and VPC and subnet of one: the first that names both, else one.

    Of two they need not belong together, and that a VPC contains a subnet is said for ever. `subnet` is how
    the field of the subnet's id is spelt, the first spelling that is there.
    """
    named = [(each.secondary("vpcId"), _first(each, subnet)) for each in interfaces]
    vpc_id, subnet_id = max(named, key=lambda pair: len(distinct(pair)), default=(None, None))
    groups = distinct(id_ for each in interfaces for id_ in group_ids(each))
    return Network(place, vpc_id, (subnet_id,) if subnet_id else (), groups)


def _first(body: Body, names: Sequence[str]) -> str | None:
    return next((held for name in names if (held := body.secondary(name))), None)

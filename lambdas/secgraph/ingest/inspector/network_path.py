"""The open path of a network finding → the components it runs through, and what of them the instance has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from secgraph.graph.model import Edge, GraphChange
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.inspector.details import path_ids, path_steps
from secgraph.ingest.inspector.origin import Origin
from secgraph.ingest.kinds import Kind
from secgraph.ingest.stubs import Network, Resource
from secgraph.ingest.things import Thing, Witness, incoming, outgoing

_STEPS: Final[Mapping[str, Kind]] = {
    "AWS::EC2::SecurityGroup": kinds.SECURITY_GROUP,
    "AWS::EC2::NetworkAcl": kinds.NETWORK_ACL,
    "AWS::EC2::InternetGateway": kinds.INTERNET_GATEWAY,
    "AWS::EC2::NetworkInterface": kinds.NETWORK_INTERFACE,
}


def with_path(host: Resource, body: Body, network: Body, origin: Origin, witness: Witness) -> Resource:
    """Add the components of an open network path (`networkReachabilityDetails`) to the instance it leads to.

    What attaches them stands in a block of this finding's own, so that findings on several ports do not take
    each other's edges away; of such blocks an item keeps the newest (graph/merge.py). The block's clock is
    the last observation of the path, so that the closing of a terminated host's findings is no sight of the
    host; a closed path says so at the same moment, and wins.
    """
    place = host.thing.place
    if place is None or not path_steps(network):
        return host
    attached = witness.saw(
        host.thing,
        f"networkPath/{origin.finding.id}",
        {},
        () if origin.is_closed else _attachments(network, place),
        time=origin.observed_on,
        rank=1 if origin.is_closed else 0,
    )
    vpc_id = body.body("details").body("awsEc2Instance").secondary("vpcId")
    vpc = stubs.ec2(kinds.VPC, place, vpc_id) if vpc_id else None
    return host.adding(attached, *_components(network, place, vpc, witness))


def _attachments(network: Body, place: Place) -> Iterator[Edge]:
    groups = Network(place, None, (), path_ids(network, "AWS::EC2::SecurityGroup"))
    yield from groups.edges_of_host()
    for id_ in path_ids(network, "AWS::EC2::NetworkInterface"):
        yield outgoing("USES", stubs.ec2(kinds.NETWORK_INTERFACE, place, id_))


def _components(network: Body, place: Place, vpc: Thing | None, witness: Witness) -> Iterator[GraphChange]:
    for type_, id_ in path_steps(network):
        kind = _STEPS.get(type_)
        if kind is None:
            continue
        thing = stubs.ec2(kind, place, id_)
        if kind == kinds.SECURITY_GROUP:
            yield stubs.owned_ec2_stub(witness, thing, place)
        else:
            yield stubs.ec2_stub(witness, thing)
        if vpc and kind == kinds.INTERNET_GATEWAY:
            # a gateway can be moved to another VPC, but is shared by all of this one's instances
            yield witness.saw(thing, "vpc", {"vpcId": vpc.id}, (incoming("HAS", vpc),), time=witness.day)
        if vpc and kind == kinds.NETWORK_ACL:
            yield stubs.in_vpc(witness, thing, vpc)

"""An EC2 instance in `resources[]` of an Inspector finding, and the open network path that leads to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Final

from secgraph.graph.model import GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.inspector.details import path_ids, path_steps
from secgraph.ingest.kinds import Kind
from secgraph.ingest.stubs import Network, Resource, required_id
from secgraph.ingest.tags import named, tag_properties
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts

_PRIVATE: Final = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


_STEPS: Final[Mapping[str, Kind]] = {
    "AWS::EC2::SecurityGroup": kinds.SECURITY_GROUP,
    "AWS::EC2::NetworkAcl": kinds.NETWORK_ACL,
    "AWS::EC2::InternetGateway": kinds.INTERNET_GATEWAY,
    "AWS::EC2::NetworkInterface": kinds.NETWORK_INTERFACE,
}


def instance(body: Body, place: Place, witness: Witness) -> Resource:
    """Read an instance; its id is bare (`i-…`)."""
    id_ = required_id(body).rpartition("/")[2]
    host = stubs.ec2(kinds.INSTANCE, place, id_)
    details = body.body("details").body("awsEc2Instance")
    vpc_id, subnet_id = details.identifier("vpcId"), details.identifier("subnetId")
    network = Network(place, vpc_id, (subnet_id,) if subnet_id else ())
    image_id, key_name = details.identifier("imageId"), details.identifier("keyName")
    used = [
        *((stubs.image(place, image_id),) if image_id else ()),
        *((stubs.ec2(kinds.KEY_PAIR, place, key_name),) if key_name else ()),
    ]
    tags = tag_properties(body)
    edges = [*network.edges_of_host(), *(outgoing("USES", thing) for thing in used)]
    properties = {**_instance_facts(details), **named(tags)}
    return Resource(
        thing=host,
        changes=(
            stubs.owned_ec2_stub(witness, host, place),
            witness.saw(host, "awsEc2Instance", properties, edges),
            *stubs.service_stubs(witness, kinds.EC2, place.everywhere()),
            *network.stubs(witness),
            *(witness.of_key(thing) for thing in used),
        ),
        target=id_,
        tags=tags,
    )


def _instance_facts(details: Body) -> dict[str, Value]:
    addresses = details.texts("ipV4Addresses")
    private = {address: _is_private(address) for address in addresses}
    return facts(
        instanceType=details.text("type"),
        imageId=details.text("imageId"),
        ipv4Addresses=addresses,
        ipv6Addresses=details.texts("ipV6Addresses"),
        privateIpAddress=next((address for address in addresses if private[address]), None),
        publicIpAddress=next((address for address in addresses if not private[address]), None),
        keyName=details.text("keyName"),
        iamInstanceProfileArn=details.text("iamInstanceProfileArn"),
        vpcId=details.text("vpcId"),
        subnetId=details.text("subnetId"),
        launchedOn=details.moment("launchedAt"),
        platform=details.text("platform"),
    )


def _is_private(address: str) -> bool:
    """Tell an address of RFC 1918; a text that is no address is not private."""
    try:
        parsed = IPv4Address(address)
    except AddressValueError:
        return False
    return any(parsed in block for block in _PRIVATE)


def with_path(
    resource: Resource, detail: Body, finding: Thing, place: Place, witness: Witness, *, is_open: bool
) -> Resource:
    """Add the components of an open network path.

    What attaches them to the instance stands in a block of this finding's own, so that findings on several
    ports do not take each other's edges away; once the path is closed the block states none.
    """
    network = detail.body("networkReachabilityDetails")
    if not path_steps(network):
        return resource
    vpc_id = detail.bodies("resources")[0].body("details").body("awsEc2Instance").identifier("vpcId")
    vpc = stubs.ec2(kinds.VPC, place, vpc_id) if vpc_id else None
    edges = []
    for id_ in path_ids(network, "AWS::EC2::SecurityGroup"):
        group = stubs.ec2(kinds.SECURITY_GROUP, place, id_)
        edges += [incoming("PROTECTS", group), outgoing("HAS", group)]
    for id_ in path_ids(network, "AWS::EC2::NetworkInterface"):
        edges.append(outgoing("USES", stubs.ec2(kinds.NETWORK_INTERFACE, place, id_)))
    block = f"networkPath/{finding.id}"
    stated = witness.saw(resource.thing, block, {}, edges if is_open else ())
    changes = (*resource.changes, stated, *_path_stubs(network, place, vpc, witness))
    return Resource(resource.thing, changes, resource.target, resource.tags)


def _path_stubs(network: Body, place: Place, vpc: Thing | None, witness: Witness) -> Iterator[GraphChange]:
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
            yield stubs.in_vpc(witness, thing, vpc, "HAS")
        if vpc and kind == kinds.NETWORK_ACL:
            yield stubs.in_vpc(witness, thing, vpc)

"""An EC2 instance in `resources[]` of an Inspector finding → itself, its network, image and key pair."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Final

from secgraph.graph.model import Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.stubs import Network, Resource, required_id
from secgraph.ingest.tags import named, tag_properties
from secgraph.ingest.things import Witness, outgoing
from secgraph.ingest.values import facts

_PRIVATE: Final = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def named_instance(text: str, _path: str, place: Place, witness: Witness) -> Resource:
    """Name an instance by its bare id (`i-…`), which Inspector uses, or its ARN."""
    id_ = text.rpartition("/")[2]
    host = stubs.ec2(kinds.INSTANCE, place, id_)
    known = stubs.owned_ec2_stub(witness, host, place)
    return Resource(host, (known, *stubs.service_stubs(witness, kinds.EC2, place.everywhere())), id_)


def instance(body: Body, place: Place, witness: Witness) -> Resource:
    """Read an instance with the network it is attached to, its image, its key pair and its tags."""
    found = named_instance(required_id(body), body.at("id"), place, witness)
    details = body.body("details").body("awsEc2Instance")
    vpc_id, subnet_id = details.secondary("vpcId"), details.secondary("subnetId")
    network = Network(place, vpc_id, (subnet_id,) if subnet_id else ())
    image_id, key_name = details.secondary("imageId"), details.secondary("keyName")
    used = [
        *((stubs.image(place, image_id),) if image_id else ()),
        *((stubs.ec2(kinds.KEY_PAIR, place, key_name),) if key_name else ()),
    ]
    tags = tag_properties(body)
    edges = [*network.edges_of_host(), *(outgoing("USES", thing) for thing in used)]
    properties = {**_instance_facts(details), **named(tags)}
    return found.adding(
        witness.saw(found.thing, "awsEc2Instance", properties, edges),
        *network.stubs(witness),
        *(witness.of_key(thing) for thing in used),
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

"""Listed instances, their interfaces, images, launch templates and networks, and the groups they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.instance import described
from secgraph.ingest.guardduty.blocks.interfaces import network_of
from secgraph.ingest.guardduty.blocks.security_groups import group_names
from secgraph.ingest.guardduty.sequence.element import Listed
from secgraph.ingest.guardduty.sequence.references import References
from secgraph.ingest.guardduty.sequence.said import Said
from secgraph.ingest.stubs import Network
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts

_NAMED: Final = "sequence/named"
"""The block of what only others name: a mention takes nothing from what was seen of the thing."""
_SUBNET: Final = ("subNetId", "subnetId")
"""AWS spells it in a sequence with a capital N, and everywhere else without."""
_HOLDERS: Final[Mapping[str, Callable[[Thing], Edge]]] = {
    "EC2_IMAGE": lambda image: outgoing("USES", image),
    "EC2_LAUNCH_TEMPLATE": lambda template: outgoing("USES", template),
    "EC2_VPC": lambda vpc: incoming("HAS", vpc),
    "AUTOSCALING_AUTO_SCALING_GROUP": lambda group: incoming("HAS", group),
    "CLOUDFORMATION_STACK": lambda stack: incoming("CONTAINS", stack),
    "EKS_CLUSTER": lambda cluster: incoming("CONTAINS", cluster),
    "ECS_CLUSTER": lambda cluster: incoming("CONTAINS", cluster),
}
"""What lists instances in its `ec2InstanceUids`, and the edge between such a thing and the instance."""


def instance(each: Listed, thing: Thing, references: References, witness: Witness) -> Said:
    """Read an instance with the interfaces it names and all that names it."""
    named = references.interfaces(each)
    bodies = [held.data for eni in named if (held := references.elements.get(eni))]
    holders = references.holders.get(thing, [])
    network = network_of(bodies, each.place, *_SUBNET)
    edges = [*network.edges_of_host(), *(outgoing("USES", eni) for eni in named)]
    attached = _attached(bodies, network)
    hostname = {"hostname": attached["privateDnsName"]} if "privateDnsName" in attached else {}
    return Said(
        stub=stubs.owned_ec2_stub(witness, thing, each.place),
        facts={**attached, **hostname, **_instance_facts(each.data), **_held_facts(holders)},
        edges=(*edges, *_held(holders)),
        around=(
            *stubs.service_stubs(witness, kinds.EC2, each.place.everywhere()),
            *network.stubs(witness),
            *(stubs.ec2_stub(witness, eni) for eni in named),
        ),
    )


def unlisted_instances(references: References, witness: Witness) -> Iterator[GraphChange]:
    """State the instances that only others name, such as the nodes of a cluster."""
    for thing, holders in references.holders.items():
        if thing not in references.elements:
            place = thing.place or holders[0].place
            yield stubs.owned_ec2_stub(witness, thing, place)
            yield from stubs.service_stubs(witness, kinds.EC2, place.everywhere())
            yield witness.saw(thing, _NAMED, _held_facts(holders), _held(holders))


def interface(each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read a network interface with its groups."""
    network = network_of([each.data], each.place, *_SUBNET)
    return Said(
        stub=stubs.ec2_stub(witness, thing),
        facts={**_attached([each.data], network), **facts(ipv6Addresses=each.data.texts("ipv6Addresses"))},
        edges=[incoming("PROTECTS", group) for group in network.groups],
        around=(
            *network.stubs(witness),
            *group_names(each.data, each.place, witness),
            *stubs.service_stubs(witness, kinds.EC2, each.place.everywhere()),
        ),
    )


def of_ec2(each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read what is known by its key alone: a VPC, a launch template."""
    return Said(
        stub=stubs.owned_ec2_stub(witness, thing, each.place),
        facts=facts(version=each.data.text("version")),
        around=stubs.service_stubs(witness, kinds.EC2, each.place.everywhere()),
    )


def lone(_each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read what is known by its key alone and is nothing that a service of the account must have."""
    return Said(stub=witness.of_key(thing))


def _held(holders: Iterable[Listed]) -> Iterator[Edge]:
    """State the edges to all that lists an instance."""
    for each in holders:
        if each.thing and each.type in _HOLDERS:
            yield _HOLDERS[each.type](each.thing)


def _held_facts(holders: Sequence[Listed]) -> dict[str, Value]:
    """Say which profile, image and VPC list an instance; a profile is no entity."""
    found = {each.type: each for each in reversed(holders)}
    profile, image, vpc = (found.get(type_) for type_ in ("IAM_INSTANCE_PROFILE", "EC2_IMAGE", "EC2_VPC"))
    return facts(
        iamInstanceProfileArn=profile.uid if profile else None,
        imageId=image.thing.id if image and image.thing else None,
        vpcId=vpc.thing.id if vpc and vpc.thing else None,
    )


def _attached(interfaces: list[Body], network: Network) -> dict[str, Value]:
    """Say how an instance, or an interface itself, is attached."""
    private = [address for body in interfaces for address in body.bodies("privateIpAddresses")]
    name = next((text for body in private if (text := body.text("privateDnsName"))), None)
    addresses = facts(
        publicIpAddress=next((text for body in interfaces if (text := body.text("publicIp"))), None),
        privateIpAddress=next((text for body in private if (text := body.text("privateIpAddress"))), None),
        privateDnsName=name,
    )
    return {**addresses, **network.facts_of_host()}


def _instance_facts(data: Body) -> dict[str, Value]:
    """Read the instance itself; its profile is written with a capital on the wire."""
    return described(data, data.body("IamInstanceProfile") or data.body("iamInstanceProfile"))

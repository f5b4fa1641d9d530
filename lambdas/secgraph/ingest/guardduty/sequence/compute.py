"""Listed instances, their interfaces, images, launch templates and networks, and the groups they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.security_groups import group_ids, group_names
from secgraph.ingest.guardduty.sequence.listed import Listed, ec2_thing
from secgraph.ingest.guardduty.sequence.said import Said
from secgraph.ingest.stubs import Network
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import distinct, facts

INSTANCE_BLOCK: Final = "sequence/EC2_INSTANCE"
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


def instance(each: Listed, thing: Thing, all_: tuple[Listed, ...], witness: Witness) -> Said:
    """Read an instance with the interfaces it names and all that names it."""
    named = _referred(each, all_, "ec2NetworkInterfaceUids", "EC2_NETWORK_INTERFACE")
    bodies = [one.data for one in all_ if one.thing in named]
    network = _network(each, bodies)
    edges = [*network.edges_of_host(), *(outgoing("USES", eni) for eni in named)]
    attached = _attached(bodies, network)
    hostname = {"hostname": attached["privateDnsName"]} if "privateDnsName" in attached else {}
    return Said(
        stub=stubs.owned_ec2_stub(witness, thing, each.place),
        facts={**attached, **hostname, **_instance_facts(each.data), **_held_facts(thing, all_)},
        edges=(*edges, *_held(thing, all_)),
        around=(
            *stubs.service_stubs(witness, kinds.EC2, each.place.everywhere()),
            *network.stubs(witness),
            *(stubs.ec2_stub(witness, eni) for eni in named),
        ),
    )


def unlisted_instances(all_: tuple[Listed, ...], witness: Witness) -> Iterator[GraphChange]:
    """State the instances that only others name, such as the nodes of a cluster."""
    own = {each.thing for each in all_}
    for each in all_:
        for thing in _referred(each, all_, "ec2InstanceUids", "EC2_INSTANCE"):
            if thing not in own:
                place = thing.place or each.place
                yield stubs.owned_ec2_stub(witness, thing, place)
                yield from stubs.service_stubs(witness, kinds.EC2, place.everywhere())
                yield witness.saw(thing, INSTANCE_BLOCK, _held_facts(thing, all_), _held(thing, all_))


def interface(each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read a network interface with its groups."""
    network = _network(each, [each.data])
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


def _held(thing: Thing, all_: tuple[Listed, ...]) -> Iterator[Edge]:
    """State the edges to all that lists an instance."""
    for each in all_:
        if each.thing and each.type in _HOLDERS and _lists(each, thing, all_):
            yield _HOLDERS[each.type](each.thing)


def _held_facts(thing: Thing, all_: tuple[Listed, ...]) -> dict[str, Value]:
    """Say which profile, image and VPC list an instance; a profile is no entity."""
    found = {each.type: each for each in reversed(all_) if _lists(each, thing, all_)}
    profile, image, vpc = (found.get(type_) for type_ in ("IAM_INSTANCE_PROFILE", "EC2_IMAGE", "EC2_VPC"))
    return facts(
        iamInstanceProfileArn=profile.uid if profile else None,
        imageId=image.thing.id if image and image.thing else None,
        vpcId=vpc.thing.id if vpc and vpc.thing else None,
    )


def _lists(each: Listed, thing: Thing, all_: tuple[Listed, ...]) -> bool:
    return thing in _referred(each, all_, "ec2InstanceUids", "EC2_INSTANCE")


def _referred(each: Listed, all_: tuple[Listed, ...], name: str, type_: str) -> list[Thing]:
    """Name what an element refers to by uid: other elements, else what the uid alone names."""
    by_uid = {one.uid: one.thing for one in all_ if one.type == type_}
    named = (by_uid.get(uid) or ec2_thing(type_, uid, each.place) for uid in each.data.identifiers(name))
    return list(dict.fromkeys(thing for thing in named if thing))


def _network(each: Listed, interfaces: list[Body]) -> Network:
    vpcs = distinct(body.identifier("vpcId") for body in interfaces)
    subnets = distinct(body.identifier("subNetId") or body.identifier("subnetId") for body in interfaces)
    groups = distinct(id_ for body in interfaces for id_ in group_ids(body))
    return Network(each.place, vpcs[0] if vpcs else None, subnets[:1], groups)


def _attached(interfaces: list[Body], network: Network) -> dict[str, Value]:
    """Say how an instance, or an interface itself, is attached."""
    private = [address for body in interfaces for address in body.bodies("privateIpAddresses")]
    name = next((text for body in private if (text := body.text("privateDnsName"))), None)
    return facts(
        publicIpAddress=next((text for body in interfaces if (text := body.text("publicIp"))), None),
        privateIpAddress=next((text for body in private if (text := body.text("privateIpAddress"))), None),
        privateDnsName=name,
        vpcId=network.vpc_id,
        subnetId=network.subnet_ids[0] if network.subnet_ids else None,
        securityGroupIds=network.group_ids,
    )


def _instance_facts(data: Body) -> dict[str, Value]:
    """Read the instance itself; its profile is written with a capital on the wire."""
    state = data.text("instanceState")
    profile = data.body("IamInstanceProfile") or data.body("iamInstanceProfile")
    return facts(
        instanceType=data.text("instanceType"),
        state=state,
        active=None if state is None else state == "running",
        imageDescription=data.text("imageDescription"),
        platform=data.text("platform"),
        availabilityZone=data.text("availabilityZone"),
        outpostArn=data.text("outpostArn"),
        iamInstanceProfileArn=profile.text("arn"),
        iamInstanceProfileId=profile.text("id"),
    )

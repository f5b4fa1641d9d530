"""`instanceDetails` → the instance, its network and its image."""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.interfaces import network_of
from secgraph.ingest.guardduty.blocks.security_groups import group_ids, group_names
from secgraph.ingest.stubs import Network, Resource
from secgraph.ingest.tags import named, tag_properties
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import distinct, facts


def instances(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the instance with the network it is attached to, its image and its tags."""
    id_ = details.identifier("instanceId")
    if id_ is None:
        return
    instance = stubs.ec2(kinds.INSTANCE, place, id_)
    interfaces = details.bodies("networkInterfaces")
    network = network_of(interfaces, place, "subnetId")
    image_id = details.secondary("imageId")
    image = stubs.image(place, image_id) if image_id else None
    tags = tag_properties(details)
    edges = [*network.edges_of_host(), *(outgoing("USES", eni) for eni in _interfaces(interfaces, place))]
    if image:
        edges.append(outgoing("USES", image))
    properties = {**_instance_facts(details, interfaces), **network.facts_of_host(), **named(tags)}
    yield Resource(
        thing=instance,
        changes=(
            stubs.owned_ec2_stub(witness, instance, place),
            witness.saw(instance, "instanceDetails", properties, edges),
            *stubs.service_stubs(witness, kinds.EC2, place.everywhere()),
            *network.stubs(witness),
            *(name for each in interfaces for name in group_names(each, place, witness)),
            *_interface_changes(interfaces, place, witness),
            *((witness.of_key(image),) if image else ()),
        ),
        target=id_,
        tags=tags,
    )


def described(details: Body, profile: Body) -> dict[str, Value]:
    """Say what single findings and attack sequences tell of an instance in the same words."""
    state = details.text("instanceState")
    return facts(
        instanceType=details.text("instanceType"),
        state=state,
        active=None if state is None else state == "running",
        imageDescription=details.text("imageDescription"),
        platform=details.text("platform"),
        availabilityZone=details.text("availabilityZone"),
        outpostArn=details.text("outpostArn"),
        iamInstanceProfileArn=profile.text("arn"),
        iamInstanceProfileId=profile.text("id"),
    )


def _instance_facts(details: Body, interfaces: tuple[Body, ...]) -> dict[str, Value]:
    private_name = _first(interfaces, "privateDnsName")
    known = facts(
        imageId=details.text("imageId"),
        launchedOn=details.moment("launchTime"),
        publicIpAddress=_first(interfaces, "publicIp"),
        privateIpAddress=_first(interfaces, "privateIpAddress"),
        publicDnsName=_first(interfaces, "publicDnsName"),
        privateDnsName=private_name,
        hostname=private_name,
    )
    return {**described(details, details.body("iamInstanceProfile")), **known}


def _first(interfaces: tuple[Body, ...], name: str) -> str | None:
    return next((held for each in interfaces if (held := each.text(name))), None)


def _interfaces(interfaces: tuple[Body, ...], place: Place) -> Iterator[Thing]:
    for id_ in distinct(each.secondary("networkInterfaceId") for each in interfaces):
        yield stubs.ec2(kinds.NETWORK_INTERFACE, place, id_)


def _interface_changes(interfaces: tuple[Body, ...], place: Place, witness: Witness) -> Iterator[GraphChange]:
    for each in interfaces:
        id_ = each.secondary("networkInterfaceId")
        if id_ is None:
            continue
        thing = stubs.ec2(kinds.NETWORK_INTERFACE, place, id_)
        groups = Network(place, None, (), group_ids(each)).groups
        properties = facts(
            publicIpAddress=each.text("publicIp"),
            privateIpAddress=each.text("privateIpAddress"),
            privateIpAddresses=distinct(
                address.text("privateIpAddress") for address in each.bodies("privateIpAddresses")
            ),
            ipv6Addresses=each.texts("ipv6Addresses"),
            privateDnsName=each.text("privateDnsName"),
            publicDnsName=each.text("publicDnsName"),
            vpcId=each.text("vpcId"),
            subnetId=each.text("subnetId"),
            securityGroupIds=group_ids(each),
        )
        yield stubs.ec2_stub(witness, thing)
        yield witness.saw(
            thing, "networkInterfaces", properties, (incoming("PROTECTS", group) for group in groups)
        )

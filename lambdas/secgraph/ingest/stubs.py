"""Accounts, services and the parts of a network → stubs that stand in until an inventory run knows more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import kinds, things
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.kinds import Kind
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts

_NAMED_IDS: Final = {
    kinds.INSTANCE.type: ("instanceId", "hostname"),
    kinds.VPC.type: ("vpcId",),
    kinds.SUBNET.type: ("subnetId",),
    kinds.SECURITY_GROUP.type: ("groupId",),
    kinds.VOLUME.type: ("volumeId",),
}
"""The properties that repeat a thing's id: its AWS name, and what the class Host requires if no block of
the finding knows better."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that a finding affects: the thing, all that was said of it and around it, the text that
    stands for it in the finding's `targets`, and the tags that the finding copies."""

    thing: Thing
    changes: tuple[GraphChange, ...]
    target: str = ""
    tags: dict[str, Value] = field(default_factory=dict)

    def with_more(self, other: Resource) -> Resource:
        """Add what another block says of the same thing."""
        changes, tags = (*self.changes, *other.changes), {**other.tags, **self.tags}
        return Resource(self.thing, changes, self.target or other.target, tags)

    def adding(self, *changes: GraphChange, tags: dict[str, Value] | None = None) -> Resource:
        """Add what a block of the event saw of the thing, and its tags."""
        return replace(self, changes=(*self.changes, *changes), tags=self.tags if tags is None else tags)


def required_id(body: Body) -> str:
    """Read the id of an affected resource."""
    id_ = body.identifier("id")
    if id_ is None or id_.endswith(("/", ":")):
        raise EventError("is missing or has no end: the resource cannot be told from others", body.at("id"))
    return id_


@lru_cache(maxsize=things.REMEMBERED)
def account(place: Place) -> Thing:
    """Name the account."""
    return Thing(kinds.ACCOUNT, place.account, place.account, place.everywhere())


@lru_cache(maxsize=things.REMEMBERED)
def service(kind: Kind, place: Place) -> Thing:
    """Name the account's service entity; with a region in `place`, the region's."""
    key = ":".join(part for part in (kind.type, place.account, place.region) if part)
    return Thing(kind, key, key, place, name=kind.type)


@lru_cache(maxsize=things.REMEMBERED)
def ec2(kind: Kind, place: Place, id_: str) -> Thing:
    """Name a thing of the EC2 family."""
    return Thing(kind, place.arn("ec2", f"{kind.path}/{id_}"), id_, place)


@lru_cache(maxsize=things.REMEMBERED)
def image(place: Place, id_: str) -> Thing:
    """Name an AMI; its ARN names no account, and its owner may be anyone."""
    return Thing(kinds.IMAGE, f"arn:{place.partition}:ec2:{place.region}::image/{id_}", id_)


@lru_cache(maxsize=things.REMEMBERED)
def snapshot(place: Place, id_: str) -> Thing:
    """Name an EBS snapshot; like an AMI's, its ARN names no account."""
    return Thing(kinds.SNAPSHOT, f"arn:{place.partition}:ec2:{place.region}::snapshot/{id_}", id_)


def kms_key(text: str | None) -> Thing | None:
    """Name the KMS key with this ARN; an alias, or what is no ARN, names none."""
    arn = arn_of(text)
    if text is None or arn is None or arn.service != "kms" or not arn.resource.startswith("key/"):
        return None
    return Thing(kinds.KMS_KEY, text, arn.resource.removeprefix("key/"), arn.place if arn.account else None)


def service_stubs(witness: Witness, kind: Kind, place: Place) -> tuple[GraphChange, ...]:
    """State the account and its service entity, so that account – service – resource never breaks."""
    owner = account(place)
    return (
        witness.of_key(owner),
        witness.of_key(service(kind, place), owner),
    )


def ec2_stub(witness: Witness, thing: Thing, owner: Thing | None = None) -> GraphChange:
    """State a thing of the EC2 family by its key."""
    named = _NAMED_IDS.get(thing.kind.type, ())
    return witness.of_key(thing, owner, **dict.fromkeys(named, thing.id))


def owned_ec2_stub(witness: Witness, thing: Thing, place: Place) -> GraphChange:
    """State a thing of the EC2 family by its key, had by the account's EC2."""
    return ec2_stub(witness, thing, service(kinds.EC2, place.everywhere()))


def in_vpc(witness: Witness, thing: Thing, vpc: Thing, verb: str = "") -> GraphChange:
    """State which VPC a thing is in, which never changes; with a verb, also `vpc VERB thing`."""
    edges = (incoming(verb, vpc),) if verb else ()
    return witness.saw(thing, "vpc", {"vpcId": vpc.id}, edges, time=things.ALWAYS)


@dataclass(frozen=True, slots=True)
class Network:
    """Where a resource is attached: one VPC at most, and any number of subnets and security groups; an
    instance is in one subnet."""

    place: Place
    vpc_id: str | None
    subnet_ids: Sequence[str] = ()
    group_ids: Sequence[str] = ()

    @property
    def vpc(self) -> Thing | None:
        """Name the VPC."""
        return ec2(kinds.VPC, self.place, self.vpc_id) if self.vpc_id else None

    @property
    def subnets(self) -> tuple[Thing, ...]:
        """Name the subnets."""
        return tuple(ec2(kinds.SUBNET, self.place, id_) for id_ in self.subnet_ids)

    @property
    def groups(self) -> tuple[Thing, ...]:
        """Name the security groups."""
        return tuple(ec2(kinds.SECURITY_GROUP, self.place, id_) for id_ in self.group_ids)

    def stubs(self, witness: Witness) -> Iterator[GraphChange]:
        """State VPC, subnets and security groups; the VPC contains the subnets."""
        vpc = self.vpc
        if vpc:
            yield owned_ec2_stub(witness, vpc, self.place)
        for subnet in self.subnets:
            yield ec2_stub(witness, subnet)
            if vpc:
                yield in_vpc(witness, subnet, vpc, "CONTAINS")
        for group in self.groups:
            yield owned_ec2_stub(witness, group, self.place)

    def stubs_and_service(self, witness: Witness) -> Iterator[GraphChange]:
        """State all of it, and if there is any, the account's EC2: for what is no part of EC2 itself."""
        yield from self.stubs(witness)
        if self.vpc_id or self.subnet_ids or self.group_ids:
            yield from service_stubs(witness, kinds.EC2, self.place.everywhere())

    def edges_of_host(self) -> Iterator[Edge]:
        """State the edges that an instance in this network has."""
        vpc = self.vpc
        if vpc:
            yield incoming("HAS", vpc)
        for subnet in self.subnets:
            yield incoming("HAS", subnet)
        for group in self.groups:
            yield incoming("PROTECTS", group)
            yield outgoing("HAS", group)

    def facts_of_host(self) -> dict[str, Value]:
        """Say where an instance, or one of its interfaces, is attached."""
        subnet_id = self.subnet_ids[0] if self.subnet_ids else None
        return facts(vpcId=self.vpc_id, subnetId=subnet_id, securityGroupIds=self.group_ids)

    def edges_of_function(self) -> Iterator[Edge]:
        """State the edges that a function with access to this network has."""
        for thing in (*((self.vpc,) if self.vpc else ()), *self.subnets):
            yield outgoing("HAS", thing)
        for group in self.groups:
            yield incoming("PROTECTS", group)

    def facts_of_function(self) -> dict[str, Value]:
        """Say what a function has access to."""
        return facts(vpcId=self.vpc_id, subnetIds=self.subnet_ids, securityGroupIds=self.group_ids)


def finding_edges(resources: Iterable[Resource], *, is_open: bool, primary: Thing | None) -> Iterator[Edge]:
    """State `resource HAS finding`, or HAD once it is closed, from the finding's side."""
    for resource in resources:
        main = primary is not None and resource.thing.key == primary.key
        properties = {"primary": True} if main else {}
        yield incoming("HAS" if is_open else "HAD", resource.thing, **properties)


def mentioned_account(witness: Witness, place: Place) -> GraphChange:
    """State an account that is only mentioned, as `system-mapper`.

    Its block sorts before every `…/key`, so a source that owns the account has the last word.
    """
    thing = account(place)
    known = facts(_source="system-mapper", id=thing.id, name=thing.id, displayName=thing.id)
    return replace(witness, source="aws").saw(
        thing, "mentioned", known, place=thing.place, time=things.ALWAYS
    )

"""The resource blocks of a GuardDuty finding → the resources that it affects, with all they state.

Read by the blocks that are present: a bucket finding usually also names the access key that was used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import stubs, things
from secgraph.ingest.aws import ACCOUNT_ID, Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.stubs import Network, Resource
from secgraph.ingest.tags import named, tag_properties
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import distinct, facts

_LONG_TERM_KEY: Final = "AKIA"
_ANONYMOUS: Final = "ANONYMOUS_PRINCIPAL"


def affected(resource: Body, place: Place, witness: Witness) -> tuple[Resource, ...]:
    """List the resources of a finding: instance, user or role, access key, buckets."""
    return (
        *_instance(resource.body("instanceDetails"), place, witness),
        *_credentials(resource.body("accessKeyDetails"), place.everywhere(), witness),
        *(found for body in resource.bodies("s3BucketDetails") for found in _bucket(body, place, witness)),
    )


def _instance(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    id_ = details.identifier("instanceId")
    if id_ is None:
        return
    instance = stubs.ec2(things.INSTANCE, place, id_)
    interfaces = details.bodies("networkInterfaces")
    network = _network(interfaces, place)
    image_id = details.identifier("imageId")
    image = stubs.image(place, image_id) if image_id else None
    tags = tag_properties(details)
    edges = [*network.edges_of_host(), *(outgoing("USES", eni) for eni in _interfaces(interfaces, place))]
    if image:
        edges.append(outgoing("USES", image))
    properties = {**_instance_facts(details, interfaces, network), **named(tags)}
    yield Resource(
        thing=instance,
        changes=(
            stubs.owned_ec2_stub(witness, instance, place),
            witness.saw(instance, "instanceDetails", properties, edges),
            *stubs.service_stubs(witness, things.EC2, place.everywhere()),
            *network.stubs(witness),
            *_group_names(interfaces, place, witness),
            *_interface_changes(interfaces, place, witness),
            *((witness.of_key(image),) if image else ()),
        ),
        target=id_,
        tags=tags,
    )


def _instance_facts(details: Body, interfaces: tuple[Body, ...], network: Network) -> dict[str, Value]:
    state = details.text("instanceState")
    profile = details.body("iamInstanceProfile")
    private_name = _first(interfaces, "privateDnsName")
    return facts(
        instanceType=details.text("instanceType"),
        state=state,
        active=None if state is None else state == "running",
        imageId=details.text("imageId"),
        imageDescription=details.text("imageDescription"),
        launchedOn=details.moment("launchTime"),
        platform=details.text("platform"),
        availabilityZone=details.text("availabilityZone"),
        outpostArn=details.text("outpostArn"),
        iamInstanceProfileArn=profile.text("arn"),
        iamInstanceProfileId=profile.text("id"),
        publicIpAddress=_first(interfaces, "publicIp"),
        privateIpAddress=_first(interfaces, "privateIpAddress"),
        publicDnsName=_first(interfaces, "publicDnsName"),
        privateDnsName=private_name,
        hostname=private_name,
        vpcId=network.vpc_id,
        subnetId=network.subnet_ids[0] if network.subnet_ids else None,
        securityGroupIds=network.group_ids,
    )


def _first(interfaces: tuple[Body, ...], name: str) -> str | None:
    return next((held for each in interfaces if (held := each.text(name))), None)


def _network(interfaces: tuple[Body, ...], place: Place) -> Network:
    """Take VPC and subnet of the first interface that names one, and the groups of all."""
    vpc_ids = distinct(each.identifier("vpcId") for each in interfaces)
    subnet_ids = distinct(each.identifier("subnetId") for each in interfaces)
    group_ids = distinct(id_ for each in interfaces for id_ in _group_ids(each))
    return Network(place, vpc_ids[0] if vpc_ids else None, subnet_ids[:1], group_ids)


def _group_ids(interface: Body) -> tuple[str, ...]:
    return distinct(group.identifier("groupId") for group in interface.bodies("securityGroups"))


def _group_names(interfaces: tuple[Body, ...], place: Place, witness: Witness) -> Iterator[GraphChange]:
    """State the names of security groups; a group cannot be renamed."""
    for interface in interfaces:
        for group in interface.bodies("securityGroups"):
            id_, name = group.identifier("groupId"), group.text("groupName")
            if id_ and name:
                thing = stubs.ec2(things.SECURITY_GROUP, place, id_)
                known = facts(name=name, displayName=name, groupName=name)
                yield witness.saw(thing, "securityGroups", known, time=things.UNCHANGING)


def _interfaces(interfaces: tuple[Body, ...], place: Place) -> Iterator[Thing]:
    for id_ in distinct(each.identifier("networkInterfaceId") for each in interfaces):
        yield stubs.ec2(things.NETWORK_INTERFACE, place, id_)


def _interface_changes(interfaces: tuple[Body, ...], place: Place, witness: Witness) -> Iterator[GraphChange]:
    for each in interfaces:
        id_ = each.identifier("networkInterfaceId")
        if id_ is None:
            continue
        thing = stubs.ec2(things.NETWORK_INTERFACE, place, id_)
        groups = Network(place, None, (), _group_ids(each)).groups
        properties = facts(
            publicIpAddress=each.text("publicIp"),
            privateIpAddress=each.text("privateIpAddress"),
            ipv6Addresses=each.texts("ipv6Addresses"),
            privateDnsName=each.text("privateDnsName"),
            publicDnsName=each.text("publicDnsName"),
            vpcId=each.text("vpcId"),
            subnetId=each.text("subnetId"),
            securityGroupIds=_group_ids(each),
        )
        yield stubs.ec2_stub(witness, thing)
        yield witness.saw(
            thing, "networkInterfaces", properties, (incoming("PROTECTS", group) for group in groups)
        )


def _credentials(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Name whose credentials were used. Root is the account itself; services, federated and anonymous
    callers are nothing that could be named."""
    if (details.text("userName") or "").startswith(_ANONYMOUS):
        return
    principal = _principal(details)
    if principal:
        changes = (
            *stubs.service_stubs(witness, things.IAM, place),
            *_principal_changes(details, principal, place, witness),
        )
        yield Resource(principal, changes)
    key_id = details.identifier("accessKeyId")
    if key_id and key_id.startswith(_LONG_TERM_KEY):
        key = Thing(things.ACCESS_KEY, f"aws_iam_access_key:{key_id}", key_id)
        holder = [incoming("HAS", principal)] if principal and principal.kind == things.USER else []
        yield Resource(
            key,
            (witness.of_key(key), witness.saw(key, "accessKeyDetails", {}, holder, place=place)),
        )


def _principal(details: Body) -> Thing | None:
    principal_id, user_type = details.identifier("principalId"), details.text("userType")
    if principal_id and user_type == "IAMUser":
        return Thing(things.USER, f"aws_iam_user:{principal_id}", principal_id)
    role_id = (principal_id or "").partition(":")[0]
    if role_id and user_type in ("AssumedRole", "Role"):
        return Thing(things.ROLE, f"aws_iam_role:{role_id}", role_id)
    return None


def _principal_changes(
    details: Body, principal: Thing, place: Place, witness: Witness
) -> Iterator[GraphChange]:
    """State a user or role. Events do not carry the path, so its ARN is left to the inventory."""
    name, is_user = details.text("userName"), principal.kind == things.USER
    called = "username" if is_user else "roleName"
    had: Edge = incoming("HAS", stubs.service(things.IAM, place))
    yield witness.of_key(principal, **{called: principal.id})
    yield witness.saw(
        principal,
        "accessKeyDetails",
        facts({"name": name, "displayName": name, called: name}),
        (had,),
        place=place,
    )


def mentioned_accounts(details: Body, place: Place, witness: Witness) -> Iterator[GraphChange]:
    """State the foreign account whose credentials were used."""
    if details.text("userType") == "AWSAccount":
        named = (details.identifier("principalId"), details.identifier("userName"))
        for id_ in distinct(id_ for id_ in named if id_ and ACCOUNT_ID.fullmatch(id_))[:1]:
            yield stubs.mentioned_account(witness, Place(place.partition, id_))


def _bucket(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    arn, name = details.identifier("arn"), details.identifier("name")
    known = arn_of(arn)
    name = name or (known.resource if known else None)
    if name is None:
        return
    key = arn if arn and known else f"arn:{place.partition}:s3:::{name}"
    bucket = Thing(things.BUCKET, key, name)
    tags = tag_properties(details)
    kms_key = _kms_key(details.body("defaultServerSideEncryption").identifier("kmsMasterKeyArn"))
    edges = [incoming("HAS", stubs.service(things.S3, place.everywhere()))]
    if kms_key:
        edges.append(outgoing("USES", kms_key))
    yield Resource(
        thing=bucket,
        changes=(
            witness.of_key(bucket, bucketName=name),
            witness.saw(bucket, "s3BucketDetails", {**_bucket_facts(details), **tags}, edges, place=place),
            *stubs.service_stubs(witness, things.S3, place.everywhere()),
            *((witness.of_key(kms_key),) if kms_key else ()),
        ),
        target=key,
        tags=tags,
    )


def _kms_key(text: str | None) -> Thing | None:
    arn = arn_of(text)
    if text is None or arn is None or arn.service != "kms" or not arn.resource.startswith("key/"):
        return None
    return Thing(things.KMS_KEY, text, arn.resource.removeprefix("key/"), arn.place if arn.account else None)


def _bucket_facts(details: Body) -> dict[str, Value]:
    """Read a bucket. What AWS does not say (`UNKNOWN`, no encryption named) is left open, not false."""
    encryption = details.body("defaultServerSideEncryption")
    access = details.body("publicAccess")
    algorithm = encryption.text("encryptionType")
    return {
        **facts(
            bucketType=details.text("type"),
            createdOn=details.moment("createdAt"),
            ownerId=details.body("owner").text("id"),
            public={"PUBLIC": True, "NOT_PUBLIC": False}.get(access.text("effectivePermission") or ""),
            encrypted=True if algorithm else None,
            encryptionAlgorithm=algorithm,
            encryptionKeyRef=encryption.text("kmsMasterKeyArn"),
        ),
        **_public_access_block(access.body("permissionConfiguration")),
    }


def _public_access_block(permissions: Body) -> dict[str, Value]:
    """A block holds if the bucket or its account sets it."""
    levels = [
        permissions.body(level).body("blockPublicAccess")
        for level in ("bucketLevelPermissions", "accountLevelPermissions")
    ]
    blocked: dict[str, bool | None] = {}
    for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"):
        said = [flag for level in levels if (flag := level.flag(name)) is not None]
        blocked[name] = any(said) if said else None
    return facts(blocked)

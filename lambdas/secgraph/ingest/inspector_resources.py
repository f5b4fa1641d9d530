"""`resources[]` of an Inspector finding → the resources that it affects, with all they state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import GraphChange, Value
from secgraph.ingest import stubs, things
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.inspector_details import path_ids, path_steps
from secgraph.ingest.stubs import Network, Resource
from secgraph.ingest.tags import tag_properties
from secgraph.ingest.things import Kind, Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts

_PRIVATE: Final = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_IMAGE: Final = re.compile(r"(?P<repository>repository/.+)/(?P<digest>sha256:[^/]+)")
_FUNCTION: Final = re.compile(r"function:(?P<name>[^:]+)(:(?P<version>[^:]+))?")
_STEPS: Final[Mapping[str, Kind]] = {
    "AWS::EC2::SecurityGroup": things.SECURITY_GROUP,
    "AWS::EC2::NetworkAcl": things.NETWORK_ACL,
    "AWS::EC2::InternetGateway": things.INTERNET_GATEWAY,
    "AWS::EC2::NetworkInterface": things.NETWORK_INTERFACE,
}


def affected(
    detail: Body, owner: Place, finding: Thing, witness: Witness, *, is_open: bool
) -> tuple[Resource, ...]:
    """List the resources of a finding. Of a type that is not read here there is none, and the finding
    alone is stored."""
    found: list[Resource] = []
    for body in detail.bodies("resources"):
        reader = _READERS.get(body.text("type") or "")
        stated = body.identifier("region")
        region = owner.region if stated in (None, "N/A") else stated
        place = Place(owner.partition, owner.account, region)
        if reader:
            found.append(reader(body, place, witness))
        if reader is _instance:
            found[-1] = _with_path(found[-1], detail, finding, place, witness, is_open=is_open)
    return tuple(found)


def _required_id(body: Body) -> str:
    id_ = body.identifier("id")
    if id_ is None or id_.endswith(("/", ":")):
        raise EventError("is missing or has no end: the resource cannot be told from others", body.at("id"))
    return id_


def _instance(body: Body, place: Place, witness: Witness) -> Resource:
    id_ = _required_id(body).rpartition("/")[2]
    instance = stubs.ec2(things.INSTANCE, place, id_)
    details = body.body("details").body("awsEc2Instance")
    vpc_id, subnet_id = details.identifier("vpcId"), details.identifier("subnetId")
    network = Network(place, vpc_id, (subnet_id,) if subnet_id else ())
    image_id, key_name = details.identifier("imageId"), details.identifier("keyName")
    used = [
        *((stubs.image(place, image_id),) if image_id else ()),
        *((stubs.ec2(things.KEY_PAIR, place, key_name),) if key_name else ()),
    ]
    tags = tag_properties(body)
    edges = [*network.edges_of_host(), *(outgoing("USES", thing) for thing in used)]
    properties = {**_instance_facts(details), **_named(tags)}
    return Resource(
        thing=instance,
        changes=(
            stubs.owned_ec2_stub(witness, instance, place),
            witness.saw(instance, "awsEc2Instance", properties, edges),
            *stubs.service_stubs(witness, things.EC2, place.everywhere()),
            *network.stubs(witness),
            *(witness.of_key(thing) for thing in used),
        ),
        target=id_,
        tags=tags,
    )


def _named(tags: dict[str, Value]) -> dict[str, Value]:
    return tags | ({"name": tags["displayName"]} if "displayName" in tags else {})


def _instance_facts(details: Body) -> dict[str, Value]:
    addresses = details.texts("ipV4Addresses")
    return facts(
        instanceType=details.text("type"),
        imageId=details.text("imageId"),
        ipv4Addresses=addresses,
        ipv6Addresses=details.texts("ipV6Addresses"),
        privateIpAddress=next((address for address in addresses if _is_private(address)), None),
        publicIpAddress=next((address for address in addresses if not _is_private(address)), None),
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


def _with_path(
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
    vpc = stubs.ec2(things.VPC, place, vpc_id) if vpc_id else None
    edges = []
    for id_ in path_ids(network, "AWS::EC2::SecurityGroup"):
        group = stubs.ec2(things.SECURITY_GROUP, place, id_)
        edges += [incoming("PROTECTS", group), outgoing("HAS", group)]
    for id_ in path_ids(network, "AWS::EC2::NetworkInterface"):
        edges.append(outgoing("USES", stubs.ec2(things.NETWORK_INTERFACE, place, id_)))
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
        if kind == things.SECURITY_GROUP:
            yield stubs.owned_ec2_stub(witness, thing, place)
        else:
            yield stubs.ec2_stub(witness, thing)
        if vpc and kind == things.INTERNET_GATEWAY:
            yield stubs.in_vpc(witness, thing, vpc, "HAS")
        if vpc and kind == things.NETWORK_ACL:
            yield stubs.in_vpc(witness, thing, vpc)


def _container_image(body: Body, place: Place, witness: Witness) -> Resource:
    """Read an ECR image. Its id is `{repository ARN}/sha256:…`, and repository names contain slashes."""
    text = _required_id(body)
    arn = arn_of(text)
    found = _IMAGE.fullmatch(arn.resource) if arn else None
    if arn is None or found is None or not arn.account:
        raise EventError(
            f"{text[:200]!r} is not the ARN of an ECR image "
            "(arn:aws:ecr:REGION:ACCOUNT:repository/NAME/sha256:DIGEST)",
            body.at("id"),
        )
    home, digest = Place(place.partition, arn.account, arn.region), found["digest"]
    name = found["repository"].removeprefix("repository/")
    repository = Thing(things.REPOSITORY, home.arn("ecr", found["repository"]), name, home)
    image = Thing(things.CONTAINER_IMAGE, f"{repository.key}@{digest}", digest, home, f"{name}@{digest}")
    details, tags = body.body("details").body("awsEcrContainerImage"), tag_properties(body)
    return Resource(
        thing=image,
        changes=(
            witness.of_key(image, incoming("HAS", repository), digest=digest, repositoryName=name),
            witness.saw(image, "awsEcrContainerImage", {**_image_facts(details, home, name, digest), **tags}),
            *_repository_changes(repository, home, witness),
        ),
        target=image.name,
        tags=tags,
    )


def _image_facts(details: Body, home: Place, name: str, digest: str) -> dict[str, Value]:
    image_tags = details.texts("imageTags")
    registry = details.text("registry") or home.account
    suffix = ".cn" if home.partition == "aws-cn" else ""
    address = f"{registry}.dkr.ecr.{home.region}.amazonaws.com{suffix}/{name}"
    return facts(
        imageTags=image_tags,
        registryId=registry,
        pushedOn=details.moment("pushedAt"),
        architecture=details.text("architecture"),
        platform=details.text("platform"),
        author=details.text("author"),
        lastInUseOn=details.moment("lastInUseAt"),
        inUseCount=details.number("inUseCount"),
        fullName=[*(f"{address}:{tag}" for tag in image_tags), f"{address}@{digest}"],
    )


def _repository_changes(repository: Thing, home: Place, witness: Witness) -> tuple[GraphChange, ...]:
    service = stubs.service(things.ECR, home.everywhere())
    return (
        witness.of_key(repository, incoming("HAS", service)),
        *stubs.service_stubs(witness, things.ECR, home.everywhere()),
    )


def _repository(body: Body, place: Place, witness: Witness) -> Resource:
    text = _required_id(body)
    arn = arn_of(text)
    if arn is None or not arn.account or not arn.resource.startswith("repository/"):
        raise EventError(f"{text[:200]!r} is not the ARN of an ECR repository", body.at("id"))
    home = Place(place.partition, arn.account, arn.region)
    key, name = home.arn("ecr", arn.resource), arn.resource.removeprefix("repository/")
    repository = Thing(things.REPOSITORY, key, name, home)
    tags = tag_properties(body)
    seen = (witness.saw(repository, "awsEcrRepository", tags),) if tags else ()
    return Resource(repository, (*_repository_changes(repository, home, witness), *seen), key, tags)


def _function(body: Body, place: Place, witness: Witness) -> Resource:
    """Read a Lambda function; its id may end in a version or alias, its key does not."""
    text = _required_id(body)
    arn = arn_of(text)
    found = _FUNCTION.fullmatch(arn.resource) if arn else None
    if arn is None or found is None or not arn.account:
        raise EventError(f"{text[:200]!r} is not the ARN of a Lambda function", body.at("id"))
    home, name = Place(place.partition, arn.account, arn.region), found["name"]
    function = Thing(things.FUNCTION, home.arn("lambda", f"function:{name}"), name, home)
    details, tags = body.body("details").body("awsLambdaFunction"), tag_properties(body)
    attached = details.body("vpcConfig")
    network = Network(
        home,
        attached.identifier("vpcId"),
        attached.identifiers("subnetIds"),
        attached.identifiers("securityGroupIds"),
    )
    parts = [*((network.vpc,) if network.vpc else ()), *network.subnets]
    edges = [
        *(outgoing("HAS", thing) for thing in parts),
        *(incoming("PROTECTS", group) for group in network.groups),
    ]
    service = stubs.service(things.LAMBDA, home.everywhere())
    version = details.text("version") or found["version"]
    properties = {**_function_facts(details, network), **facts(version=version), **tags}
    return Resource(
        thing=function,
        changes=(
            witness.of_key(function, incoming("HAS", service)),
            witness.saw(function, "awsLambdaFunction", properties, edges),
            *stubs.service_stubs(witness, things.LAMBDA, home.everywhere()),
            *network.stubs(witness),
            *(stubs.service_stubs(witness, things.EC2, home.everywhere()) if parts or network.groups else ()),
        ),
        target=function.key,
        tags=tags,
    )


def _function_facts(details: Body, network: Network) -> dict[str, Value]:
    return facts(
        runtime=_runtime(details.text("runtime")),
        packageType=details.text("packageType"),
        architectures=details.texts("architectures"),
        codeHash=details.text("codeSha256"),
        roleArn=details.text("executionRoleArn"),
        layerArns=details.texts("layers"),
        updatedOn=details.moment("lastModifiedAt"),
        vpcId=network.vpc_id,
        subnetIds=network.subnet_ids,
        securityGroupIds=network.group_ids,
    )


def _runtime(name: str | None) -> str | None:
    """Write Inspector's `PYTHON_3_11` as Lambda does, `python3.11` (`NODEJS_18_X`: `nodejs18.x`)."""
    if name is None:
        return None
    language, _, version = name.lower().partition("_")
    return language + version.replace("_", ".")


def _machine_image(body: Body, place: Place, witness: Witness) -> Resource:
    id_ = _required_id(body).rpartition("/")[2]
    image, tags = stubs.image(place, id_), tag_properties(body)
    seen = (witness.saw(image, "machineImage", _named(tags)),) if tags else ()
    return Resource(image, (witness.of_key(image), *seen), id_, tags)


_Reader = Callable[[Body, Place, Witness], Resource]
_READERS: Final[Mapping[str, _Reader]] = {
    "AWS_EC2_INSTANCE": _instance,
    "AWS_ECR_CONTAINER_IMAGE": _container_image,
    "AWS_ECR_REPOSITORY": _repository,
    "AWS_LAMBDA_FUNCTION": _function,
    "MACHINE_IMAGE": _machine_image,
}

"""`resources[]` of an Inspector finding → the resources that it affects, with all they state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.inspector.instance import instance, with_path
from secgraph.ingest.stubs import Network, Resource, required_id
from secgraph.ingest.tags import named, tag_properties
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts

_IMAGE: Final = re.compile(r"(?P<repository>repository/.+)/(?P<digest>sha256:[^/]+)")


_FUNCTION: Final = re.compile(r"function:(?P<name>[^:]+)(:(?P<version>[^:]+))?")


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
        if reader is instance:
            found[-1] = with_path(found[-1], detail, finding, place, witness, is_open=is_open)
    return tuple(found)


def _container_image(body: Body, place: Place, witness: Witness) -> Resource:
    """Read an ECR image. Its id is `{repository ARN}/sha256:…`, and repository names contain slashes."""
    text = required_id(body)
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
    repository = Thing(kinds.REPOSITORY, home.arn("ecr", found["repository"]), name, home)
    image = Thing(kinds.CONTAINER_IMAGE, f"{repository.key}@{digest}", digest, home, f"{name}@{digest}")
    details, tags = body.body("details").body("awsEcrContainerImage"), tag_properties(body)
    return Resource(
        thing=image,
        changes=(
            witness.of_key(image, repository, digest=digest, repositoryName=name),
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
    service = stubs.service(kinds.ECR, home.everywhere())
    return (
        witness.of_key(repository, service),
        *stubs.service_stubs(witness, kinds.ECR, home.everywhere()),
    )


def _repository(body: Body, place: Place, witness: Witness) -> Resource:
    text = required_id(body)
    arn = arn_of(text)
    if arn is None or not arn.account or not arn.resource.startswith("repository/"):
        raise EventError(f"{text[:200]!r} is not the ARN of an ECR repository", body.at("id"))
    home = Place(place.partition, arn.account, arn.region)
    key, name = home.arn("ecr", arn.resource), arn.resource.removeprefix("repository/")
    repository = Thing(kinds.REPOSITORY, key, name, home)
    tags = tag_properties(body)
    seen = (witness.saw(repository, "awsEcrRepository", tags),) if tags else ()
    return Resource(repository, (*_repository_changes(repository, home, witness), *seen), key, tags)


def _function(body: Body, place: Place, witness: Witness) -> Resource:
    """Read a Lambda function; its id may end in a version or alias, its key does not."""
    text = required_id(body)
    arn = arn_of(text)
    found = _FUNCTION.fullmatch(arn.resource) if arn else None
    if arn is None or found is None or not arn.account:
        raise EventError(f"{text[:200]!r} is not the ARN of a Lambda function", body.at("id"))
    home, name = Place(place.partition, arn.account, arn.region), found["name"]
    function = Thing(kinds.FUNCTION, home.arn("lambda", f"function:{name}"), name, home)
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
    service = stubs.service(kinds.LAMBDA, home.everywhere())
    version = details.text("version") or found["version"]
    properties = {**_function_facts(details, network), **facts(version=version), **tags}
    return Resource(
        thing=function,
        changes=(
            witness.of_key(function, service),
            witness.saw(function, "awsLambdaFunction", properties, edges),
            *stubs.service_stubs(witness, kinds.LAMBDA, home.everywhere()),
            *network.stubs(witness),
            *(stubs.service_stubs(witness, kinds.EC2, home.everywhere()) if parts or network.groups else ()),
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
    id_ = required_id(body).rpartition("/")[2]
    image, tags = stubs.image(place, id_), tag_properties(body)
    seen = (witness.saw(image, "machineImage", named(tags)),) if tags else ()
    return Resource(image, (witness.of_key(image), *seen), id_, tags)


_Reader = Callable[[Body, Place, Witness], Resource]


_READERS: Final[Mapping[str, _Reader]] = {
    "AWS_EC2_INSTANCE": instance,
    "AWS_ECR_CONTAINER_IMAGE": _container_image,
    "AWS_ECR_REPOSITORY": _repository,
    "AWS_LAMBDA_FUNCTION": _function,
    "MACHINE_IMAGE": _machine_image,
}

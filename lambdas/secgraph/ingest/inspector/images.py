"""ECR images and repositories, and AMIs, in `resources[]` of an Inspector finding → what it says of them."""

from __future__ import annotations

import re
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import Value
from secgraph.ingest import stubs
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.registry import Registered, image_of, repository_of
from secgraph.ingest.stubs import Resource, required_id
from secgraph.ingest.tags import named, tag_properties
from secgraph.ingest.things import Thing, Witness
from secgraph.ingest.values import facts

_IMAGE: Final = re.compile(r"repository/(?P<name>.+)[/@](?P<digest>sha256:[^/]+)")


def named_image(text: str, path: str, place: Place, witness: Witness) -> Resource:
    """Name an ECR image by `{repository ARN}/sha256:…`. Repository names contain slashes."""
    _, repository, image = _ecr_image(text, path, place)
    return _known(repository, image, witness)


def container_image(body: Body, place: Place, witness: Witness) -> Resource:
    """Read an ECR image."""
    home, repository, image = _ecr_image(required_id(body), body.at("id"), place)
    details, tags = body.body("details").body("awsEcrContainerImage"), tag_properties(body)
    known = {**_image_facts(details, home, repository.id, image.id), **tags}
    seen = witness.saw(image, "awsEcrContainerImage", known)
    return _known(repository, image, witness).adding(seen, tags=tags)


def _known(repository: Thing, image: Thing, witness: Witness) -> Resource:
    """State what follows from the ARN of an image alone."""
    return Resource(image, tuple(Registered(repository, image).stubs(witness)), image.name)


def _ecr_image(text: str, path: str, place: Place) -> tuple[Place, Thing, Thing]:
    """Take an image's ARN apart: where it lives, its repository, and itself."""
    arn = arn_of(text)
    found = _IMAGE.fullmatch(arn.resource) if arn else None
    if arn is None or found is None or not arn.account:
        raise EventError(
            f"{text[:200]!r} is not the ARN of an ECR image "
            "(arn:aws:ecr:REGION:ACCOUNT:repository/NAME/sha256:DIGEST)",
            path,
        )
    home = Place(place.partition, arn.account, arn.region)
    repository = repository_of(home, found["name"])
    return home, repository, image_of(repository, found["digest"])


def _image_facts(details: Body, home: Place, name: str, digest: str) -> dict[str, Value]:
    image_tags = details.texts("imageTags")
    registry = details.text("registry") or home.account
    address = f"{registry}.dkr.ecr.{home.region}.{home.domain}/{name}"
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


def named_repository(text: str, path: str, place: Place, witness: Witness) -> Resource:
    """Name an ECR repository by its ARN."""
    arn = arn_of(text)
    if arn is None or not arn.account or not arn.resource.startswith("repository/"):
        raise EventError(f"{text[:200]!r} is not the ARN of an ECR repository", path)
    home = Place(place.partition, arn.account, arn.region)
    repository = repository_of(home, arn.resource.removeprefix("repository/"))
    return Resource(repository, tuple(Registered(repository, None).stubs(witness)), repository.key)


def repository(body: Body, place: Place, witness: Witness) -> Resource:
    """Read an ECR repository."""
    found = named_repository(required_id(body), body.at("id"), place, witness)
    tags = tag_properties(body)
    seen = (witness.saw(found.thing, "awsEcrRepository", tags),) if tags else ()
    return found.adding(*seen, tags=tags)


def named_machine_image(text: str, path: str, place: Place, witness: Witness) -> Resource:
    """Name an AMI by its id or ARN."""
    id_ = text.rpartition("/")[2]
    if not id_.startswith("ami-"):
        raise EventError(f"{text[:200]!r} is not the id of an AMI (ami-…)", path)
    image = stubs.image(place, id_)
    return Resource(image, (witness.of_key(image),), id_)


def machine_image(body: Body, place: Place, witness: Witness) -> Resource:
    """Read an AMI, which an on-demand scan found something in."""
    image = named_machine_image(required_id(body), body.at("id"), place, witness)
    tags = tag_properties(body)
    seen = (witness.saw(image.thing, "machineImage", named(tags)),) if tags else ()
    return image.adding(*seen, tags=tags)

"""ECR: an image's address, as containers name it → its repository, and the image if it has a digest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from secgraph.graph.model import GraphChange
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import DOMAINS, Place
from secgraph.ingest.things import Thing, Witness

_DUAL_STACK: Final = ("on.aws", "on.amazonwebservices.com.cn", "on.amazonwebservices.eu")
_ADDRESS: Final = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]{1,32})"
    rf"\.({'|'.join(map(re.escape, (*DOMAINS, *_DUAL_STACK)))})"
    r"/(?P<name>[a-z0-9][a-z0-9._/-]{0,255})"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Registered:
    """What an address or ARN names: a repository, and one image of it if it ends in a digest.

    A tag moves from image to image, so an address with a tag alone names no image.
    """

    repository: Thing
    image: Thing | None

    @property
    def used(self) -> Thing:
        """Give what a container with this address is known to use."""
        return self.image or self.repository

    def stubs(self, witness: Witness) -> Iterator[GraphChange]:
        """State image, repository and the account's ECR."""
        home = self.repository.place
        if home is None:
            return
        if self.image:
            yield witness.of_key(
                self.image, self.repository, digest=self.image.id, repositoryName=self.repository.id
            )
        yield witness.of_key(self.repository, stubs.service(kinds.ECR, home.everywhere()))
        yield from stubs.service_stubs(witness, kinds.ECR, home.everywhere())


def repository_of(home: Place, name: str) -> Thing:
    """Name a repository; its name may contain slashes."""
    return Thing(kinds.REPOSITORY, home.arn("ecr", f"repository/{name}"), name, home)


def image_of(repository: Thing, digest: str) -> Thing:
    """Name an image of a repository by its digest (`sha256:…`)."""
    name = f"{repository.id}@{digest}"
    return Thing(kinds.CONTAINER_IMAGE, f"{repository.key}@{digest}", digest, repository.place, name)


def registered(address: str | None, partition: str) -> Registered | None:
    """Read an image's address; None if it is not one of ECR's private registries."""
    found = _ADDRESS.fullmatch(address or "")
    if found is None:
        return None
    repository = repository_of(Place(partition, found["account"], found["region"]), found["name"])
    return Registered(repository, image_of(repository, found["digest"]) if found["digest"] else None)

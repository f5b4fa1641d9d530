"""`resources[]` of an Inspector finding → the resources that it affects, with all they state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.inspector.code_repository import code_repository
from secgraph.ingest.inspector.function import function
from secgraph.ingest.inspector.images import container_image, machine_image, repository
from secgraph.ingest.inspector.instance import instance
from secgraph.ingest.inspector.network_path import with_path
from secgraph.ingest.inspector.origin import Origin
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Witness

_Reader = Callable[[Body, Place, Witness], Resource]
_READERS: Final[Mapping[str, _Reader]] = {
    "AWS_EC2_INSTANCE": instance,
    "AWS_ECR_CONTAINER_IMAGE": container_image,
    "AWS_ECR_REPOSITORY": repository,
    "AWS_LAMBDA_FUNCTION": function,
    "CODE_REPOSITORY": code_repository,
    "MACHINE_IMAGE": machine_image,
}


def affected(detail: Body, origin: Origin, witness: Witness) -> tuple[Resource, ...]:
    """List the resources of a finding. Of a type that is not read here there is none, and the finding
    alone is stored."""
    return tuple(
        _resource(reader, body, detail, origin, witness)
        for body in detail.bodies("resources")
        if (reader := _READERS.get(body.text("type") or ""))
    )


def _resource(reader: _Reader, body: Body, detail: Body, origin: Origin, witness: Witness) -> Resource:
    owner, stated = origin.place, body.identifier("region")
    place = Place(owner.partition, owner.account, owner.region if stated in (None, "N/A") else stated)
    found = reader(body, place, witness)
    network = detail.body("networkReachabilityDetails")
    return with_path(found, body, network, origin, witness) if reader is instance else found

"""`containerDetails`, and the `containers` of a workload or task → containers, and what they are made from.

A container has no ARN; it is known by what runs it. One finding may name it twice, once with its id and
once with its name alone: that is one container.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secgraph.graph.model import Value
from secgraph.ingest import registry
from secgraph.ingest.body import Body, checked_identifier
from secgraph.ingest.kinds import Kind
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import distinct, facts


@dataclass(frozen=True, slots=True)
class Runner:
    """What runs containers: the thing, the kind of its containers, and the verb between them."""

    thing: Thing
    kind: Kind
    verb: str


def containers(
    bodies: Iterable[Body], runner: Runner, partition: str, witness: Witness
) -> Iterator[Resource]:
    """Read the containers that one thing runs, by id or, where there is none, by name."""
    for token, named in _by_identity(bodies).items():
        container = container_of(runner.thing, runner.kind, token)
        checked_identifier(container.key, named[0].at("id"))
        known = _facts(named)
        used = used_image(named, partition)
        edges = [incoming(runner.verb, runner.thing)]
        if used:
            edges.append(outgoing("USES", used.used))
        yield Resource(
            thing=container,
            changes=(
                witness.of_key(container),
                witness.saw(container, "containerDetails", known, edges),
                *(used.stubs(witness) if used else ()),
            ),
        )


def container_of(runner: Thing, kind: Kind, token: str) -> Thing:
    """Name a container by its id or name in what runs it; its key is still to be checked."""
    key = f"{runner.key}/container/{token}"
    return Thing(kind, key, key.rpartition("/container/")[2], runner.place)


def _by_identity(bodies: Iterable[Body]) -> dict[str, list[Body]]:
    """Gather what is said of each container; what has neither id nor name is left out."""
    named = [(body.identifier("id"), body.identifier("name"), body) for body in bodies]
    ids = {name: id_ for id_, name, _ in named if id_ and name}
    found: dict[str, list[Body]] = {}
    for id_, name, body in named:
        token = id_ or (ids.get(name, name) if name else None)
        if token:
            found.setdefault(token, []).append(body)
    return found


def _facts(bodies: list[Body]) -> dict[str, Value]:
    """Say what the first body that says it says."""
    known: dict[str, Value] = {}
    for body in reversed(bodies):
        security, name = body.body("securityContext"), body.text("name")
        known |= facts(
            name=name,
            displayName=name,
            containerId=body.text("id"),
            containerRuntime=body.text("containerRuntime"),
            image=body.text("image"),
            imagePrefix=body.text("imagePrefix"),
            imageUid=body.text("imageUid"),
            privileged=security.flag("privileged"),
            allowPrivilegeEscalation=security.flag("allowPrivilegeEscalation"),
            mountPaths=distinct(mount.text("mountPath") for mount in body.bodies("volumeMounts")),
        )
    return known


def used_image(bodies: Iterable[Body], partition: str) -> registry.Registered | None:
    """Read the address of the image; `imageUid`, where it is one, names it by digest."""
    addresses = [body.text(name) for body in bodies for name in ("image", "imageUid")]
    read = [found for address in addresses if (found := registry.registered(address, partition))]
    return next((found for found in read if found.image), read[0] if read else None)

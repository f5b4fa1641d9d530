"""A Lambda function in `resources[]` of an Inspector finding → the function, its role's name, its network."""

from __future__ import annotations

from secgraph.errors import EventError
from secgraph.graph.model import Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.function import function_of, name_and_version
from secgraph.ingest.stubs import Network, Resource, required_id
from secgraph.ingest.tags import tag_properties
from secgraph.ingest.things import Thing, Witness
from secgraph.ingest.values import facts


def named_function(text: str, path: str, place: Place, witness: Witness) -> Resource:
    """Name a function by its ARN, which may end in a version or alias; its key does not."""
    home, function, _ = _function(text, path, place)
    return _known(function, home, witness)


def function(body: Body, place: Place, witness: Witness) -> Resource:
    """Read a function with the network it is attached to.

    Its role is `roleArn` and no edge: a role's key is the id that never changes (`AROA…`), which the event
    does not tell, and a role keyed by its name would be a second entity beside the real one. The inventory,
    which knows both, can join on `roleArn`.
    """
    home, function, version = _function(required_id(body), body.at("id"), place)
    details, tags = body.body("details").body("awsLambdaFunction"), tag_properties(body)
    network = _network(details.body("vpcConfig"), home)
    properties = {
        **_function_facts(details),
        **network.facts_of_function(),
        **facts(version=details.text("version") or version),
        **tags,
    }
    return _known(function, home, witness).adding(
        witness.saw(function, "awsLambdaFunction", properties, network.edges_of_function()),
        *network.stubs_and_service(witness),
        tags=tags,
    )


def _known(function: Thing, home: Place, witness: Witness) -> Resource:
    """State what follows from the ARN of a function alone."""
    service = stubs.service(kinds.LAMBDA, home.everywhere())
    known = witness.of_key(function, service)
    return Resource(
        function, (known, *stubs.service_stubs(witness, kinds.LAMBDA, home.everywhere())), function.key
    )


def _function(text: str, path: str, place: Place) -> tuple[Place, Thing, str | None]:
    """Take a function's ARN apart: where it lives, itself, and the version that was named."""
    arn = arn_of(text)
    found = name_and_version(arn)
    if arn is None or found is None:
        raise EventError(f"{text[:200]!r} is not the ARN of a Lambda function", path)
    name, version = found
    home = Place(place.partition, arn.account, arn.region)
    return home, function_of(home, name), version


def _network(attached: Body, home: Place) -> Network:
    return Network(
        home,
        attached.secondary("vpcId"),
        attached.secondaries("subnetIds"),
        attached.secondaries("securityGroupIds"),
    )


def _function_facts(details: Body) -> dict[str, Value]:
    return facts(
        runtime=_runtime(details.text("runtime")),
        packageType=details.text("packageType"),
        architectures=details.texts("architectures"),
        codeHash=details.text("codeSha256"),
        roleArn=details.text("executionRoleArn"),
        layerArns=details.texts("layers"),
        updatedOn=details.moment("lastModifiedAt"),
    )


def _runtime(name: str | None) -> str | None:
    """Write Inspector's `PYTHON_3_11` as Lambda does, `python3.11` (`NODEJS_18_X`: `nodejs18.x`)."""
    if name is None:
        return None
    language, _, version = name.lower().partition("_")
    return language + version.replace("_", ".")

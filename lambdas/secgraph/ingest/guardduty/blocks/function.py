"""`lambdaDetails` → the function and the network that it is attached to.

Its role is known by ARN alone (`roleArn`); the inventory, which knows role ids, ties the two.
"""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.function import function_of, name_and_version
from secgraph.ingest.guardduty.blocks.arns import home_of
from secgraph.ingest.guardduty.blocks.security_groups import group_ids, group_names
from secgraph.ingest.stubs import Network, Resource
from secgraph.ingest.tags import tag_properties
from secgraph.ingest.things import Thing, Witness
from secgraph.ingest.values import facts


def functions(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read a function; its ARN may end in a version or alias, its key does not."""
    function = _function(details, place)
    if function is None:
        return
    home, tags = home_of(function, place), tag_properties(details)
    network = _network(details.body("vpcConfig"), home)
    properties = {**_facts(details), **network.facts_of_function(), **tags}
    yield Resource(
        thing=function,
        changes=(
            witness.of_key(function, stubs.service(kinds.LAMBDA, home.everywhere())),
            witness.saw(function, "lambdaDetails", properties, network.edges_of_function()),
            *stubs.service_stubs(witness, kinds.LAMBDA, home.everywhere()),
            *network.stubs_and_service(witness),
            *group_names(details.body("vpcConfig"), home, witness),
        ),
        target=function.key,
        tags=tags,
    )


def _function(details: Body, place: Place) -> Thing | None:
    arn = arn_of(details.identifier("functionArn"))
    found = name_and_version(arn) if arn and arn.service == "lambda" else None
    if arn and found:
        return function_of(arn.place, found[0])
    name = details.identifier("functionName")
    return function_of(place, name) if name else None


def _network(attached: Body, home: Place) -> Network:
    subnet_ids = attached.secondaries("subnetIds")
    return Network(home, attached.secondary("vpcId"), subnet_ids, group_ids(attached))


def _facts(details: Body) -> dict[str, Value]:
    return facts(
        description=details.text("description"),
        version=details.text("functionVersion"),
        revisionId=details.text("revisionId"),
        updatedOn=details.moment("lastModifiedAt"),
        roleArn=details.text("role"),
    )

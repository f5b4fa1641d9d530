"""`lambdaDetails` → the function and the network that it is attached to.

Its role is known by ARN alone (`roleArn`); the inventory, which knows role ids, ties the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from secgraph.graph.model import Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.arns import home_of
from secgraph.ingest.guardduty.blocks.security_groups import group_ids, group_names
from secgraph.ingest.stubs import Network, Resource
from secgraph.ingest.tags import tag_properties
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts

_FUNCTION: Final = re.compile(r"function:(?P<name>[^:]+)(:(?P<version>[^:]+))?")


def functions(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read a function; its ARN may end in a version or alias, its key does not."""
    function = _function(details, place)
    if function is None:
        return
    home, tags = home_of(function, place), tag_properties(details)
    network = _network(details.body("vpcConfig"), home)
    parts = [*((network.vpc,) if network.vpc else ()), *network.subnets]
    edges = [
        *(outgoing("HAS", thing) for thing in parts),
        *(incoming("PROTECTS", group) for group in network.groups),
    ]
    yield Resource(
        thing=function,
        changes=(
            witness.of_key(function, stubs.service(kinds.LAMBDA, home.everywhere())),
            witness.saw(function, "lambdaDetails", {**_facts(details, network), **tags}, edges),
            *stubs.service_stubs(witness, kinds.LAMBDA, home.everywhere()),
            *network.stubs(witness),
            *group_names(details.body("vpcConfig"), home, witness),
            *(stubs.service_stubs(witness, kinds.EC2, home.everywhere()) if parts or network.groups else ()),
        ),
        target=function.key,
        tags=tags,
    )


def _function(details: Body, place: Place) -> Thing | None:
    arn = arn_of(details.identifier("functionArn"))
    found = _FUNCTION.fullmatch(arn.resource) if arn and arn.service == "lambda" and arn.account else None
    name = found["name"] if found else details.identifier("functionName")
    home = arn.place if arn and found else place
    return Thing(kinds.FUNCTION, home.arn("lambda", f"function:{name}"), name, home) if name else None


def _network(attached: Body, home: Place) -> Network:
    subnet_ids = attached.secondaries("subnetIds")
    return Network(home, attached.secondary("vpcId"), subnet_ids, group_ids(attached))


def _facts(details: Body, network: Network) -> dict[str, Value]:
    return facts(
        description=details.text("description"),
        version=details.text("functionVersion"),
        revisionId=details.text("revisionId"),
        updatedOn=details.moment("lastModifiedAt"),
        roleArn=details.text("role"),
        vpcId=network.vpc_id,
        subnetIds=network.subnet_ids,
        securityGroupIds=network.group_ids,
    )

"""`rdsDbInstanceDetails` and `rdsLimitlessDbDetails` → the database, and the cluster that it belongs to.

The user of `rdsDbUserDetails` becomes properties of the finding, not an entity.
"""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.arns import home_of, thing_of
from secgraph.ingest.stubs import Resource
from secgraph.ingest.tags import tag_properties
from secgraph.ingest.things import Thing, Witness, incoming
from secgraph.ingest.values import facts


def databases(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read a database instance; what happens to it happens to its cluster."""
    name = details.identifier("dbInstanceIdentifier")
    arn = details.identifier("dbInstanceArn")
    database = thing_of(kinds.DB_INSTANCE, place, "rds", "db:", arn, name)
    home = home_of(database, place) if database else place
    cluster = _cluster(details, home)
    if database:
        known = {**_facts(details), **facts(dbiResourceId=details.text("dbiResourceId"))}
        tags = tag_properties(details)
        edges: list[Edge] = [incoming("CONTAINS", cluster)] if cluster else []
        yield Resource(
            thing=database,
            changes=(
                witness.of_key(database, stubs.service(kinds.RDS, home.everywhere()), hostname=database.id),
                witness.saw(database, "rdsDbInstanceDetails", {**known, **tags}, edges),
                *stubs.service_stubs(witness, kinds.RDS, home.everywhere()),
            ),
            target=database.key,
            tags=tags,
        )
    if cluster:
        yield _cluster_resource(cluster, home, witness)


def shard_groups(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read an Aurora Limitless shard group and the cluster that has it, or RDS if none is named."""
    name, arn = details.identifier("dbShardGroupIdentifier"), details.identifier("dbShardGroupArn")
    group = thing_of(kinds.SHARD_GROUP, place, "rds", "shard-group:", arn, name)
    home = home_of(group, place) if group else place
    cluster = _cluster(details, home)
    if group:
        tags = tag_properties(details)
        known = facts(
            name=name,
            displayName=name,
            dbShardGroupIdentifier=name,
            dbShardGroupResourceId=details.text("dbShardGroupResourceId"),
        )
        edges = [incoming("HAS", cluster or stubs.service(kinds.RDS, home.everywhere()))]
        yield Resource(
            thing=group,
            changes=(
                witness.of_key(group),
                witness.saw(group, "rdsLimitlessDbDetails", {**_facts(details), **known, **tags}, edges),
                *stubs.service_stubs(witness, kinds.RDS, home.everywhere()),
            ),
            target=group.key,
            tags=tags,
        )
    if cluster:
        yield _cluster_resource(cluster, home, witness)


def _facts(details: Body) -> dict[str, Value]:
    return facts(
        engine=details.text("engine"),
        engineVersion=details.text("engineVersion"),
        dbClusterIdentifier=details.text("dbClusterIdentifier"),
    )


def _cluster(details: Body, home: Place) -> Thing | None:
    id_ = details.secondary("dbClusterIdentifier")
    return Thing(kinds.DB_CLUSTER, home.arn("rds", f"cluster:{id_}"), id_, home) if id_ else None


def _cluster_resource(cluster: Thing, home: Place, witness: Witness) -> Resource:
    stated: tuple[GraphChange, ...] = (
        witness.of_key(cluster, stubs.service(kinds.RDS, home.everywhere())),
        *stubs.service_stubs(witness, kinds.RDS, home.everywhere()),
    )
    return Resource(cluster, stated, cluster.key)

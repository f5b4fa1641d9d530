"""`status` of an ECS or EKS cluster, as single findings and attack sequences spell it → what it tells."""

from __future__ import annotations

from secgraph.graph.model import Value
from secgraph.ingest.body import Body
from secgraph.ingest.values import facts


def status_facts(details: Body) -> dict[str, Value]:
    """Say in which state the cluster is; both services call the one in which it works `ACTIVE`."""
    status = details.text("status")
    return facts(status=status, active=None if status is None else status == "ACTIVE")

"""Who and what was at work in a GuardDuty finding (process, user, anomaly, model) → its properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import Value
from secgraph.ingest import timestamps
from secgraph.ingest.body import Body, json_text
from secgraph.ingest.values import distinct, facts

_MOMENTS: Final = ("modifiedAt", "startTime")
"""What in a runtime context is a moment."""


def detection_facts(resource: Body, service: Body) -> dict[str, Value]:
    """Read the blocks that describe what was detected; the resources themselves are read elsewhere."""
    return {
        **_runtime(service.body("runtimeDetails")),
        **facts(anomaly=service.body("detection").json("anomaly")),
        **_kubernetes_user(resource.body("kubernetesDetails").body("kubernetesUserDetails")),
        **_workload(resource.body("kubernetesDetails").body("kubernetesWorkloadDetails")),
        **_database_user(resource.body("rdsDbUserDetails")),
        **_objects(resource),
        **_container(resource.body("containerDetails")),
        **_models(resource),
    }


def _runtime(runtime: Body) -> dict[str, Value]:
    process = runtime.body("process")
    return facts(
        processName=process.text("name"),
        processPath=process.text("executablePath"),
        processSha256=process.text("executableSha256"),
        processPid=process.number("pid"),
        processUser=process.text("user"),
        processUserId=process.text("userId"),
        processEuid=process.number("euid"),
        processPwd=process.text("pwd"),
        processStartedOn=process.moment("startTime"),
        processLineage=[path for parent in process.bodies("lineage") if (path := _path_of(parent))],
        runtimeContext=_context(runtime),
    )


def _context(runtime: Body) -> str | None:
    """Write the context as JSON text, its moments in epoch ms: events and answers write them differently."""
    held, path = runtime.held.get("context"), runtime.at("context")
    try:
        return json_text(_with_moments(held), path) if held else None
    except RecursionError as error:
        raise EventError("is nested too deeply", path) from error


def _with_moments(held: object, name: str = "") -> object:
    if isinstance(held, Mapping):
        return {key: _with_moments(value, key) for key, value in held.items() if value is not None}
    if isinstance(held, list):
        return [_with_moments(member) for member in held]
    if name not in _MOMENTS:
        return held
    try:
        return timestamps.milliseconds(held)
    except ValueError:
        return held  # shown as it is: nothing goes by it


def _path_of(process: Body) -> str | None:
    return process.text("executablePath") or process.text("name")


def _kubernetes_user(user: Body) -> dict[str, Value]:
    return facts(
        kubernetesUsername=user.text("username"),
        kubernetesUid=user.text("uid"),
        kubernetesGroups=user.texts("groups"),
        kubernetesSessionName=user.texts("sessionName"),
        impersonatedUser=user.body("impersonatedUser").text("username"),
        impersonatedGroups=user.body("impersonatedUser").texts("groups"),
    )


def _workload(workload: Body) -> dict[str, Value]:
    """Name the workload on the finding too: without its type, or its cluster, it is no entity."""
    return facts(
        kubernetesWorkloadName=workload.text("name"),
        kubernetesWorkloadType=workload.text("type"),
        kubernetesNamespace=workload.text("namespace"),
    )


def _database_user(user: Body) -> dict[str, Value]:
    return facts(
        dbUser=user.text("user"),
        dbName=user.text("database"),
        dbApplication=user.text("application"),
        dbAuthMethod=user.text("authMethod"),
        dbSsl=user.text("ssl"),
    )


def _objects(resource: Body) -> dict[str, Value]:
    """Name the objects and volumes that become no entities."""
    buckets = resource.bodies("s3BucketDetails")
    objects = [each for bucket in buckets for each in bucket.bodies("s3ObjectDetails")]
    skipped = resource.body("ebsVolumeDetails").bodies("skippedVolumeDetails")
    return facts(
        objectArns=distinct(each.text("objectArn") for each in objects),
        objectKeys=distinct(each.text("key") for each in objects),
        objectHashes=distinct(each.text("hash") for each in objects),
        objectVersionIds=distinct(each.text("versionId") for each in objects),
        skippedVolumeArns=distinct(each.text("volumeArn") for each in skipped),
    )


def _container(container: Body) -> dict[str, Value]:
    """Name the container on the finding too: it has no ARN, and what runs it may be masked."""
    return facts(
        containerId=container.text("id"),
        containerName=container.text("name"),
        containerImage=container.text("image"),
    )


def _models(resource: Body) -> dict[str, Value]:
    """Name the models that were invoked, and the Bedrock guardrails that intervened."""
    details = resource.body("bedrockGuardrailDetails")
    guardrails = [each.text("arn") for each in details.bodies("guardrails")]
    filters = (
        [each.text(name) for name in ("type", "confidence", "action")]
        for each in details.bodies("contentPolicyFilters")
    )
    return facts(
        modelIds=distinct(model.text("modelId") for model in resource.bodies("modelDetails")),
        guardrailArns=distinct([details.text("guardrailArn"), *guardrails]),
        guardrailAction=details.text("guardrailAction"),
        guardrailSource=details.text("guardrailSource"),
        guardrailFilters=distinct(" ".join(word for word in words if word) for words in filters),
    )

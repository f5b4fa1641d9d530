"""The types of things that events name, with their classes. In: nothing. Out: constants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from secgraph.graph.model import NOTHING, Properties


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A type, its classes, and the properties that the classes require of every such thing.

    Each is one constant, equal to itself alone.
    A required property that is not known is absent, never a guess (`encrypted`, `classification`, `CIDR`).
    """

    type: str
    classes: tuple[str, ...]
    always: Properties = field(default_factory=lambda: NOTHING)
    path: str = ""
    """How the resource part of an EC2 ARN begins (`subnet` in `subnet/{id}`)."""
    integration: str = "aws"
    """`_integrationType`; empty for what no integration owns, such as a CVE."""
    has_arn: bool = True
    """Whether a key that begins like an ARN is one; what runs inside a resource is keyed below its ARN."""


def _service(name: str, category: str, function: str, *classes: str) -> Kind:
    return Kind(name, ("Service", *classes), {"category": (category,), "function": (function,)})


_NETWORK: Final = {"public": False, "internal": True}

ACCOUNT: Final = Kind("aws_account", ("Account",))
GUARDDUTY: Final = _service("aws_guardduty", "security", "threat-detection")
INSPECTOR: Final = _service("aws_inspectorv2", "security", "vulnerability-scanning", "Scanner")
EC2: Final = _service("aws_ec2", "infrastructure", "compute")
S3: Final = _service("aws_s3", "storage", "object-storage")
IAM: Final = _service("aws_iam", "security", "access-management")
ECR: Final = _service("aws_ecr", "infrastructure", "container-registry")
LAMBDA: Final = _service("aws_lambda", "infrastructure", "serverless-compute")
EKS: Final = _service("aws_eks", "infrastructure", "container-orchestration")
ECS: Final = _service("aws_ecs", "infrastructure", "container-orchestration")
RDS: Final = _service("aws_rds", "database", "relational-database")
BACKUP: Final = _service("aws_backup", "storage", "backup")
DETECTOR: Final = Kind(
    "aws_guardduty_detector",
    ("Assessment", "Scanner"),
    {"category": "threat-detection", "internal": True, "summary": "Amazon GuardDuty threat detection"},
)
INSTANCE: Final = Kind("aws_instance", ("Host",), path="instance")
VPC: Final = Kind("aws_vpc", ("Network",), _NETWORK, path="vpc")
SUBNET: Final = Kind("aws_subnet", ("Network",), _NETWORK, path="subnet")
SECURITY_GROUP: Final = Kind(
    "aws_security_group", ("Firewall",), {"category": "network", "isStateful": True}, path="security-group"
)
NETWORK_ACL: Final = Kind(
    "aws_network_acl", ("Firewall",), {"category": "network", "isStateful": False}, path="network-acl"
)
INTERNET_GATEWAY: Final = Kind(
    "aws_internet_gateway",
    ("Gateway",),
    {"category": ("network",), "function": ("routing",), "public": True},
    path="internet-gateway",
)
NETWORK_INTERFACE: Final = Kind("aws_eni", ("NetworkInterface",), path="network-interface")
IMAGE: Final = Kind("aws_ami", ("Image",))
KEY_PAIR: Final = Kind("aws_key_pair", ("AccessKey", "Key"), path="key-pair")
BUCKET: Final = Kind("aws_s3_bucket", ("DataStore",))
KMS_KEY: Final = Kind("aws_kms_key", ("CryptoKey", "Key"))
USER: Final = Kind("aws_iam_user", ("User",))
ROLE: Final = Kind("aws_iam_role", ("AccessRole",))
ACCESS_KEY: Final = Kind("aws_iam_access_key", ("AccessKey", "Key"))
REPOSITORY: Final = Kind("aws_ecr_repository", ("Repository",))
CONTAINER_IMAGE: Final = Kind("aws_ecr_image", ("Image",))
FUNCTION: Final = Kind("aws_lambda_function", ("Function",))
EKS_CLUSTER: Final = Kind("aws_eks_cluster", ("Cluster",))
ECS_CLUSTER: Final = Kind("aws_ecs_cluster", ("Cluster",))
ECS_TASK: Final = Kind("aws_ecs_task", ("Task", "Process"))
TASK_DEFINITION: Final = Kind("aws_ecs_task_definition", ("Function", "Configuration"))
ECS_CONTAINER: Final = Kind("aws_ecs_container", ("Container",), has_arn=False)
DOCKER_CONTAINER: Final = Kind("docker_container", ("Container",), has_arn=False)
KUBE_CONTAINER: Final = Kind("kube_container", ("Container",), has_arn=False)
POD: Final = Kind("kube_pod", ("Task",), has_arn=False)
JOB: Final = Kind("kube_job", ("Task",), has_arn=False)
CRON_JOB: Final = Kind("kube_cron_job", ("Task",), has_arn=False)
DEPLOYMENT: Final = Kind("kube_deployment", ("Deployment",), has_arn=False)
DAEMON_SET: Final = Kind("kube_daemon_set", ("Deployment",), has_arn=False)
REPLICA_SET: Final = Kind("kube_replica_set", ("Deployment",), has_arn=False)
STATEFUL_SET: Final = Kind("kube_stateful_set", ("Deployment",), has_arn=False)
REPLICATION_CONTROLLER: Final = Kind("kube_replication_controller", ("Deployment",), has_arn=False)
DB_INSTANCE: Final = Kind("aws_db_instance", ("DataStore", "Database", "Host"))
DB_CLUSTER: Final = Kind("aws_rds_cluster", ("DataStore", "Database", "Cluster"))
SHARD_GROUP: Final = Kind("aws_rds_db_shard_group", ("DataStore", "Database"))
VOLUME: Final = Kind("aws_ebs_volume", ("DataStore", "Disk"), path="volume")
SNAPSHOT: Final = Kind("aws_ebs_snapshot", ("DataStore", "Disk", "Image"))
RECOVERY_POINT: Final = Kind("aws_backup_recovery_point", ("Backup",))
CODE_REPOSITORY: Final = Kind("code_repo", ("CodeRepo",))
AUTO_SCALING_GROUP: Final = Kind("aws_autoscaling_group", ("Deployment", "Group"))
LAUNCH_TEMPLATE: Final = Kind("aws_launch_template", ("Configuration",), path="launch-template")
STACK: Final = Kind("aws_cloudformation_stack", ("Configuration",))
SOURCE: Final = Kind(
    "secgraph_source", ("Scanner",), {"category": "security", "internal": True}, integration="", has_arn=False
)
"""A source of findings in an account and region: whether it is on, and how complete the graph is. Its class
is none of those that are asked for findings on what an organisation owns."""
GUARDDUTY_FINDING: Final = Kind("aws_guardduty_finding", ("Finding",))
INSPECTOR_FINDING: Final = Kind("aws_inspector_finding", ("Finding",))

_VULNERABILITY: Final[Properties] = {
    "category": "vulnerability",
    "blocking": False,
    "open": True,
    "production": False,
    "public": True,
}
CVE: Final = Kind("cve", ("Vulnerability",), _VULNERABILITY, integration="")
ADVISORY: Final = Kind("ghsa", ("Vulnerability",), _VULNERABILITY, integration="")
VULNERABILITY: Final = Kind("vulnerability", ("Vulnerability",), _VULNERABILITY, integration="")
CWE: Final = Kind("cwe", ("Weakness",), integration="")

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

"""A finding as boto3's GetFindings answers it (PascalCase) → the shape in which events carry it (camelCase).

Once, before the one converter: the first letter of every name is lowered, but for the names in `_SPELT`,
which is every member that AWS spells differently on the wire, and for keys that are data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from secgraph.errors import EventError

_SPELT: Final[Mapping[tuple[str, str], str]] = {
    ("productCodes", "Code"): "productCodeId",
    ("productCodes", "ProductType"): "productCodeType",
    ("taskDetails", "TaskCreatedAt"): "createdAt",
    ("kubernetesApiCallAction", "SourceIps"): "sourceIPs",
    ("kubernetesWorkload", "KubernetesResourcesTypes"): "type",
    ("location", "Latitude"): "lat",
    ("location", "Longitude"): "lon",
    ("account", "Name"): "account",
    ("rdsLoginAttemptAction", "LoginAttributes"): "LoginAttributes",
    ("ec2Instance", "IamInstanceProfile"): "IamInstanceProfile",
}
"""(the object's name on the wire, boto3's name of a member) → its name on the wire."""
_KEYED_BY_DATA: Final[Mapping[tuple[str, str], int]] = {
    ("awsApiCallAction", "affectedResources"): 1,
    ("anomaly", "profiles"): 2,
    ("unusual", "behavior"): 2,
}
"""(the object, its member) → how many levels of keys below the member are data, not names."""


def is_answer(finding: Mapping[str, object]) -> bool:
    """Tell a finding in PascalCase."""
    return any(name in finding for name in ("Arn", "Service", "Resource", "AccountId", "UpdatedAt"))


def event_shape(finding: Mapping[str, object]) -> dict[str, object]:
    """Rename what boto3 names; a name that is already as on the wire stays.

    Raises EventError for a finding that is nested too deeply.
    """
    try:
        return _renamed(finding, "")
    except RecursionError as error:
        raise EventError("is nested too deeply for a finding") from error


def _renamed(body: Mapping[str, object], owner: str) -> dict[str, object]:
    """Rename the members of an object; where both spellings are given, the wire's prevails."""
    renamed: dict[str, object] = {}
    for name in sorted(body):  # capitals come first
        wire = _SPELT.get((owner, name)) or name[:1].lower() + name[1:]
        levels = _KEYED_BY_DATA.get((owner, wire), 0)
        renamed[wire] = _below(body[name], wire, levels)
    return renamed


def _below(held: object, owner: str, levels: int) -> object:
    if isinstance(held, list):
        return [_below(member, owner, levels) for member in held]
    if not isinstance(held, Mapping):
        return held
    if levels:
        return {key: _below(value, owner, levels - 1) for key, value in held.items()}
    return _renamed(held, owner)

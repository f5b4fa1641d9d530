"""`service.action` of a GuardDuty finding → properties, remote addresses, and the source of the attack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from secgraph.graph.model import Value
from secgraph.ingest.body import Body
from secgraph.ingest.values import LIST_LIMIT, distinct, facts

_NAMES: Final = {
    "awsApiCallAction": (
        ("api", "api"),
        ("serviceName", "apiServiceName"),
        ("callerType", "callerType"),
        ("errorCode", "errorCode"),
        ("userAgent", "userAgent"),
    ),
    "dnsRequestAction": (
        ("domain", "domain"),
        ("domainWithSuffix", "domainWithSuffix"),
        ("protocol", "protocol"),
        ("vpcOwnerAccountId", "vpcOwnerAccountId"),
    ),
    "networkConnectionAction": (
        ("connectionDirection", "connectionDirection"),
        ("protocol", "protocol"),
        ("localNetworkInterface", "localNetworkInterfaceId"),
    ),
    "kubernetesApiCallAction": (
        ("requestUri", "requestUri"),
        ("verb", "verb"),
        ("resource", "kubernetesResource"),
        ("subresource", "kubernetesSubresource"),
        ("namespace", "kubernetesNamespace"),
        ("resourceName", "kubernetesResourceName"),
        ("userAgent", "userAgent"),
        ("parameters", "parameters"),
    ),
}
"""Texts that are taken as they are: (AWS name, property), by block."""


@dataclass(frozen=True, slots=True)
class Action:
    """What an action says: properties, every remote address (at most 100), and the first of remote
    address, domain, caller's domain and remote account."""

    facts: dict[str, Value]
    remote_addresses: tuple[str, ...]
    source: str | None


def action_of(action: Body) -> Action:
    """Read whichever blocks are present; an action may be empty."""
    properties: dict[str, Value] = facts(actionType=action.text("actionType"))
    for block, names in _NAMES.items():
        body = action.body(block)
        properties |= facts({name: body.text(aws_name) for aws_name, name in names})
    properties |= _api_call(action.body("awsApiCallAction"))
    properties |= _connection(action.body("networkConnectionAction"))
    properties |= _port_probe(action.body("portProbeAction"))
    properties |= _kubernetes(action)
    properties |= _login(action.body("rdsLoginAttemptAction"))
    properties |= facts(blocked=_blocked(action))
    remotes = _remotes(action)
    if remotes:
        properties |= _remote_facts(remotes[0])
    addresses = distinct(
        [*map(_address, remotes), *action.body("kubernetesApiCallAction").texts("sourceIPs")]
    )
    return Action(properties, addresses[:LIST_LIMIT], _source(properties, addresses))


def _source(properties: dict[str, Value], addresses: tuple[str, ...]) -> str | None:
    known = (properties.get(name) for name in ("domain", "callerDomain", "remoteAccountId"))
    return next((str(value) for value in (*addresses[:1], *known) if value), None)


def _remotes(action: Body) -> list[Body]:
    """List the `remoteIpDetails` of all blocks that are present."""
    blocks = [
        action.body(name)
        for name in (
            "awsApiCallAction",
            "networkConnectionAction",
            "kubernetesApiCallAction",
            "rdsLoginAttemptAction",
        )
    ]
    blocks += action.body("portProbeAction").bodies("portProbeDetails")
    return [remote for block in blocks if (remote := block.body("remoteIpDetails"))]


def _address(remote: Body) -> str | None:
    return remote.text("ipAddressV4") or remote.text("ipAddressV6")


def _remote_facts(remote: Body) -> dict[str, Value]:
    country, organization = remote.body("country"), remote.body("organization")
    location = remote.body("geoLocation")
    return facts(
        remoteIpAddress=_address(remote),
        remoteCountry=country.text("countryName"),
        remoteCountryCode=country.text("countryCode"),
        remoteCity=remote.body("city").text("cityName"),
        remoteLatitude=location.number("lat"),
        remoteLongitude=location.number("lon"),
        remoteAsn=organization.text("asn"),
        remoteAsnOrg=organization.text("asnOrg"),
        remoteIsp=organization.text("isp"),
        remoteOrg=organization.text("org"),
    )


def _blocked(action: Body) -> bool | None:
    for name in ("dnsRequestAction", "networkConnectionAction", "portProbeAction"):
        blocked = action.body(name).flag("blocked")
        if blocked is not None:
            return blocked
    return None


def _api_call(call: Body) -> dict[str, Value]:
    account = call.body("remoteAccountDetails")
    touched = call.body("affectedResources")
    named = ((type_, touched.text(type_)) for type_ in sorted(touched.held))
    return facts(
        callerDomain=call.body("domainDetails").text("domain"),
        remoteAccountId=account.text("accountId"),
        remoteAccountAffiliated=account.flag("affiliated"),
        remoteServiceName=account.text("awsServiceName"),
        affectedResources=[f"{type_}={id_}" for type_, id_ in named if id_],
    )


def _connection(connection: Body) -> dict[str, Value]:
    local, remote = connection.body("localPortDetails"), connection.body("remotePortDetails")
    return facts(
        localPort=local.number("port"),
        localPortName=local.text("portName"),
        remotePort=remote.number("port"),
        remotePortName=remote.text("portName"),
        localIpAddress=_address(connection.body("localIpDetails")),
    )


def _port_probe(probe: Body) -> dict[str, Value]:
    ports = (each.body("localPortDetails").number("port") for each in probe.bodies("portProbeDetails"))
    return facts(probedPorts=list(dict.fromkeys(port for port in ports if port is not None)))


def _kubernetes(action: Body) -> dict[str, Value]:
    checked = action.body("kubernetesPermissionCheckedDetails")
    words = [checked.text(name) for name in ("verb", "resource", "namespace", "allowed")]
    binding = action.body("kubernetesRoleBindingDetails")
    bound = [binding.text("roleRefKind"), binding.text("roleRefName")]
    return facts(
        statusCode=action.body("kubernetesApiCallAction").number("statusCode"),
        permissionChecked=" ".join(word for word in words if word) or None,
        kubernetesRole=action.body("kubernetesRoleDetails").text("name"),
        kubernetesRoleKind=action.body("kubernetesRoleDetails").text("kind"),
        kubernetesRoleBinding=binding.text("name"),
        kubernetesRoleBindingKind=binding.text("kind"),
        kubernetesRoleRef="/".join(word for word in bound if word) or None,
    )


def _login(attempt: Body) -> dict[str, Value]:
    """Sum up database logins; AWS writes `LoginAttributes` on the wire, copies also `loginAttributes`."""
    attributes = attempt.bodies("LoginAttributes") or attempt.bodies("loginAttributes")
    if not attributes:
        return {}
    return facts(
        loginUsers=distinct(each.text("user") for each in attributes),
        loginApplications=distinct(each.text("application") for each in attributes),
        failedLoginAttempts=sum(each.number("failedLoginAttempts") or 0 for each in attributes),
        successfulLoginAttempts=sum(each.number("successfulLoginAttempts") or 0 for each in attributes),
    )

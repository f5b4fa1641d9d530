"""An attack sequence → the properties of its finding, and the remote addresses it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from secgraph.graph.model import Value
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.sequence.element import Listed
from secgraph.ingest.values import LIST_LIMIT, distinct, facts

_LISTED: Final = {
    "ATTACK_TACTIC": "attackTactics",
    "ATTACK_TECHNIQUE": "attackTechniques",
    "HIGH_RISK_API": "highRiskApis",
}
"""The property that takes the values of an indicator; any other is listed by its key in `indicators`."""


def sequence_facts(sequence: Body, all_: tuple[Listed, ...]) -> dict[str, Value]:
    """Say what happened: the signals, who acted, from where, and what became no entity."""
    if not sequence:
        return {}
    signals = sequence.bodies("signals")
    return {
        **facts(
            sequenceUid=sequence.text("uid"),
            description=sequence.text("description"),
            additionalSequenceTypes=sequence.texts("additionalSequenceTypes"),
            signalCount=len(signals) or None,
            signalNames=distinct(signal.text("name") for signal in signals),
        ),
        **_actors(sequence.bodies("actors"), all_),
        **_remote(sequence),
        **_indicators(sequence),
        **_resources(all_),
    }


def remote_addresses(sequence: Body) -> tuple[str, ...]:
    """List the addresses of the endpoints and of indicators such as TOR_IP."""
    endpoints = (endpoint.text("ip") for endpoint in sequence.bodies("endpoints"))
    return distinct([*endpoints, *_values(sequence, "_IP")])[:LIST_LIMIT]


def remote_domains(sequence: Body) -> tuple[str, ...]:
    """List the domains of the endpoints and of indicators such as MALICIOUS_DOMAIN."""
    endpoints = (endpoint.text("domain") for endpoint in sequence.bodies("endpoints"))
    return distinct([*endpoints, *_values(sequence, "_DOMAIN")])


def _values(sequence: Body, ending: str) -> Iterator[str]:
    for indicator in sequence.bodies("sequenceIndicators"):
        if (indicator.text("key") or "").endswith(ending):
            yield from indicator.texts("values")


def _remote(sequence: Body) -> dict[str, Value]:
    places = [endpoint.body("location") for endpoint in sequence.bodies("endpoints")]
    domains = remote_domains(sequence)
    sources = (*remote_addresses(sequence)[:1], *domains[:1])
    return facts(
        remoteDomains=domains,
        remoteCountries=distinct(place.text("country") for place in places),
        attackSource=sources[0] if sources else None,
    )


def _actors(actors: tuple[Body, ...], all_: tuple[Listed, ...]) -> dict[str, Value]:
    """Say who acted. Temporary keys become no entity, so their ids are told here."""
    users = [actor.body("user") for actor in actors]
    sessions = {actor.body("session").text("mfaStatus") for actor in actors} - {None}
    listed_keys = [each.key_id for each in all_ if each.type == "ACCESS_KEY"]
    return facts(
        actorUserNames=distinct(user.text("name") for user in users),
        actorAccessKeyIds=distinct([*(user.text("credentialUid") for user in users), *listed_keys]),
        actorProcessPaths=distinct(actor.body("process").text("path") for actor in actors),
        actorMfaUsed="ENABLED" in sessions if sessions else None,
    )


def _indicators(sequence: Body) -> dict[str, Value]:
    """List the values of tactics, techniques and risky calls, and the keys of all other indicators."""
    found: dict[str, list[str]] = {}
    for indicator in sequence.bodies("sequenceIndicators"):
        key = indicator.text("key")
        if key in _LISTED:
            found.setdefault(_LISTED[key], []).extend(indicator.texts("values"))
        elif key:
            found.setdefault("indicators", []).append(key)
    return facts({name: distinct(values) for name, values in found.items()})


def _resources(all_: tuple[Listed, ...]) -> dict[str, Value]:
    """Name objects by their ARN, and whatever else became no entity by its type and uid."""
    objects = distinct(each.uid for each in all_ if each.type == "S3_OBJECT")
    listed_by = (uid for each in all_ for uid in each.data.texts("s3ObjectUids"))
    known = ("S3_OBJECT", "ACCESS_KEY")
    others = [f"{each.type}={each.uid}" for each in all_ if not each.thing and each.type not in known]
    return facts(objectArns=distinct([*objects, *listed_by]), otherResources=others)

"""`packageVulnerabilityDetails` → the CVEs and other vulnerabilities that a finding is.

They are shared by all accounts and scanners, so what is said of them depends on the vulnerability alone and
runs on its vendor's clock: a thousand findings on one CVE write it once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from secgraph.graph.model import GraphChange, Value
from secgraph.ingest import kinds
from secgraph.ingest.body import Body
from secgraph.ingest.inspector.scores import highest
from secgraph.ingest.things import ALWAYS, Thing, Witness
from secgraph.ingest.values import distinct, facts

CVE_ID: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_ADVISORY_ID: Final = re.compile(r"[a-z][a-z0-9]*-.{5,}", re.DOTALL)
_BANDS: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"), (0.0, "informational"))


@dataclass(frozen=True, slots=True)
class Vulnerabilities:
    """The vulnerabilities of a finding, its own first, and what is said of them."""

    things: tuple[Thing, ...]
    changes: tuple[GraphChange, ...]


def vulnerabilities_of(detail: Body, witness: Witness) -> Vulnerabilities:
    """Name the finding's vulnerability and the CVEs related to it; advisories stay a property."""
    package = detail.body("packageVulnerabilityDetails")
    id_ = package.secondary("vulnerabilityId")
    related = (name for name in package.texts("relatedVulnerabilities") if CVE_ID.fullmatch(name.upper()))
    by_key = {thing.key: thing for thing in map(_thing, distinct([id_, *related]))}
    found = tuple(by_key.values())
    changes = [witness.of_key(thing, **_links(thing)) for thing in found]
    if id_:
        changes += _described(found[0], package, detail.body("epss"), witness)
    return Vulnerabilities(found, tuple(changes))


def _thing(id_: str) -> Thing:
    """Name a vulnerability by its id; one of no known form gets a prefix, to be no other thing's key."""
    upper = id_.upper()
    if CVE_ID.fullmatch(upper):
        return Thing(kinds.CVE, upper.lower(), upper)
    if upper.startswith("GHSA-"):
        return Thing(kinds.ADVISORY, id_.lower(), id_)
    key = id_.lower() if _ADVISORY_ID.fullmatch(id_.lower()) else f"{kinds.VULNERABILITY.type}:{id_.lower()}"
    return Thing(kinds.VULNERABILITY, key, id_)


def _links(thing: Thing) -> dict[str, Value]:
    if thing.kind != kinds.CVE:
        return {}
    page = f"https://nvd.nist.gov/vuln/detail/{thing.id}"
    return facts(webLink=page, references=[page])


def _described(thing: Thing, package: Body, epss: Body, witness: Witness) -> list[GraphChange]:
    """State scores on the vendor's clock, and the EPSS score, which changes daily, by the day."""
    scores = package.bodies("cvss")
    number = highest(scores)
    vectors = (each.text("scoringVector") for each in scores if each.number("baseScore") == number)
    clock = package.moment("vendorUpdatedAt") or package.moment("vendorCreatedAt") or ALWAYS
    known = facts(
        severity=_band(number, package.text("vendorSeverity")),
        numericSeverity=number,
        vector=next((vector for vector in vectors if vector), None),
        webLink=package.text("sourceUrl") if thing.kind != kinds.CVE else None,
        sourceUrl=package.text("sourceUrl"),
    )
    rank = 0 if number is None else 1 + int(number * 10)
    changes = [witness.saw(thing, "packageVulnerabilityDetails", known, time=clock, rank=rank)]
    likelihood = epss.number("score")
    if likelihood is not None:
        changes.append(witness.saw(thing, "epss", facts(epssScore=likelihood), time=witness.day))
    return changes


def _band(number: float | None, vendor: str | None) -> str | None:
    """Name the band of the highest score, else the vendor's own word."""
    if number is None:
        return vendor.lower() if vendor else None
    return next((name for least, name in _BANDS if number >= least), None)

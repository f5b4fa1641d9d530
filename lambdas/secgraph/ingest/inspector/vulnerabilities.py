"""`packageVulnerabilityDetails` → the CVEs and other vulnerabilities that a finding is.

They are shared by all accounts and scanners, so what is said of them depends on the vulnerability alone: a
thousand findings on one CVE write it once. What an advisory says runs on its vendor's clock, but the severity
is that of the highest base score that any of them gives (data-model c.6): newer ones often give none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from secgraph.graph.model import GraphChange, Value
from secgraph.ingest import kinds
from secgraph.ingest.body import Body
from secgraph.ingest.inspector.scores import highest
from secgraph.ingest.things import ALWAYS, UNCHANGING, Thing, Witness
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
    """State the advisory, the severity, and the EPSS score, which changes daily, by the day."""
    clock = package.moment("vendorUpdatedAt") or package.moment("vendorCreatedAt") or ALWAYS
    url = package.text("sourceUrl")
    known = facts(sourceUrl=url, webLink=url if thing.kind != kinds.CVE else None)
    changes = [
        witness.saw(thing, "packageVulnerabilityDetails", known, time=clock),
        *_rated(thing, package, clock, witness),
    ]
    likelihood = epss.number("score")
    if likelihood is not None:
        changes.append(witness.saw(thing, "epss", facts(epssScore=likelihood), time=witness.day))
    return changes


def _rated(thing: Thing, package: Body, clock: int, witness: Witness) -> Iterator[GraphChange]:
    """State the highest base score with its band and vector, or else the vendor's own word.

    Neither has a clock that decides between blocks: the score lies over the word (graph/layers.py puts what
    has the time 0 below). Of scores the highest holds, of words the newest.
    """
    scores, word = package.bodies("cvss"), package.text("vendorSeverity")
    number = highest(scores)
    if number is None:
        if word:
            severity = facts(severity=word.lower())
            yield witness.saw(thing, "vendorSeverity", severity, time=ALWAYS, rank=clock)
        return
    vectors = (each.text("scoringVector") for each in scores if each.number("baseScore") == number)
    rated = facts(
        severity=next((name for least, name in _BANDS if number >= least), None),
        numericSeverity=number,
        vector=next((vector for vector in vectors if vector), None),
    )
    yield witness.saw(thing, "score", rated, time=UNCHANGING, rank=round(number * 10))

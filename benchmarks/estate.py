"""A seeded synthetic estate → the EventBridge events that describe it.

Skewed as real estates are, where that decides what a question costs:

- Inspector findings lie on the instances by Zipf's law (the n-th instance has 1/n of the first one's). Of
  12,000 instances most have a handful or none, hundreds have dozens, the first ten have thousands.
- Threats are rare: one finding in 320 is GuardDuty's, on any instance, so that of 12,000 instances one in 50
  is under threat at a time. (With one finding in eight, a tree of the threatened instances would be the
  whole estate.)
- An account has 120 instances, as where every team or stage has accounts of its own; in each region of an
  account the one service that identified them ties the findings together.
- Severities are those of CVEs: a twentieth critical, a third high, half medium.
- An instance behind a security group that is open to the Internet has a finding NETWORK_REACHABILITY.

No event of this version says that a group lets the Internet in, nor which role an instance uses, and of an
instance without findings no event speaks: that is the inventory of hosts.py, for `secgraph load`.
Deterministic: the same seed gives the same texts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks.hosts import Host, hosts_of, inventory

FIRST_MONTH: Final = 9
DETECTOR: Final = "12abc34d567e8fa901bc2d34e56789f0"
THREATS: Final = (
    ("UnauthorizedAccess:EC2/SSHBruteForce", 2.0),
    ("Recon:EC2/PortProbeUnprotectedPort", 2.0),
    ("CryptoCurrency:EC2/BitcoinTool.B!DNS", 8.0),
    ("Backdoor:EC2/C&CActivity.B!DNS", 8.0),
    ("Trojan:EC2/DNSDataExfiltration", 8.0),
    ("Behavior:EC2/NetworkPortUnusual", 5.0),
)
THREAT_EVERY: Final = 320
SEVERITIES: Final = (
    *(("CRITICAL", 9.8),),
    *(("HIGH", 8.1),) * 7,
    *(("MEDIUM", 5.5),) * 10,
    *(("LOW", 3.1),) * 2,
)
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Flaw:
    """A published vulnerability: everything about it follows from its number."""

    number: int

    @property
    def name(self) -> str:
        """Give its CVE id."""
        return f"CVE-2026-{10000 + self.number}"

    @property
    def package(self) -> str:
        """Give the name of the package that has it."""
        return f"package-{self.number % 300}"

    @property
    def epss(self) -> float:
        """Give its EPSS score."""
        return round(self.number % 1000 / 1000, 5)


@dataclass(frozen=True, slots=True)
class Threat:
    """What GuardDuty saw: its type, severity, and the address at the other end."""

    type: str
    severity: float
    address: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one finding tells of which instance: a flaw, a threat, or (None) that a port can be reached."""

    number: int
    host: Host
    about: Flaw | Threat | None

    @property
    def id(self) -> str:
        """Give the id of the finding."""
        return f"{self.number:032x}"

    @property
    def seen(self) -> datetime:
        """Give when the source saw it."""
        number = self.number
        if isinstance(self.about, Threat):
            return datetime(2026, 11, 1 + number % 20, 8, number % 60, tzinfo=UTC)
        return datetime(2026, FIRST_MONTH + number % 3, 1 + number % 28, 18, number % 60, 30, tzinfo=UTC)

    @property
    def count(self) -> int:
        """Give how many times a threat was seen."""
        return 1 + self.number % 9

    @property
    def event(self) -> Event:
        """Give the EventBridge event."""
        if isinstance(self.about, Threat):
            return _threat(self, self.about)
        return _exposure(self) if self.about is None else _weakness(self, self.about)


class Estate:
    """About `entities` entities in as many accounts, instances and findings as fit them."""

    def __init__(self, entities: int, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self.findings = round(entities * 0.8)
        self._hosts = hosts_of(max(1, round(entities * 0.12)), max(1, entities // 1000))
        self._cves = max(len(SEVERITIES), round(entities * 0.05))

    @property
    def typical(self) -> Host:
        """Give an instance with about a dozen findings, in an account and region with an average number."""
        return self._hosts[len(self._hosts) // 20 + 79]

    def inventory(self) -> Event:
        """Give the graph document of what the events leave out."""
        return inventory(self._hosts)

    def events(self) -> Iterator[str]:
        """Give one event text for each finding."""
        for told in self.told():
            yield json.dumps(told.event)

    def told(self) -> Iterator[Told]:
        """Give what the findings tell, in the order of their numbers. An estate tells it once."""
        exposed = iter([host for host in self._hosts if host.is_exposed])
        for number in range(self.findings):
            if number % THREAT_EVERY == 0:
                yield Told(number, self._random.choice(self._hosts), self._threat())
            elif number % 3 == 0 and (open_ := next(exposed, None)):
                yield Told(number, open_, None)
            else:
                yield Told(number, self._busy(), Flaw(self._random.randrange(self._cves)))

    def _busy(self) -> Host:
        """Choose an instance by Zipf's law."""
        return self._hosts[int((len(self._hosts) + 1) ** self._random.random()) - 1]

    def _threat(self) -> Threat:
        type_, severity = self._random.choice(THREATS)
        return Threat(type_, severity, f"198.51.100.{self._random.randrange(1, 255)}")


def _threat(told: Told, threat: Threat) -> Event:
    host, type_ = told.host, threat.type
    seen = f"{told.seen:%Y-%m-%dT%H:%M:%S}.000Z"
    detail = {
        "schemaVersion": "2.0",
        "accountId": host.account,
        "region": host.region,
        "partition": "aws",
        "id": told.id,
        "arn": f"arn:aws:guardduty:{host.region}:{host.account}:detector/{DETECTOR}/finding/{told.id}",
        "type": type_,
        "title": f"{type_} on {host.id}",
        "description": f"The host {host.id} shows behaviour that it never showed before. " * 3,
        "severity": threat.severity,
        "createdAt": seen,
        "updatedAt": seen,
        "resource": {"resourceType": "Instance", "instanceDetails": _details(host)},
        "service": {
            "serviceName": "guardduty",
            "detectorId": DETECTOR,
            "archived": False,
            "count": told.count,
            "eventFirstSeen": seen,
            "eventLastSeen": seen,
            "resourceRole": "TARGET",
            "action": {
                "actionType": "NETWORK_CONNECTION",
                "networkConnectionAction": {
                    "connectionDirection": "INBOUND",
                    "protocol": "TCP",
                    "blocked": False,
                    "localPortDetails": {"port": 22, "portName": "SSH"},
                    "remotePortDetails": {"port": 41220, "portName": "Unknown"},
                    "remoteIpDetails": {"ipAddressV4": threat.address, "country": {"countryName": "Nowhere"}},
                },
            },
        },
    }
    return _envelope("aws.guardduty", "GuardDuty Finding", told, detail)


def _weakness(told: Told, flaw: Flaw) -> Event:
    cve, name = flaw.number, flaw.name
    label, score = SEVERITIES[cve % len(SEVERITIES)]
    facts = {
        "severity": label,
        "inspectorScore": score,
        "title": f"{name} - {flaw.package}",
        "description": f"A flaw in {flaw.package} lets a remote attacker read memory. " * 4,
        "fixAvailable": "YES" if cve % 3 else "NO",
        "exploitAvailable": "YES" if cve % 5 == 0 else "NO",
        "epss": {"score": flaw.epss},
        "packageVulnerabilityDetails": {
            "vulnerabilityId": name,
            "source": "NVD",
            "sourceUrl": f"https://nvd.nist.gov/vuln/detail/{name}",
            "vendorSeverity": label,
            "vendorCreatedAt": "Oct 6, 2026, 8:15:00 PM",
            "cvss": [{"baseScore": score, "source": "NVD", "version": "3.1", "scoringVector": "AV:N"}],
            "referenceUrls": [f"https://nvd.nist.gov/vuln/detail/{name}"],
            "relatedVulnerabilities": [],
            "vulnerablePackages": [
                {"name": flaw.package, "version": "1.2.3", "packageManager": "OS", "epoch": 0}
            ],
        },
    }
    return _inspected("PACKAGE_VULNERABILITY", told, facts)


def _exposure(told: Told) -> Event:
    host = told.host
    title = "Port 22 is reachable from an Internet Gateway"
    path = [
        {"componentType": f"AWS::EC2::{kind}", "componentId": id_}
        for kind, id_ in (
            ("InternetGateway", host.vpc.replace("vpc", "igw")),
            ("NetworkAcl", host.subnet.replace("subnet", "acl")),
            ("SecurityGroup", host.group),
            ("NetworkInterface", host.interface),
            ("Instance", host.id),
        )
    ]
    facts = {
        "severity": "MEDIUM",
        "title": title,
        "description": title,
        "networkReachabilityDetails": {
            "openPortRange": {"begin": 22, "end": 22},
            "protocol": "TCP",
            "networkPath": {"steps": path},
        },
    }
    return _inspected("NETWORK_REACHABILITY", told, facts)


def _details(host: Host) -> Event:
    interface = {
        "networkInterfaceId": host.interface,
        "privateIpAddress": host.private_address,
        "privateDnsName": f"ip-{host.private_address.replace('.', '-')}.compute.internal",
        "subnetId": host.subnet,
        "vpcId": host.vpc,
        "securityGroups": [{"groupId": host.group, "groupName": "web"}],
    }
    return {
        "instanceId": host.id,
        "instanceType": "m7g.large",
        "launchTime": "2026-08-01T10:00:00.000Z",
        "instanceState": "running",
        "imageId": host.image,
        "availabilityZone": f"{host.region}a",
        "tags": [{"key": key, "value": value} for key, value in host.tags.items()],
        "networkInterfaces": [interface],
    }


def _inspected(type_: str, told: Told, facts: Event) -> Event:
    host, at = told.host, told.seen
    seen = f"{at:%b} {at.day}, {at.year}, {at.hour - 12}:{at:%M:%S} PM"
    instance = {
        "type": "m7g.large",
        "imageId": host.image,
        "ipV4Addresses": [host.private_address],
        "ipV6Addresses": [],
        "subnetId": host.subnet,
        "vpcId": host.vpc,
        "launchedAt": "Aug 1, 2026, 10:00:00 AM",
        "platform": "AMAZON_LINUX_2023",
    }
    detail = {
        "awsAccountId": host.account,
        "findingArn": f"arn:aws:inspector2:{host.region}:{host.account}:finding/{told.id}",
        "type": type_,
        "status": "ACTIVE",
        "firstObservedAt": seen,
        "lastObservedAt": seen,
        "updatedAt": seen,
        **facts,
        "remediation": {"recommendation": {"text": "None Provided"}},
        "resources": [
            {
                "type": "AWS_EC2_INSTANCE",
                "id": host.id,
                "partition": "aws",
                "region": host.region,
                "tags": host.tags,
                "details": {"awsEc2Instance": instance},
            }
        ],
    }
    return _envelope("aws.inspector2", "Inspector2 Finding", told, detail)


def _envelope(source: str, detail_type: str, told: Told, detail: Event) -> Event:
    return {
        "version": "0",
        "id": f"00000000-0000-4000-8000-{told.number:012x}",
        "source": source,
        "detail-type": detail_type,
        "account": told.host.account,
        "region": told.host.region,
        "time": "2026-11-20T08:00:00Z",
        "resources": [],
        "detail": detail,
    }

"""A seeded synthetic estate → the EventBridge events that describe it.

Skewed as real estates are: most instances have few findings, some have hundreds. Deterministic: the same
seed gives the same texts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, Final

REGIONS: Final = ("eu-west-1", "eu-central-1", "us-east-1")
MONTHS: Final = ("Sep", "Oct", "Nov")
DETECTOR: Final = "12abc34d567e8fa901bc2d34e56789f0"
THREATS: Final = (
    ("UnauthorizedAccess:EC2/SSHBruteForce", 2.0),
    ("Recon:EC2/PortProbeUnprotectedPort", 2.0),
    ("CryptoCurrency:EC2/BitcoinTool.B!DNS", 8.0),
    ("Backdoor:EC2/C&CActivity.B!DNS", 8.0),
    ("Trojan:EC2/DNSDataExfiltration", 8.0),
    ("Behavior:EC2/NetworkPortUnusual", 5.0),
)
SEVERITIES: Final = (("CRITICAL", 9.8), ("HIGH", 8.1), ("MEDIUM", 5.5), ("LOW", 3.1))
Event = dict[str, Any]


class Estate:
    """About `entities` entities in as many accounts, instances and findings as fit them."""

    def __init__(self, entities: int, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self.findings = round(entities * 0.8)
        self._instances = max(1, round(entities * 0.12))
        self._cves = max(10, round(entities * 0.05))
        self._accounts = [f"{100000000000 + number * 7919:012}" for number in range(max(1, entities // 5000))]

    def events(self) -> Iterator[str]:
        """Give one event text for each finding."""
        for number in range(self.findings):
            instance = self._instance()
            event = self._threat(number, instance) if number % 8 == 0 else self._weakness(number, instance)
            yield json.dumps(event)

    def _instance(self) -> int:
        """Choose an instance: the 37th power of a uniform number piles findings on a few of them."""
        if self._random.random() < 0.3:
            return int(self._instances * self._random.random() ** 37)
        return self._random.randrange(self._instances)

    def _place(self, instance: int) -> tuple[str, str]:
        return self._accounts[instance % len(self._accounts)], REGIONS[instance % len(REGIONS)]

    def _tags(self, instance: int) -> dict[str, str]:
        tags = {
            "Name": f"host-{instance}",
            "Owner": f"team-{instance % 40}",
            "CostCenter": f"cc-{instance % 90}",
        }
        return {**tags, "Production": "true"} if instance % 4 == 0 else tags

    def _threat(self, number: int, instance: int) -> Event:
        account, region = self._place(instance)
        type_, severity = self._random.choice(THREATS)
        finding = f"{number:032x}"
        seen = f"2026-11-{1 + number % 20:02}T08:{number % 60:02}:00.000Z"
        address = f"198.51.100.{self._random.randrange(1, 255)}"
        detail = {
            "schemaVersion": "2.0",
            "accountId": account,
            "region": region,
            "partition": "aws",
            "id": finding,
            "arn": f"arn:aws:guardduty:{region}:{account}:detector/{DETECTOR}/finding/{finding}",
            "type": type_,
            "title": f"{type_} on i-{instance:017x}",
            "description": f"The host i-{instance:017x} shows behaviour that it never showed before. " * 3,
            "severity": severity,
            "createdAt": seen,
            "updatedAt": seen,
            "resource": {"resourceType": "Instance", "instanceDetails": self._details(instance)},
            "service": {
                "serviceName": "guardduty",
                "detectorId": DETECTOR,
                "archived": False,
                "count": 1 + number % 9,
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
                        "remoteIpDetails": {"ipAddressV4": address, "country": {"countryName": "Nowhere"}},
                    },
                },
            },
        }
        return _envelope("aws.guardduty", "GuardDuty Finding", account, region, number, detail)

    def _details(self, instance: int) -> Event:
        private = f"10.{instance >> 16 & 255}.{instance >> 8 & 255}.{instance & 255}"
        return {
            "instanceId": f"i-{instance:017x}",
            "instanceType": "m7g.large",
            "launchTime": "2026-08-01T10:00:00.000Z",
            "instanceState": "running",
            "imageId": f"ami-{instance % 12:017x}",
            "availabilityZone": REGIONS[instance % len(REGIONS)] + "a",
            "tags": [{"key": key, "value": value} for key, value in self._tags(instance).items()],
            "networkInterfaces": [
                {
                    "networkInterfaceId": f"eni-{instance:017x}",
                    "privateIpAddress": private,
                    "privateDnsName": f"ip-{private.replace('.', '-')}.compute.internal",
                    "subnetId": f"subnet-{instance % 60:017x}",
                    "vpcId": f"vpc-{instance % 20:017x}",
                    "securityGroups": [{"groupId": f"sg-{instance % 200:017x}", "groupName": "web"}],
                }
            ],
        }

    def _weakness(self, number: int, instance: int) -> Event:
        account, region = self._place(instance)
        cve = self._random.randrange(self._cves)
        label, score = SEVERITIES[cve % len(SEVERITIES)]
        name = f"CVE-2026-{10000 + cve}"
        seen = f"{MONTHS[number % 3]} {1 + number % 28}, 2026, 6:{number % 60:02}:30 PM"
        details = self._details(instance)
        interface = details["networkInterfaces"][0]
        detail = {
            "awsAccountId": account,
            "findingArn": f"arn:aws:inspector2:{region}:{account}:finding/{number:032x}",
            "type": "PACKAGE_VULNERABILITY",
            "status": "ACTIVE",
            "severity": label,
            "inspectorScore": score,
            "title": f"{name} - package-{cve % 300}",
            "description": f"A flaw in package-{cve % 300} lets a remote attacker read memory. " * 4,
            "firstObservedAt": seen,
            "lastObservedAt": seen,
            "updatedAt": seen,
            "fixAvailable": "YES" if cve % 3 else "NO",
            "exploitAvailable": "YES" if cve % 5 == 0 else "NO",
            "epss": {"score": round(cve % 1000 / 1000, 5)},
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
                    {"name": f"package-{cve % 300}", "version": "1.2.3", "packageManager": "OS", "epoch": 0}
                ],
            },
            "remediation": {"recommendation": {"text": "None Provided"}},
            "resources": [
                {
                    "type": "AWS_EC2_INSTANCE",
                    "id": f"i-{instance:017x}",
                    "partition": "aws",
                    "region": region,
                    "tags": self._tags(instance),
                    "details": {
                        "awsEc2Instance": {
                            "type": "m7g.large",
                            "imageId": details["imageId"],
                            "ipV4Addresses": [interface["privateIpAddress"]],
                            "ipV6Addresses": [],
                            "subnetId": interface["subnetId"],
                            "vpcId": interface["vpcId"],
                            "launchedAt": "Aug 1, 2026, 10:00:00 AM",
                            "platform": "AMAZON_LINUX_2023",
                        }
                    },
                }
            ],
        }
        return _envelope("aws.inspector2", "Inspector2 Finding", account, region, number, detail)


def _envelope(source: str, detail_type: str, account: str, region: str, number: int, detail: Event) -> Event:
    return {
        "version": "0",
        "id": f"00000000-0000-4000-8000-{number:012x}",
        "source": source,
        "detail-type": detail_type,
        "account": account,
        "region": region,
        "time": "2026-11-20T08:00:00Z",
        "resources": [],
        "detail": detail,
    }

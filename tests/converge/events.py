"""Invented events as GuardDuty, Inspector and CloudTrail put them on a bus. In: facts. Out: JSON objects.

Only the shapes are AWS's; moments go in as epoch milliseconds and come out as each source writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]
Tags = Mapping[str, str]

ADMINISTRATOR = "999900001111"
TYPE, IMAGE, VPC, SUBNET = "m7g.large", "ami-0c0ffee0000000001", "vpc-0shop", "subnet-0shop"
"""Of every host, whichever source describes it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """An account in a region, and GuardDuty's detector there."""

    account: str
    region: str

    @property
    def detector(self) -> str:
        return f"{self.account[:4]}{self.region.replace('-', '')}".ljust(32, "0")

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"


@dataclass(frozen=True)
class Host:
    """An EC2 instance."""

    id: str
    place: Place
    address: str

    @property
    def key(self) -> str:
        return self.place.arn("ec2", f"instance/{self.id}")


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket, and the role that is used against it."""

    name: str
    place: Place
    role: str

    @property
    def key(self) -> str:
        return f"arn:aws:s3:::{self.name}"


@dataclass(frozen=True)
class Attack:
    """What one GuardDuty finding says at one time."""

    id: str
    place: Place
    type: str
    at: int
    first: int
    count: int
    severity: float
    archived: bool
    remote: str
    sequence: str | None = None

    @property
    def arn(self) -> str:
        return attack_arn(self.place, self.id)


@dataclass(frozen=True)
class Weakness:
    """What one Inspector finding says at one time. `seen` is when the resource was last scanned."""

    id: str
    place: Place
    cve: str
    at: int
    seen: int
    first: int
    status: str
    severity: str
    score: float
    epss: float

    @property
    def arn(self) -> str:
        return self.place.arn("inspector2", f"finding/{self.id}")


def attack_arn(place: Place, id_: str) -> str:
    return place.arn("guardduty", f"detector/{place.detector}/finding/{id_}")


def iso(at: int) -> str:
    """Write a moment as GuardDuty does."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")[:23] + "Z"


def java(at: int) -> str:
    """Write a moment as Inspector does."""
    return f"{_EPOCH + timedelta(milliseconds=at):%a %b %d %H:%M:%S}.{at % 1000:03} UTC " + iso(at)[:4]


def enveloped(
    source: str, detail_type: str, detail: Event, *, bus: str, at: int, region: str, resources: Sequence[str]
) -> Event:
    """Wrap a body as the bus of an account delivers it."""
    return {
        "version": "0",
        "id": f"{detail_type[0]}{at}-{bus}",
        "detail-type": detail_type,
        "source": source,
        "account": bus,
        "time": f"{iso(at)[:19]}Z",
        "region": region,
        "resources": list(resources),
        "detail": detail,
    }


def attack_on_host(attack: Attack, host: Host, tags: Tags) -> Event:
    """A finding of type `…:EC2/…`."""
    resource: Event = {
        "resourceType": "Instance",
        "instanceDetails": {
            "instanceId": host.id,
            "instanceType": TYPE,
            "instanceState": "running",
            "imageId": IMAGE,
            "availabilityZone": f"{host.place.region}a",
            "tags": _listed(tags),
            "networkInterfaces": [
                {
                    "networkInterfaceId": f"eni-{host.id[2:]}",
                    "privateIpAddress": host.address,
                    "vpcId": VPC,
                    "subnetId": SUBNET,
                    "securityGroups": [{"groupId": "sg-0shop", "groupName": "shop"}],
                }
            ],
        },
    }
    action: Event = {
        "actionType": "NETWORK_CONNECTION",
        "networkConnectionAction": {
            "connectionDirection": "INBOUND",
            "protocol": "TCP",
            "localPortDetails": {"port": 22, "portName": "SSH"},
            "remoteIpDetails": {"ipAddressV4": attack.remote, "country": {"countryName": "Nowhere"}},
        },
    }
    return _attack(attack, resource, action)


def attack_on_bucket(attack: Attack, bucket: Bucket, tags: Tags) -> Event:
    """A finding of type `…:S3/…`, with the credentials that were used."""
    resource: Event = {
        "resourceType": "S3Bucket",
        "accessKeyDetails": {
            "accessKeyId": f"ASIA{bucket.role[4:]}",
            "principalId": f"{bucket.role}:session",
            "userType": "AssumedRole",
            "userName": "deployer",
        },
        "s3BucketDetails": [
            {
                "arn": bucket.key,
                "name": bucket.name,
                "type": "Destination",
                "tags": _listed(tags),
                "publicAccess": {"effectivePermission": "NOT_PUBLIC"},
            }
        ],
    }
    action: Event = {
        "actionType": "AWS_API_CALL",
        "awsApiCallAction": {
            "api": "GetObject",
            "serviceName": "s3.amazonaws.com",
            "callerType": "Remote IP",
            "remoteIpDetails": {"ipAddressV4": attack.remote},
        },
    }
    return _attack(attack, resource, action)


def _listed(tags: Tags) -> list[Event]:
    """Write tags as GuardDuty does."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def attack_sequence(attack: Attack, members: Sequence[str]) -> Event:
    """A finding that ties others together; `members` are their ARNs."""
    detail = _attack(attack, {"resourceType": "AttackSequence"}, {})
    signals = [
        {"uid": arn, "type": "FINDING", "name": "Member", "createdAt": attack.first, "updatedAt": attack.at}
        for arn in members
    ]
    detail["service"]["featureName"] = "Correlation"
    detail["service"]["detection"] = {
        "sequence": {"uid": f"seq-{attack.id}", "description": "Several steps.", "signals": signals}
    }
    return detail


def _attack(attack: Attack, resource: Event, action: Event) -> Event:
    detail: Event = {
        "schemaVersion": "2.0",
        "accountId": attack.place.account,
        "region": attack.place.region,
        "partition": "aws",
        "id": attack.id,
        "arn": attack.arn,
        "type": attack.type,
        "resource": resource,
        "service": {
            "serviceName": "guardduty",
            "detectorId": attack.place.detector,
            "action": action,
            "resourceRole": "TARGET",
            "additionalInfo": {"value": "{}", "type": "default"},
            "eventFirstSeen": iso(attack.first),
            "eventLastSeen": iso(attack.at),
            "archived": attack.archived,
            "count": attack.count,
        },
        "severity": attack.severity,
        "createdAt": iso(attack.first),
        "updatedAt": iso(attack.at),
        "title": f"{attack.type} was seen.",
        "description": "Look at it soon.",
    }
    if attack.sequence:
        detail["associatedAttackSequenceArn"] = attack.sequence
    return detail


def weakness_of_host(weakness: Weakness, host: Host, tags: Tags) -> Event:
    """A package finding on an instance."""
    return {
        "awsAccountId": weakness.place.account,
        "findingArn": weakness.arn,
        "type": "PACKAGE_VULNERABILITY",
        "title": f"{weakness.cve} - openssl",
        "description": "An invented weakness.",
        "severity": weakness.severity,
        "status": weakness.status,
        "firstObservedAt": java(weakness.first),
        "lastObservedAt": java(weakness.seen),
        "updatedAt": java(weakness.at),
        "remediation": {"recommendation": {"text": "None Provided"}},
        "resources": [
            {
                "type": "AWS_EC2_INSTANCE",
                "id": host.id,
                "partition": "aws",
                "region": host.place.region,
                "tags": dict(tags),
                "details": {
                    "awsEc2Instance": {
                        "type": TYPE,
                        "imageId": IMAGE,
                        "ipV4Addresses": [host.address],
                        "vpcId": VPC,
                        "subnetId": SUBNET,
                        "platform": "AMAZON_LINUX_2023",
                    }
                },
            }
        ],
        "packageVulnerabilityDetails": {
            "vulnerabilityId": weakness.cve,
            "source": "NVD",
            "vendorSeverity": "HIGH",
            "vendorUpdatedAt": java(1_790_000_000_000),
            "cvss": [{"baseScore": 7.5, "scoringVector": "CVSS:3.1/AV:N", "version": "3.1"}],
            "relatedVulnerabilities": [],
            "vulnerablePackages": [{"name": "openssl", "version": "3.0.8", "packageManager": "OS"}],
        },
        "inspectorScore": weakness.score,
        "epss": {"score": weakness.epss},
        "fixAvailable": "YES",
        "exploitAvailable": "NO",
    }


def coverage(scan_type: str, status: str, reason: str, place: Place, at: int) -> Event:
    """A change of what Inspector scans; the resource's id stands in the envelope."""
    return {
        "scanStatus": {"reason": reason, "statusCodeValue": status},
        "scanType": scan_type,
        "eventTimestamp": iso(at),
        "version": "1.0",
        "provider": "AWS",
        "providerAccountId": place.account,
        "providerRegion": place.region,
    }


def api_call(name: str, place: Place, ids: Sequence[str], *, caller: str, at: int, denied: bool) -> Event:
    """CloudTrail's record of ArchiveFindings or UnarchiveFindings; `at` is a whole second."""
    record: Event = {
        "eventVersion": "1.09",
        "userIdentity": {"type": "AssumedRole", "accountId": caller},
        "eventTime": f"{iso(at)[:19]}Z",
        "eventSource": "guardduty.amazonaws.com",
        "eventName": name,
        "awsRegion": place.region,
        "sourceIPAddress": "192.0.2.44",
        "requestParameters": {
            "detectorId": Place(caller, place.region).detector,
            "findingIds": list(ids),
        },
        "responseElements": None,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": caller,
    }
    if denied:
        record["errorCode"] = "AccessDenied"
    return record

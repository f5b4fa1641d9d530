"""Item ↔ the attributes that DynamoDB keeps of it.

    `id` (partition key), `rev`, `v` (the layout), `key`, `type`, `body`, `packed`, `openIn`

`body` is the text of graph/stored.py as it is while the item fits one write unit, and `packed` is empty. Else
`packed` is that text compressed, and `body` a text in its place that a program which knows layout 1 alone
refuses with its own words. DynamoDB charges each started kilobyte, when it is written as when it is read, and
most findings fit one so.

`openIn` is the key of the sparse index of open findings (graph/open_set.py), and only they have it. It is no
part of the layout: it follows from the item, so a version that knows nothing of it reads what has it, and
this one what has it not (docs/decisions/0031).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from secgraph.contract import GRAPH_TABLE_KEY, OPEN_INDEX_KEY
from secgraph.errors import StoreError
from secgraph.graph import stored
from secgraph.graph.model import Item
from secgraph.graph.open_set import open_in

LAYOUT: Final = 2
"""In layout 1 every body was a text. It is read, and rewritten as items change."""
UNIT_BYTES: Final = 1024
ATTRIBUTES: Final = (GRAPH_TABLE_KEY, "rev", "v", "key", "type", "body", "packed")
"""Those that every item has."""

_NAMES_BYTES: Final = sum(map(len, ATTRIBUTES))
_NUMBERS_BYTES: Final = 8
"""What `rev` and `v` take at most."""

_UNREADABLE: Final = (StoreError, ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error)
"""What comes of attributes that something else wrote."""

_ELSEWHERE: Final = f'{{"v":{stored.FORMAT},"id":"packed"}}'
"""Stands in `body` for what is packed."""

# What the stored texts have in common, the most common last, for zlib to point at. No item packed with it can
# be read with another: to change one character is a new layout.
_IN_COMMON: Final = (
    '"firstSeenOn":,"lastSeenOn":,"endpoint":"container":"cluster":"namespace":"image":"bucket":"encrypted":'
    '"aws_iam_role"aws_iam_user"aws_iam_access_key"aws_s3_bucket"aws_lambda_function"aws_ecr_image'
    '"aws_ecr_repository"aws_ecs_task"aws_eks_cluster"aws_rds"aws_ebs_volume"aws_network_acl'
    '"aws_internet_gateway"aws_key_pair"internal_ip"cwe-'
    '"guardduty/finding":{"time":17,"properties":{"_class":["Finding"],"discoveredBy":"aws_guardduty_finding",'
    '"detectorId":"schemaVersion":"2.0","partition":"aws","summary":"threatPurpose":"resourceTypeAffected":'
    '"threatFamily":"detectionMechanism":"artifact":"serviceName":"guardduty","count":1,"archived":false,'
    '"resourceRole":"TARGET","actionType":"NETWORK_CONNECTION","connectionDirection":"INBOUND","protocol":"TCP",'
    '"blocked":false,"localPort":22,"remotePort":"remoteIpAddresses":"remoteCountryNames":"unknown'
    '"UnauthorizedAccess:EC2/Recon:IAMUser/Discovery:S3/Impact:Kubernetes/CryptoCurrency:Backdoor:Trojan:'
    '"aws_guardduty_detector"guardduty.amazonaws.com/guardduty/home?region=us-east-1#/findings?fId='
    '"_class":["Vulnerability"],"category":"vulnerability","vector":"public":true,"blocking":false,'
    '"production":false,"inspector2/epss":{"time":17,"rank":"epssScore":0.00'
    '"inspector2/packageVulnerabilityDetails":{"time":17,"https://nvd.nist.gov/vuln/detail/CVE-202"cve","cve-202'
    '"_class":["Account"],"_class":["Service"],"category":["infrastructure"],"function":["compute"],'
    '"_class":["Network"],"internal":true,"public":false,"CIDR":"_class":["NetworkInterface"],'
    '"_class":["Firewall"],"category":["network"],"isStateful":true,"_class":["Image"],"_class":["Gateway"],'
    '"inspector2/networkPath/"inspector2/awsEc2Instance":{"time":17,"inspector2/vpc":'
    '"guardduty/networkInterfaces/"guardduty/instanceDetails":{"time":17,"properties":{"_class":["Host"],'
    '"instanceType":"state":"running","active":true,"imageId":"ami-0","launchedOn":16,"availabilityZone":'
    '"platform":"AMAZON_LINUX_2023","publicIpAddress":"privateIpAddress":"10.0.","ipv4Addresses":["172.31.'
    '"privateDnsName":"ip-10-0-.eu-west-1.compute.internal","hostname":"vpcId":"vpc-0","subnetId":"subnet-0",'
    '"securityGroupIds":["sg-0","iamInstanceProfileArn":"tag.Name":"tag.Owner":"owner":"tag.Environment":'
    '"tag.Production":true,"instanceId":"i-0","arn:aws:iam::arn:aws:s3:::arn:aws:ec2:us-east-1:instance/i-0'
    '"PROTECTS","<",["USES",">","aws_subnet"],["HAS","<","aws_vpc"],["aws_security_group"],["aws_eni"],["aws_ami'
    '"inspector2/finding":{"time":17,"properties":{"_class":["Finding"],"_source":"integration-managed",'
    '"_scope":"aws/","_integrationType":"aws","discoveredBy":"aws_inspector_finding","accountId":"region":'
    '"eu-west-1","id":"arn":"arn:aws:inspector2:us-east-1:finding/"type":"PACKAGE_VULNERABILITY","name":"CVE-202'
    '"displayName":"description":"category":"host","inspectorVersion":2,"webLink":"https://us-east-1.console.'
    'aws.amazon.com/inspector/v2/home?region=us-east-1#/findings/all","status":"active","open":true,"active":'
    'true,"suppressed":false,"createdOn":17,"firstSeenOn":17,"lastSeenOn":17,"updatedOn":17,"severity":"medium",'
    '"j1_severity":"high","rawSeverity":"MEDIUM","numericSeverity":5.5,"score":7.5,"cvss3BaseScore":8.8,'
    '"cvssScores":["NVD=9.8"],"cvssVersion":"3.1","scoreSource":"NVD","fixAvailable":true,"fixStatus":"YES",'
    '"exploitAvailable":false,"epssScore":0.00,"vulnerabilityId":"CVE-202","cve":"CVE-202","source":"NVD",'
    '"sourceUrl":"https://nvd.nist.gov/vuln/detail/CVE-202","vendorSeverity":"HIGH","vendorCreatedOn":17,'
    '"vendorUpdatedOn":17,"references":["https://","packageNames":["packageVersions":["packages":["'
    '"packageManagers":["OS"],"fixedInVersions":["resourceType":"AWS_EC2_INSTANCE","targets":["i-0"],"imageId":'
    '"ami-0"},"edges":[["HAS","<","aws_instance"],["IDENTIFIED","<","aws_inspectorv2:eu-west-1","aws_inspectorv2'
    '"],["IS",">","cve-202","cve"]]}}}'
    '{"v":2,"id":"-5","key":"arn:aws:","type":"aws_inspector_finding","rev":1,"version":1,"createdOn":17,"beginOn'
    '":17,"blocks":{"inspector2/key":{"time":0,"properties":{"_class":["Host"],"_source":"integration-managed",'
    '"_scope":"aws/","_integrationType":"aws","discoveredBy":"aws_guardduty_finding","accountId":"region":'
    '"eu-west-1","id":"name":"displayName":"arn":"edges":[["HAS","<","aws_ec2:","aws_ec2"]]}}}'
).encode("ascii")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What lies in the table and is no item that this version can read: its `_id`, why, and the attributes,
    or what a stream says of them, in DynamoDB's JSON."""

    id: str
    reason: str
    found: Mapping[str, Any]


def attributes_of(item: Item) -> dict[str, Any]:
    """Give the attributes of an item, in DynamoDB's JSON."""
    text = stored.dump(item)
    plain = text.encode("utf-8", "surrogatepass")
    key = open_in(item)
    texts = sum(map(_bytes, (item.thing.id, item.thing.key, item.thing.type)))
    indexed = len(OPEN_INDEX_KEY) + len(key) if key else 0
    fits = _NAMES_BYTES + _NUMBERS_BYTES + texts + indexed + len(plain) <= UNIT_BYTES
    return {
        GRAPH_TABLE_KEY: {"S": item.thing.id},
        "rev": {"N": str(item.rev)},
        "v": {"N": str(LAYOUT)},
        "key": {"S": item.thing.key},
        "type": {"S": item.thing.type},
        "body": {"S": text if fits else _ELSEWHERE},
        "packed": {"B": b"" if fits else _packed(plain)},
        **({OPEN_INDEX_KEY: {"S": key}} if key else {}),
    }


def item_of(attributes: Mapping[str, Any]) -> Item:
    """Read `v`, `body` and `packed`. Raises StoreError for the layout of a later version."""
    layout = int(attributes["v"]["N"])
    if layout > LAYOUT:
        raise StoreError(
            f"an item of the graph table is stored in layout {layout}; this version of secgraph reads up to "
            f"layout {LAYOUT}: upgrade secgraph before using this table"
        )
    packed: bytes = attributes["packed"]["B"] if layout > 1 else b""
    return stored.load(_unpacked(packed) if packed else attributes["body"]["S"])


def read_item(attributes: Mapping[str, Any]) -> Item | Unreadable:
    """Read an item whatever the attributes are: where one cannot be read, the others shall be."""
    try:
        return item_of(attributes)
    except _UNREADABLE as error:
        id_ = attributes.get(GRAPH_TABLE_KEY, {}).get("S", "")
        reason = str(error) if isinstance(error, StoreError) else f"it is no item of the graph: {error!r}"
        return Unreadable(id_, reason, attributes)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _packed(plain: bytes) -> bytes:
    packing = zlib.compressobj(zdict=_IN_COMMON)
    return packing.compress(plain) + packing.flush()


def _unpacked(packed: bytes) -> str:
    unpacking = zlib.decompressobj(zdict=_IN_COMMON)
    return (unpacking.decompress(packed) + unpacking.flush()).decode("utf-8", "surrogatepass")

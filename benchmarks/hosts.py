"""The instances of the synthetic estate. In: how many there are. Out: where each is and what it uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

REGIONS: Final = ("eu-west-1", "eu-central-1", "us-east-1")
GROUPS: Final = 200
OPEN_GROUPS: Final = 10
"""Of the groups' numbers, how many are open to the Internet: one instance in 20 stands behind one."""
ROLES: Final = 100


@dataclass(frozen=True, slots=True)
class Host:
    """One instance: everything about it follows from its number."""

    number: int
    account: str
    region: str

    @property
    def id(self) -> str:
        """Give its id."""
        return f"i-{self.number:017x}"

    @property
    def private_address(self) -> str:
        """Give its address in the VPC."""
        return f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"

    @property
    def subnet(self) -> str:
        """Give the id of its subnet."""
        return f"subnet-{self.number % 60:017x}"

    @property
    def vpc(self) -> str:
        """Give the id of its VPC."""
        return f"vpc-{self.number % 20:017x}"

    @property
    def group(self) -> str:
        """Give the id of its security group."""
        return f"sg-{self.number % GROUPS:017x}"

    @property
    def interface(self) -> str:
        """Give the id of its network interface."""
        return f"eni-{self.number:017x}"

    @property
    def image(self) -> str:
        """Give the id of its AMI."""
        return f"ami-{self.number % 12:017x}"

    @property
    def role(self) -> str:
        """Give the name of the role that it uses."""
        return f"app-{self.number % ROLES}"

    @property
    def is_exposed(self) -> bool:
        """Tell whether its group lets the Internet in."""
        return self.number % GROUPS < OPEN_GROUPS

    @property
    def tags(self) -> dict[str, str]:
        """Give its tags; one in four is of production."""
        tags = {
            "Name": f"host-{self.number}",
            "Owner": f"team-{self.number % 40}",
            "CostCenter": f"cc-{self.number % 90}",
        }
        return {**tags, "Production": "true"} if self.number % 4 == 0 else tags

    def arn(self, resource: str) -> str:
        """Name a thing of EC2 beside it: `security-group/sg-…`."""
        return f"arn:aws:ec2:{self.region}:{self.account}:{resource}"


def hosts_of(instances: int, accounts: int) -> Sequence[Host]:
    """Give that many instances, spread evenly over accounts and regions."""
    ids = [f"{100000000000 + number * 7919:012}" for number in range(accounts)]
    return [
        Host(number, ids[number % accounts], REGIONS[number % len(REGIONS)]) for number in range(instances)
    ]


def inventory(hosts: Sequence[Host]) -> dict[str, Any]:
    """Give the graph document of what no event says: the Internet and the groups that let it in, every
    instance, also those without findings, and their roles."""
    internet = _entity("global:internet", "internet", "Internet", "Internet")
    entities = {internet["_key"]: internet}
    relationships: list[dict[str, str]] = []
    for host in hosts:
        instance = _instance(host)
        role = _entity(
            f"arn:aws:iam::{host.account}:role/{host.role}", "aws_iam_role", "AccessRole", host.role
        )
        entities |= {thing["_key"]: thing for thing in (instance, role)}
        relationships.append({"_class": "USES", "_from": instance["_key"], "_to": role["_key"]})
        key = host.arn(f"security-group/{host.group}")
        if host.is_exposed and key not in entities:
            entities[key] = _entity(key, "aws_security_group", "Firewall", host.group)
            relationships.append({"_class": "ALLOWS", "_from": internet["_key"], "_to": key})
    return {"entities": list(entities.values()), "relationships": relationships}


def _instance(host: Host) -> dict[str, Any]:
    tags = {f"tag.{name}": True if value == "true" else value for name, value in host.tags.items()}
    facts = {
        "id": host.id,
        "instanceId": host.id,
        "hostname": host.id,
        "accountId": host.account,
        "region": host.region,
        "vpcId": host.vpc,
        "subnetId": host.subnet,
        "privateIpAddress": host.private_address,
        **tags,
    }
    arn = host.arn(f"instance/{host.id}")
    return {**_entity(arn, "aws_instance", "Host", host.tags["Name"]), **facts}


def _entity(key: str, type_: str, class_: str, name: str) -> dict[str, Any]:
    return {"_key": key, "_type": type_, "_class": [class_], "name": name, "displayName": name}

"""Where a thing lives in AWS: partition, account, region; ARNs built and taken apart, console addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of AWS: its name in ARNs, how its regions begin, and the domains of its services and of its
    console."""

    name: str
    regions: str
    domain: str
    console: str


_ALL: Final = (
    Partition("aws-cn", "cn-", "amazonaws.com.cn", "console.amazonaws.cn"),
    Partition("aws-us-gov", "us-gov-", "amazonaws.com", "console.amazonaws-us-gov.com"),
    Partition("aws-eusc", "eusc-", "amazonaws.eu", "console.amazonaws-eusc.eu"),
    Partition("aws-iso", "us-iso-", "c2s.ic.gov", "console.c2shome.ic.gov"),
    Partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", "console.sc2shome.sgov.gov"),
    Partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "console.csphome.adc-e.uk"),
    Partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", "console.csphome.hci.ic.gov"),
    Partition("aws", "", "amazonaws.com", "console.aws.amazon.com"),
)
"""Every partition; the regions of the last are all that begin as no other's do."""
_BY_NAME: Final[Mapping[str, Partition]] = {each.name: each for each in _ALL}
PARTITIONS: Final = tuple(_BY_NAME)
DOMAINS: Final = tuple(dict.fromkeys(each.domain for each in _ALL))
_ARN: Final = re.compile(
    r"arn:(?P<partition>[^:]+):(?P<service>[^:]+):(?P<region>[^:]*):(?P<account>[^:]*):(?P<resource>.+)"
)
ACCOUNT_ID: Final = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Place:
    """A partition, an account and a region; `region` is empty for what is not regional."""

    partition: str
    account: str
    region: str = ""

    def arn(self, service: str, resource: str) -> str:
        """Build the ARN of a regional resource of the account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    @property
    def scope(self) -> str:
        """Give the `_scope` of what the account owns."""
        return f"aws/{self.account}"

    def everywhere(self) -> Place:
        """Give the account without its region."""
        return Place(self.partition, self.account)

    def console(self, path: str) -> str:
        """Give the address of a page of the regional console."""
        return f"https://{self.region}.{_BY_NAME.get(self.partition, _ALL[-1]).console}/{path}"

    @property
    def domain(self) -> str:
        """Give the domain under which the services of the partition have their addresses."""
        return _BY_NAME.get(self.partition, _ALL[-1]).domain


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN taken apart."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def place(self) -> Place:
        """Give where the thing lives, as far as its ARN tells."""
        return Place(self.partition, self.account, self.region)


def arn_of(text: str | None) -> Arn | None:
    """Take an ARN apart; None if the text is none."""
    found = _ARN.fullmatch(text or "")
    return Arn(**found.groupdict()) if found else None


def partition_of(stated: str | None, arn: Arn) -> str:
    """Give the partition that an event states, or where it states none (`N/A`) that of the ARN."""
    return stated if stated in PARTITIONS else arn.partition


def partition_in(region: str) -> str:
    """Give the partition that a region belongs to."""
    return next(each.name for each in _ALL if region.startswith(each.regions))

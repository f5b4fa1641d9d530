"""Where a thing lives in AWS: partition, account, region; ARNs built and taken apart, console addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PARTITIONS: Final = ("aws", "aws-cn", "aws-us-gov")
_CONSOLES: Final = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_PREFIXES: Final = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
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
        return f"https://{self.region}.{_CONSOLES.get(self.partition, _CONSOLES['aws'])}/{path}"


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
    return next((name for prefix, name in _PREFIXES if region.startswith(prefix)), "aws")

"""Where findings come from: an account and a region of one source. In: names. Out: values to key by.

The source of a finding is the AWS service that reports it, by the name of its API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GUARDDUTY: Final = "guardduty"
INSPECTOR: Final = "inspector2"
SOURCES: Final = (GUARDDUTY, INSPECTOR)


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """The findings of one source about one account in one region: what a run lists, closes in, and counts."""

    source: str
    account: str
    region: str

    @property
    def key(self) -> str:
        """Give the text that names it everywhere: `guardduty/123456789012/eu-west-1`."""
        return f"{self.source}/{self.account}/{self.region}"


def scope_of(key: str) -> Scope:
    """Read what `Scope.key` wrote. Raises ValueError for any other text."""
    source, account, region = key.split("/")
    return Scope(source, account, region)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose eyes a source is read with: the deployment's own account, or a role in another one.

    `role` is the ARN of the read-only role, empty for the deployment's own account; `external_id` is what
    the role's trust policy asks for. An administrator's reader sees its members' findings too.
    """

    account: str
    role: str = ""
    external_id: str = ""

"""An Inspector finding → which finding it is, in which state, and the three clocks of what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.errors import EventError
from secgraph.ingest import kinds, things
from secgraph.ingest.aws import Arn, Place, arn_of, partition_of
from secgraph.ingest.body import Body
from secgraph.ingest.things import Thing

SOURCE: Final = "inspector2"
_RANKS: Final[Mapping[str, int]] = {"ACTIVE": 0, "SUPPRESSED": 1, "CLOSED": 2}


@dataclass(frozen=True, slots=True)
class Origin:
    """A finding: its ARN, owner and region, and its state (`ACTIVE`, `SUPPRESSED`, `CLOSED`). Its clocks,
    in epoch ms: `updated_on` orders its states; `observed_on` is when Inspector last found it to be so;
    `seen_on` is how new what it says of resources and vulnerabilities is."""

    finding: Thing
    place: Place
    status: str
    updated_on: int
    observed_on: int

    @property
    def is_open(self) -> bool:
        """Tell whether the finding is open."""
        return self.status == "ACTIVE"

    @property
    def is_closed(self) -> bool:
        """Tell whether what was found is no more; a suppressed finding is neither open nor closed."""
        return self.status == "CLOSED"

    @property
    def rank(self) -> int:
        """Order the states of one moment: closed over suppressed over active."""
        return _RANKS[self.status]

    @property
    def seen_on(self) -> int:
        """Give the moment at which the resource was seen as the finding describes it.

        Closing is no sight of it: Inspector closes the findings of a host that is gone.
        """
        return self.observed_on if self.is_closed else self.updated_on


def origin_of(detail: Body) -> Origin:
    """Read which finding it is; the owner is what the body says, never the bus that delivered it.

    Raises EventError for a finding without ARN, status or `updatedAt`, and for one of Azure or of Classic.
    """
    text = detail.identifier("findingArn")
    if text is None:
        raise EventError(
            "is missing: a finding without its ARN cannot be told from others", detail.at("findingArn")
        )
    _refuse_azure(detail)
    arn = _finding_arn(text, detail.at("findingArn"))
    place = Place(_partition(detail, arn), detail.identifier("awsAccountId") or arn.account, arn.region)
    status = detail.required("status").upper()
    if status not in _RANKS:
        raise EventError(f"{status[:40]!r} is none of {', '.join(_RANKS)}", detail.at("status"))
    updated_on = detail.moment("updatedAt")
    if updated_on is None:
        raise EventError("is missing: it orders the states of a finding", detail.at("updatedAt"))
    finding = Thing(kinds.INSPECTOR_FINDING, text, arn.resource.rpartition("/")[2], place)
    # AWS always says it; without it what the finding saw is older than all else that anything saw
    observed_on = detail.moment("lastObservedAt") or detail.moment("firstObservedAt") or things.UNCHANGING
    return Origin(finding, place, status, updated_on, observed_on)


def refuse_azure(provider: str | None, type_: str, path: str) -> None:
    """Raise EventError for what Inspector found in Azure, which this release does not read."""
    if type_.startswith("Microsoft.") or (provider or "").upper() == "AZURE":
        raise EventError(
            f"{type_[:80]!r} is an Azure resource; Azure findings are read by a later release, "
            "and the event is kept and can be replayed",
            path,
        )


def _refuse_azure(detail: Body) -> None:
    for resource in detail.bodies("resources"):
        refuse_azure(resource.text("provider"), resource.text("type") or "", resource.at("type"))


def _finding_arn(text: str, path: str) -> Arn:
    arn = arn_of(text)
    if arn and arn.service == "inspector":
        raise EventError("is a finding of Inspector Classic, which ended in May 2026 and is not read", path)
    named = arn is not None and arn.service == "inspector2" and arn.resource.startswith("finding/")
    if arn is None or not named or not arn.region or not arn.account or arn.resource.endswith("/"):
        raise EventError(
            f"{text[:200]!r} is not the ARN of an Inspector finding "
            "(arn:aws:inspector2:REGION:ACCOUNT:finding/ID)",
            path,
        )
    return arn


def _partition(detail: Body, arn: Arn) -> str:
    stated = (resource.text("partition") for resource in detail.bodies("resources"))
    return partition_of(next(stated, None), arn)

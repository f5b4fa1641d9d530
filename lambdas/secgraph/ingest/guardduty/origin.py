"""A GuardDuty finding → which finding it is: its ARN, owner, detector and clocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from secgraph.errors import EventError
from secgraph.ingest import kinds
from secgraph.ingest.aws import Place, arn_of, partition_of
from secgraph.ingest.body import Body
from secgraph.ingest.things import Thing

_DETECTOR_AND_ID: Final = re.compile(r"detector/(?P<detector>[^/]+)/finding/(?P<id>[^/]+)")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a finding comes from: its ARN and id, owner and region, and detector.

    Copies of samples may have lost all but the id; the rest is empty then."""

    arn: str
    id: str
    place: Place
    detector_id: str

    @property
    def finding(self) -> Thing:
        """Name the finding."""
        if not self.arn:
            return Thing(kinds.GUARDDUTY_FINDING, f"{kinds.GUARDDUTY_FINDING.type}:{self.id}", self.id)
        return Thing(kinds.GUARDDUTY_FINDING, self.arn, self.id, self.place)

    @property
    def detector(self) -> Thing:
        """Name the detector that found it."""
        arn = self.place.arn("guardduty", f"detector/{self.detector_id}")
        return Thing(kinds.DETECTOR, arn, self.detector_id, self.place)


def origin_of(detail: Body) -> Origin:
    """Read where a finding comes from; the ARN tells what the body leaves out.

    Raises EventError for a finding without ARN.
    """
    text = detail.identifier("arn")
    if text is None:
        raise EventError("is missing: a finding without its ARN cannot be told from others", detail.at("arn"))
    arn = arn_of(text)
    found = _DETECTOR_AND_ID.fullmatch(arn.resource) if arn and arn.service == "guardduty" else None
    if arn is None or found is None or not arn.region or not arn.account:
        raise EventError(
            f"{text[:200]!r} is not the ARN of a GuardDuty finding "
            "(arn:aws:guardduty:REGION:ACCOUNT:detector/DETECTOR/finding/ID)",
            detail.at("arn"),
        )
    place = Place(
        partition=partition_of(detail.text("partition"), arn),
        account=detail.identifier("accountId") or arn.account,
        region=detail.identifier("region") or arn.region,
    )
    detector_id = detail.body("service").secondary("detectorId") or found["detector"]
    return Origin(text, found["id"], place, detector_id)


def origin_of_sample(detail: Body) -> Origin:
    """Read where a sample comes from. A copy without an ARN is known by its id: it stands for itself alone,
    so nothing else has to be named."""
    id_ = detail.identifier("id")
    if detail.text("arn") or id_ is None:
        return origin_of(detail)
    return Origin("", id_, Place(detail.text("partition") or "aws", ""), "")


def updated_on(detail: Body) -> int:
    """Give the clock that orders a finding's states, epoch ms. Raises EventError without one."""
    moment = detail.moment("updatedAt")
    if moment is None:
        raise EventError("is missing: it orders the states of a finding", detail.at("updatedAt"))
    return moment


def seen_on(detail: Body) -> int:
    """Give how new what a finding says of other things is: when GuardDuty last saw the activity, epoch ms.

    A finding is updated up to six hours after what it tells of; by then the host may be gone.
    """
    return detail.body("service").moment("eventLastSeen") or updated_on(detail)

"""GuardDuty in one region, as one reader sees it: detectors and members, findings listed and asked for by id.

https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from secgraph.adapters.sources.calls import Calls, text_of
from secgraph.sources.ports import Listed, Page
from secgraph.sources.scope import GUARDDUTY, Scope
from secgraph.sources.standing import Coverage, State

AT_ONCE: Final = 50
"""Findings that one request lists or gets, and members."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,300}")
_MEMBERS: Final = {
    "Enabled": (State.ON, ""),
    "Disabled": (State.OFF, "GuardDuty of this member is suspended by its administrator"),
}
"""What the relationship of a member with its administrator says. Of all others nobody sees the findings.
https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_accounts.html"""


class GuardDuty:
    """The SourceApi of GuardDuty for a reader (`account`) in the client's region."""

    def __init__(self, client: Any, account: str, region: str) -> None:
        self._client = client
        self._account = account
        self._region = region
        self._call = Calls(f"GuardDuty in {account}, {region}")

    def covered(self) -> Sequence[Coverage]:
        """Tell of the reader's own account, and of the members that it administers."""
        found = self._call(self._client.list_detectors, MaxResults=AT_ONCE)["DetectorIds"]
        if not found:
            return [Coverage(self._scope(self._account), State.OFF, reason="GuardDuty is not enabled")]
        detector = found[0]  # an account has one in a region
        status = self._call(self._client.get_detector, DetectorId=detector)["Status"]
        own = Coverage(
            self._scope(self._account),
            State.ON if status == "ENABLED" else State.OFF,
            detector,
            "" if status == "ENABLED" else "GuardDuty is suspended",
        )
        return [own, *(self._member(each, detector) for each in self._members(detector))]

    def _members(self, detector: str) -> Iterator[Mapping[str, Any]]:
        cursor = ""
        while True:
            more = {"NextToken": cursor} if cursor else {}
            answer = self._call(
                self._client.list_members,
                DetectorId=detector,
                MaxResults=AT_ONCE,
                OnlyAssociated="true",
                **more,
            )
            yield from answer.get("Members", [])
            cursor = answer.get("NextToken", "")
            if not cursor:
                return

    def _member(self, member: Mapping[str, Any], detector: str) -> Coverage:
        status = member["RelationshipStatus"]
        state, reason = _MEMBERS.get(
            status, (State.UNREACHABLE, f"its relationship with its administrator is {status}")
        )
        return Coverage(self._scope(member["AccountId"]), state, detector, reason)

    def _scope(self, account: str) -> Scope:
        return Scope(GUARDDUTY, account, self._region)

    def page(self, scope: Scope, detector: str, cursor: str) -> Page:
        """List what is not archived, the oldest update first: what changes meanwhile is listed again at the
        end, and nothing is passed over."""
        criterion = {"accountId": {"Equals": [scope.account]}, "service.archived": {"Equals": ["false"]}}
        more = {"NextToken": cursor} if cursor else {}
        answer = self._call(
            self._client.list_findings,
            cursor,
            DetectorId=detector,
            FindingCriteria={"Criterion": criterion},
            SortCriteria={"AttributeName": "updatedAt", "OrderBy": "ASC"},
            MaxResults=AT_ONCE,
            **more,
        )
        found = self._get(answer["FindingIds"], detector)
        return Page(
            tuple(each for each in found if _is_of(each.arn, scope.region)), answer.get("NextToken") or ""
        )

    def again(self, arns: Sequence[str], detector: str) -> Mapping[str, Listed]:
        """Get findings, archived ones too. Where there is no detector none is known."""
        asked = {arn.rpartition("/")[2]: arn for arn in arns}
        ids = [id_ for id_ in asked if _ID.fullmatch(id_)]
        if not detector:
            return {}
        found = [
            each
            for start in range(0, len(ids), AT_ONCE)
            for each in self._get(ids[start : start + AT_ONCE], detector)
        ]
        return {each.arn: each for each in found if each.arn in asked.values()}

    def _get(self, ids: Sequence[str], detector: str) -> list[Listed]:
        if not ids:
            return []
        answer = self._call(self._client.get_findings, DetectorId=detector, FindingIds=list(ids))
        return [
            Listed(each["Arn"], text_of(each), not each.get("Service", {}).get("Archived", False))
            for each in answer["Findings"]
        ]


def _is_of(arn: str, region: str) -> bool:
    """Tell whether a finding is one of this region: no run of it may close or count another's."""
    return arn.split(":")[3:4] == [region]

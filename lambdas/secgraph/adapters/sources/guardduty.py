"""GuardDuty in one region, as one reader sees it: detectors and members, findings listed and asked for by id.

https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, Final

from secgraph.adapters.sources.calls import Calls, account_of, text_of
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
        with self._call.reading("GetDetector or ListMembers"):
            return self._covered()

    def _covered(self) -> list[Coverage]:
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
            cursor = self._call.went_on("list_members", cursor, answer.get("NextToken") or "")
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
        with self._call.reading("list_findings"):
            ids = answer["FindingIds"]
            following = self._call.went_on("list_findings", cursor, answer.get("NextToken") or "")
        return Page(tuple(self._get(ids, detector, scope)), following)

    def again(self, arns: Sequence[str], detector: str) -> Mapping[str, Listed]:
        """Get findings, archived ones too. Where there is no detector none is known."""
        if not detector:
            return {}
        # Several ARNs may end in one id; which of them is the finding's, the answer says.
        named = dict.fromkeys(arn.rpartition("/")[2] for arn in arns)
        ids = [id_ for id_ in named if _ID.fullmatch(id_)]
        found = [
            each
            for start in range(0, len(ids), AT_ONCE)
            for each in self._get(ids[start : start + AT_ONCE], detector)
        ]
        known = {each.arn: each for each in found if each.arn in arns}
        self._check_members({account_of(arn) for arn in arns if arn not in known}, detector)
        return known

    def _check_members(self, accounts: Set[str], detector: str) -> None:
        """Raise SourceError if one of the accounts is a member no more: nothing is known of its findings."""
        strangers = accounts - {self._account}
        if strangers:
            with self._call.reading("list_members"):
                strangers -= {
                    each["AccountId"]
                    for each in self._members(detector)
                    if each["RelationshipStatus"] in _MEMBERS
                }
        if strangers:
            raise self._call.error(f"{min(strangers)} is no member of it any more")

    def _get(self, ids: Sequence[str], detector: str, scope: Scope | None = None) -> list[Listed]:
        """Get findings by id, only those of `scope` if it is given."""
        if not ids:
            return []
        answer = self._call(self._client.get_findings, DetectorId=detector, FindingIds=list(ids))
        with self._call.reading("get_findings"):
            return [
                Listed(each["Arn"], text_of(each), not each.get("Service", {}).get("Archived", False))
                for each in answer["Findings"]
                if scope is None or _is_of(each, scope)
            ]


def _is_of(finding: Mapping[str, Any], scope: Scope) -> bool:
    """Tell whether a finding is of this account and region: no run of it may close or count another's."""
    of = finding["AccountId"], *finding["Arn"].split(":")[3:4]
    return of == (scope.account, scope.region)

"""Inspector in one region, as one reader sees it: accounts and members, findings listed and asked for by ARN.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, Final

from botocore.exceptions import ClientError

from secgraph.adapters.sources.calls import Calls, account_of, text_of
from secgraph.errors import SourceError
from secgraph.sources.ports import Listed, Page
from secgraph.sources.scope import INSPECTOR, Scope
from secgraph.sources.standing import Coverage, State

LISTED_AT_ONCE: Final = 100
ASKED_AT_ONCE: Final = 10
"""Values of one filter."""
MEMBERS_AT_ONCE: Final = 50
STATUSES_AT_ONCE: Final = 100
_ON: Final = frozenset({"ENABLED", "ENABLING"})
_NO_ADMINISTRATOR: Final = "Invoking account does not have access"
"""How the refusal begins that an account gets that is in no organisation, or is not its administrator. The
refusal of a missing grant names the role: "User: arn:… is not authorized to perform: …"."""


class Inspector:
    """The SourceApi of Inspector for a reader (`account`) in the client's region."""

    def __init__(self, client: Any, account: str, region: str) -> None:
        self._client = client
        self._account = account
        self._region = region
        self._call = Calls(f"Inspector in {account}, {region}")

    def covered(self) -> Sequence[Coverage]:
        """Tell of the reader's own account, and of the members if it is the delegated administrator."""
        with self._call.reading("BatchGetAccountStatus or ListMembers"):
            return self._covered()

    def _covered(self) -> list[Coverage]:
        (own,) = self._statuses([self._account])
        if own.state is State.UNREACHABLE:
            raise SourceError(f"Inspector in {self._account}, {self._region}: {own.reason}")
        if not self._administers():
            return [own]
        members = sorted(set(self._members()) - {self._account})
        parts = range(0, len(members), STATUSES_AT_ONCE)
        return [own, *(each for at in parts for each in self._statuses(members[at : at + STATUSES_AT_ONCE]))]

    def _statuses(self, accounts: Sequence[str]) -> list[Coverage]:
        answer = self._call(self._client.batch_get_account_status, accountIds=list(accounts))
        found = {each["accountId"]: each["state"] for each in answer["accounts"]}
        failed = {each["accountId"]: each for each in answer.get("failedAccounts", [])}
        return [self._coverage(account, found.get(account), failed.get(account)) for account in accounts]

    def _coverage(
        self, account: str, state: Mapping[str, Any] | None, failed: Mapping[str, Any] | None
    ) -> Coverage:
        scope = Scope(INSPECTOR, account, self._region)
        if state is None:
            said = failed or {}
            reason = f"{said.get('errorCode', 'no answer')}: {said.get('errorMessage', '')}".strip(": ")
            return Coverage(scope, State.UNREACHABLE, reason=reason[:300])
        status = state["status"]
        if status in _ON:
            return Coverage(scope, State.ON)
        return Coverage(scope, State.OFF, reason=f"Inspector is {status.lower()}")

    def _administers(self) -> bool:
        try:
            answer = self._call(self._client.get_delegated_admin_account)
        except SourceError as error:
            if _is_alone(error.__cause__):
                return False
            raise
        return bool(answer.get("delegatedAdmin", {}).get("accountId") == self._account)

    def _members(self) -> Iterator[str]:
        cursor = ""
        while True:
            more = {"nextToken": cursor} if cursor else {}
            answer = self._call(
                self._client.list_members, onlyAssociated=True, maxResults=MEMBERS_AT_ONCE, **more
            )
            yield from (each["accountId"] for each in answer.get("members", []))
            cursor = self._call.went_on("list_members", cursor, answer.get("nextToken") or "")
            if not cursor:
                return

    def page(self, scope: Scope, detector: str, cursor: str) -> Page:  # noqa: ARG002 (GuardDuty alone has one)
        """List what is active or suppressed; Inspector closes by itself what is neither."""
        statuses = [_equals("ACTIVE"), _equals("SUPPRESSED")]
        criteria = {"awsAccountId": [_equals(scope.account)], "findingStatus": statuses}
        return self._listed(criteria, cursor, scope)

    def again(self, arns: Sequence[str], detector: str) -> Mapping[str, Listed]:  # noqa: ARG002
        """List findings of any status by ARN."""
        found: dict[str, Listed] = {}
        for start in range(0, len(arns), ASKED_AT_ONCE):
            criteria = {"findingArn": [_equals(arn) for arn in arns[start : start + ASKED_AT_ONCE]]}
            cursor = ""
            while True:
                page = self._listed(criteria, cursor)
                found |= {each.arn: each for each in page.findings}
                cursor = page.next
                if not cursor:
                    break
        self._check_members({account_of(arn) for arn in arns if arn not in found})
        return {arn: found[arn] for arn in arns if arn in found}

    def _check_members(self, accounts: Set[str]) -> None:
        """Raise SourceError if one of the accounts is a member no more: nothing is known of its findings."""
        others = sorted(accounts - {self._account})
        with self._call.reading("batch_get_account_status"):
            states = self._statuses(others) if others else []
        for each in states:
            if each.state is State.UNREACHABLE:
                raise self._call.error(f"{each.scope.account} cannot be asked about any more: {each.reason}")

    def _listed(self, criteria: Mapping[str, Any], cursor: str, scope: Scope | None = None) -> Page:
        """List one page, only findings of `scope` if it is given."""
        more = {"nextToken": cursor} if cursor else {}
        answer = self._call(
            self._client.list_findings, cursor, filterCriteria=criteria, maxResults=LISTED_AT_ONCE, **more
        )
        following = self._call.went_on("list_findings", cursor, answer.get("nextToken") or "")
        with self._call.reading("list_findings"):
            found = [each for each in answer["findings"] if scope is None or _is_of(each, scope)]
            return Page(tuple(map(_finding, found)), following)


def _is_of(finding: Mapping[str, Any], scope: Scope) -> bool:
    """Tell whether a finding is of this account and region: no run of it may close or count another's."""
    of = finding["awsAccountId"], *finding["findingArn"].split(":")[3:4]
    return of == (scope.account, scope.region)


def _equals(value: str) -> dict[str, str]:
    return {"comparison": "EQUALS", "value": value}


def _finding(answer: Mapping[str, Any]) -> Listed:
    return Listed(answer["findingArn"], text_of(answer), answer["status"] == "ACTIVE")


def _is_alone(error: BaseException | None) -> bool:
    """Tell whether the refusal says that the account administers nobody."""
    if not isinstance(error, ClientError):
        return False
    said = error.response["Error"]
    code, message = said.get("Code", ""), said.get("Message", "")
    return code == "ResourceNotFoundException" or (
        code == "AccessDeniedException" and message.startswith(_NO_ADMINISTRATOR)
    )

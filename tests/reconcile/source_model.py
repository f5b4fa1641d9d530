"""What AWS would hold and answer: GuardDuty and Inspector in some accounts of a region, exact, in memory.

Findings come, change, are archived, close and expire here; what AWS would send of it is handed back as an
event, which a test delivers or does not. Listings go by offset: what ends in the middle of one shifts what
follows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from secgraph import contract
from secgraph.errors import CursorExpired, SourceError
from secgraph.sources.ports import Listed, Page
from secgraph.sources.scope import GUARDDUTY, INSPECTOR, SOURCES, Reader, Scope
from secgraph.sources.standing import Coverage, State
from tests.converge import events
from tests.converge.events import Attack, Event, Host, Place, Weakness

REGION = "eu-west-1"
HUB, SHOP, BANK = "111111111111", "222222222222", "333333333333"
"""The administrator and its own account, a member of it, and an account that is no member of anybody."""
Finding = Attack | Weakness


def place(account: str) -> Place:
    return Place(account, REGION)


def scope(source: str, account: str) -> Scope:
    return Scope(source, account, REGION)


@dataclass
class AwsModel:
    """`clock` gives the time (epoch ms). `gate` is asked at each call of an API, and may raise.

    `off` are the scopes whose source is switched off, `refusing` the accounts that let nobody in, `members`
    those that HUB administers. `torn` are scopes whose listing ends before its end, without a word. `slow` is
    for how long (ms) its APIs do not know a new finding yet, and `behind` how far its clock is behind ours.
    """

    clock: Callable[[], int]
    gate: Callable[[], None] = lambda: None
    page_size: int = 3
    findings: dict[Scope, dict[str, Finding]] = field(default_factory=dict)
    off: set[Scope] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=lambda: {SHOP})
    torn: set[Scope] = field(default_factory=set)
    slow: int = 0
    behind: int = 0
    born: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    """ARNs that it was asked for and did not know."""
    detectors: int = 0
    calls: list[str] = field(default_factory=list)

    # ── what happens in AWS; gives the event that AWS sends, if it does ───────────────────────────────

    def attack(self, account: str, number: int, *, severity: float = 5.0) -> Event:
        """GuardDuty sees an attack, or one more occurrence of it."""
        home, held = place(account), self._held(GUARDDUTY, account)
        arn = events.attack_arn(home, f"a{number}")
        before, now = held.get(arn), self.now()
        self.born.setdefault(arn, self.clock())
        if isinstance(before, Attack):
            held[arn] = replace(before, at=now, count=before.count + 1, severity=severity)
        else:
            held[arn] = Attack(
                f"a{number}", home, "Recon:EC2/Portscan", now, now, 1, severity, False, "192.0.2.7"
            )
        return self.event(held[arn])

    def archive(self, account: str, number: int, *, archived: bool) -> Event | None:
        """Somebody archives a finding or takes it out again: no finding event, and no new `updatedAt`. Gives
        what CloudTrail tells of the call."""
        home, held = place(account), self._held(GUARDDUTY, account)
        arn = events.attack_arn(home, f"a{number}")
        before = held.get(arn)
        if not isinstance(before, Attack) or before.archived is archived:
            return None
        held[arn] = replace(before, archived=archived)
        name = "ArchiveFindings" if archived else "UnarchiveFindings"
        call = events.api_call(name, home, [before.id], caller=HUB, at=self.now(), denied=False)
        return _enveloped(contract.GUARDDUTY_SOURCE, contract.API_CALL_DETAIL_TYPE, call, home, self.now())

    def scan(self, account: str, number: int, *, status: str = "ACTIVE") -> Event:
        """Inspector finds a weakness, or something of it changes."""
        home, now = place(account), self.now()
        found = Weakness(f"w{number}", home, f"CVE-2026-{number}", now, now, now, status, "HIGH", 7.5, 0.1)
        held = self._held(INSPECTOR, account)
        before = held.get(found.arn)
        self.born.setdefault(found.arn, self.clock())
        if isinstance(before, Weakness):
            found = replace(before, at=now, seen=now, status=status)
        held[found.arn] = found
        return self.event(found)

    def expire(self, source: str, account: str, number: int) -> None:
        """The source keeps a finding no longer, and says nothing of it."""
        held = self._held(source, account)
        for arn in [arn for arn in held if arn.endswith(f"/{'wa'[source == GUARDDUTY]}{number}")]:
            del held[arn]

    def switch(self, source: str, account: str, *, on: bool) -> None:
        """Switch a source on or off. Its findings are gone with it, and a detector is another one then."""
        where = scope(source, account)
        if on:
            self.off.discard(where)
            return
        self.off.add(where)
        self._held(source, account).clear()
        self.detectors += 1

    def event(self, finding: Finding) -> Event:
        """Give what AWS sends of a finding as it is now."""
        name = contract.GUARDDUTY_SOURCE, contract.GUARDDUTY_DETAIL_TYPE
        if isinstance(finding, Weakness):
            name = contract.INSPECTOR_SOURCE, contract.INSPECTOR_DETAIL_TYPE
        return _enveloped(*name, body_of(finding), finding.place, finding.at)

    def all(self) -> dict[str, Finding]:
        return {arn: finding for held in self.findings.values() for arn, finding in held.items()}

    def forget_tokens(self) -> None:
        """No listing can be continued any more."""
        self.tokens.clear()

    def now(self) -> int:
        """Give the time by AWS's clock."""
        return self.clock() - self.behind

    def visible(self, finding: Finding) -> bool:
        """Tell whether the APIs know a finding yet."""
        return self.born[finding.arn] <= self.clock() - self.slow

    def _held(self, source: str, account: str) -> dict[str, Finding]:
        return self.findings.setdefault(scope(source, account), {})

    # ── the APIs ──────────────────────────────────────────────────────────────────────────────────────

    def api(self, source: str, reader: Reader, region: str) -> ApiModel:
        assert region == REGION
        return ApiModel(self, source, reader.account)


@dataclass(frozen=True)
class ApiModel:
    """One source as one reader sees it."""

    aws: AwsModel
    source: str
    reader: str

    def covered(self) -> Sequence[Coverage]:
        self._ask("covered")
        accounts = [self.reader, *(sorted(self.aws.members) if self.reader == HUB else [])]
        return [self._coverage(scope(self.source, account)) for account in accounts]

    def page(self, scope: Scope, detector: str, cursor: str) -> Page:
        self._ask(f"page {cursor}")
        self._check(scope, detector)
        held = sorted(self.aws.findings.get(scope, {}).values(), key=lambda each: (each.at, each.arn))
        listed = [each for each in held if _is_listed(each) and self.aws.visible(each)]
        if cursor and cursor not in self.aws.tokens:
            raise CursorExpired("the token has expired")
        start = self.aws.tokens[cursor] if cursor else 0
        end = start + self.aws.page_size
        page = tuple(answer(each) for each in listed[start:end])
        if end >= len(listed) or scope in self.aws.torn:
            return Page(page, "")
        token = f"{scope.key}#{len(self.aws.tokens)}"
        self.aws.tokens[token] = end
        return Page(page, token)

    def again(self, arns: Sequence[str], detector: str) -> Mapping[str, Listed]:
        self._ask("again")
        assert 0 < len(arns) <= 50
        known = {arn: each for arn, each in self.aws.all().items() if self.aws.visible(each)}
        self.aws.unknown |= set(arns) - known.keys()
        return {arn: answer(known[arn]) for arn in arns if arn in known}

    def _ask(self, call: str) -> None:
        self.aws.calls.append(f"{self.source} {self.reader} {call}")
        self.aws.gate()
        if self.reader in self.aws.refusing:
            raise SourceError(f"{self.reader} refused the call", refused=True)

    def _coverage(self, scope: Scope) -> Coverage:
        if scope in self.aws.off:
            return Coverage(scope, State.OFF, reason=f"{scope.source} is not enabled")
        return Coverage(scope, State.ON, self._detector() if self.source == GUARDDUTY else "")

    def _detector(self) -> str:
        return f"{self.reader}-{self.aws.detectors}"

    def _check(self, scope: Scope, detector: str) -> None:
        if scope in self.aws.off:
            raise SourceError(f"{scope.key} is not enabled", refused=True)
        if self.source == GUARDDUTY and detector != self._detector():
            raise SourceError("the detector is not owned by the current account", refused=True)


def body_of(finding: Finding) -> Event:
    host = Host(f"i-{finding.id}", finding.place, "10.0.0.1")
    if isinstance(finding, Attack):
        return events.attack_on_host(finding, host, {})
    return events.weakness_of_host(finding, host, {})


def answer(finding: Finding) -> Listed:
    return Listed(finding.arn, json.dumps(body_of(finding)), is_open(finding))


def is_open(finding: Finding) -> bool:
    return not finding.archived if isinstance(finding, Attack) else finding.status == "ACTIVE"


def _is_listed(finding: Finding) -> bool:
    return not finding.archived if isinstance(finding, Attack) else finding.status != "CLOSED"


def _enveloped(source: str, detail_type: str, detail: Event, home: Place, at: int) -> Event:
    return events.enveloped(
        source, detail_type, detail, bus=home.account, at=at, region=home.region, resources=[]
    )


EVERYWHERE = tuple(scope(source, account) for source in SOURCES for account in (HUB, SHOP, BANK))

"""A small estate whose findings live: operations in, events on the buses out, and a log of what became true.

The estate is what AWS knows. Each operation takes some time (`wait`, ms), changes one thing, publishes what
AWS publishes of it (to the member's bus, and to the administrator's where told), and logs it for `fold`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.converge import events
from tests.converge.events import ADMINISTRATOR, Attack, Bucket, Event, Host, Place, Weakness
from tests.converge.fold import Gone, Log, Member, Ruled, Said, Scanned, Seen

START = 1_795_000_000_000
SHOP, BANK = Place("111122223333", "eu-west-1"), Place("444455556666", "us-east-1")
HOSTS = (
    Host("i-0aaaa000000000001", SHOP, "10.0.0.1"),
    Host("i-0bbbb000000000002", SHOP, "10.0.0.2"),
    Host("i-0cccc000000000003", BANK, "10.9.0.3"),
)
BUCKETS = (Bucket("shop-orders", SHOP, "AROASHOP0000000000001"), Bucket("bank-books", BANK, "AROABANK01"))
CVES = ("CVE-2026-10001", "CVE-2026-10002")
ADDRESSES = ("192.0.2.7", "198.51.100.8", "203.0.113.9")
ATTACKS, SEQUENCES, WEAKNESSES = 6, 2, 6
"""How many findings of a kind there may be; each operation names one by its number."""


@dataclass
class Estate:
    """Where the operations happen. `published` holds (text, moment) of each event, oldest first."""

    now: int = START
    published: list[tuple[str, int]] = field(default_factory=list)
    log: Log = field(default_factory=list)
    attacks: dict[int, Attack] = field(default_factory=dict)
    sequences: dict[int, Attack] = field(default_factory=dict)
    members: dict[int, set[int]] = field(default_factory=dict)
    weaknesses: dict[int, Weakness] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    terminated: set[Host] = field(default_factory=set)

    def attack(self, number: int, wait: int, *, severity: float, address: str, copies: bool) -> None:
        """GuardDuty sees an attack, or one more occurrence of it."""
        self.now += max(wait, 1)
        held = self.attacks.get(number)
        target = _target(number)
        if held is None and self._was_ruled(events.attack_arn(target.place, f"a{number}")):
            self.now = _next_second(self.now)
        self.attacks[number] = (
            replace(held, at=self.now, count=held.count + 1, severity=severity, remote=address)
            if held
            else Attack(
                id=f"a{number}",
                place=target.place,
                type="Impact:S3/MaliciousIPCaller" if isinstance(target, Bucket) else "Recon:EC2/Portscan",
                at=self.now,
                first=self.now,
                count=1,
                severity=severity,
                archived=False,
                remote=address,
            )
        )
        self._tell_attack(number, copies=copies)

    def archive(
        self, number: int, wait: int, *, archived: bool, by_administrator: bool, denied: bool
    ) -> None:
        """Somebody archives a finding or takes it out of the archive, or is not allowed to; without a wait
        after another such call, in the same second."""
        if wait or not (self.log and isinstance(self.log[-1], Ruled) and self.log[-1].time == self.now):
            self.now = _next_second(self.now + wait)
        place = _target(number).place
        caller = ADMINISTRATOR if by_administrator else place.account
        name = "ArchiveFindings" if archived else "UnarchiveFindings"
        detail = events.api_call(name, place, [f"a{number}"], caller=caller, at=self.now, denied=denied)
        self._publish("aws.guardduty", "AWS API Call via CloudTrail", detail, place, bus=caller)
        if denied:
            return
        self.log.append(Ruled(events.attack_arn(place, f"a{number}"), self.now, archived))
        if number in self.attacks:
            self.attacks[number] = replace(self.attacks[number], archived=archived)

    def _was_ruled(self, finding: str) -> bool:
        """Tell whether somebody ruled on a finding in this second: to CloudTrail, that is one moment with
        all the rest of the second, and nobody archives what does not exist yet."""
        second = self.now // 1000
        rulings = (each for each in self.log if isinstance(each, Ruled) and each.finding == finding)
        return any(each.time // 1000 == second for each in rulings)

    def sequence(self, number: int, wait: int, *, members: Sequence[int], copies: bool) -> None:
        """GuardDuty ties attacks together, seen or not; it never forgets one that it tied before."""
        self.now += max(wait, 1)
        held = self.sequences.get(number)
        tied = self.members.setdefault(number, set())
        tied |= set(members)
        self.sequences[number] = sequence = Attack(
            id=f"s{number}",
            place=SHOP,
            type="AttackSequence:S3/CompromisedData",
            at=self.now,
            first=held.first if held else self.now,
            count=held.count + 1 if held else 1,
            severity=9.0,
            archived=False,
            remote="",
        )
        arns = [events.attack_arn(_target(member).place, f"a{member}") for member in sorted(tied)]
        self.log += [Member(sequence.arn, arn) for arn in arns]
        self._say_attack(sequence, (), ())
        self._publish_finding(events.attack_sequence(sequence, arns), SHOP, "GuardDuty Finding", copies)

    def scan(self, number: int, wait: int, *, severity: str, epss: float, copies: bool) -> None:
        """Inspector finds a weakness, finds it again, or finds that a closed one is back."""
        if _host(number) in self.terminated:
            return
        self.now += max(wait, 1)
        held = self.weaknesses.get(number)
        self.weaknesses[number] = Weakness(
            id=f"w{number}",
            place=_host(number).place,
            cve=CVES[number % len(CVES)],
            at=self.now,
            seen=self.now,
            first=held.first if held else self.now,
            status="ACTIVE",
            severity=severity,
            score={"HIGH": 8.1, "CRITICAL": 9.8}[severity],
            epss=epss,
        )
        self._tell_weakness(number, copies=copies)

    def settle(self, number: int, wait: int, *, status: str, copies: bool) -> None:
        """Inspector closes or suppresses a weakness, with no new sight of the host; at any moment, also the
        one of its last event."""
        held = self.weaknesses.get(number)
        if held is None or held.status == "CLOSED":
            return
        self.now += wait
        self.weaknesses[number] = replace(held, at=self.now, status=status)
        self._tell_weakness(number, copies=copies)

    def tag(self, thing: int, wait: int, *, value: str) -> None:
        """Somebody changes a tag; Inspector publishes its findings on a host again."""
        self.now += max(wait, 1)
        target = (*HOSTS, *BUCKETS)[thing]
        self.tags[target.key] = {"Name": f"n{thing}", "Production": value}
        for number, held in self.weaknesses.items():
            if _host(number) == target and held.status != "CLOSED":
                self.weaknesses[number] = replace(held, at=self.now, seen=self.now)
                self._tell_weakness(number, copies=False)

    def cover(self, host: int, wait: int, *, scan_type: str, active: bool) -> None:
        """Inspector begins or stops to scan a host."""
        if HOSTS[host] not in self.terminated:
            self._cover(HOSTS[host], wait, scan_type, active, "SUCCESSFUL" if active else "UNSUPPORTED_OS")

    def terminate(self, host: int, wait: int) -> None:
        """A host is terminated: Inspector says so and closes its findings; GuardDuty says nothing, and may
        still count an occurrence that it saw before."""
        if HOSTS[host] in self.terminated:
            return
        self.terminated.add(HOSTS[host])
        self._cover(HOSTS[host], wait, "PACKAGE", False, "RESOURCE_TERMINATED")
        self.log.append(Gone(HOSTS[host].key, self.now))
        for number in [number for number in self.weaknesses if _host(number) == HOSTS[host]]:
            self.settle(number, 40, status="CLOSED", copies=False)

    def _cover(self, host: Host, wait: int, scan_type: str, active: bool, reason: str) -> None:
        self.now = _next_second(self.now + wait)
        status = "ACTIVE" if active else "INACTIVE"
        detail = events.coverage(scan_type, status, reason, host.place, self.now)
        self._publish("aws.inspector2", "Inspector2 Coverage", detail, host.place, resources=[host.id])
        scanner = f"aws_inspectorv2:{host.place.account}:{host.place.region}"
        self.log.append(Scanned(host.key, scanner, scan_type, self.now, active))

    def _tell_attack(self, number: int, *, copies: bool) -> None:
        attack, target = self.attacks[number], _target(number)
        sequences = sorted(n for n, tied in self.members.items() if number in tied)
        if sequences:
            arn = self.sequences[sequences[0]].arn
            attack = replace(attack, sequence=arn)
            self.log.append(Member(arn, attack.arn))
        tags = self.tags.get(target.key, {})
        self.log.append(Seen(target.key, "guardduty", self.now, tuple(sorted(tags.items()))))
        touched = [target.key]
        if isinstance(target, Bucket):
            touched.append(f"aws_iam_role:{target.role}")
            detail = events.attack_on_bucket(attack, target, tags)
        else:
            detail = events.attack_on_host(attack, target, tags)
        self._say_attack(attack, touched, (attack.remote,))
        self._publish_finding(detail, attack.place, "GuardDuty Finding", copies)

    def _say_attack(self, attack: Attack, touched: Sequence[str], addresses: Sequence[str]) -> None:
        self.log.append(
            Said(
                finding=attack.arn,
                type="aws_guardduty_finding",
                time=attack.at,
                tie=attack.count * 2 + attack.archived,
                open=not attack.archived,
                facts={"count": attack.count, "numericSeverity": attack.severity},
                resources=frozenset({attack.place.account, *touched}),
                addresses=tuple(addresses),
            )
        )

    def _tell_weakness(self, number: int, *, copies: bool) -> None:
        weakness, host = self.weaknesses[number], _host(number)
        tags = self.tags.get(host.key, {})
        # a finding that is closed says nothing new of its host
        sight = weakness.seen if weakness.status == "CLOSED" else weakness.at
        self.log.append(Seen(host.key, "inspector2", sight, tuple(sorted(tags.items()))))
        self.log.append(
            Said(
                finding=weakness.arn,
                type="aws_inspector_finding",
                time=weakness.at,
                tie=("ACTIVE", "SUPPRESSED", "CLOSED").index(weakness.status),
                open=weakness.status == "ACTIVE",
                facts={"severity": weakness.severity.lower(), "status": weakness.status.lower()},
                resources=frozenset({host.key}),
                vulnerability=weakness.cve.lower(),
            )
        )
        detail = events.weakness_of_host(weakness, host, tags)
        self._publish_finding(detail, weakness.place, "Inspector2 Finding", copies)

    def _publish_finding(self, detail: Event, place: Place, detail_type: str, copies: bool) -> None:
        source = "aws.guardduty" if detail_type == "GuardDuty Finding" else "aws.inspector2"
        self._publish(source, detail_type, detail, place)
        if copies:
            self._publish(source, detail_type, detail, place, bus=ADMINISTRATOR)

    def _publish(
        self,
        source: str,
        detail_type: str,
        detail: Event,
        place: Place,
        *,
        bus: str = "",
        resources: Sequence[str] = (),
    ) -> None:
        event = events.enveloped(
            source,
            detail_type,
            detail,
            bus=bus or place.account,
            at=self.now,
            region=place.region,
            resources=resources,
        )
        self.published.append((json.dumps(event), self.now))


def _next_second(moment: int) -> int:
    """CloudTrail and coverage events tell the second and no more: let nothing else happen in it before."""
    return moment // 1000 * 1000 + 1000


def _target(number: int) -> Host | Bucket:
    """Attacks hit three hosts and two buckets, one host twice."""
    return (*HOSTS, *BUCKETS)[number % 5]


def _host(number: int) -> Host:
    return HOSTS[number % len(HOSTS)]

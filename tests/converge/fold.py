"""What became true in an estate → the graph that must come out, by a slow and obvious reading.

It knows nothing of blocks, items or merging: of each finding the last state counts, of each thing the last
sight, and whoever has the later word on a finding's archive has the last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

Value = str | int | float | bool


@dataclass(frozen=True)
class Said:
    """A finding was in this state. States of one `time` (ms) go by `tie`, the greatest last."""

    finding: str
    type: str
    time: int
    tie: int
    open: bool
    facts: Mapping[str, Value]
    resources: frozenset[str]
    addresses: tuple[str, ...] = ()
    vulnerability: str = ""


@dataclass(frozen=True)
class Ruled:
    """A finding was archived, or taken out of the archive, apart from its own events."""

    finding: str
    time: int
    archived: bool


@dataclass(frozen=True)
class Member:
    """An attack sequence holds a finding, seen or not."""

    sequence: str
    finding: str


@dataclass(frozen=True)
class Seen:
    """A source saw a thing with these tags."""

    thing: str
    source: str
    time: int
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Gone:
    """A thing ended."""

    thing: str
    time: int


@dataclass(frozen=True)
class Scanned:
    """Inspector scans a thing from now on, or no more."""

    thing: str
    scanner: str
    scan_type: str
    time: int
    active: bool


Log = list[Said | Ruled | Member | Seen | Gone | Scanned]
Entry = TypeVar("Entry", Said, Ruled, Seen, Gone, Scanned)
Edge = tuple[str, str, str]
"""(key, verb, key)."""


@dataclass
class Expected:
    """The parts of the graph that an operation can move."""

    findings: dict[str, dict[str, object]] = field(default_factory=dict)
    edges: set[Edge] = field(default_factory=set)
    """Those that begin or end at a finding, and those of SCANS; ends may be absent."""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


def fold(log: Log) -> Expected:
    """Read the log from end to end, once for each question."""
    expected = Expected()
    ruled = _by_subject(log, Ruled, lambda each: each.finding)
    seen = _by_subject(log, Seen, lambda each: each.thing)
    for finding, said in _by_subject(log, Said, lambda each: each.finding).items():
        _finding(expected, finding, said, ruled.get(finding, []))
    for each in log:
        if isinstance(each, Member):
            expected.edges.add((each.sequence, "HAS", each.finding))
    for thing, sights in seen.items():
        _tags(expected, thing, sights)
    for thing, scanned in _by_subject(log, Scanned, lambda each: each.thing).items():
        _scans(expected, thing, scanned)
    for thing, ends in _by_subject(log, Gone, lambda each: each.thing).items():
        last_sight = max((each.time for each in seen.get(thing, [])), default=0)
        if max(each.time for each in ends) >= last_sight:
            expected.gone.add(thing)
    return expected


def _by_subject(log: Log, kind: type[Entry], subject: Callable[[Entry], str]) -> dict[str, list[Entry]]:
    """Give the entries of a kind by what they speak of, the oldest first."""
    found: dict[str, list[Entry]] = {}
    for each in log:
        if isinstance(each, kind):
            found.setdefault(subject(each), []).append(each)
    return found


def _finding(expected: Expected, finding: str, said: list[Said], ruled: list[Ruled]) -> None:
    last = max(said, key=lambda each: (each.time, each.tie))
    is_open = last.open
    # CloudTrail tells the second and no more: of two rulings in one, the finding is rather shown than hidden.
    word = max(ruled, key=lambda each: (each.time, not each.archived), default=None)
    if word and word.time >= last.time:
        is_open = not word.archived
    addresses: dict[str, int] = {}
    for each in said:
        for address in each.addresses:
            addresses[address] = max(addresses.get(address, 0), each.time)
    expected.findings[finding] = {**last.facts, "_type": last.type, "open": is_open}
    if addresses:
        newest = sorted(addresses, key=lambda address: (-addresses[address], address))
        expected.findings[finding]["remoteIpAddresses"] = tuple(newest)
    verb = "HAS" if is_open else "HAD"
    expected.edges |= {(resource, verb, finding) for resource in last.resources}
    if last.vulnerability:
        expected.edges.add((finding, "IS", last.vulnerability))


def _tags(expected: Expected, thing: str, seen: list[Seen]) -> None:
    """Inspector's word lies over GuardDuty's, tag by tag."""
    expected.tags[thing] = {}
    for source in ("guardduty", "inspector2"):
        of_source = [each for each in seen if each.source == source]
        if of_source:
            expected.tags[thing] |= dict(max(of_source, key=lambda each: each.time).tags)


def _scans(expected: Expected, thing: str, scanned: list[Scanned]) -> None:
    for scan_type in {each.scan_type for each in scanned}:
        last = max((each for each in scanned if each.scan_type == scan_type), key=lambda each: each.time)
        if last.active:
            expected.edges.add((last.scanner, "SCANS", thing))

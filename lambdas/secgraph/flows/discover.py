"""DISCOVER: readers and regions → which scopes there are, who reads each, and whether it is switched on.

    SourceApi.covered by reader ─resolve→ Found by scope ─against the ledger→ Standing…, told and kept

It is done group by group, a group being one source in one region, since a scope is in one group alone. An
account that several readers see is read by its own. Who cannot be asked is unreachable, never off: nothing is
closed there, and what is known stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from secgraph.errors import SourceError
from secgraph.flows.reconciling import Request, Work
from secgraph.sources.scope import SOURCES, Reader, Scope
from secgraph.sources.standing import Coverage, Standing, State
from secgraph.sources.turns import is_busy

AGAIN_MS: Final = 60 * 60_000
NOBODY: Final = (
    "no reader covers it any more: give the account a reader, or make it a member of an administrator that "
    "is read"
)
NO_REGION: Final = "its region is none of those that this deployment reads"

Standings = dict[Scope, Standing]


@dataclass(frozen=True, slots=True)
class _Found:
    """What one reader says of a scope. `rank` orders what several say, the least prevails."""

    reader: Reader
    coverage: Coverage
    rank: tuple[bool, bool, bool, int]


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the readers of a group say; `errors` are why some of them could not be asked, by account."""

    found: Mapping[Scope, _Found]
    errors: Mapping[str, SourceError]


def discover(work: Work, request: Request | None) -> tuple[Standings, bool]:
    """Bring the ledger up to date where it is older than an hour or than a request; give all of it, and
    whether there was time to ask every reader that was to be asked.

    A standing that another runner is at work on is left alone until it is free. Raises StoreError.
    """
    standings = {standing.scope: standing for standing in work.ports.ledger.all()}
    groups = [(source, region) for source in SOURCES for region in dict.fromkeys(work.plan.regions)]
    for source, region in groups:
        group = [each for each in standings.values() if _group_of(each.scope) == (source, region)]
        since = work.clock() - AGAIN_MS
        if request is not None and request.reads(source, region):
            since = request.asked_on
        if _discovered_on(work, group, source, region) > since:
            continue
        if work.stop():
            return standings, False
        answers = _ask(work, source, region)
        for standing in _next(group, answers, work.clock()):
            _keep(work, standings, standing)
    for standing in list(standings.values()):
        if _group_of(standing.scope) not in groups and standing.reason != NO_REGION:
            _keep(work, standings, _unreachable(standing, NO_REGION, work.clock()))
    return standings, True


def _group_of(scope: Scope) -> tuple[str, str]:
    return scope.source, scope.region


def _discovered_on(work: Work, group: Iterable[Standing], source: str, region: str) -> int:
    """Say when a group was last discovered as a whole; 0 for never."""
    known = {standing.scope: standing.discovered_on for standing in group}
    if not all(Scope(source, reader.account, region) in known for reader in work.plan.readers):
        return 0
    return min(known.values(), default=0)


def _ask(work: Work, source: str, region: str) -> _Answers:
    """Ask each reader; where several speak of a scope, keep the best word."""
    found: dict[Scope, _Found] = {}
    errors: dict[str, SourceError] = {}
    for number, reader in enumerate(work.plan.readers):
        try:
            covered = work.ports.sources.api(source, reader, region).covered()
        except SourceError as error:
            errors.setdefault(reader.account, error)
            work.tell(f"{Scope(source, reader.account, region).key}: {error}")
            continue
        for coverage in covered:
            each = _Found(reader, coverage, _rank(reader, coverage, number))
            held = found.get(coverage.scope)
            if held is None or each.rank < held.rank:
                found[coverage.scope] = each
    for reader in work.plan.readers:
        if reader.account in errors:
            scope = Scope(source, reader.account, region)
            found.setdefault(scope, _refused(scope, reader, errors[reader.account]))
    return _Answers(found, errors)


def _rank(reader: Reader, coverage: Coverage, number: int) -> tuple[bool, bool, bool, int]:
    """Prefer who can be asked, then the account's own word, then one that can be read, then the first."""
    return (
        coverage.state is State.UNREACHABLE,
        reader.account != coverage.scope.account,
        coverage.state is not State.ON,
        number,
    )


def _refused(scope: Scope, reader: Reader, error: SourceError) -> _Found:
    coverage = Coverage(scope, State.UNREACHABLE, reason=str(error))
    return _Found(reader, coverage, _rank(reader, coverage, 0))


def _next(group: Iterable[Standing], answers: _Answers, now: int) -> Iterator[Standing]:
    """Say how the scopes of a group stand now."""
    known = {standing.scope: standing for standing in group}
    for scope, found in sorted(answers.found.items()):
        error = answers.errors.get(found.reader.account)
        # One that may go away by itself is asked about again with the next tick.
        discovered_on = now - AGAIN_MS if error and not error.refused else now
        if found.coverage.state is State.UNREACHABLE and scope in known:
            yield _unreachable(known[scope], found.coverage.reason, discovered_on)
        else:
            yield _covered(known.get(scope), found, discovered_on)
    for scope, standing in sorted(known.items()):
        if scope not in answers.found:
            error = answers.errors.get(standing.reader.account)
            yield _unreachable(standing, str(error) if error else NOBODY, now)


def _covered(held: Standing | None, found: _Found, now: int) -> Standing:
    """Take over what was found. A run whose eyes or detector are others now begins anew, and what was
    switched on or off since is looked at soon."""
    coverage = found.coverage
    if held is None:
        return Standing(
            coverage.scope, found.reader, coverage.state, now, coverage.detector, coverage.reason, rev=0
        )
    same_eyes = (held.reader, held.detector) == (found.reader, coverage.detector)
    switched = held.state is not coverage.state and held.state is not State.UNREACHABLE
    return replace(
        held,
        reader=found.reader,
        state=coverage.state,
        discovered_on=now,
        detector=coverage.detector,
        reason=coverage.reason,
        run=held.run if same_eyes and not switched else None,
        requested_on=held.requested_on or (now if switched else 0),
    )


def _unreachable(standing: Standing, reason: str, now: int) -> Standing:
    """Keep all that is known; only nobody can be asked for more."""
    return replace(standing, state=State.UNREACHABLE, reason=reason, discovered_on=now)


def _keep(work: Work, standings: Standings, standing: Standing) -> None:
    """Tell of a change that people should see, and keep it."""
    held = standings.get(standing.scope)
    if held and is_busy(held, work.clock()):
        return
    if held is None or (held.state, held.reason) != (standing.state, standing.reason):
        work.say(standing)
    kept = work.keep(standing)
    if kept is None:
        kept = work.ports.ledger.read(standing.scope)
    elif held and held.run and not kept.run:
        work.ports.seen.forget(held.run.id)
    if kept:
        standings[standing.scope] = kept

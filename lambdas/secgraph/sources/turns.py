"""Whose turn it is, and how a standing moves on: begun, failed, finished. Plain values in and out, no clock.

    Standing ─is_due, in_turn→ Standing ─begun→ Standing(Run) ─…→ ─finished | failed→ Standing

Moments are epoch milliseconds. A standing that is to be stored has the `rev` after the one that was read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from secgraph.sources.scope import Scope
from secgraph.sources.standing import Failure, Finished, Phase, Run, Standing, State

_MINUTE: Final = 60_000
_DAY: Final = 24 * 60 * _MINUTE
LEASE_MS: Final = 16 * _MINUTE
"""How long a runner that was cut off keeps others away: longer than a function may run."""
RUN_LIFE_MS: Final = _DAY
"""A run that is older is begun anew: what it listed first is too old to be called complete."""
PAUSE_MS: Final = 15 * _MINUTE
LONGEST_PAUSE_MS: Final = _DAY
RESTARTS: Final = 3
"""How often a run may list anew since its source forgot where the listing stood."""
SLACK_MS: Final = 5 * _MINUTE
"""By which a scope may be early: ticks come a little sooner or later than the schedule says."""


def is_busy(standing: Standing, now: int) -> bool:
    """Tell whether another runner is at work on it."""
    return standing.busy_until > now


def is_due(standing: Standing, now: int, interval_ms: int) -> bool:
    """Tell whether there is something to do now: a run to go on with or to begin."""
    if standing.state is State.UNREACHABLE or now < _paused_until(standing):
        return False
    if standing.run or standing.requested_on or standing.finished is None:
        return True
    return now - standing.finished.began_on >= interval_ms - SLACK_MS


def in_turn(standings: Iterable[Standing]) -> list[Standing]:
    """Order standings: who was asked for, who never finished, who waits longest; what was begun comes last,
    the oldest first, so that one large scope does not keep all small ones waiting."""

    def turn(standing: Standing) -> tuple[bool, bool, int, Scope]:
        finished_on = standing.finished.began_on if standing.finished else 0
        since = standing.run.began_on if standing.run else finished_on
        return not standing.requested_on, standing.run is not None, since, standing.scope

    return sorted(standings, key=turn)


def pause_ms(attempts: int) -> int:
    """Say how long to wait after so many failures in a row: 15 minutes, twice as long each time, a day at
    most."""
    return min(PAUSE_MS << min(attempts - 1, 10), LONGEST_PAUSE_MS)


def begun(standing: Standing, id_: str, now: int) -> tuple[Standing, Run]:
    """Go on with the run there is, or begin one under a new id if there is none or it is too old."""
    run = standing.run
    if run and 0 <= now - run.began_on < RUN_LIFE_MS:
        return standing, run
    run = Run(id_, now)
    return replace(standing, run=run, requested_on=0), run


def listed_anew(run: Run) -> Run | None:
    """Begin the listing of a run once more; None if that was done too often.

    What it has seen stays seen, and `parts` goes on, so that no part is replaced.
    """
    if run.restarts >= RESTARTS:
        return None
    return replace(
        run, phase=Phase.LISTING, cursor="", at_source=0, held=0, quarantined=0, restarts=run.restarts + 1
    )


def failed(standing: Standing, reason: str, now: int, *, got_on: bool) -> Standing:
    """Note why an attempt stopped; the run stays, to go on where it was. `got_on`: it did some work first, so
    the failures before are none in a row with it."""
    before = 0 if got_on or standing.failure is None else standing.failure.attempts
    return replace(standing, failure=Failure(reason, before + 1, now), busy_until=0)


def finished(standing: Standing, run: Run, now: int) -> Standing:
    """Close a run that came to its end."""
    done = Finished(run.began_on, now, run.at_source, run.held, run.repaired, run.closed, run.quarantined)
    return replace(standing, run=None, finished=done, failure=None, busy_until=0)


def _paused_until(standing: Standing) -> int:
    """Say until when to leave it alone after a failure; who asked for it since then need not wait."""
    failure = standing.failure
    if failure is None or standing.requested_on > failure.failed_on:
        return 0
    return failure.failed_on + pause_ms(failure.attempts)

"""How a scope stands: what the ledger keeps of it, and the run that is at work on it.

    Coverage… ─discovered→ Standing ─begin→ Run ─step…→ Run ─finish→ Finished → Standing

Moments are epoch milliseconds. All of it is plain values: flows/reconcile.py moves them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from secgraph.sources.scope import Reader, Scope


class State(Enum):
    """Whether a source is at work in a scope, as its API says."""

    ON = "on"
    OFF = "off"
    """Not enabled, suspended, or disabled: a state and no error."""
    UNREACHABLE = "unreachable"
    """Nobody could be asked: no reader covers it any more, or its API refused."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a reader learnt of one account: `reason` says why it is not ON, in words for people; `detector`
    is the GuardDuty detector through which the account's findings are read."""

    scope: Scope
    state: State
    detector: str = ""
    reason: str = ""


class Phase(Enum):
    """What a run is at."""

    LISTING = "listing"
    """Page by page, what the source lists is brought into the graph."""
    CLOSING = "closing"
    """Bucket by bucket, what is open here and was not listed is asked for again."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run at work. `id` names its seen findings; `cursor` is the source's in LISTING, and
    `BUCKET:CURSOR` in CLOSING; `parts` counts the pages listed.

    `at_source` counts what the source lists as open, `repaired` the findings whose stored state was not the
    source's, `closed` those closed by this run (they are among the repaired), `quarantined` those that could
    not be understood, `held` what of the source's is open here. `asked_on` is when its next step was first
    begun, 0 if that is yet to come: what a step brings counts as received then, also if it is done again, so
    that the archive, where it stands twice, and the graph say the same.
    """

    id: str
    began_on: int
    phase: Phase = Phase.LISTING
    cursor: str = ""
    parts: int = 0
    at_source: int = 0
    repaired: int = 0
    closed: int = 0
    quarantined: int = 0
    held: int = 0
    restarts: int = 0
    asked_on: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run that came to its end found: the scope is complete as of `began_on`."""

    began_on: int
    finished_on: int
    at_source: int
    held: int
    repaired: int
    closed: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt stopped, how often in a row that happened, and when."""

    reason: str
    attempts: int
    failed_on: int


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is kept of a scope. `rev` counts the writes. `busy_until` keeps a second runner away while one
    is at work. `requested_on` is when a person asked for a run that has not begun yet, 0 for never."""

    scope: Scope
    reader: Reader
    state: State
    discovered_on: int
    detector: str = ""
    reason: str = ""
    run: Run | None = None
    finished: Finished | None = None
    failure: Failure | None = None
    requested_on: int = 0
    busy_until: int = 0
    rev: int = 1

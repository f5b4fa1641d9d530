"""The life of an alert: (state, evaluation, now) → (state, what people should hear of, if anything).

        opened                      new rows · level raised
INACTIVE ─────→ ACTIVE ───────────────────────────────────→ ACTIVE
          ←─────
    resolved · retired

A failed evaluation never resolves anything: what was not seen is not gone. Pure, and the only place where
these transitions are decided. Times are epoch milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from secgraph.alerts.digest import Digest, digest, worst_first
from secgraph.alerts.rowset import RowSet
from secgraph.alerts.text import line
from secgraph.rules.rows import Row
from secgraph.rules.rule import Level

ROWS_KEPT: Final = 30
GONE_KEPT: Final = 5
HISTORY_KEPT: Final = 40
ERROR_CHARACTERS: Final = 500
ERROR_IN_HISTORY: Final = 150

Output = str | int | float | bool


class Kind(Enum):
    """What happened to an alert."""

    OPENED = "opened"
    NEW_ROWS = "new rows"
    LEVEL_RAISED = "level raised"
    RESOLVED = "resolved"
    RETIRED = "retired"
    """The rule is evaluated no more; what it found may well be there still."""
    FAILED = "failed"
    """The rule could not be evaluated; told only where the rule asks for it (`notifyOnFailure`)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation of a rule found. `whole` is False when `rows` are an arbitrary part of `total`."""

    rule: str
    holds: bool
    level: Level
    total: int
    rows: tuple[Row, ...] = ()
    whole: bool = True
    outputs: Mapping[str, Output] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Record:
    """A stretch of evaluations with one result: the first at `on`, the last at `until`."""

    on: int
    until: int
    times: int
    active: bool
    level: Level
    total: int
    new: int = 0
    gone: int = 0
    error: str = ""
    outputs: Mapping[str, Output] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a rule could not be evaluated, and since when. `told` once a message about it was made."""

    error: str
    since: int
    told: bool = False


@dataclass(frozen=True, slots=True)
class AlertState:
    """Everything kept of a rule's alert.

    `seq` counts its transitions. `untold` says that it changed silently: nobody was sent a message, though
    a summary may have covered it. `rows` are digests, new ones first, then the worst; `gone` those that
    went in the last evaluation. `failure` is set while the rule cannot be evaluated.
    """

    rule: str
    active: bool = False
    level: Level = Level.HIGH
    seq: int = 0
    opened_on: int | None = None
    changed_on: int | None = None
    resolved_on: int | None = None
    evaluated_on: int | None = None
    seen: RowSet = field(default_factory=RowSet)
    rows: tuple[Digest, ...] = ()
    gone: tuple[Digest, ...] = ()
    new_count: int = 0
    gone_count: int = 0
    history: tuple[Record, ...] = ()
    failure: Failure | None = None
    untold: bool = False

    @property
    def total(self) -> int:
        """Give the number of rows at the last evaluation that succeeded."""
        return self.seen.total


@dataclass(frozen=True, slots=True)
class Transition:
    """What people should hear of. `rows` are the digests that concern it: the new ones, or on resolving
    those that the alert last had. `earlier` is the level before."""

    kind: Kind
    rule: str
    seq: int
    on: int
    level: Level
    earlier: Level
    opened_on: int
    total: int
    new: int = 0
    gone: int = 0
    rows: tuple[Digest, ...] = ()
    error: str = ""


def advance(
    state: AlertState | None, evaluation: Evaluation, now: int
) -> tuple[AlertState, Transition | None]:
    """Take in one successful evaluation."""
    before = state or AlertState(evaluation.rule)
    after = _resulting(before, evaluation, now)
    kind = _kind(before, after)
    if kind is not None:
        after = replace(after, seq=before.seq + 1, changed_on=now)
    after = replace(after, history=_recorded(before, after, evaluation, now))
    return after, None if kind is None else _transition(kind, before, after, now)


def fail(state: AlertState | None, rule: str, error: str, now: int) -> AlertState:
    """Take in an evaluation that did not succeed. The alert stays as it is."""
    before = state or AlertState(rule)
    text = line(error, ERROR_CHARACTERS)
    held = before.failure
    failure = Failure(text, now) if held is None else replace(held, error=text)
    after = replace(before, failure=failure)
    entry = Record(now, now, 1, after.active, after.level, after.total, error=line(text, ERROR_IN_HISTORY))
    return replace(after, history=_appended(before.history, entry))


def failed(state: AlertState, now: int) -> tuple[AlertState, Transition | None]:
    """Give the message about a failure, once for each time that a rule begins to fail."""
    if state.failure is None or state.failure.told:
        return state, None
    after = replace(state, seq=state.seq + 1, failure=replace(state.failure, told=True))
    transition = replace(_transition(Kind.FAILED, state, after, now), error=state.failure.error, rows=())
    return after, transition


def retired(state: AlertState, now: int) -> tuple[AlertState, Transition | None]:
    """Close the alert of a rule that is evaluated no more, as a result without rows would."""
    after, happened = advance(state, Evaluation(state.rule, False, state.level, 0), now)
    return after, None if happened is None else replace(happened, kind=Kind.RETIRED)


def opened(state: AlertState, now: int) -> Transition:
    """Tell of an open alert as a whole: for one that opened silently and that no summary covered."""
    return replace(_transition(Kind.OPENED, state, state, now), rows=state.rows, new=state.total)


def resolved(state: AlertState, now: int) -> Transition:
    """Tell that an alert is over: for one that ended silently after a summary had told of it."""
    told = _transition(Kind.RESOLVED, state, state, now)
    return replace(told, rows=state.gone, total=state.gone_count or len(state.gone))


# ── one evaluation ────────────────────────────────────────────────────────────────────────────────────


def _resulting(before: AlertState, evaluation: Evaluation, now: int) -> AlertState:
    """Lay the evaluation over the state; transition counters come later."""
    after = replace(before, evaluated_on=now, failure=None, active=evaluation.holds)
    if not evaluation.holds:
        gone = before.total if before.active else 0
        kept = before.rows[:GONE_KEPT] if before.active else ()
        resolved_on = now if before.active else before.resolved_on
        return replace(
            after, seen=RowSet(), rows=(), gone=kept, new_count=0, gone_count=gone, resolved_on=resolved_on
        )
    seen = RowSet.of((row.hash for row in evaluation.rows), evaluation.total, whole=evaluation.whole)
    held = {each.hash: each for each in before.rows}
    missing = before.seen.joined(seen)
    return replace(
        after,
        level=evaluation.level,
        opened_on=before.opened_on if before.active else now,
        resolved_on=None,
        seen=seen,
        rows=_digests(before, evaluation, seen, now),
        gone=tuple(held[hash_] for hash_ in held if hash_ in missing)[:GONE_KEPT],
        new_count=seen.new(before.seen),
        gone_count=seen.gone(before.seen),
    )


def _digests(before: AlertState, evaluation: Evaluation, seen: RowSet, now: int) -> tuple[Digest, ...]:
    """Choose the rows to keep: new ones first, then the worst. A row keeps the time at which it joined."""
    fresh = seen.joined(before.seen)
    held = {each.hash: each.since for each in before.rows}
    opened_on = before.opened_on if before.active and before.opened_on is not None else now
    chosen = sorted(evaluation.rows, key=lambda row: (row.hash not in fresh, worst_first(row)))[:ROWS_KEPT]
    return tuple(digest(row, now if row.hash in fresh else held.get(row.hash, opened_on)) for row in chosen)


def _kind(before: AlertState, after: AlertState) -> Kind | None:
    if not after.active:
        return Kind.RESOLVED if before.active else None
    if not before.active:
        return Kind.OPENED
    if after.level > before.level:
        return Kind.LEVEL_RAISED
    return Kind.NEW_ROWS if after.new_count else None


def _transition(kind: Kind, before: AlertState, after: AlertState, now: int) -> Transition:
    new = after.new_count
    rows = before.rows if kind is Kind.RESOLVED else after.rows
    if kind is Kind.NEW_ROWS:
        rows = tuple(each for each in rows if each.since == now) or rows
    return Transition(
        kind=kind,
        rule=after.rule,
        seq=after.seq,
        on=now,
        level=before.level if kind is Kind.RESOLVED else after.level,
        earlier=before.level,
        opened_on=after.opened_on if after.opened_on is not None else now,
        total=before.total if kind is Kind.RESOLVED else after.total,
        new=new,
        gone=after.gone_count,
        rows=rows,
    )


# ── history ───────────────────────────────────────────────────────────────────────────────────────────


def _recorded(before: AlertState, after: AlertState, evaluation: Evaluation, now: int) -> tuple[Record, ...]:
    entry = Record(
        on=now,
        until=now,
        times=1,
        active=after.active,
        level=after.level,
        total=evaluation.total,
        new=after.new_count,
        gone=after.gone_count,
        outputs=evaluation.outputs,
    )
    return _appended(before.history, entry)


def _appended(history: tuple[Record, ...], entry: Record) -> tuple[Record, ...]:
    """Add a record, or lengthen the last one if it says the same."""
    if history:
        last = history[-1]
        if replace(last, on=entry.on, until=entry.until, times=1) == entry:
            return (*history[:-1], replace(last, until=entry.until, times=last.times + 1))
    return (*history[-(HISTORY_KEPT - 1) :], entry)

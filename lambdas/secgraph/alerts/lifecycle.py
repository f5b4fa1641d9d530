"""The life of an alert: (state, evaluation, now) → (state, what happened to each of its groups).

        opened                      new rows · level raised
INACTIVE ─────→ ACTIVE ───────────────────────────────────→ ACTIVE
          ←─────
    resolved · retired

Each group (alerts/groups.py) lives so for itself, and the alert is active as long as one of them is. A failed
evaluation never resolves anything: what was not seen is not gone. Pure, and the only place where these
transitions are decided. Times are epoch milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from secgraph.alerts.digest import Digest, digest, worst_first
from secgraph.alerts.groups import ROWS_OF_GROUP, WHOLE, By, Group, by, chosen, grouped, label
from secgraph.alerts.notification import Event
from secgraph.alerts.rowset import RowSet
from secgraph.alerts.state import NO_OUTPUTS, AlertState, Evaluation, Failure, Output, Record
from secgraph.alerts.text import line
from secgraph.alerts.transition import Transition, transitions, whole
from secgraph.rules.rows import Row

ROWS_KEPT: Final = 30
GONE_KEPT: Final = 5
HISTORY_KEPT: Final = 40
ERROR_CHARACTERS: Final = 500
ERROR_IN_HISTORY: Final = 150
WITH_ERROR: Final = 600
"""Bytes of an error in the history and the outputs beside it: as much as either may take alone."""
ACTIONS_FAILED: Final = "the rule was evaluated, but not all of its actions ran:"

Happened = tuple[Transition, ...]


def advance(
    state: AlertState | None, evaluation: Evaluation, now: int, keep: Collection[int] = ()
) -> tuple[AlertState, Happened]:
    """Take in one successful evaluation. `keep` are the keys of groups to keep by name before all others."""
    before = _comparable(state or AlertState(evaluation.rule), evaluation)
    after, fresh = _resulting(before, evaluation, now)
    if after.active:
        after = _with_groups(before, after, evaluation, fresh, keep)
    happened = tuple(transitions(before, after, evaluation, fresh, now))
    if happened:
        after = replace(after, changed_on=now)
    if any(each.event is Event.OPENED for each in happened):
        after = replace(after, joined_on=before.joining(now))
    return replace(after, history=_recorded(before, after, evaluation, now)), happened


def fail(state: AlertState | None, rule: str, error: str, now: int) -> AlertState:
    """Take in an evaluation that did not succeed. The alert stays as it is."""
    before = state or AlertState(rule)
    text = line(error, ERROR_CHARACTERS)
    after = replace(before, failure=_failure(before.failure, text, now))
    entry = Record(now, now, 1, after.active, after.level, after.total, error=line(text, ERROR_IN_HISTORY))
    return replace(after, history=_appended(before.history, entry))


def failed(state: AlertState, now: int) -> tuple[AlertState, Happened]:
    """Tell of a failure, once for each time that a rule begins to fail."""
    if state.failure is None or state.failure.told:
        return state, ()
    after = replace(state, failure=replace(state.failure, told=True))
    return after, (_failed(state, after, state.failure.error, now),)


def actions_failed(state: AlertState, now: int) -> tuple[AlertState, Happened]:
    """Tell that single actions fail, once for each time that they begin to. `state` has taken in the
    evaluation, which stands."""
    held = state.action_failure
    if held is None or held.told:
        return state, ()
    after = replace(state, action_failure=replace(held, told=True))
    return after, (_failed(state, after, f"{ACTIONS_FAILED} {held.error}", now),)


def _failed(before: AlertState, after: AlertState, note: str, now: int) -> Transition:
    """Make what is told of a failure: it is the rule's, whether an alert comes of it or only effects."""
    return replace(whole(Event.FAILED, before, after, now), note=note, listed=True)


def _failure(held: Failure | None, error: str, now: int) -> Failure:
    """Go on with a failure, or begin one."""
    return Failure(error, now) if held is None else replace(held, error=error)


def retired(state: AlertState, reason: str, now: int) -> tuple[AlertState, Happened]:
    """Close the alert of a rule that is evaluated no more, as a result without rows would; tell it whole."""
    after, happened = advance(state, Evaluation(state.rule, False, state.level, 0), now)
    return after, (retirement(state, after, reason, now),) if happened else ()


def retirement(before: AlertState, after: AlertState, reason: str, now: int) -> Transition:
    """Tell of an alert that was closed for another reason than that it holds no more."""
    told = whole(Event.RETIRED, before, after, now)
    rows = before.rows or after.gone
    total = before.total or after.gone_count
    groups = max(1, before.groups.total)
    return replace(told, shown=rows[:ROWS_OF_GROUP], counted=total, total=total, groups=groups, note=reason)


def opened(state: AlertState, now: int) -> Transition:
    """Tell of an open alert as a whole: for one that opened silently and that no summary covered."""
    told = whole(Event.OPENED, state, state, now)
    one = state.kept[0] if state.groups.total == 1 and state.kept else None
    return replace(
        told,
        key=one.key if one else WHOLE,
        label=one.label if one else "",
        groups=max(1, state.groups.total),
        counted=state.total,
        shown=state.rows[:ROWS_OF_GROUP],
    )


def opened_group(state: AlertState, group: Group, now: int) -> Transition:
    """Tell of one open group of an alert."""
    rows = tuple(each for each in state.rows if each.hash in group.rows)
    return replace(
        whole(Event.OPENED, state, state, now),
        opened_on=group.opened_on,
        joined_on=group.joined_on,
        key=group.key,
        label=group.label,
        counted=group.total,
        shown=rows[:ROWS_OF_GROUP],
    )


def resolved(state: AlertState, now: int) -> Transition:
    """Tell that an alert is over: for one that ended silently after a summary had told of it."""
    told = whole(Event.RESOLVED, state, state, now)
    total = state.gone_count or len(state.gone)
    return replace(told, shown=state.gone[:ROWS_OF_GROUP], total=total, counted=total)


# ── one evaluation ────────────────────────────────────────────────────────────────────────────────────


def _comparable(before: AlertState, evaluation: Evaluation) -> AlertState:
    """Give the state to compare with. An alert opens when until now a rule only had effects."""
    if before.active and not before.listed and evaluation.holds and evaluation.listed:
        return replace(before, active=False, seen=RowSet(), rows=(), groups=RowSet(), kept=())
    return before


def _resulting(before: AlertState, evaluation: Evaluation, now: int) -> tuple[AlertState, frozenset[int]]:
    """Lay the evaluation over the state, all but the groups; give also the hashes of the new rows."""
    errors = line("; ".join(evaluation.errors), ERROR_CHARACTERS)
    after = replace(
        before,
        evaluated_on=now,
        failure=None,
        action_failure=_failure(before.action_failure, errors, now) if errors else None,
        active=evaluation.holds,
    )
    if not evaluation.holds:
        return _ended(before, after, now), frozenset()
    seen = RowSet.of((row.hash for row in evaluation.rows), evaluation.total, whole=evaluation.whole)
    held = {each.hash: each for each in before.rows}
    missing, fresh = before.seen.joined(seen), seen.joined(before.seen)
    new = seen.new(before.seen)
    after = replace(
        after,
        level=evaluation.level,
        opened_on=before.opened_on if before.active else now,
        resolved_on=None,
        joined_on=before.joined_on if before.active and not new else before.joining(now),
        seen=seen,
        rows=_digests(before, evaluation, fresh, now),
        gone=tuple(held[hash_] for hash_ in held if hash_ in missing)[:GONE_KEPT],
        new_count=new,
        gone_count=seen.gone(before.seen),
        listed=evaluation.listed,
    )
    return after, fresh


def _ended(before: AlertState, after: AlertState, now: int) -> AlertState:
    """Give the state of an alert that does not hold."""
    return replace(
        after,
        seen=RowSet(),
        rows=(),
        gone=before.rows[:GONE_KEPT] if before.active else (),
        new_count=0,
        gone_count=before.total if before.active else 0,
        resolved_on=now if before.active else before.resolved_on,
        groups=RowSet(),
        kept=(),
    )


def _digests(
    before: AlertState, evaluation: Evaluation, fresh: frozenset[int], now: int
) -> tuple[Digest, ...]:
    """Choose the rows to keep: new ones first, then the worst. A row keeps the time at which it joined, and
    the path that was told of it."""
    held = {each.hash: each for each in before.rows}
    opened_on = before.opened_on if before.active and before.opened_on is not None else now
    chosen_ = sorted(evaluation.rows, key=lambda row: (row.hash not in fresh, worst_first(row)))[:ROWS_KEPT]
    found = []
    for row in chosen_:
        known = None if row.hash in fresh else held.get(row.hash)
        if known is None:
            found.append(digest(row, now if row.hash in fresh else opened_on))
        else:
            found.append(replace(digest(row, known.since), path=known.path))
    return tuple(found)


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────


def _with_groups(
    before: AlertState,
    after: AlertState,
    evaluation: Evaluation,
    fresh: frozenset[int],
    keep: Collection[int],
) -> AlertState:
    """Give the state with the groups that its level asks for; beyond what is exact they are one."""
    how = by(evaluation.level) if evaluation.exact else By.RULE
    found = grouped(evaluation.rows, how)
    at_hand = {each.hash for each in after.rows}
    went_on = frozenset(before.groups.hashes) if before.active and before.by is how else None
    kept = tuple(
        Group(
            key=key,
            label=label(found[key][0], how) if found[key] else "",
            total=len(found[key]) if how is not By.RULE else after.total,
            rows=_worst([row for row in found[key] if row.hash in at_hand]),
            **_since(before, after, key, went_on, joined=any(row.hash in fresh for row in found[key])),
        )
        for key in chosen(found, fresh, keep)
    )
    return replace(after, by=how, groups=RowSet.of(found, len(found)), kept=kept)


def _worst(rows: list[Row]) -> tuple[int, ...]:
    return tuple(row.hash for row in sorted(rows, key=worst_first)[:ROWS_OF_GROUP])


def _since(
    before: AlertState, after: AlertState, key: int, went_on: frozenset[int] | None, *, joined: bool
) -> dict[str, int]:
    """Say since when a group is open and when rows last joined it: what is kept of it, or where nothing is
    what holds for the alert. `went_on` are the groups that were open before, None if groups are made anew."""
    now = after.evaluated_on or 0
    if not before.active or (went_on is not None and key not in went_on):
        return {"opened_on": now, "joined_on": before.joining(now)}
    known = next((each for each in before.kept if each.key == key), None) if went_on is not None else None
    opened_on = known.opened_on if known else before.opened_on
    joined_on = known.joined_on if known else before.joined_on
    joined = joined or (key == WHOLE and after.new_count > 0)
    return {
        "opened_on": now if opened_on is None else opened_on,
        "joined_on": before.joining(now) if joined or joined_on is None else joined_on,
    }


# ── history ───────────────────────────────────────────────────────────────────────────────────────────


def _recorded(before: AlertState, after: AlertState, evaluation: Evaluation, now: int) -> tuple[Record, ...]:
    error = line("; ".join(evaluation.errors), ERROR_IN_HISTORY)
    entry = Record(
        on=now,
        until=now,
        times=1,
        active=after.active,
        level=after.level,
        total=evaluation.total,
        new=after.new_count,
        gone=after.gone_count,
        error=error,
        outputs=_beside(error, evaluation.outputs),
    )
    return _appended(before.history, entry)


def _beside(error: str, outputs: Mapping[str, Output]) -> Mapping[str, Output]:
    """Give the outputs if there is room for them beside an error: the alert is to fit into one item."""
    size = len(json.dumps(dict(outputs), ensure_ascii=False).encode("utf-8", "replace"))
    return outputs if not error or size + len(error.encode("utf-8", "replace")) <= WITH_ERROR else NO_OUTPUTS


def _appended(history: tuple[Record, ...], entry: Record) -> tuple[Record, ...]:
    """Add a record, or lengthen the last one if it says the same."""
    if history:
        last = history[-1]
        if replace(last, on=entry.on, until=entry.until, times=1) == entry:
            return (*history[:-1], replace(last, until=entry.until, times=last.times + 1))
    return (*history[-(HISTORY_KEPT - 1) :], entry)

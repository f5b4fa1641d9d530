"""Transitions: an alert before and after an evaluation in, what happened to each of its groups out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from secgraph.alerts.digest import Digest, worst_first
from secgraph.alerts.groups import FURTHER, ROWS_OF_GROUP, WHOLE, By, Group, grouped, label
from secgraph.alerts.notification import Event
from secgraph.alerts.state import AlertState, Evaluation
from secgraph.rules.rows import Row
from secgraph.rules.rule import Level


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened to one group of an alert, or to the alert as a whole (`key` is WHOLE).

    `shown` are the worst rows that it concerns, at most ROWS_OF_GROUP: the new ones, or on resolving those
    that were there last; `counted` is how many it concerns in all, `total` how many the alert has. `groups`
    counts the groups; `joined_on` is when rows last joined. `earlier` is the level before. What is not
    `listed` concerns no alert, only effects. `group` is what the group is called: `label`, or what is made of
    `named` when it is asked for, since of thousands hardly any is.
    """

    event: Event
    rule: str
    on: int
    level: Level
    earlier: Level
    opened_on: int
    total: int
    counted: int
    gone: int = 0
    key: int = WHOLE
    label: str = ""
    named: tuple[Row, By] | None = None
    groups: int = 1
    joined_on: int = 0
    shown: tuple[Row | Digest, ...] = ()
    note: str = ""
    listed: bool = True

    @property
    def group(self) -> str:
        """Give what the group is called, empty for a whole rule."""
        return self.label if self.named is None else label(*self.named)


def whole(event: Event, before: AlertState, after: AlertState, now: int) -> Transition:
    """Say of an alert as a whole that something happened; the caller fills in how much it concerns."""
    over = event in (Event.RESOLVED, Event.RETIRED)
    return Transition(
        event=event,
        rule=after.rule,
        on=now,
        level=before.level if over else after.level,
        earlier=before.level,
        opened_on=after.opened_on if after.opened_on is not None else now,
        total=before.total if over else after.total,
        counted=0,
        gone=after.gone_count,
        joined_on=after.joined_on if after.joined_on is not None else now,
        listed=before.listed if over else after.listed,
    )


def transitions(
    before: AlertState, after: AlertState, evaluation: Evaluation, fresh: Collection[int], now: int
) -> Iterator[Transition]:
    """Tell what happened to each group. `fresh` are the hashes of the rows that are new.

    The groups are those that the alert had before, also where its level, and with it what makes a group, is
    another one now: only so is it known which of them go on.
    """
    if not after.active or (before.active and before.listed and not after.listed):
        yield from _over(before, after, before.groups.hashes if before.active else (), now)
        if after.active and after.new_count:
            yield replace(whole(Event.NEW_ROWS, before, after, now), counted=after.new_count)
        return
    how = _basis(before, after, evaluation)
    held = frozenset(before.groups.hashes if before.by is how else (WHOLE,)) if before.active else frozenset()
    found = grouped(evaluation.rows, how)
    base = whole(Event.OPENED, before, after, now)
    known = {each.key: each for each in before.kept}
    for key, rows in found.items():
        event, concerned = _what(before, after, rows, fresh, known=key in held, grown=key == WHOLE)
        if event is None:
            continue
        opened_on, joined_on = _times(
            event, known.get(key), base, before.joining(now), joined=any(row.hash in fresh for row in rows)
        )
        yield replace(
            base,
            event=event,
            opened_on=opened_on,
            joined_on=joined_on,
            key=key,
            named=(rows[0], how) if rows else None,
            counted=_counted(event, key, after, len(concerned)),
            shown=tuple(sorted(concerned, key=worst_first)[:ROWS_OF_GROUP]),
        )
    yield from _over(before, after, [key for key in held if key not in found], now)


def _basis(before: AlertState, after: AlertState, evaluation: Evaluation) -> By:
    if not evaluation.exact:
        return By.RULE
    return before.by if before.active else after.by


def _what(
    before: AlertState,
    after: AlertState,
    rows: list[Row],
    fresh: Collection[int],
    *,
    known: bool,
    grown: bool,
) -> tuple[Event | None, list[Row]]:
    """Give what happened to a group, and the rows that it concerns. A whole rule may also have `grown` by
    rows that were not looked at."""
    if not known:
        return Event.OPENED, rows
    if after.level > before.level:
        return Event.LEVEL_RAISED, rows
    new = [row for row in rows if row.hash in fresh]
    if new or (grown and after.new_count):
        return Event.NEW_ROWS, new or rows
    return None, []


def _counted(event: Event, key: int, after: AlertState, rows: int) -> int:
    """Count the rows of a group; for a whole rule there may be more than were looked at."""
    if key != WHOLE:
        return rows
    return after.new_count if event is Event.NEW_ROWS else after.total


def _times(
    event: Event, group: Group | None, base: Transition, joining: int, *, joined: bool
) -> tuple[int, int]:
    """Say since when a group is open and when rows last joined it."""
    if event is Event.OPENED:
        return base.on, joining
    opened_on = base.opened_on if group is None else group.opened_on
    if joined or event is Event.NEW_ROWS:
        return opened_on, joining
    return opened_on, base.joined_on if group is None else group.joined_on


def _over(before: AlertState, after: AlertState, keys: Collection[int], now: int) -> Iterator[Transition]:
    """Tell of the groups that are no longer there."""
    total = after.total if after.active and before.listed == after.listed else before.total
    base = replace(whole(Event.RESOLVED, before, after, now), total=total)
    known = {each.key: each for each in before.kept}
    digests = {each.hash: each for each in before.rows}
    for key in keys:
        group = known.get(key)
        if group is None:
            yield replace(
                base, key=key, label="" if key == WHOLE else FURTHER, counted=0 if key else before.total
            )
            continue
        shown = tuple(digests[hash_] for hash_ in group.rows if hash_ in digests)
        yield replace(
            base,
            key=key,
            label=group.label,
            counted=group.total,
            opened_on=group.opened_on,
            joined_on=group.joined_on,
            shown=shown,
        )

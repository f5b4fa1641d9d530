"""What is told of what happened: transitions and the rule in, notifications out, each with an id of its own.

Groups to which the same thing happened at once are told each for itself, up to SEPARATE of them; more of them
are one notification, with the worst rows of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from secgraph.alerts.digest import Digest, digest, worst_first
from secgraph.alerts.groups import WHOLE
from secgraph.alerts.notification import ROWS_SHOWN, Event, Notification
from secgraph.alerts.state import AlertState
from secgraph.alerts.transition import Transition
from secgraph.rules.rows import Row
from secgraph.rules.rule import Rule

SEPARATE: Final = 5
"""Groups with the same event that are told each for itself."""
QUERIES: Final = 5
TEXT: Final = 4_000
"""Characters of a rule's texts that go along: channels show less."""
_ORDER: Final = {event: place for place, event in enumerate(Event)}


def tell(
    state: AlertState, happened: Sequence[Transition], rule: Rule | None, *, separate: int = SEPARATE
) -> tuple[AlertState, tuple[Notification, ...]]:
    """Make notifications; the state counts them. `rule` is None for one that no pack holds any more."""
    notifications = []
    seq = state.seq
    for bundle in _bundles(happened, separate):
        seq += 1
        notifications.append(_notification(state, bundle, seq, rule))
    return replace(state, seq=seq), tuple(notifications)


def most(happened: Sequence[Transition], separate: int = SEPARATE) -> int:
    """Say how many notifications `tell` would make."""
    return sum(1 for _ in _bundles(happened, separate))


def _bundles(happened: Sequence[Transition], separate: int) -> Iterator[list[Transition]]:
    """Put together what is told as one: by event, in the order of the events, the worst groups first."""
    by_event: dict[Event, list[Transition]] = {}
    for each in happened:
        by_event.setdefault(each.event, []).append(each)
    for event in sorted(by_event, key=lambda event: _ORDER[event]):
        alike = sorted(by_event[event], key=_worst_of)
        yield from ([each] for each in alike) if len(alike) <= separate else [alike]


def _notification(state: AlertState, bundle: list[Transition], seq: int, rule: Rule | None) -> Notification:
    first = bundle[0]
    one = len(bundle) == 1
    shown = sorted((row for each in bundle for row in each.shown), key=_worst)[:ROWS_SHOWN]
    return Notification(
        id=f"{first.rule}#{seq}",
        thread=_thread(first) if one else first.rule,
        event=first.event,
        level=first.level,
        earlier=first.earlier,
        rule=first.rule,
        pack=rule.pack if rule else "",
        description=rule.description[:TEXT] if rule else "",
        remediation=rule.remediation[:TEXT] if rule else "",
        queries=tuple(query.text[:TEXT] for query in rule.queries[:QUERIES]) if rule else (),
        on=first.on,
        opened_on=min(each.opened_on for each in bundle),
        total=first.total,
        counted=sum(each.counted for each in bundle),
        gone=first.gone,
        group=first.group if one else "",
        groups=sum(each.groups for each in bundle),
        rows=tuple(_digested(state, row, first.on) for row in shown),
        note=first.note,
    )


def _thread(transition: Transition) -> str:
    return transition.rule if transition.key == WHOLE else f"{transition.rule}/{transition.key:016x}"


def _digested(state: AlertState, row: Row | Digest, now: int) -> Digest:
    """Give the digest of a row: the one that the alert keeps, or for one of many new ones a new one."""
    if isinstance(row, Digest):
        return row
    return next((each for each in state.rows if each.hash == row.hash), None) or digest(row, now)


def _worst_of(transition: Transition) -> tuple[float, str, int]:
    return min(map(_worst, transition.shown), default=(0.0, "", transition.key))


def _worst(row: Row | Digest) -> tuple[float, str, int]:
    return worst_first(row) if isinstance(row, Row) else (-(row.score or 0.0), row.title, row.hash)

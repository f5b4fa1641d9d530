"""Alerts under triage → lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from secgraph.alerts.decisions import Dismissal
from secgraph.alerts.digest import Digest
from secgraph.alerts.groups import WHOLE, Group
from secgraph.alerts.outbox import Record as Waiting
from secgraph.alerts.state import Record
from secgraph.flows.triage import DISMISSED, Listing, Triaged
from secgraph.flows.undelivered import Undelivered

ROWS_SHOWN: Final = 5
HISTORY_SHOWN: Final = 10


def listing_lines(listing: Listing) -> Iterator[str]:
    """List alerts, each with its worst rows."""
    if not listing.alerts:
        yield "no alerts yet; evaluate rules with `secgraph rules run`"
    for alert in listing.alerts:
        yield summary(alert)
        for row in alert.state.rows[:ROWS_SHOWN] if alert.state.active else ():
            yield f"{'':<9} - {row.title}"
    yield from (f"cannot be read: {problem}" for problem in listing.problems)


def undelivered_lines(found: Undelivered) -> Iterator[str]:
    """List what was not delivered, what was given up last."""
    if not found.waiting and not found.given_up:
        yield "nothing is undelivered"
    yield from (_message(each, "next try") for each in found.waiting)
    yield from (_message(each, "given up") for each in found.given_up)
    yield from (f"cannot be read: {problem}" for problem in found.problems)


def summary(alert: Triaged) -> str:
    """Say an alert in one line."""
    state = alert.state
    moment = state.opened_on if state.active else state.resolved_on
    since = "" if moment is None else f"  since {_time(moment)}"
    return (
        f"{alert.status.lower():<9} {state.level.name:<9} {state.total:>6} "
        f"{'row' if state.total == 1 else 'rows':<4}  {state.rule}{since}"
    )


def alert_lines(alert: Triaged, paths: Mapping[int, str]) -> Iterator[str]:
    """Show an alert with all that is kept of it. `paths` are by row, and newer than those kept."""
    state = alert.state
    yield summary(alert)
    if state.evaluated_on is not None:
        changes = f"{state.new_count} new, {state.gone_count} gone" if state.active else "nothing found"
        yield f"{'':<9} last evaluated {_time(state.evaluated_on)}: {changes}"
    if state.failure is not None:
        yield f"{'':<9} cannot be evaluated since {_time(state.failure.since)}: {state.failure.error}"
    groups = [each for each in state.kept if each.key != WHOLE]
    yield from _part("groups", (_group(each, alert) for each in groups), state.groups.total - len(groups))
    yield from _part("rows", _rows(state.rows, paths), state.total - len(state.rows))
    yield from _part("gone", _rows(state.gone, {}))
    yield from _part("decisions", (_decision(each, alert) for each in alert.decisions.made))
    yield from _part("history", map(_record, state.history[-HISTORY_SHOWN:]))
    undelivered = [
        *(_message(each, "next try") for each in alert.waiting),
        *(_message(each, "given up") for each in alert.given_up),
    ]
    yield from _part("undelivered", undelivered)


def _part(title: str, lines: Iterator[str] | list[str], more: int = 0) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)
        if more > 0:
            yield f"  and {more:,} more"


def _group(group: Group, alert: Triaged) -> str:
    rows = f"{group.total} {'row' if group.total == 1 else 'rows'}"
    dismissed = f", {DISMISSED.lower()}" if alert.dismissal(group) else ""
    return f"{group.key:016x}  {group.label}: {rows} since {_time(group.opened_on)}{dismissed}"


def _rows(rows: tuple[Digest, ...], paths: Mapping[int, str]) -> Iterator[str]:
    for row in rows:
        where = " ".join(filter(None, (row.account_name or row.account, row.region)))
        told = (row.severity, row.type, row.target, where, row.owner and f"owner {row.owner}")
        yield f"- {row.title}{''.join(f' · {word}' for word in told if word and word != row.title)}"
        path = paths.get(row.hash, row.path)
        yield from (f"  {line}" for line in (path, row.fix and f"fix: {row.fix}", row.link) if line)


def _decision(dismissal: Dismissal, alert: Triaged) -> str:
    about = dismissal.label or "the whole alert"
    until = "" if dismissal.until is None else f" until {_time(dismissal.until)}"
    back = dismissal.withdrawn
    if back is not None:
        now = f"withdrawn {_time(back.on)} by {back.author}{f': {back.reason}' if back.reason else ''}"
    else:
        now = "in force" if alert.state.active and alert.holds(dismissal) else "no longer in force"
    return f"{_time(dismissal.on)}  {dismissal.author} dismissed {about}{until}: {dismissal.reason} ({now})"


def _record(record: Record) -> str:
    again = f", {record.times} times until {_time(record.until)}" if record.times > 1 else ""
    if record.error:
        return f"{_time(record.on)}  failed: {record.error}{again}"
    state = f"active    {record.level.name}" if record.active else "inactive "
    rows = f"{record.total} {'row' if record.total == 1 else 'rows'}"
    return f"{_time(record.on)}  {state}  {rows}, {record.new} new, {record.gone} gone{again}"


def _message(record: Waiting, what: str) -> str:
    when = f"{what} {_time(record.due_on)}" if what == "next try" else what
    tries = f"{record.attempts} {'try' if record.attempts == 1 else 'tries'}"
    why = f": {record.error}" if record.error else ""
    return f"{record.id}: made {_time(record.made_on)}, {tries}, {when}{why}"


def _time(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M} UTC"

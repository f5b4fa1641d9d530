"""TRIAGE: what people ask about alerts, and decide → what the store says, and decisions in it.

Only `dismiss` and `withdraw` write, and only the item of decisions (alerts/decisions.py): alerts are written
by evaluation alone, which reads what was decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from secgraph.alerts import decisions as decided
from secgraph.alerts.decisions import Decisions, Dismissal, Withdrawal
from secgraph.alerts.groups import WHOLE, Group
from secgraph.alerts.outbox import OUTBOX, UNDELIVERED, Record, load_record
from secgraph.alerts.ports import AlertStore, Stored
from secgraph.alerts.state import AlertState
from secgraph.alerts.stored import ALERT, alert_id, load_alert
from secgraph.alerts.text import line
from secgraph.errors import InputError, Position, QueryError, StoreError, StoreUnavailable
from secgraph.j1ql.moments import epoch_ms
from secgraph.j1ql.text.advice import nearest

ACTIVE: Final = "ACTIVE"
INACTIVE: Final = "INACTIVE"
DISMISSED: Final = "DISMISSED"

ATTEMPTS: Final = 8
NAMED: Final = 10
"""Groups that an error lists."""

Held = TypeVar("Held")


@dataclass(frozen=True, slots=True)
class Triaged:
    """An alert with what was decided about it and what was not delivered: `waiting` is tried again,
    `given_up` is not. `now` is when this was so."""

    state: AlertState
    decisions: Decisions
    now: int
    waiting: tuple[Record, ...] = ()
    given_up: tuple[Record, ...] = ()

    def dismissal(self, group: Group | None = None) -> Dismissal | None:
        """Give the dismissal in force of the alert, or of a group, if only by that of the alert."""
        state = self.state
        key, joined_on = (WHOLE, state.joined_on) if group is None else (group.key, group.joined_on)
        return decided.dismissed(
            self.decisions, key, joined_on, self.now, alert_joined_on=state.joined_on or 0
        )

    def holds(self, dismissal: Dismissal) -> bool:
        """Tell whether one of the decisions is in force."""
        if dismissal.group == WHOLE:
            return self.dismissal() is dismissal
        group = next((each for each in self.state.kept if each.key == dismissal.group), None)
        return group is not None and self.dismissal(group) is dismissal

    @property
    def status(self) -> str:
        """Say ACTIVE, INACTIVE, or DISMISSED where the alert is, or each of its groups."""
        if not self.state.active:
            return INACTIVE
        kept = self.state.kept
        all_known = len(kept) == self.state.groups.total > 0
        every = all_known and all(self.dismissal(each) for each in kept)
        return DISMISSED if every or self.dismissal() else ACTIVE


@dataclass(frozen=True, slots=True)
class Listing:
    """All alerts, the open ones first; `problems` are items that cannot be read."""

    alerts: tuple[Triaged, ...]
    problems: tuple[str, ...] = ()


def listed(store: AlertStore, now: int) -> Listing:
    """List the alerts: open ones first, then dismissed ones, by level and name. Raises StoreError."""
    problems: list[str] = []
    held = store.read_all()
    states = [each.state for each in _read(held, ALERT, load_alert, problems)]
    made = {each.rule: each for each in _read(held, decided.DECISION, decided.load_decisions, problems)}
    found = [
        Triaged(state, made.get(state.rule) or Decisions(state.rule), now) for state in states if state.listed
    ]
    order = (ACTIVE, DISMISSED, INACTIVE)
    ordered = sorted(found, key=lambda it: (order.index(it.status), -it.state.level, it.state.rule))
    return Listing(tuple(ordered), tuple(problems))


def shown(store: AlertStore, rule: str, now: int) -> Triaged:
    """Show one alert with everything. Raises InputError where there is none, and StoreError."""
    found = _triaged(store, rule, now)
    unread: list[str] = []
    waiting = _read(store.read_all(OUTBOX), OUTBOX, load_record, unread)
    given_up = _read(store.read_all(UNDELIVERED), UNDELIVERED, load_record, unread)
    return Triaged(
        found.state,
        found.decisions,
        now,
        tuple(each for each in waiting if each.rule == rule),
        tuple(each for each in given_up if each.rule == rule),
    )


def dismiss(
    store: AlertStore,
    rule: str,
    *,
    reason: str,
    author: str,
    request: str,
    now: int,
    group: str = "",
    until: str = "",
) -> Triaged:
    """Dismiss an alert, or the `group` of it with this key or label, `until` a moment in ISO form or with no
    end. It holds until rows join. Raises InputError, and then nothing is written; StoreError."""
    reason = _text(
        "reason", reason, decided.REASON, 'why nobody needs to hear of it, such as "accepted: test host"'
    )
    author = _text("author", author, decided.AUTHOR, "who decides this")
    ends = _moment(until, now) if until else None

    def changed(found: Triaged) -> Decisions:
        state = found.state
        if not state.active:
            raise InputError(f"rule: the alert of {rule} is not open, so there is nothing to dismiss")
        chosen = _group(state, group) if group else None
        new = Dismissal(
            on=now,
            reason=reason,
            author=author,
            request=request,
            joined_on=(chosen.joined_on if chosen else state.joined_on) or 0,
            group=chosen.key if chosen else WHOLE,
            label=chosen.label if chosen else "",
            until=ends,
        )
        return decided.added(found.decisions, new, found.holds)

    return _change(store, rule, changed, now)


def withdraw(
    store: AlertStore, rule: str, *, author: str, request: str, now: int, group: str = "", reason: str = ""
) -> Triaged:
    """Take back the dismissals in force of an alert and its groups, or that of one `group`. From the next
    evaluation on people hear of it again. Raises InputError, and then nothing is written; StoreError."""
    author = _text("author", author, decided.AUTHOR, "who decides this")
    by = Withdrawal(now, author, request, line(reason, decided.REASON))

    def changed(found: Triaged) -> Decisions:
        held = [each for each in decided.standing(found.decisions) if found.holds(each)]
        taken = [each for each in held if not group or _is_called(group, each.group, each.label)]
        if not taken:
            raise InputError(_nothing_to_withdraw(rule, group, held))
        return decided.withdrawn(found.decisions, taken, by)

    return _change(store, rule, changed, now)


def _nothing_to_withdraw(rule: str, group: str, held: list[Dismissal]) -> str:
    if not group or not held:
        return f"rule: nothing of the alert of {rule} is dismissed, so there is nothing to withdraw"
    if any(each.group == WHOLE for each in held):
        return "group: the alert is dismissed as a whole; leave group out to withdraw that"
    names = _listed((each.group, each.label) for each in held)
    return f"group: {line(group, 80)} is not dismissed; these are: {names}"


# ── reading and writing ───────────────────────────────────────────────────────────────────────────────


def _triaged(store: AlertStore, rule: str, now: int) -> Triaged:
    item = store.read(alert_id(rule))
    state = None if item is None else load_alert(item.body).state
    if state is None or not state.listed:
        raise InputError(_no_alert(store, rule))
    held = store.read(decided.decision_id(rule))
    return Triaged(state, Decisions(rule) if held is None else decided.load_decisions(held.body), now)


def _no_alert(store: AlertStore, rule: str) -> str:
    names = [
        each.state.rule for each in _read(store.read_all(ALERT), ALERT, load_alert, []) if each.state.listed
    ]
    close = nearest(rule, names)
    advice = f"did you mean {close}?" if close else "list the alerts to see which there are"
    return f"rule: there is no alert of a rule {line(rule, 80)}; {advice}"


def _change(store: AlertStore, rule: str, changed: Callable[[Triaged], Decisions], now: int) -> Triaged:
    """Read, change and write the decisions until nobody else is faster."""
    for _ in range(ATTEMPTS):
        id_ = decided.decision_id(rule)
        held = store.read(id_)
        after = changed(_triaged(store, rule, now))
        rev = 0 if held is None else held.rev
        if store.put(Stored(id_, rev + 1, decided.dump_decisions(after))):
            return shown(store, rule, now)
    raise StoreUnavailable(f"{rule}: others kept deciding about it at the same time; try again")


def _read(
    held: Mapping[str, Stored], prefix: str, load: Callable[[str], Held], problems: list[str]
) -> Iterator[Held]:
    for id_, item in held.items():
        if id_.startswith(prefix):
            try:
                yield load(item.body)
            except StoreError as error:
                problems.append(f"{id_}: {error}")


# ── what people hand in ───────────────────────────────────────────────────────────────────────────────


def _text(field: str, given: str, most: int, wanted: str) -> str:
    clean = line(given, most + 1)
    if not clean:
        raise InputError(f"{field}: is empty; say {wanted}")
    if len(clean) > most:
        raise InputError(f"{field}: is longer than {most} characters; shorten it")
    return clean


def _moment(text: str, now: int) -> int:
    try:
        found = epoch_ms(text, Position(1, 1, len(text)))
    except QueryError as error:
        raise InputError(f"until: {error.message}") from error
    if found <= now:
        raise InputError(f"until: {text} is past; give a moment to come, or leave it out for no end")
    return found


def _group(state: AlertState, given: str) -> Group:
    """Find a group by key or label. Raises InputError with those there are."""
    named = [each for each in state.kept if each.key != WHOLE]
    found = [each for each in named if _is_called(given, each.key, each.label)]
    if len(found) == 1:
        return found[0]
    if not named:
        raise InputError("group: the alert has no groups, it is told as a whole; leave group out")
    problem = "names several groups; give the key of one" if found else "names no open group"
    listed_ = _listed((each.key, each.label) for each in found or named)
    raise InputError(f"group: {line(given, 80)} {problem}: {listed_}")


def _is_called(given: str, key: int, label: str) -> bool:
    return given.lower() == f"{key:016x}" or (label != "" and given.casefold() == label.casefold())


def _listed(groups: Iterator[tuple[int, str]]) -> str:
    names = [f"{key:016x} ({label})" for key, label in groups]
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")

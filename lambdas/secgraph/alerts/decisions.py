"""Decisions of people about alerts: dismissals in, whether one is in force out; their stored form.

Evaluation reads them and never writes them; they outlive the rule that they are about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from secgraph.alerts.groups import WHOLE
from secgraph.alerts.ports import Stored
from secgraph.alerts.versioned import dump, load
from secgraph.errors import InputError

DECISION: Final = "decision/"
VERSION: Final = 1
KEPT: Final = 100
"""Dismissals kept of a rule, with those that are history: 370 KB at most, inside a DynamoDB item."""
REASON: Final = 300
AUTHOR: Final = 100


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That somebody took a dismissal back."""

    on: int
    author: str
    request: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """That somebody does not want to hear of an alert (`group` is WHOLE) or of one of its groups, `label`.

    Times are epoch milliseconds. `author` is who the caller says it is; `request` is the id of the request in
    the logs, by which who it was can be known. `joined_on` is when rows had last joined what was dismissed.
    """

    on: int
    reason: str
    author: str
    request: str
    joined_on: int
    group: int = WHOLE
    label: str = ""
    until: int | None = None
    withdrawn: Withdrawal | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided about the alert of a rule, oldest first."""

    rule: str
    made: tuple[Dismissal, ...] = ()


def in_force(dismissal: Dismissal, joined_on: int | None, now: int) -> bool:
    """Tell whether a dismissal holds: not withdrawn, not expired, and no rows joined since.

    `joined_on` is when rows last joined what it is about. That is compared with what the dismissal knew of,
    not with when it was made: an evaluation that was running meanwhile bears an earlier time.
    """
    if dismissal.withdrawn is not None or (dismissal.until is not None and dismissal.until <= now):
        return False
    return (joined_on or 0) <= dismissal.joined_on


def dismissed(
    decisions: Decisions | None,
    group: int,
    joined_on: int | None,
    now: int,
    *,
    alert_joined_on: int | None = None,
) -> Dismissal | None:
    """Give the dismissal in force of a group, or of the alert as a whole, to which rows last joined then.

    Rows that joined the alert anywhere (`alert_joined_on`, where that is given) end a dismissal of the whole.
    Of several about the same the newest counts: one that expires replaces one that did not.
    """
    for key, joined in (
        (group, joined_on),
        (WHOLE, joined_on if alert_joined_on is None else alert_joined_on),
    ):
        newest = _newest(decisions, key)
        if newest is not None and in_force(newest, joined, now):
            return newest
    return None


def _newest(decisions: Decisions | None, group: int) -> Dismissal | None:
    made = decisions.made if decisions else ()
    return next((each for each in reversed(made) if each.group == group), None)


def standing(decisions: Decisions) -> tuple[Dismissal, ...]:
    """Give the newest dismissal of each group and of the whole, in force or not, oldest first."""
    newest = {each.group: each for each in decisions.made}
    return tuple(each for each in decisions.made if newest[each.group] is each)


def added(decisions: Decisions, new: Dismissal, holds: Callable[[Dismissal], bool]) -> Decisions:
    """Add a dismissal, and forget the oldest that does not hold where there are too many.

    Raises InputError where all of them hold.
    """
    made = (*decisions.made, new)
    if len(made) > KEPT:
        spent = _spent(Decisions(decisions.rule, made), holds)
        if spent is None:
            raise InputError(
                f"rule: {KEPT} groups of {decisions.rule} are dismissed already, and no more can be; "
                "dismiss the alert as a whole (leave group out), or withdraw some"
            )
        made = tuple(each for each in made if each is not spent)
    return replace(decisions, made=made)


def _spent(decisions: Decisions, holds: Callable[[Dismissal], bool]) -> Dismissal | None:
    """Find the oldest that may be forgotten; the last was only just made."""
    current = {id(each) for each in standing(decisions)}
    return next((each for each in decisions.made[:-1] if id(each) not in current or not holds(each)), None)


def withdrawn(decisions: Decisions, taken: Iterable[Dismissal], by: Withdrawal) -> Decisions:
    """Mark these dismissals as taken back."""
    ids = {id(each) for each in taken}
    made = tuple(replace(each, withdrawn=by) if id(each) in ids else each for each in decisions.made)
    return replace(decisions, made=made)


# ── the stored form ───────────────────────────────────────────────────────────────────────────────────


def decision_id(rule: str) -> str:
    """Name the item of the decisions about a rule's alert."""
    return f"{DECISION}{rule}"


def dump_decisions(decisions: Decisions) -> str:
    """Write the decisions about one rule."""
    made = [asdict(each) | {"group": f"{each.group:016x}"} for each in decisions.made]
    return dump({"rule": decisions.rule, "made": made}, VERSION)


def load_decisions(text: str) -> Decisions:
    """Read the decisions about one rule. Raises StoreError."""
    return load(text, _decisions, (VERSION,))


def _decisions(raw: Any, _version: int) -> Decisions:
    return Decisions(raw["rule"], tuple(map(_dismissal, raw["made"])))


def _dismissal(raw: Any) -> Dismissal:
    back = raw["withdrawn"]
    return Dismissal(
        **raw | {"group": int(raw["group"], 16), "withdrawn": None if back is None else Withdrawal(**back)}
    )


def decisions_in(held: Mapping[str, Stored]) -> dict[str, Decisions]:
    """Give the decisions among the items of an alert store, by rule. Raises StoreError."""
    found = (load_decisions(item.body) for id_, item in held.items() if id_.startswith(DECISION))
    return {each.rule: each for each in found}
